"""What the explorer was given at its start: only that can be opened from its page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from impossible_lms.corpora import read_corpus
from impossible_lms.errors import UserError
from impossible_lms.experiment.reporting import findings_of_sources
from impossible_lms.explorer.models import Models, fault_of, models_of
from impossible_lms.explorer.speaking import Speaker
from impossible_lms.languages import LANGUAGES, get_language
from impossible_lms.languages.language import Language
from impossible_lms.models.cached import cached_models
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import RECORD, Run
from impossible_lms.report.findings import Findings
from impossible_lms.spec import EXAMPLE_CORPUS, EXAMPLE_TOKENIZER
from impossible_lms.tokenizer import Tokenizer, load_tokenizer

NOTHING = Findings("", (), (), "")


@dataclass(frozen=True)
class Given:
    """What the page may open.

    Attributes:
        speaker: shows a sentence in languages.
        models: measure sentences and are sampled from.
        findings: what was measured.
    """

    speaker: Speaker
    models: Models = field(default_factory=Models)
    findings: Findings = NOTHING


def given(
    sources: Sequence[str] = (),
    *,
    languages: Sequence[str] = (),
    tokenizer: str | None = None,
    annotator: str | None = None,
) -> Given:
    """Open all that the explorer is to show; UserError for the first thing that cannot be.

    Args:
        sources: runs, folders of such, experiments, published models (folders, caches or ids on the Hub).
        languages: of the user's own, as `path/to/file.py:Name`.
        tokenizer: of sentences; if None that of the first run, or one trained on the built-in English.
        annotator: finds verbs and parses: `spacy[:pipeline or folder]` or `stanza[:language or folder]`.
    """
    cached: list[PublishedRun] = []
    named: list[str] = []
    for source in sources:
        found = cached_models(Path(source))
        cached += [PublishedRun(str(home), home) for home in found]
        named += [] if found else _runs_in(source)
    findings = findings_of_sources(named, "") if named else NOTHING
    runs = [*findings.runs, *cached]
    models = models_of(runs)
    measured = {each.folder.parents[1].resolve() for each in findings.evaluations}
    for run in runs:
        why = fault_of(run)
        if why is not None and run.folder.resolve() not in measured:
            raise UserError(why)
    speaker = Speaker(_tokenizer(tokenizer, models), _own(languages), annotator)
    speaker.begin()
    return Given(speaker, models, findings)


def _tokenizer(asked: str | None, models: Models) -> Tokenizer:
    """The tokenizer that is asked for, or that of the first run, or one trained on the built-in English."""
    first = next((each for each in models.named.values() if isinstance(each.run, Run)), None)
    if asked is None and first is not None:
        return first.checkpoints[-1].tokenizer.without_markers()
    return load_tokenizer(asked or EXAMPLE_TOKENIZER, read_corpus(EXAMPLE_CORPUS).texts())


def _runs_in(source: str) -> list[str]:
    """What a source stands for: the runs in a folder of such, or itself."""
    folder = Path(source)
    if not folder.is_dir() or (folder / RECORD).is_file():
        return [source]
    inside = sorted(path.parent for pattern in (f"*/{RECORD}", f"runs/*/{RECORD}") for path in folder.glob(pattern))
    return [str(each) for each in inside] or [source]


def _own(names: Sequence[str]) -> Mapping[str, Language]:
    """Languages of the user's own by name; UserError for two of one name, or the name of one of ours."""
    found: dict[str, Language] = {}
    for name in names:
        language = get_language(name)
        if (language.name in LANGUAGES and name not in LANGUAGES) or language.name in found:
            raise UserError(f"--language {name}: there is a language {language.name} already. Give it another name.")
        found[language.name] = language
    return found
