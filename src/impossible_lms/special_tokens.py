"""What the files of a tokenizer say beside its rules: the token that ends a text, and one that stands before it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impossible_lms.documents import read_json, shown
from impossible_lms.errors import UserError

if TYPE_CHECKING:
    import tokenizers

END_OF_TEXT = "<|endoftext|>"
SETTINGS, NAMES, MODEL = "tokenizer_config.json", "special_tokens_map.json", "config.json"
PLACES = ("eos_token", "bos_token", "sep_token")  # where the end of a text is looked for, in this order


@dataclass(frozen=True)
class Special:
    """The special tokens of a tokenizer: the `end` of a text, and the `start` that is put before each, if any."""

    end: int
    start: int | None = None


def special_tokens(name: str, backend: "tokenizers.Tokenizer", folder: Path | None) -> Special:
    """Which tokens end and begin a text, by a tokenizer and the files in its folder.

    The end is `<|endoftext|>` where there is one; else what `tokenizer_config.json` or `special_tokens_map.json` call
    `eos_token`, `bos_token` or `sep_token`; else the `eos_token_id` of `config.json`. One that is beyond the model's
    embedding is passed over. The start is what the tokenizer itself puts before a text, if it does.

    Raises:
        UserError: there is no end, or more than one token is put before a text.
    """
    settings = settings_of(folder)
    rows = settings.get("vocab_size")
    candidates = [END_OF_TEXT, *(_text(settings.get(place)) for place in PLACES)]
    ids: list[Any] = [backend.token_to_id(token) for token in candidates if token]
    of_model = settings.get("eos_token_id")
    ids += of_model if isinstance(of_model, list) else [of_model]
    known = [each for each in ids if _is_id(each, None) and backend.id_to_token(each) is not None]
    end = next((each for each in known if _is_id(each, rows)), None)
    if end is None:
        beyond = f" Its {backend.id_to_token(known[0])} is beyond the model's {rows} rows." if known else ""
        raise UserError(
            f"--tokenizer {name}: has no {END_OF_TEXT} token, which separates sentences in a dataset, and names no "
            f"other. Name one as eos_token in {SETTINGS}.{beyond}"
        )
    return Special(end, _start(name, backend, settings, rows))


def settings_of(folder: Path | None) -> dict[str, Any]:
    """What the files in a tokenizer's folder say, in one; empty where there are none. UserError for damaged ones."""
    found: dict[str, Any] = {}
    for file in (MODEL, NAMES, SETTINGS):
        path = None if folder is None else folder / file
        if path is None or not path.is_file():
            continue
        try:
            said = read_json(path)
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read ({error}).") from error
        if not isinstance(said, dict):
            raise UserError(f"{path}: a {type(said).__name__}, an object expected.")
        found |= {key: value for key, value in said.items() if value is not None}
    return found


def special_names(folder: Path | None) -> set[str]:
    """The tokens that the files in a tokenizer's folder call special, whatever for."""
    settings = settings_of(folder)
    found = {_text(value) for key, value in settings.items() if key.endswith("_token")}
    for more in (settings.get("additional_special_tokens"), settings.get("extra_special_tokens")):
        found |= {_text(each) for each in (more.values() if isinstance(more, dict) else more or ())}
    decoder = settings.get("added_tokens_decoder")
    for each in decoder.values() if isinstance(decoder, dict) else ():
        found |= {_text(each)} if isinstance(each, dict) and each.get("special") else set()
    return {each for each in found if each}


def _start(name: str, backend: "tokenizers.Tokenizer", settings: dict[str, Any], rows: object) -> int | None:
    """The id that the tokenizer puts before a text: by its settings, or else as it does itself."""
    wanted = settings.get("add_bos_token")
    if wanted is False:
        return None
    text = _text(settings.get("bos_token"))
    if wanted is True and text is not None:
        start = backend.token_to_id(text)
        return start if _is_id(start, rows) else None
    plain = backend.encode("a", add_special_tokens=False).ids
    whole = backend.encode("a", add_special_tokens=True).ids
    count = next((at for at in range(len(whole)) if whole[at : at + len(plain)] == plain), 0) if plain else 0
    if count > 1:
        tokens = ", ".join(shown(backend.id_to_token(each)) for each in whole[:count])
        raise UserError(f"--tokenizer {name}: puts {count} tokens before a text ({tokens}); one at most is supported.")
    return whole[0] if count and _is_id(whole[0], rows) else None


def _text(said: object) -> str | None:
    """A token as settings hold it: as text, or as an object with its `content`."""
    found = said.get("content") if isinstance(said, dict) else said
    return found if isinstance(found, str) and found else None


def _is_id(number: object, rows: object) -> bool:
    is_number = isinstance(number, int) and not isinstance(number, bool) and number >= 0
    return is_number and (not isinstance(rows, int) or number < rows)  # type: ignore[operator]
