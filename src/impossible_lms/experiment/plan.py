"""The plan: from an experiment, the tasks that make all it asks for; checked as far as can be before any is done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from impossible_lms import __version__
from impossible_lms.data.order import PUBLISHED
from impossible_lms.errors import UserError
from impossible_lms.experiment.asked import Model, Wanted, dealt, model_of
from impossible_lms.experiment.checks import Asked, CheckData, Checked, key_of
from impossible_lms.experiment.config import ONE, Experiment
from impossible_lms.experiment.opening import Faults, opened, refuse_unless_parallel
from impossible_lms.experiment.publication import PublishRun
from impossible_lms.experiment.store import FAULTS, Store, short
from impossible_lms.experiment.tasks import BuildData, MakeTokenizer, Measure, Source, Task, Train
from impossible_lms.experiment.wanted import wanted_of
from impossible_lms.languages import get_languages, refuse_where_nothing_is_marked, refuse_without_annotation
from impossible_lms.languages.language import TRIAL, Language
from impossible_lms.shown import Shown
from impossible_lms.tokenizer import TRAIN, load_tokenizer
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.train import Options

CORPORA = "corpora"  # in what was found: by name, where there are several


@dataclass(frozen=True, repr=False)
class Plan(Shown):
    """An experiment with the hashes of its inputs, and its tasks.

    Attributes:
        experiment: what is asked for.
        found: the hashes of the corpus and of what metrics take their items from, and the tokenizer's key.
        chunks: how many tasks the building of datasets is divided into.
        devices: how many devices train a model together.
        human: of a part (`parts`), the name of its corpus.
    """

    experiment: Experiment
    found: dict[str, Any]
    chunks: int = 1
    devices: int = 1
    human: str = ""

    @classmethod
    def of(cls, experiment: Experiment, chunks: int = 1, devices: int = 1) -> "Plan":
        """The plan of an experiment; opens all that it names, and reads its corpus once.

        Raises:
            UserError: all that cannot be had: languages, models, metrics and corpora that are not there, or lack
                annotation, metrics that cannot be had so, languages that cannot rewrite the corpus's first sentences.
        """
        faults = Faults(experiment.name)
        found = {human: cls._looked_at(each, human, faults) for human, each in experiment.parts.items()}
        if experiment.parallel_corpora:
            refuse_unless_parallel(experiment, faults)
        faults.refuse()
        plan = cls(experiment, {CORPORA: found} if experiment.corpora else found[""], chunks, devices)
        _ = plan.tasks  # finds what else is wrong
        return plan

    @classmethod
    def _looked_at(cls, experiment: Experiment, human: str, faults: Faults) -> dict[str, Any]:
        """What is found of the inputs of an experiment on one corpus."""
        found = opened(experiment, faults)
        able = found.possible
        if able.languages and able.models:
            plan = cls(able, found.found)
            if found.corpus is not None:
                plan._try_languages(found.corpus.columns(), found.columns, faults.of(human))
            lacking = {name for name in experiment.languages if name not in able.languages}
            for entry in experiment.evaluate:
                if not lacking & {*(entry.languages or ()), *entry.on}:
                    alone = cls(able.model_copy(update={"evaluate": [entry]}), found.found)
                    faults.tried(lambda alone=alone: alone.wanted)  # type: ignore[misc]
            faults.tried(lambda: cls(experiment, found.found)._publishing_seeds())
        return found.found

    @cached_property
    def parts(self) -> "list[Plan]":
        """The plans of each of the experiment's corpora; of one alone, itself."""
        if not self.experiment.corpora:
            return [self]
        found = self.found[CORPORA]
        return [
            Plan(each, found[human], self.chunks, self.devices, human) for human, each in self.experiment.parts.items()
        ]

    def title(self) -> str:
        return self.experiment.name

    def facts(self) -> dict[str, object]:
        stages: dict[str, list[bool]] = {}
        for task in self.tasks.values():
            stages.setdefault(task.name.partition(".")[0], []).append(task.is_done())
        done = {stage: f"{sum(each)} of {len(each)} done" for stage, each in stages.items()}
        return {**done, "folder": self.folder}

    @property
    def store(self) -> Store:
        """Where everything goes."""
        return Store(Path(self.experiment.store))

    @property
    def folder(self) -> Path:
        """The experiment's own folder in it."""
        return self.store.experiment(self.experiment.name)

    @property
    def recipe(self) -> Recipe:
        """The recipe of all runs."""
        return Recipe.model_validate(self.experiment.recipe)

    @property
    def kept(self) -> tuple[int, ...]:
        """The steps whose checkpoints a finished run has."""
        steps = self.recipe.checkpoints
        return steps if self.experiment.keep is None else steps[-self.experiment.keep :]

    @cached_property
    def languages(self) -> list[Language]:
        """The languages, each once."""
        try:
            return get_languages(self.experiment.languages)
        except UserError as error:
            raise UserError(f"{self.experiment.name}: languages: {error}") from error

    @cached_property
    def models(self) -> list[Model]:
        """The models; UserError for one that is not there."""
        return [model_of(spec, self.experiment.size, self.recipe) for spec in self.experiment.models]

    @cached_property
    def source(self) -> Source:
        """Corpus and tokenizer."""
        key = str(self.found["tokenizer"])
        asked = self.experiment
        return Source(asked.corpus, str(self.found["corpus"]), asked.tokenizer, self.store.tokenizer(key))

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """All tasks by name, in an order in which each comes after those it needs."""
        if self.experiment.corpora:
            return {name: task for part in self.parts for name, task in part.tasks.items()}
        builds = list(self._builds())
        of_language = {name: task.name for task in builds for name in task.languages}
        measures = list(self._measures(of_language))
        checks = {task.record: task for task in self._checks(of_language)}
        trains = [
            self._train(language, model, seed, of_language, measures, checks)
            for language in self.languages
            for model in self.models
            for seed in self.experiment.seeds
        ]
        of_run: dict[str, list[Measure]] = {task.run: [] for task in trains}
        for measure in measures:
            of_run[measure.run].append(measure)
        found: list[Task] = [MakeTokenizer(self.source, self._tokenizer_task), *builds, *checks.values()]
        for task in trains:
            found += [task, *of_run[task.run], *self._publish(task, of_run[task.run])]
        return {task.name: task for task in found}

    @property
    def orders(self) -> tuple[int, ...]:
        """The seeds of the orders that the training sentences are in: that of each run, or one for all."""
        return (self.experiment.order_seed or 0,) if self.experiment.order == ONE else tuple(self.experiment.seeds)

    def data_of(self, language: Language, seed: int | None = None) -> Path:
        """The folder of a language's dataset for the run with a seed; of the first, whose test set is that of all."""
        parts = {
            "corpus": self.found["corpus"],
            "tokenizer": self.found["tokenizer"],
            "context": self.recipe.context,
            "seed": self.orders[0] if seed is None or self.experiment.order == ONE else seed,
            "version": language.version,
        }
        if self.experiment.order == PUBLISHED:
            parts["order"] = PUBLISHED
        parts |= self.experiment.limits.request()
        return self.store.data(self._of_human(short(parts))) / language.name

    def _in_store(self, folder: Path) -> str:
        """What goes into the hash of something that is made from a folder of the store, wherever the store lies."""
        return folder.relative_to(self.store.folder).as_posix()

    def run_of(self, language: Language, model: Model, seed: int) -> str:
        """The name of a run, and of its folder: what it is, and a hash of all that decides it."""
        asked = self.experiment
        decides = {
            "data": self._in_store(self.data_of(language, seed)),
            "model": model.described,
            "recipe": self.recipe.model_dump(),
            "seed": seed,
            "kept": [asked.keep, asked.dtype],
        }
        return self._of_human(f"{language.name}-{model.name}-s{seed}-{short(decides)[:8]}")

    def _of_human(self, name: str, between: str = "-") -> str:
        """A name with that of the corpus before it, where there are several."""
        return f"{self.human}{between}{name}" if self.human else name

    @property
    def _tokenizer_task(self) -> str:
        """The name of the task that makes the tokenizer, which all corpora share where it is not trained."""
        is_trained = self.human and self.experiment.tokenizer.startswith(TRAIN)
        shared = f"tokenizer.{short(self.experiment.tokenizer)[:6]}" if self.human else "tokenizer"
        return f"tokenizer.{self.human}" if is_trained else shared

    def _missing_data(self) -> list[Language]:
        """The languages that are not built."""
        return [language for language in self.languages if not self.data_of(language).is_dir()]

    def _try_languages(self, names: Sequence[str], columns: Sequence[pa.RecordBatch], faults: Faults) -> None:
        """Have languages rewrite the first sentences of the corpus, whose tokens are bytes; `names` are its columns."""
        first, languages = columns[0].slice(0, TRIAL), self._missing_data()
        tokenizer = load_tokenizer(f"{TRAIN}vocab=257", first.column("text").to_pylist())
        faults.tried(partial(refuse_without_annotation, languages, names), "languages")
        for language in languages:
            if set(language.needs) <= set(names):
                faults.tried(partial(language.trial, first, tokenizer), f"languages: {language.name}")
                faults.tried(partial(refuse_where_nothing_is_marked, [language], columns), "languages")

    def _builds(self) -> Iterator[BuildData]:
        # Languages of users' own are built by themselves, so that what is wrong with one stops no other.
        own = [[language] for language in self.languages if language.spec]
        groups = [*dealt([language for language in self.languages if not language.spec], self.chunks), *own]
        for number, mine in enumerate(groups, 1):
            yield BuildData(
                f"data.{self._of_human(f'{number}-of-{len(groups)}', '.')}",
                self.source,
                tuple(language.spec or language.name for language in mine),
                self.orders,
                tuple(self.data_of(language, seed) for language in mine for seed in self.orders),
                self.recipe.context,
                self.experiment.order == PUBLISHED,
                self.experiment.limits,
                (self._tokenizer_task,),
            )

    def _train(
        self,
        language: Language,
        model: Model,
        seed: int,
        of_language: dict[str, str],
        measures: Sequence[Measure],
        checks: Mapping[Path, CheckData],
    ) -> Train:
        run = self.run_of(language, model, seed)
        checked = [measure.checked for measure in measures if f"train.{run}" in measure.needs]
        return Train(
            run,
            self.data_of(language, seed),
            self.store.run(run),
            model.spec,
            model.size,
            seed,
            self.recipe,
            Options(keep=self.experiment.keep, dtype=self.experiment.dtype),
            (of_language[language.spec or language.name],),
            tuple(dict.fromkeys(checks[each.record].name for each in checked)),
            tuple(dict.fromkeys(checked)),
            self.devices,
        )

    def _measures(self, of_language: dict[str, str]) -> Iterator[Measure]:
        """What is to be measured, of each run."""
        for wanted in self.wanted:
            language, other, control = wanted.language, wanted.other, wanted.control
            for model in self.models:
                for seed in self.experiment.seeds:
                    run = self.run_of(language, model, seed)
                    of_control = None if control is None else self.run_of(control, model, seed)
                    needs = [f"train.{run}", *([f"train.{of_control}"] if of_control else [])]
                    request = replace(
                        wanted.request,
                        data=None if other is None else self.data_of(other, seed),
                        control=None if of_control is None else self.store.run(of_control),
                    )
                    yield Measure(
                        f"evaluate.{run}.{request.name}",
                        run,
                        self.store.run(run),
                        wanted.metric.name,
                        request,
                        (*needs, *([of_language[other.spec or other.name]] if other else [])),
                        Checked(self._check_of[language.name], key_of(request, model.architecture)),
                    )

    @cached_property
    def wanted(self) -> list[Wanted]:
        """What is to be measured, of each language: an entry's metric, once or for each other test set."""
        return wanted_of(self)

    @cached_property
    def _check_of(self) -> dict[str, Path]:
        """The record of the check of each language's data, by the language's name."""
        models = [model.described for model in self.models]
        found = {}
        for language in {wanted.language.name: wanted.language for wanted in self.wanted}.values():
            asked = [
                [
                    wanted.metric.name,
                    wanted.request.name,
                    wanted.control and self._in_store(self.data_of(wanted.control)),
                ]
                for wanted in self.wanted
                if wanted.language.name == language.name
            ]
            decides = [__version__, self._in_store(self.data_of(language)), asked, models]
            found[language.name] = self.store.check(short(decides))
        return found

    def _checks(self, of_language: dict[str, str]) -> Iterator[CheckData]:
        architectures = tuple(model.architecture for model in self.models)
        for language in self.languages:
            mine = [wanted for wanted in self.wanted if wanted.language.name == language.name]
            if not mine:
                continue
            asked = tuple(
                Asked(
                    each.metric.name,
                    each.request,
                    None if each.control is None else self.data_of(each.control),
                    architectures,
                )
                for each in mine
            )
            needed = [language, *(other for each in mine for other in (each.other, each.control) if other)]
            yield CheckData(
                self._of_human(language.name, "."),
                self.data_of(language),
                self.recipe.context,
                asked,
                self._check_of[language.name],
                tuple(dict.fromkeys(of_language[each.spec or each.name] for each in needed)),
            )

    def _publishing_seeds(self) -> list[int]:
        """The seeds of the models that are published; UserError where one is none of the experiment's."""
        asked, seeds = self.experiment.publish, self.experiment.seeds
        if asked is None:
            return []
        for seed in asked.seeds or ():
            if seed not in seeds:
                among = ", ".join(map(str, seeds))
                raise UserError(f"{self.experiment.name}: publish.seeds: {seed} is not among the seeds ({among}).")
        return asked.seeds or seeds[:1]

    def _publish(self, task: Train, measures: list[Measure]) -> Iterator[PublishRun]:
        asked, seeds = self.experiment.publish, self._publishing_seeds()
        if asked is None or task.seed not in seeds:
            return
        record = self.folder / "published" / f"{task.run}.json"
        told = None if task.seed == seeds[0] else task.seed
        faults = self.folder / FAULTS
        yield PublishRun(task.run, task.folder, asked, record, faults, tuple(measures), self.human, told)
