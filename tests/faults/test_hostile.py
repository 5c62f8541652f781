"""Hostile input: any text or bytes through every reader, language and document ends in a result or in one line.

`FAULTS_EXAMPLES=2000 pytest tests/faults/test_hostile.py` tries more, and others each time.
"""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impossible_lms import LANGUAGES, UserError, corpus_of, get_language, load_tokenizer, read_corpus
from impossible_lms.experiment.config import load_experiment
from impossible_lms.languages.speak import speak
from impossible_lms.training.recipe import load_recipe

EXAMPLES = int(os.environ.get("FAULTS_EXAMPLES", "40"))
FEW = settings(
    max_examples=EXAMPLES,
    derandomize="FAULTS_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# What has broken readers: separators that `splitlines` knows, right-to-left, combining, no characters, our own.
PIECES = [
    *(
        "\x00",
        "\r",
        "\x0b",
        "\x1c",
        "\x85",
        "\u2028",
        "\u2029",
        "\ufeff",
        "\u200b",
        "\u202e",
        "\u0301",
        "\ud800",
        "\U0001f600",
    ),
    *(
        "<|endoftext|>",
        "<|singular|>",
        "\U0001f142",
        "\U0001f17f",
        "\U0001f141",
        "\t",
        "  ",
        '"',
        "'",
        "(",
        ")",
        "#",
        "_",
        "{",
        "}",
    ),
    *(
        "He cleans his shelf .",
        "1\tHe\the\tPRON\t_\t_\t2\tnsubj\t_\t_",
        "# text = x",
        "(S (NP I) (VP go))",
        "\u0645\u0631\u062d\u0628\u0627",
        "\u732b",
        "I\u0307",
    ),
]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=12).map("".join)
FORMATS = (".txt", ".jsonl", ".json", ".csv", ".tsv", ".conllu", ".mrg", "_parsed.json", ".train", ".parquet")


LARGE = {b"deep": b"[" * 100_000, b"nested": b"(S " * 50_000, b"quoted": b'"' + b"x" * 3_000_000}  # by short names
LARGE_DOCUMENTS = {
    "deep": "x = " + "[" * 2000 + "]" * 2000,
    "digits": "steps = 1" + "0" * 5000,
    "long": "x" * 200_000,
}


def one_line(error: UserError) -> None:
    said = str(error)
    assert said and "\n" not in said and len(said) < 2000, said


def read_all(path: Path) -> int:
    """How many sentences a corpus has; 0 where it is refused in one line."""
    try:
        corpus = read_corpus(str(path))
        return sum(block.num_rows for split in corpus.splits for _, block in corpus.part(split).blocks())
    except UserError as error:
        one_line(error)
        return 0


@pytest.mark.parametrize("suffix", FORMATS)
def test_any_text_in_any_format(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"

    @FEW
    @given(st.lists(texts, max_size=6))
    def holds(lines):
        path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
        read_all(path)

    holds()


@pytest.mark.parametrize("suffix", FORMATS)
def test_any_bytes_in_any_format(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"

    @FEW
    @given(
        st.one_of(
            st.binary(max_size=200),
            st.binary(max_size=60).map(lambda raw: b"\x1f\x8b" + raw),
            st.sampled_from(sorted(LARGE)),
        )
    )
    def holds(content):
        path.write_bytes(LARGE.get(content, content))
        read_all(path)

    holds()


@FEW
@given(st.lists(texts, min_size=1, max_size=5))
def test_text_comes_back_as_it_was_or_is_refused(tmp_path, lines):
    """A line is a sentence, whatever else it holds; only its ends are trimmed."""
    path = tmp_path / "a.txt"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        found = list(read_corpus(str(path)).texts())
    except UserError as error:
        one_line(error)
        return
    lines = "\n".join(lines).removeprefix("\ufeff").split("\n")
    assert [text.strip() for text in found] == [line.strip() for line in lines if line.strip()]


@pytest.mark.parametrize("name", [name for name, language in LANGUAGES.items() if not language.needs])
def test_any_text_in_any_language(tokenizer, name):
    language = get_language(name)

    @FEW
    @given(texts)
    def holds(text):
        try:
            speak(language, corpus_of([text]), tokenizer)
        except UserError as error:
            one_line(error)

    holds()


documents = st.one_of(
    texts,
    st.sampled_from(
        [
            "deep",
            "digits",
            "steps = 1e999",
            "\ufeffsteps = 3",
            "steps = nan",
            "long",
        ]
    ),
    st.dictionaries(
        st.sampled_from(
            [
                "corpus",
                "tokenizer",
                "languages",
                "models",
                "seeds",
                "store",
                "recipe",
                "evaluate",
                "publish",
                "steps",
                "x",
            ]
        ),
        st.recursive(
            st.one_of(
                st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.text(max_size=5)
            ),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=6,
        ),
        max_size=6,
    ).map(lambda found: "\n".join(f"{key} = {json.dumps(value)}" for key, value in found.items())),
)


@pytest.mark.parametrize("read", [load_recipe, load_experiment])
def test_any_document(tmp_path, read):
    path = tmp_path / "any.toml"

    @FEW
    @given(documents)
    def holds(text):
        path.write_bytes(LARGE_DOCUMENTS.get(text, text).encode("utf-8", "surrogatepass"))
        try:
            read(str(path))
        except UserError as error:
            one_line(error)

    holds()


specs = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *LANGUAGES,
                "local-shuffle-w",
                "deterministic-shuffle-s",
                ":",
                ",",
                "=",
                "-",
                "w3",
                "s21",
                "./",
                ".py:",
                "grammar:",
                "hub:",
                "train:vocab=",
                "sentences=",
                "seed=",
                "\x00",
                "../",
                "0",
                "-1",
                "9" * 400,
            ]
        ),
        st.text(max_size=4),
    ),
    max_size=5,
).map("".join)


LONG = "9" * 400  # no file can be called so


@pytest.mark.parametrize(
    "spec", [LONG, f"a/{LONG}", f"{LONG}:features=shifted", f"{LONG}:x", f"./{LONG}.py:Name", "\0x", "\ud800"]
)
def test_a_name_that_no_file_can_have(spec, impossible):
    """They were an OSError of the system's, and the disk's fault for the command line."""
    for read in (get_language, read_corpus, lambda each: load_tokenizer(each, ["a b"]), load_recipe, load_experiment):
        with pytest.raises(UserError):
            read(spec)
    for words in (("inspect", spec), ("train", "--data", spec, "--output", "run"), ("evaluate", "perplexity", spec)):
        code, _, said = impossible(*words)
        assert code == 2 and "Traceback" not in said


@FEW
@given(specs)
def test_any_spec(tmp_path, monkeypatch, spec):
    monkeypatch.chdir(tmp_path)
    for read in (get_language, read_corpus, lambda each: load_tokenizer(each, ["a b"])):
        try:
            read(spec)
        except UserError as error:
            one_line(error)
