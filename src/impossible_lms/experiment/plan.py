"""The plan: from an experiment, the tasks that make all it asks for; checked as far as can be before any is done."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from impossible_lms.corpora import Corpus, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Metric, Request, steps_asked
from impossible_lms.evaluation.registry import get_metric
from impossible_lms.experiment.config import Evaluate, Experiment
from impossible_lms.experiment.store import Store, content_of, short
from impossible_lms.experiment.tasks import BuildData, MakeTokenizer, Measure, PublishRun, Source, Task, Train
from impossible_lms.languages import get_languages
from impossible_lms.languages.language import TRIAL, Language
from impossible_lms.models.architectures import ARCHITECTURES, described_model
from impossible_lms.tokenizer import TRAIN, load_tokenizer
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.train import Options

FLAG = re.compile("--([a-z]+) (.*)")  # how a message begins that names a flag and its value
LONGEST = 100  # signs in a name of tables


@dataclass(frozen=True)
class Model:
    """One of the experiment's models: its name, what it is asked for by, and all that decides it."""

    name: str
    spec: str
    size: str | None
    described: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """An experiment with what was found of its inputs, and its tasks.

    Attributes:
        experiment: what is asked for.
        found: the hashes of the corpus and of what metrics take their items from, and the tokenizer's key.
        chunks: how many tasks the building of datasets is divided into.
        devices: how many devices train a model together.
    """

    experiment: Experiment
    found: dict[str, Any]
    chunks: int = 1
    devices: int = 1

    @classmethod
    def of(cls, experiment: Experiment, chunks: int = 1, devices: int = 1) -> "Plan":
        """The plan of an experiment; reads its corpus once, and its tokenizer.

        Raises:
            UserError: a language, model, metric or corpus that is not there, a metric that cannot be had so, or a
                language that cannot rewrite the corpus's first sentences.
        """
        try:
            read = read_corpus(experiment.corpus)
            corpus = read.fingerprint()
            if experiment.tokenizer.startswith(TRAIN):
                tokenizer = short({"spec": experiment.tokenizer, "corpus": corpus})
            else:
                tokenizer = load_tokenizer(experiment.tokenizer).sha256[:12]
            corpora = {entry.corpus: content_of(entry.corpus) for entry in experiment.evaluate if entry.corpus}
            plan = cls(experiment, {"corpus": corpus, "tokenizer": tokenizer, "items": corpora}, chunks, devices)
            _ = plan.tasks  # finds what is wrong
            plan._try_languages(read)
        except UserError as error:
            # What is a flag on the command line is a key here.
            key, colon, rest = str(error).partition(": ")
            flag = FLAG.fullmatch(key)
            raise UserError(f"{experiment.name}: {flag[1]}: {flag[2]}{colon}{rest}" if flag else str(error)) from error
        return plan

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
    def _kept(self) -> tuple[int, ...]:
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
        return [_model(spec, self.experiment.size, self.recipe) for spec in self.experiment.models]

    @cached_property
    def source(self) -> Source:
        """Corpus and tokenizer."""
        key = str(self.found["tokenizer"])
        asked = self.experiment
        return Source(asked.corpus, str(self.found["corpus"]), asked.tokenizer, self.store.tokenizer(key))

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """All tasks by name, in an order in which each comes after those it needs."""
        builds = list(self._builds())
        of_language = {name: task.name for task in builds for name in task.languages}
        trains = [
            self._train(language, model, seed, of_language)
            for language in self.languages
            for model in self.models
            for seed in self.experiment.seeds
        ]
        measures = [task for entry in self.experiment.evaluate for task in self._measures(entry, of_language)]
        of_run: dict[str, list[Measure]] = {task.run: [] for task in trains}
        for measure in measures:
            of_run[measure.run].append(measure)
        found: list[Task] = [MakeTokenizer(self.source), *builds]
        for task in trains:
            found += [task, *of_run[task.run], *self._publish(task, of_run[task.run])]
        return {task.name: task for task in found}

    def data_of(self, language: Language) -> Path:
        """The folder of a language's dataset."""
        parts = {
            "corpus": self.found["corpus"],
            "tokenizer": self.found["tokenizer"],
            "context": self.recipe.context,
            "seed": self.experiment.order_seed,
            "version": language.version,
        }
        return self.store.data(short(parts)) / language.name

    def run_of(self, language: Language, model: Model, seed: int) -> str:
        """The name of a run, and of its folder: what it is, and a hash of all that decides it."""
        asked = self.experiment
        decides = {
            "data": str(self.data_of(language).relative_to(self.store.folder)),
            "model": model.described,
            "recipe": self.recipe.model_dump(),
            "seed": seed,
            "kept": [asked.keep, asked.dtype],
        }
        return f"{language.name}-{model.name}-s{seed}-{short(decides)[:8]}"

    def _try_languages(self, corpus: Corpus) -> None:
        """Have each language that is not built rewrite a few sentences, whose tokens are bytes."""
        columns = next((block.slice(0, TRIAL) for _, block in corpus.blocks()), None)
        missing = [language for language in self.languages if not self.data_of(language).is_dir()]
        if columns is None or not missing:
            return
        tokenizer = load_tokenizer(f"{TRAIN}vocab=257", columns.column("text").to_pylist())
        for language in missing:
            try:
                language.trial(columns, tokenizer)
            except UserError as error:
                raise UserError(f"{self.experiment.name}: languages: {language.name}: {error}") from error

    def _builds(self) -> Iterator[BuildData]:
        # Languages of users' own are built by themselves, so that what is wrong with one stops no other.
        own = [[language] for language in self.languages if language.spec]
        groups = [*dealt([language for language in self.languages if not language.spec], self.chunks), *own]
        for number, mine in enumerate(groups, 1):
            yield BuildData(
                f"data.{number}-of-{len(groups)}",
                self.source,
                tuple(language.spec or language.name for language in mine),
                tuple(self.data_of(language) for language in mine),
                self.recipe.context,
                self.experiment.order_seed,
            )

    def _train(self, language: Language, model: Model, seed: int, of_language: dict[str, str]) -> Train:
        run = self.run_of(language, model, seed)
        return Train(
            run,
            self.data_of(language),
            self.store.run(run),
            model.spec,
            model.size,
            seed,
            self.recipe,
            Options(keep=self.experiment.keep, dtype=self.experiment.dtype),
            (of_language[language.spec or language.name],),
            self.devices,
        )

    def _measures(self, entry: Evaluate, of_language: dict[str, str]) -> Iterator[Measure]:
        """The tasks of one entry: a run each, or one for each run and other test set."""
        metric = get_metric(entry.metric)
        where = f"{self.experiment.name}: evaluate {entry.metric}"
        for option in ("corpus", "annotator", "as_published"):
            if getattr(entry, option) and option not in metric.options:
                raise UserError(f"{where}: {option}: {metric.name} does not use it. Leave it out.")
        if "corpus" in metric.needs and entry.corpus is None:
            raise UserError(f"{where}: corpus: needed, for {metric.name} takes its items from it.")
        steps_asked(str(entry.checkpoints), self._kept, "a run of this recipe")
        others = [self._named(name, f"{where}: on") for name in entry.on]
        for language in self._served(entry, metric, where):
            for other in others:
                if other.family.markers != language.family.markers:
                    raise UserError(
                        f"{where}: on: {other.name} has other markers than {language.name}, whose models cannot read "
                        "it. Name in `languages` those that can."
                    )
            control = self._named(language.control, where) if "control" in metric.needs else None
            for model in self.models:
                for seed in self.experiment.seeds:
                    run = self.run_of(language, model, seed)
                    of_control = None if control is None else self.run_of(control, model, seed)
                    needs = [f"train.{run}", *([f"train.{of_control}"] if of_control else [])]
                    for other in others or [language]:
                        request = self._request(entry, metric, other if others else None, control, of_control)
                        yield Measure(
                            f"evaluate.{run}.{request.name}",
                            run,
                            self.store.run(run),
                            metric.name,
                            request,
                            (*needs, *([of_language[other.spec or other.name]] if others else [])),
                        )

    def _served(self, entry: Evaluate, metric: Metric, where: str) -> list[Language]:
        """The languages that an entry is about; UserError for one that is named and not served, or for none."""
        request = Request(annotator=entry.annotator)
        if entry.languages is not None:
            found = [self._named(name, f"{where}: languages") for name in entry.languages]
            for language in found:
                if why := metric.serves(language, request):
                    raise UserError(f"{where}: {why}")
            return found
        found = [language for language in self.languages if metric.serves(language, request) is None]
        if "control" in metric.needs:
            there = {language.name for language in self.languages}
            found = [language for language in found if language.control in there]
        if not found:
            raise UserError(
                f"{where}: serves none of the languages. {metric.serves(self.languages[0], request) or ''}".strip()
            )
        return found

    def _named(self, name: str, where: str) -> Language:
        for language in self.languages:
            if name in (language.name, language.spec):
                return language
        raise UserError(f"{where}: {name} is not among the experiment's languages. Add it to `languages`.")

    def _request(
        self, entry: Evaluate, metric: Metric, other: Language | None, control: Language | None, of_control: str | None
    ) -> Request:
        """What is asked of a metric, with a name for its tables that says what is not as usual."""
        unusual = entry.model_dump(exclude={"metric", "languages", "on", "corpus"}, exclude_defaults=True)
        words = [metric.name]
        if other is not None:
            words.append(f"on-{other.name}" + (f"-{short(other.version)[:6]}" if other.version else ""))
        words += [f"{key}-{value}" for key, value in unusual.items()]
        if entry.corpus:
            words.append(f"of-{Path(entry.corpus).stem}-{short(self.found['items'][entry.corpus])[:6]}")
        if control is not None and control.version:
            words.append(f"control-{short(control.version)[:6]}")
        name = _as_file("-".join(words))
        corpus = entry.corpus
        if corpus is None and "corpus" in metric.options:
            corpus = self.experiment.corpus
        return Request(
            data=None if other is None else self.data_of(other),
            checkpoints=str(entry.checkpoints),
            sample=entry.sample,
            seed=entry.seed,
            precision=entry.precision,
            as_published=entry.as_published,
            corpus=corpus,
            control=None if of_control is None else self.store.run(of_control),
            annotator=entry.annotator,
            name=name,
        )

    def _publish(self, task: Train, measures: list[Measure]) -> Iterator[PublishRun]:
        asked, seeds = self.experiment.publish, self.experiment.seeds
        if asked is None:
            return
        if asked.seed is not None and asked.seed not in seeds:
            among = ", ".join(map(str, seeds))
            raise UserError(f"{self.experiment.name}: publish.seed: {asked.seed} is not among the seeds ({among}).")
        if task.seed != (seeds[0] if asked.seed is None else asked.seed):
            return
        record = self.folder / "published" / f"{task.run}.json"
        yield PublishRun(task.run, task.folder, asked, record, (task.name, *(each.name for each in measures)))


def dealt(languages: Sequence[Language], parts: int) -> list[Sequence[Language]]:
    """The languages in as many parts, as cards are dealt; neighbours cost alike, so each part costs about the same."""
    parts = min(parts, len(languages))
    return [languages[number::parts] for number in range(parts)]


def _as_file(name: str) -> str:
    """A name without signs that are odd in a file's; a long one is cut and ends in a hash of the whole."""
    plain = re.sub("[^A-Za-z0-9.]+", "-", name).strip("-")
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}-{short(name)[:6]}"


def _model(spec: str, size: str, recipe: Recipe) -> Model:
    own = size if spec in ARCHITECTURES else None
    # The vocabulary is not known before the tokenizer is; it is part of what the run's data is hashed by.
    architecture, _, described = described_model(
        spec, own, vocabulary_size=1, context=recipe.context, end_of_text=0, dropout=recipe.dropout
    )
    return Model(architecture.name, spec, own, described)
