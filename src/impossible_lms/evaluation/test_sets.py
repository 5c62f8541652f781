"""Test sets made when they are asked for: the sentences of a corpus in a language, in a model's own vocabulary."""

from dataclasses import replace
from pathlib import Path

from impossible_lms.corpora import Corpus, read_corpus
from impossible_lms.corpora.annotate import annotate, load_annotator
from impossible_lms.corpora.conllu import SUFFIX
from impossible_lms.data.build import build_test_set
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Metric, Request
from impossible_lms.files import digest_of
from impossible_lms.languages import get_language
from impossible_lms.languages.language import Language
from impossible_lms.models.published import PublishedRun, open_run
from impossible_lms.models.run import Run
from impossible_lms.progress import Progress

HOME = "data"  # in the folder with what was measured of a model


def with_test_set(run: Run | PublishedRun, metric: Metric, request: Request, progress: Progress) -> Request:
    """The request with `data` in place of `language`: built of `corpus`, and of the control where that is published.

    As it is where no language is asked for.

    Raises:
        UserError: data are named too, there is no corpus, or a language's markers are none of the model's vocabulary.
    """
    if request.language is None:
        return request
    if request.data is not None:
        raise UserError(f"--language {request.language}: makes the test set of --corpus; leave --data out.")
    if request.corpus is None:
        raise UserError(
            f"--language {request.language}: needs a corpus to make the test set of. Name one with --corpus."
        )
    language, corpus = get_language(request.language), metric.reads(request.corpus)
    if request.annotator and "annotator" not in metric.options:
        corpus = _annotated(corpus, request.annotator, run.folder / HOME, progress)
        request = replace(request, annotator=None)
    data = _built(run, corpus, language, run.folder / HOME, progress)
    made = replace(request, language=None, data=data)
    if "corpus" not in metric.options:
        made = replace(made, corpus=None)
    if "control" in metric.options and request.control is not None and request.control_data is None:
        other = open_run(request.control, Path())
        if isinstance(other, PublishedRun) and language.control != language.name:
            control = get_language(str(language.control))
            made = replace(made, control_data=_built(other, corpus, control, run.folder / HOME, progress))
    return made


def _annotated(corpus: Corpus, spec: str, home: Path, progress: Progress) -> Corpus:
    """The corpus with what an annotator says of it, kept in the folder `home`; taken up where it was cut off."""
    annotator = load_annotator(spec, corpus)
    identity = digest_of([corpus.fingerprint(), annotator.description])
    home.mkdir(parents=True, exist_ok=True)
    file = home / f"{_name_of(corpus)}-{identity[:8]}{SUFFIX}"
    annotate(corpus, annotator, file, progress=progress)
    return read_corpus(str(file))


def _name_of(corpus: Corpus) -> str:
    return corpus.name.rpartition("/")[2].partition(":")[0]


def _built(run: Run | PublishedRun, corpus: Corpus, language: Language, home: Path, progress: Progress) -> Path:
    """The folder of a corpus in a language in the vocabulary of a model's last checkpoint."""
    marked = run.checkpoints()[-1].tokenizer
    tokenizer = replace(marked.without_markers(), start=None)
    wanted = tokenizer.with_markers(language.family.markers).markers
    if dict(wanted) != dict(marked.markers):
        marks, has = (" ".join(each) or "no markers" for each in (wanted, marked.markers))
        raise UserError(
            f"--language {language.name}: has {marks}, and the vocabulary of {run.name} has {has}. Take a language "
            "with the markers of the model."
        )
    identity = digest_of([corpus.fingerprint(), tokenizer.sha256, language.described()])
    folder = home / f"{language.name}-{_name_of(corpus)}-{identity[:8]}"
    build_test_set(corpus, language, tokenizer, folder, progress=progress)
    return folder
