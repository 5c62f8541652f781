"""The experiment file: what is asked for, read from TOML and checked before anything long begins."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from impossible_lms.corpora.options import located
from impossible_lms.data.limits import Limits
from impossible_lms.documents import parsed_toml, shown, split_change
from impossible_lms.errors import UserError
from impossible_lms.experiment.keys import Evaluate, FileTable, HumanCorpus, Publish
from impossible_lms.languages import Language, get_language
from impossible_lms.models.architectures import ARCHITECTURES
from impossible_lms.training.recipe import SHIPPED, Recipe, in_proportion, load_recipe

if TYPE_CHECKING:
    from impossible_lms.experiment.plan import Plan
    from impossible_lms.experiment.run import Outcome
    from impossible_lms.report.written import Written

NAMED_BY = {"evaluate": "metric", "corpora": "name"}  # which key tells the tables of an array apart
BASE = "base"  # in a recipe's table: the recipe that the other keys change
PLACES = ("cache", "hub")  # where models go, beside folders
SEEDS = [0, 14, 41, 53, 96]  # of the published runs
ONE = "one"  # order of the training sentences for all seeds


class Experiment(FileTable):
    """An experiment: languages x models x seeds, on one corpus and recipe, with what is to be measured."""

    name: str = Field(
        default="", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$|^$", description="of its folder and report; the file's stem"
    )
    store: str = Field(default="store", description="the folder for datasets, runs and reports, shared by experiments")
    corpus: str = Field(default="", description="as --corpus takes it: files, hub:NAME, grammar:sentences=N,seed=S")
    corpora: list[HumanCorpus] = Field(
        default=[], description="several human languages in place of `corpus`: everything is done in each of them"
    )
    parallel: bool | list[str] = Field(
        default=False,
        description="the test parts of the corpora, or of those named, are translations of each other, line by line",
    )
    tokenizer: str = Field(default="gpt2", description="a folder, a Hub id, or train:vocab=N")
    order: Literal["own", "published", "one"] = Field(
        default="own",
        description="of the training sentences: own, each seed shuffles them anew; published, so that blocks are those "
        "of the published runs; one, all seeds share an order",
    )
    order_seed: int | None = Field(default=None, ge=0, description='of that order, with `order = "one"`; 0')
    longest_training_sentence: int | None = Field(
        default=None, ge=2, description="in tokens: longer ones are left out of training, and measured on; all"
    )
    length_edges: list[Annotated[int, Field(ge=2)]] = Field(
        default=[],
        description="in tokens: up to which the stretches of sentences reach that reports show values of; the longest "
        "that is trained on, twice and four times that",
    )
    most_training_modifiers: int | None = Field(
        default=None,
        ge=0,
        le=2,
        description="of demonstrative, numeral and adjective in a noun phrase: sentences with larger ones are left out "
        "of training, and measured on; all",
    )
    languages: list[str] = Field(
        default=["paper"], min_length=1, description="names, families, ./mine.py:Name, or paper"
    )
    models: list[str] = Field(
        default=["gpt2", "gpt2-no-pos"], min_length=1, description="these two, or configurations of transformers"
    )
    size: str = Field(default="small", description="of gpt2 and gpt2-no-pos: small or tiny")
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        default=SEEDS, min_length=1, description="of weights, data order and dropout: a run each"
    )
    recipe: dict[str, Any] = Field(
        default={BASE: "paper"}, description="`base` (paper, demo, or a file) and the fields that differ from it"
    )
    keep: int | None = Field(default=None, ge=1, description="checkpoints that stay, the newest; all")
    dtype: str = Field(default="fp32", pattern="^(fp32|bf16)$", description="of the weights in checkpoints")
    evaluate: list[Evaluate] = Field(default=[Evaluate(metric="perplexity")], description="the metrics")
    publish: Publish | None = Field(default=None, description="where the models go; nowhere")

    @classmethod
    def load(cls, path: str | Path, **changes: Any) -> "Experiment":
        """The experiment in a file, with some of its keys, or of its recipe's, changed: `load("small.toml", steps=20)`.

        UserError as from `load_experiment`.
        """
        return load_experiment(path, keys=changes)

    @classmethod
    def of(cls, **keys: Any) -> "Experiment":
        """An experiment from keywords: the keys of a file, and fields of its recipe: `of(corpus="babylm", steps=20)`.

        Languages may be functions, classes and Languages, too. Paths are relative to the current folder.
        UserError names the key at fault.
        """
        return _validated({}, keys, Path("experiment.toml"))

    def plan(self) -> "Plan":
        """The tasks of the experiment, and which of them are done; UserErrors for all that cannot be had."""
        from impossible_lms.experiment.plan import Plan

        return Plan.of(self)

    def run(self, engine: str = "local") -> "Outcome":
        """Do what is missing of it, with an `engine` as `impossible run` takes it, in processes of their own.

        Raises:
            UserError: something that it names cannot be had, or another process runs it.
            Interrupted: it was stopped (Ctrl-C, a stopped cell); all that was being done is saved.
        """
        from impossible_lms.experiment.calls import run

        return run(self, engine)

    def report(self, output: str | Path | None = None) -> "Written":
        """Write its report, of what is there, to `output` or into its folder; UserError where nothing is."""
        from impossible_lms.experiment.calls import report

        return report(self, None if output is None else Path(output))

    @field_validator("recipe", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {BASE: value} if isinstance(value, str) else value

    @property
    def parts(self) -> dict[str, "Experiment"]:
        """The same on each of its corpora alone, by its name; of an experiment on one corpus itself, which has none."""
        if not self.corpora:
            return {"": self}
        return {
            each.name: self.model_copy(
                update={"corpus": each.corpus, "tokenizer": each.tokenizer or self.tokenizer, "corpora": []}
            )
            for each in self.corpora
        }

    @property
    def limits(self) -> Limits:
        """What is left out of training."""
        return Limits(self.longest_training_sentence, self.most_training_modifiers)

    @property
    def parallel_corpora(self) -> list[str]:
        """The names of the corpora whose test parts are parallel."""
        if isinstance(self.parallel, list):
            return self.parallel
        return [each.name for each in self.corpora] if self.parallel else []

    @model_validator(mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            has_one, has_several = bool(value.get("corpus")), bool(value.get("corpora"))
            if has_one and has_several:
                raise ValueError("corpus: there are [[corpora]], too. Leave one of them out")
            if value.get("parallel") and not has_several:
                raise ValueError("parallel: is of the test parts of several [[corpora]], and there are none")
        return value

    @field_validator("corpora")
    @classmethod
    def _told_apart(cls, value: list[HumanCorpus]) -> list[HumanCorpus]:
        for what, found in (
            ("name", [each.name.lower() for each in value]),
            ("corpus", [(each.corpus, each.tokenizer) for each in value]),
        ):
            if len(set(found)) < len(found):
                raise ValueError(f"two have the same {what}")
        return value

    @model_validator(mode="after")
    def _shared(self) -> "Experiment":
        if not self.corpus and not self.corpora:
            raise ValueError("corpus: needed, or several as [[corpora]]")
        names = [each.name for each in self.corpora]
        if unknown := [each for each in self.parallel_corpora if each not in names]:
            raise ValueError(f"parallel: {unknown[0]} is none of the corpora ({', '.join(names)})")
        if self.order_seed is not None and self.order != ONE:
            raise ValueError(
                f'order_seed: is of one order for all seeds, and each has its own. Set order = "{ONE}" too'
            )
        return self

    @field_validator("languages", "models", "seeds")
    @classmethod
    def _each_once(cls, value: list[Any]) -> list[Any]:
        twice = {each for each in value if value.count(each) > 1}
        if twice:
            raise ValueError(f"{', '.join(map(str, sorted(twice)))} more than once")
        return value


def load_experiment(path: str | Path, changes: Sequence[str] = (), keys: Mapping[str, Any] | None = None) -> Experiment:
    """The experiment in the TOML file at `path`, with `changes` (`key=value`, dots between keys) and `keys` of it.

    Paths in the file are relative to its folder, or where nothing is there to the current one; here they become
    absolute, and `recipe` all its fields. UserError names the key at fault, and the nearest one where it is unknown.
    """
    path = Path(path)
    try:
        found = parsed_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: no experiment file that can be read. `impossible init` writes one.") from error
    except ValueError as error:
        raise UserError(f"{path}: not TOML ({error}).") from error
    for change in changes:
        _set(found, change)
    return _validated(found, keys or {}, path)


def _validated(found: dict[str, Any], keys: Mapping[str, Any], path: Path) -> Experiment:
    """The experiment that tables describe, with `keys` of it or of its recipe in place of theirs."""
    for key, value in keys.items():
        if key in Recipe.model_fields and key not in Experiment.model_fields:
            recipe = found.get("recipe", {})
            found["recipe"] = ({BASE: recipe} if isinstance(recipe, str) else dict(recipe)) | {key: value}
        else:
            found[key] = _as_in_a_file(value)
    try:
        experiment = Experiment.model_validate(found, strict=True)
    except ValidationError as error:
        raise UserError(f"{path}: {_said(error.errors()[0])}") from error
    return _resolved(experiment, path)


def _as_in_a_file(value: Any) -> Any:
    """A value of a call as TOML would have it: paths as text, functions and classes as where they are found again."""
    if isinstance(value, list | tuple):
        return [_as_in_a_file(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Language):
        return value.spec or value.name
    if callable(value) and not isinstance(value, BaseModel):
        language = get_language(value)
        if not language.spec:
            raise UserError(
                f"languages: {language.name} is known to this process alone, and an experiment's tasks run in others. "
                "Write it into a file, and name it as ./file.py:Name."
            )
        return language.spec
    return value


def _set(found: dict[str, Any], change: str) -> None:
    """Make one change; `evaluate.perplexity.sample=100` is of every entry with that metric, `corpora.es...` of that."""
    key, value = split_change("--set", change, "recipe.steps=100")
    first, *rest = key.split(".")
    if first == "recipe" and isinstance(found.get("recipe"), str) and rest:
        found["recipe"] = {BASE: found["recipe"]}
    if first in NAMED_BY and len(rest) == 2:
        entries = [entry for entry in found.get(first, []) if entry.get(NAMED_BY[first]) == rest[0]]
        if not entries:
            raise UserError(f"--set {change}: no entry of [[{first}]] has {NAMED_BY[first]} {rest[0]}.")
        for entry in entries:
            entry[rest[1]] = value
        return
    table = found
    for part in (first, *rest)[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise UserError(f"--set {change}: {part} has no keys below it.")
    table[(first, *rest)[-1]] = value


def _said(fault: Mapping[str, Any]) -> str:
    """One fault that pydantic found, with the nearest key where one is unknown."""
    where = ".".join(str(part) for part in fault["loc"])
    if not where:  # of the whole file, which needs not be said again
        return f"{fault['msg'].removeprefix('Value error, ')}."
    if fault["type"] != "extra_forbidden":
        return f"{where}: {fault['msg'].removeprefix('Value error, ')} (found {shown(fault['input'])})."
    inside = {
        "evaluate": Evaluate.model_fields,
        "publish": Publish.model_fields,
        "corpora": HumanCorpus.model_fields,
    }
    known = inside[str(fault["loc"][0])] if len(fault["loc"]) > 1 else Experiment.model_fields
    return f"{where}: {_unknown(str(fault['loc'][-1]), known)}"


def _unknown(key: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
    return f"unknown key. Did you mean {near[0]}?" if near else f"unknown key. Known: {', '.join(known)}."


def _resolved(experiment: Experiment, path: Path) -> Experiment:
    """The same with a name, absolute paths, and all fields of its recipe."""
    home = path.resolve().parent

    def beside(spec: str) -> str:
        """A spec that names something there, beside the file or else here, as an absolute path; any other as it is."""
        for folder in (home, Path.cwd()):
            there = folder / Path(spec).expanduser()
            if there.exists():
                return str(there)
        return spec

    def language(spec: str) -> str:
        """A language in a file, with its path absolute; a name as it is, whatever is beside the file."""
        if spec.endswith(".py"):  # all languages of the file
            return beside(spec)
        name, colon, rest = spec.rpartition(":")
        return f"{beside(name)}:{rest}" if colon and name.endswith(".py") else spec

    def measured(entry: Evaluate) -> Evaluate:
        corpus = None if entry.corpus is None else located(entry.corpus, (home, Path.cwd()))
        languages = None if entry.languages is None else [language(each) for each in entry.languages]
        on = [language(each) for each in entry.on]
        return entry.model_copy(update={"corpus": corpus, "languages": languages, "on": on})

    changed: dict[str, Any] = {
        "name": experiment.name or path.stem,
        "store": str(home / Path(experiment.store).expanduser()),
        "corpus": experiment.corpus and located(experiment.corpus, (home, Path.cwd())),
        "corpora": [
            each.model_copy(
                update={
                    "corpus": located(each.corpus, (home, Path.cwd())),
                    "tokenizer": each.tokenizer and beside(each.tokenizer),
                }
            )
            for each in experiment.corpora
        ],
        "tokenizer": beside(experiment.tokenizer),
        "languages": [language(each) for each in experiment.languages],
        "models": [each if each in ARCHITECTURES else beside(each) for each in experiment.models],
        "recipe": _recipe(experiment.recipe, path, beside).model_dump(),
        "evaluate": [measured(entry) for entry in experiment.evaluate],
    }
    if experiment.publish is not None:
        to, cache = experiment.publish.to, experiment.publish.cache
        update = {
            "to": to if to in PLACES else str(home / Path(to).expanduser()),
            "cache": None if cache is None else str(home / Path(cache).expanduser()),
        }
        changed["publish"] = experiment.publish.model_copy(update=update)
    return experiment.model_copy(update=changed)


def _recipe(table: Mapping[str, Any], path: Path, beside: Any) -> Recipe:
    base = table.get(BASE, "paper")
    if not isinstance(base, str):
        raise UserError(f"{path}: recipe.{BASE}: {', '.join(SHIPPED)} or a file is expected (found {shown(base)}).")
    changes = {key: value for key, value in table.items() if key != BASE}
    for key in changes:
        if key not in Recipe.model_fields:
            raise UserError(f"{path}: recipe.{key}: {_unknown(key, Recipe.model_fields)}")
    try:
        before = load_recipe(base if base in SHIPPED else beside(base)).model_dump()
    except UserError as error:
        raise UserError(f"{path}: recipe.{BASE}: {str(error).removeprefix('--recipe ')}") from error
    try:
        return Recipe.model_validate(in_proportion(before, changes) | changes, strict=True)
    except ValidationError as error:
        raise UserError(f"{path}: recipe.{_said(error.errors()[0])}") from error
