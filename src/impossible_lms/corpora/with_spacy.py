"""Annotation with spaCy: any of its pipelines, installed or in a folder."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from impossible_lms.corpora.annotated import AUTO, GET_SPACY, ONE_LINE, Row, Sentence, Token, Word, rows_of
from impossible_lms.corpora.corpus import Corpus
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, sha256_of

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span
    from spacy.tokens import Token as SpacyToken

DEFAULT_MODEL = "en_core_web_sm"
BATCH = 1000
ROOT = "ROOT"  # spaCy's relation of a sentence's root; `root` in Universal Dependencies
UNUSED = ("ner", "textcat", "textcat_multilabel", "spancat", "entity_linker")


class Spacy:
    """Annotates with a spaCy pipeline; a text is divided into sentences as the pipeline divides it.

    Features and parts of speech are as the pipeline gives them; those of spaCy's own English pipelines are Universal
    Dependencies', their relations are not. What it does not give is left open.

    Args:
        pipeline: it has a component that divides texts into sentences.
        again: makes this anew in another process; the pipeline itself is sent there where it is not given.
    """

    packages: tuple[str, ...] = ("spacy",)
    batch = BATCH
    makes_trees = False

    def __init__(self, pipeline: "Language", again: "Callable[[], Spacy] | None" = None) -> None:
        self._pipeline, self._again = pipeline, again
        self.longest: int | None = pipeline.max_length
        self.description: dict[str, Any] = {
            "annotator": "spacy",
            "model": f"{pipeline.meta['lang']}_{pipeline.meta['name']}",
            "model_version": pipeline.meta["version"],
            "model_sha256": _digest(pipeline.path) if pipeline.path else None,
            "components": list(pipeline.pipe_names),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return (self._again, ()) if self._again else (Spacy, (self._pipeline,))

    def annotate(self, sentences: pa.RecordBatch) -> Iterator[list[Row]]:
        texts = sentences.column("text").to_pylist()
        with self._pipeline.memory_zone():  # without it every new word stays in memory for good
            for doc in self._pipeline.pipe(texts):
                yield rows_of(doc.text, list(_sentences(doc)))


def load_spacy(model: str, trees: bool, corpus: Corpus, device: str = AUTO) -> Spacy:
    """The spaCy pipeline called `model`, or in the folder `model`; `en_core_web_sm` where none is named.

    Raises:
        UserError: spaCy or the pipeline is not installed, it does not divide texts into sentences, or `trees` are
            asked for, which spaCy does not make; or there is no such `device`.
    """
    if trees:
        raise UserError("--trees: spaCy makes no bracketed trees. Use --with stanza, or add them by --with trees:FILE.")
    return _loaded(model or DEFAULT_MODEL, device)


def _loaded(name: str, device: str) -> Spacy:
    try:
        import spacy
    except ModuleNotFoundError as error:
        raise UserError(
            f"--with spacy: the library is not installed ({error}). Get it and a pipeline: {GET_SPACY}"
        ) from error
    _go_to(device)
    try:
        pipeline = spacy.load(name, exclude=UNUSED)
    except (OSError, ValueError) as error:
        if Path(name).exists() or "/" in name:
            reason = " ".join(str(error).split())
            raise UserError(f"--with spacy:{name}: no pipeline of spaCy can be loaded from here ({reason}).") from error
        raise UserError(
            f"--with spacy:{name}: no such pipeline is installed. Install it: python -m spacy download {name}"
        ) from error
    if not any(component in pipeline.pipe_names for component in ("parser", "senter", "sentencizer")):
        raise UserError(
            f"--with spacy:{name}: this pipeline does not divide texts into sentences. "
            'Add a component that does: nlp.add_pipe("sentencizer").'
        )
    return Spacy(pipeline, partial(_loaded, name, device))


def _go_to(device: str) -> None:
    """Pipelines that are loaded from now on compute on `device`."""
    import spacy

    if device == AUTO:
        spacy.prefer_gpu()
    elif device == "cpu":
        spacy.require_cpu()
    else:
        try:
            spacy.require_gpu(int(device.partition(":")[2] or 0))
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"--device {device}: spaCy finds no GPU it can use ({reason}). "
                'It asks for CuPy: pip install "spacy[cuda12x]"; or take --device cpu.'
            ) from error


def _digest(folder: Path) -> str:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    return digest_of([[path.relative_to(folder).as_posix(), sha256_of(path)] for path in files])


def _sentences(doc: "Doc") -> Iterator[Sentence]:
    """The sentences of a text; spaCy's tokens of white space are no words, and a sentence of them alone is none."""
    is_parsed = doc.has_annotation("DEP")
    for span in doc.sents:
        words = [token for token in span if not token.is_space]
        if words:
            heads = _heads(span, words) if is_parsed else {}
            yield Sentence([_token(token, heads) for token in words])


def _token(token: "SpacyToken", heads: dict[int, int]) -> Token:
    word = Word(
        token.text,
        token.lemma_.translate(ONE_LINE) or None,
        token.pos_ or None,
        token.tag_ or None,
        str(token.morph) or None,
        heads.get(token.i),
        _relation(token, heads),
    )
    return Token(token.idx, token.idx + len(token.text), (word,))


def _relation(token: "SpacyToken", heads: dict[int, int]) -> str | None:
    if heads.get(token.i) == 0:
        return "root"
    return (token.dep_ if token.dep_ != ROOT else "dep") or None


def _heads(span: "Span", words: "list[SpacyToken]") -> dict[int, int]:
    """The number of each word's head in the sentence, 0 for the root, by the word's number in the document.

    Where the parser hung words on white space, they hang on what that hangs on; of several without another head, the
    first is the root and the others hang on it.
    """
    number = {token.i: place for place, token in enumerate(words, 1)}
    heads = {token.i: _head(token, number) for token in words}
    roots = [place for place, head in heads.items() if head == 0]
    return heads | dict.fromkeys(roots[1:], number[roots[0]])


def _head(token: "SpacyToken", number: dict[int, int]) -> int:
    """The number of the nearest word above `token`, or 0."""
    while token.head.i != token.i:
        token = token.head
        if token.i in number:
            return number[token.i]
    return 0
