"""What is to be measured: the entries of an experiment's `evaluate`, for each of its languages."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from impossible_lms.corpora.options import path_of
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Metric, Request, steps_asked
from impossible_lms.evaluation.registry import get_metric
from impossible_lms.experiment.asked import Wanted, as_file_name
from impossible_lms.experiment.keys import Evaluate
from impossible_lms.experiment.store import short
from impossible_lms.languages.language import Language
from impossible_lms.training.words import words_apart

if TYPE_CHECKING:
    from impossible_lms.experiment.plan import Plan


def wanted_of(plan: "Plan") -> list[Wanted]:
    """What is to be measured, of each language: an entry's metric, once or for each other test set."""
    found: list[Wanted] = []
    for entry in plan.experiment.evaluate:
        metric = get_metric(entry.metric)
        where = f"{plan.experiment.name}: evaluate {entry.metric}"
        for option in ("corpus", "annotator", "as_published"):
            if getattr(entry, option) and option not in metric.options:
                raise UserError(f"{where}: {option}: {metric.name} does not use it. Leave it out.")
        if "corpus" in metric.needs and entry.corpus is None:
            raise UserError(f"{where}: corpus: needed, for {metric.name} takes its items from it.")
        if words_apart(plan.recipe.checkpoint_every) and entry.checkpoints != "all":
            every = plan.recipe.checkpoint_every
            raise UserError(f"{where}: checkpoints: which steps {every} gives is known once there are data; say all.")
        steps_asked(str(entry.checkpoints), plan.kept, "a run of this recipe")
        others = [_named(plan, name, f"{where}: on") for name in entry.on]
        for language in _served(plan, entry, metric, where):
            for each in others:
                if each.family.markers != language.family.markers:
                    raise UserError(
                        f"{where}: on: {each.name} has other markers than {language.name}, whose models cannot "
                        "read it. Name in `languages` those that can."
                    )
            control = _named(plan, language.control, where) if "control" in metric.needs else None
            sets: Sequence[Language | None] = others or [None]
            for other in sets:
                request = _request(plan, entry, metric, other, control)
                found.append(Wanted(metric, language, other, control, request))
    return found


def _served(plan: "Plan", entry: Evaluate, metric: Metric, where: str) -> list[Language]:
    """The languages that an entry is about; UserError for one that is named and not served, or for none."""
    request = Request(annotator=entry.annotator)
    if entry.languages is not None:
        found = [_named(plan, name, f"{where}: languages") for name in entry.languages]
        for language in found:
            if why := metric.serves(language, request):
                raise UserError(f"{where}: {why}")
        return found
    found = [language for language in plan.languages if metric.serves(language, request) is None]
    if "control" in metric.needs:
        there = {language.name for language in plan.languages}
        found = [language for language in found if language.control in there]
    if not found:
        raise UserError(
            f"{where}: can measure none of the languages. {metric.serves(plan.languages[0], request) or ''}".strip()
        )
    return found


def _named(plan: "Plan", name: str, where: str) -> Language:
    for language in plan.languages:
        if name in (language.name, language.spec):
            return language
    raise UserError(f"{where}: {name} is not among the experiment's languages. Add it to `languages`.")


def _request(
    plan: "Plan", entry: Evaluate, metric: Metric, other: Language | None, control: Language | None
) -> Request:
    """What is asked of a metric, but for the seed's own paths; the name of its tables says what is not as usual."""
    unusual = entry.model_dump(exclude={"metric", "languages", "on", "corpus"}, exclude_defaults=True)
    words = [metric.name]
    if other is not None:
        words.append(f"on-{other.name}" + (f"-{short(other.version)[:6]}" if other.version else ""))
    words += [f"{key}-{value}" for key, value in unusual.items()]
    if entry.corpus:
        words.append(f"of-{path_of(entry.corpus).stem}-{short(plan.found['items'][entry.corpus])[:6]}")
    if control is not None and control.version:
        words.append(f"control-{short(control.version)[:6]}")
    name = as_file_name("-".join(words))
    corpus = entry.corpus
    if corpus is None and "corpus" in metric.options:
        corpus = plan.experiment.corpus
    return Request(
        data=None if other is None else plan.data_of(other),
        checkpoints=str(entry.checkpoints),
        sample=entry.sample,
        seed=entry.seed,
        precision=entry.precision,
        as_published=entry.as_published,
        corpus=corpus,
        annotator=entry.annotator,
        name=name,
    )
