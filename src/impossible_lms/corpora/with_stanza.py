"""Annotation with Stanza: its neural pipelines, which split multiword tokens and make constituency trees."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from impossible_lms.corpora.annotated import AUTO, GET_STANZA, ONE_LINE, Row, Sentence, Token, Word, rows_of
from impossible_lms.corpora.corpus import Corpus
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, sha256_of

if TYPE_CHECKING:
    from stanza.models.common.doc import Document
    from stanza.models.common.doc import Sentence as StanzaSentence
    from stanza.models.common.doc import Token as StanzaToken
    from stanza.models.common.doc import Word as StanzaWord

LANGUAGE = "en"
BATCH = 250
PROCESSORS = "tokenize,pos,lemma,depparse"  # Stanza adds mwt where a language has multiword tokens
TREES = "constituency"
TOO_LONG = "<UNK>"  # what Stanza puts in the place of a token of more than 1,000 characters


class Stanza:
    """Annotates with a Stanza pipeline; a text is divided into sentences as the pipeline divides it.

    Args:
        process: texts to Stanza's documents, one each, as `Pipeline.bulk_process`.
        description: of the pipeline, for records.
        makes_trees: whether the pipeline makes constituency trees.
        again: makes this anew in another process; without it everything is sent there.
    """

    packages: tuple[str, ...] = ("stanza", "torch")
    batch = BATCH
    longest: int | None = None

    def __init__(
        self,
        process: "Callable[[list[str]], Sequence[Document]]",
        description: dict[str, Any],
        makes_trees: bool,
        again: "Callable[[], Stanza] | None" = None,
    ) -> None:
        self._process, self.makes_trees, self._again = process, makes_trees, again
        self.description = {"annotator": "stanza", **description, "trees": makes_trees}

    def __reduce__(self) -> str | tuple[Any, ...]:
        return (self._again, ()) if self._again else super().__reduce__()

    def annotate(self, sentences: pa.RecordBatch) -> Iterator[list[Row]]:
        texts = sentences.column("text").to_pylist()
        with _one_thread():
            documents = self._process(texts)
        for text, document in zip(texts, documents, strict=True):
            yield rows_of(text, [_sentence(text, sentence) for sentence in document.sentences])


def load_stanza(model: str, trees: bool, corpus: Corpus, device: str = AUTO) -> Stanza:
    """The Stanza pipeline of the language `model` (`en` where none is named), or of the models in the folder `model`.

    Args:
        model: a language's code, or a folder as `stanza.download(..., model_dir=FOLDER)` makes it; of several
            languages in it, English is taken.
        trees: whether it is to make constituency trees.
        corpus: not used; a pipeline does not depend on what it annotates.
        device: where it computes.

    Raises:
        UserError: Stanza is not installed, or the models or the device are not there. Nothing is downloaded.
    """
    return _loaded(model, trees, device)


def _loaded(model: str, trees: bool, device: str) -> Stanza:
    try:
        import stanza
    except ModuleNotFoundError as error:
        raise UserError(
            f"--with stanza: the library is not installed ({error}). Get it and its models: {GET_STANZA}"
        ) from error
    _refuse_absent(device)
    folder = Path(model) if model and ("/" in model or Path(model).is_dir()) else None
    language = _language(folder) if folder else model or LANGUAGE
    where = {"dir": str(folder)} if folder else {}
    processors = f"{PROCESSORS},{TREES}" if trees else PROCESSORS
    try:
        pipeline = stanza.Pipeline(
            language,
            processors=processors,
            download_method=None,
            logging_level="ERROR",
            device=None if device == AUTO else device,  # of its own accord it takes a GPU where there is one
            **where,
        )
    except (OSError, ValueError) as error:  # no resources.json, no such language in it, no model file
        place = f", model_dir='{folder}'" if folder else ""
        raise UserError(
            f"--with stanza{':' * bool(model)}{model}: the models are not there ({_reason(error)}). Install them: "
            f"python -c \"import stanza; stanza.download('{language}'{place})\""
        ) from error
    if trees and TREES not in pipeline.processors:
        raise UserError(f"--trees: Stanza has no constituency model for '{language}'.")
    again = partial(_loaded, model, trees, device)
    return Stanza(pipeline.bulk_process, _description(pipeline, language), trees, again)


@contextmanager
def _one_thread() -> Iterator[None]:
    """torch computes on one thread, so that its sums are the same in one process and in several beside each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _refuse_absent(device: str) -> None:
    """UserError where there is no such device: Stanza would begin, and end in the midst of loading."""
    import torch

    kind, _, number = device.partition(":")
    there = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if int(number or 0) >= there.get(kind, 1):
        raise UserError(f"--device {device}: PyTorch finds no such device here. Take --device cpu, or auto.")


def _language(folder: Path) -> str:
    """The language of the models in a folder of Stanza's."""
    languages = sorted(path.parent.name for path in folder.glob("*/tokenize"))
    if not languages:
        raise UserError(f"--with stanza:{folder}: no models of Stanza here (FOLDER/en/tokenize/...).")
    if len(languages) > 1 and LANGUAGE not in languages:
        raise UserError(f"--with stanza:{folder}: models of {', '.join(languages)}. Keep one language in the folder.")
    return LANGUAGE if LANGUAGE in languages else languages[0]


def _description(pipeline: Any, language: str) -> dict[str, Any]:
    """The models that a pipeline has loaded."""
    files = sorted({str(path) for key, path in pipeline.config.items() if key.endswith("_path")})
    models = {
        key.removesuffix("_model_path"): Path(path).stem
        for key, path in pipeline.config.items()
        if key.endswith("_model_path")
    }
    return {"model": language, "models": models, "model_sha256": digest_of([sha256_of(Path(file)) for file in files])}


def _sentence(text: str, sentence: "StanzaSentence") -> Sentence:
    tree = getattr(sentence, "constituency", None)
    # "_O": on one line, white space inside a word as _
    return Sentence([_token(text, token) for token in sentence.tokens], None if tree is None else f"{tree:_O}")


def _token(text: str, token: "StanzaToken") -> Token:
    """A token with its words. They are the words of this token, however many: pairing the tokens and the words of a
    sentence by position would shift all that follows the first multiword token and lose the sentence's last words.
    """
    surface = text[token.start_char : token.end_char]
    if token.text != TOO_LONG and "".join(token.text.split()) != "".join(surface.split()):
        raise UserError(f"Stanza's token '{token.text}' is '{surface}' in the text '{text}'.")
    return Token(token.start_char, token.end_char, tuple(map(_word, token.words)))


def _word(word: "StanzaWord") -> Word:
    lemma = (word.lemma or "").translate(ONE_LINE) or None
    return Word(word.text, lemma, word.upos, word.xpos, word.feats, word.head, word.deprel)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")
