"""Every language equals the reference implementation of Kallini et al. (2024), token for token."""

import gzip
import json
from collections import defaultdict

import pytest

from impossible_lms import get_language, load_tokenizer, read_corpus
from impossible_lms.languages import PAPER


@pytest.fixture(scope="module")
def golden(shared):
    """What the reference makes of the sentences, by language, in the order of the corpus."""
    with gzip.open(shared / "golden" / "en_ewt-dev.jsonl.gz", "rt", encoding="utf-8") as file:
        return by_language(file)


def by_language(lines):
    expected = defaultdict(list)
    for line in lines:
        row = json.loads(line)
        expected[row["language"]].append((row["sentence"], row["affected"], row["tokens"]))
    return {language: sorted(rows) for language, rows in expected.items()}


def made(name, corpus, shared):
    """What our language makes of a corpus, in the same form."""
    tokenizer = load_tokenizer(str(shared / "data" / "gpt2-bpe"))
    result = get_language(name).apply(read_corpus(str(corpus)), tokenizer)
    tokens = [sequence.tolist() for sequence in result.tokens]
    return list(zip(result.sentence.tolist(), result.affected.tolist(), tokens, strict=True))


def test_all_fifteen_are_there(golden):
    assert set(golden) == set(PAPER) and len(golden) == 15


@pytest.mark.parametrize("name", PAPER)
def test_equals_the_reference(name, golden, shared, capsys):
    found = made(name, shared / "data" / "conllu" / "en_ewt-dev.conllu", shared)
    assert len(golden[name]) > 1_700
    assert found == golden[name]
    with capsys.disabled():
        print(f"\n{name}: {len(found):,} sequences equal to the reference", end="")


@pytest.mark.parametrize("name", ["no-hop", "token-hop", "word-hop"])
def test_equals_the_reference_where_clitics_are_marked_verbs(name, shared):
    with (shared / "golden" / "hop_clitics.jsonl").open(encoding="utf-8") as file:
        expected = by_language(file)[name]
    assert len(expected) == 18
    assert made(name, shared / "golden" / "hop_clitics.conllu", shared) == expected
