"""The fifteen languages sentence by sentence, as the published procedure goes: what the benchmark compares with.

Every language reads the sentences, encodes each with the Hugging Face tokenizer, permutes or marks its tokens, filters,
and writes the kept ids, one sentence after the other. `benchmarks/languages.py` checks it against the golden file.
"""

import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

END_OF_TEXT = "<|endoftext|>"
CLITICS = {"n't", "'ll", "'s", "'re", "'ve", "'m"}
MARKERS = {"shuffle": [], "reverse": ["🅁"], "hop": ["🅂", "🄿"]}


class Sentence(NamedTuple):
    """A sentence with its words: (form, lemma or None, features)."""

    text: str
    words: list[tuple[str, str | None, str]]


Encode = Callable[[str], list[int]]
Make = Callable[[Sentence, Encode], list[int] | None]


def read_sentences(path: Path) -> Iterator[Sentence]:
    """The sentences of a CoNLL-U file."""
    text, words = "", []
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("# text = "):
                text = line.removeprefix("# text = ")
            elif line and not line.startswith("#"):
                fields = line.split("\t")
                if fields[0].isdigit():
                    lemma = None if fields[2] == "_" and fields[1] != "_" else fields[2]
                    words.append((fields[1], lemma, fields[5]))
            elif not line and words:
                yield Sentence(text, words)
                text, words = "", []


def tokenizer_of(folder: Path, family: str) -> Any:
    """The family's tokenizer as the published scripts have it: GPT-2's with the markers added."""
    import tokenizers
    from transformers import AddedToken, PreTrainedTokenizerFast

    model = tokenizers.models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END_OF_TEXT)
    tokenizer.add_tokens([AddedToken(marker, lstrip=True, rstrip=False) for marker in MARKERS[family]])
    return tokenizer


def shuffled(permute: Callable[[list[int]], list[int]]) -> Make:
    """Encode, permute, keep 2 to 350 tokens."""

    def make(sentence: Sentence, encode: Encode) -> list[int] | None:
        tokens = permute(encode(sentence.text))
        return tokens if 2 <= len(tokens) <= 350 else None

    return make


def same(tokens: list[int]) -> list[int]:
    """The control."""
    return tokens


def in_one_stream() -> Callable[[list[int]], list[int]]:
    """One generator through all sentences."""
    generator = np.random.default_rng(0)

    def permute(tokens: list[int]) -> list[int]:
        generator.shuffle(tokens)
        return tokens

    return permute


def by_seed(seed: int) -> Callable[[list[int]], list[int]]:
    """A generator a sentence."""

    def permute(tokens: list[int]) -> list[int]:
        np.random.default_rng(seed).shuffle(tokens)
        return tokens

    return permute


def by_window(width: int) -> Callable[[list[int]], list[int]]:
    """A generator a window."""

    def permute(tokens: list[int]) -> list[int]:
        shuffled_tokens: list[int] = []
        for start in range(0, len(tokens), width):
            window = tokens[start : start + width]
            np.random.default_rng(0).shuffle(window)
            shuffled_tokens += window
        return shuffled_tokens

    return permute


def even_odd(tokens: list[int]) -> list[int]:
    """Even places, then odd ones."""
    return tokens[0::2] + tokens[1::2]


def reversed_by(kind: str) -> Make:
    """Encode, draw a place for the marker, reverse what is to be reversed."""
    generator = np.random.default_rng(21)

    def make(sentence: Sentence, encode: Encode) -> list[int] | None:
        tokens = encode(sentence.text)
        place = generator.choice(len(tokens) + 1)
        before, after = tokens[:place], tokens[place:]
        if len(tokens) < 2:
            return None
        if kind == "partial":
            after = after[::-1]
        marked = [*before, 50257, *after]
        return marked[::-1] if kind == "full" else marked

    return make


def marked_number(features: str) -> int | None:
    """The id of the marker of a marked verb."""
    found = dict(entry.split("=", 1) for entry in features.split("|") if "=" in entry)
    if (found.get("Person"), found.get("Tense"), found.get("VerbForm")) != ("3", "Pres", "Fin"):
        return None
    return {"Sing": 50257, "Plur": 50258}.get(found.get("Number", ""))


def written(sentence: Sentence, numbers: list[int | None]) -> list[str]:
    """The words as they stand when a verb further left is reached: marked verbs as their lemma."""
    pairs = zip(sentence.words, numbers, strict=True)
    return [lemma if number and lemma is not None else form for (form, lemma, _), number in pairs]


def counts(word: str) -> bool:
    """Whether a word counts for the distance."""
    return word not in CLITICS and not set(word) <= set(string.punctuation)


def word_reached(forms: list[str], verb: int, hops: int) -> int | None:
    """The index of the word that is the `hops`-th counted one after the verb."""
    seen, index = 0, verb
    while seen < hops:
        index += 1
        if not any(character.isalnum() for word in forms[index:] for character in word):
            return None
        seen += counts(forms[index])
    return index


def hopped(kind: str) -> Make:
    """Rewrite from words, verbs as lemmas, each marker where it goes."""

    def make(sentence: Sentence, encode: Encode) -> list[int] | None:
        numbers = [marked_number(features) for _, _, features in sentence.words]
        forms = written(sentence, numbers)
        reached = {verb: word_reached(forms, verb, 4) for verb, number in enumerate(numbers) if number}
        if None in reached.values():
            return None
        tokens: list[int] = []
        waiting: list[str] = []
        for verb in range(len(forms) - 1, -1, -1):  # from the right, so that what follows a verb is there
            word = forms[verb]
            if numbers[verb] is None:
                waiting.insert(0, word)
                continue
            while waiting and waiting[0] in CLITICS:
                word += waiting.pop(0)
            rest = (encode(" " + joined(waiting)) if waiting else []) + tokens
            if kind != "word":
                rest.insert(0 if kind == "no" else 4, numbers[verb] or 0)
            tokens, waiting = encode((" " if verb else "") + word) + rest, []
        if kind == "word":
            tokens = encode(with_markers(sentence, numbers, reached))
        elif waiting:
            tokens = encode(joined(waiting)) + tokens
        return tokens if sum(token < 50257 for token in tokens) >= 2 else None

    return make


def with_markers(sentence: Sentence, numbers: list[int | None], reached: dict[int, int | None]) -> str:
    """The sentence as text with the markers after the words reached."""
    forms = written(sentence, numbers)
    after: dict[int, str] = {}
    for verb, word in reached.items():
        end = word or 0
        while end + 1 < len(forms) and forms[end + 1] in CLITICS:
            end += 1
        after[end] = after.get(end, "") + ("🅂" if numbers[verb] == 50257 else "🄿")
    pieces: list[str] = []
    for index, form in enumerate(forms):
        if pieces and form in CLITICS and numbers[index] is None:
            pieces[-1] += form
        else:
            pieces.append(form)
        if index in after:
            pieces.append(after[index])
    return " ".join(pieces)


def joined(words: list[str]) -> str:
    """Words joined by single spaces, clitics on the word before."""
    pieces: list[str] = []
    for word in words:
        if pieces and word in CLITICS:
            pieces[-1] += word
        else:
            pieces.append(word)
    return " ".join(pieces)


# Made anew for every run, because some hold a generator.
LANGUAGES: dict[str, tuple[str, Callable[[], Make]]] = {
    "no-shuffle": ("shuffle", lambda: shuffled(same)),
    "nondeterministic-shuffle": ("shuffle", lambda: shuffled(in_one_stream())),
    "deterministic-shuffle-s21": ("shuffle", lambda: shuffled(by_seed(21))),
    "deterministic-shuffle-s57": ("shuffle", lambda: shuffled(by_seed(57))),
    "deterministic-shuffle-s84": ("shuffle", lambda: shuffled(by_seed(84))),
    "local-shuffle-w3": ("shuffle", lambda: shuffled(by_window(3))),
    "local-shuffle-w5": ("shuffle", lambda: shuffled(by_window(5))),
    "local-shuffle-w10": ("shuffle", lambda: shuffled(by_window(10))),
    "even-odd-shuffle": ("shuffle", lambda: shuffled(even_odd)),
    "no-reverse": ("reverse", lambda: reversed_by("no")),
    "partial-reverse": ("reverse", lambda: reversed_by("partial")),
    "full-reverse": ("reverse", lambda: reversed_by("full")),
    "no-hop": ("hop", lambda: hopped("no")),
    "token-hop": ("hop", lambda: hopped("token")),
    "word-hop": ("hop", lambda: hopped("word")),
}
