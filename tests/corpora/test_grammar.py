"""The built-in English: deterministic, varied, and right about its own annotation."""

import itertools
import re
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from impossible_lms.corpora.english.lexicon import lexicon, noun_forms, verb_forms
from impossible_lms.corpora.grammar import BLOCK, GRAMMAR_SCHEMA, grammar_blocks
from impossible_lms.files import digest_of

SENTENCES = 2 * BLOCK + 500
LEAF = re.compile(r"\(([^ ()]+) ([^ ()]+)\)")


@pytest.fixture(scope="module")
def rows():
    return pa.Table.from_batches(grammar_blocks(SENTENCES, 0)).to_pylist()


def test_the_schema_and_the_number_asked_for():
    blocks = list(grammar_blocks(BLOCK + 3, 5))
    assert [len(block) for block in blocks] == [BLOCK, 3]
    assert all(block.schema == GRAMMAR_SCHEMA for block in blocks)


def test_a_longer_corpus_begins_with_the_shorter_one(rows):
    assert pa.Table.from_batches(grammar_blocks(BLOCK + 100, 0)).to_pylist() == rows[: BLOCK + 100]


def test_another_seed_gives_other_sentences(rows):
    other = pa.Table.from_batches(grammar_blocks(500, 1)).column("text").to_pylist()
    assert sum(text == row["text"] for text, row in zip(other, rows, strict=False)) < 5


def test_the_first_sentences_of_seed_0_never_change(rows):
    """Whoever changes the grammar raises GRAMMAR_VERSION and puts the new digests here."""
    dependencies = [{name: row[name] for name in ("head", "deprel")} for row in rows[:500]]
    others = [{name: value for name, value in row.items() if name not in ("head", "deprel")} for row in rows[:500]]
    assert digest_of(others)[:16] == "59d57358e34ac569"
    assert digest_of(dependencies)[:16] == "8b9b4d1329247018"


def test_lengths(rows):
    lengths = [len(row["words"]) for row in rows]
    assert min(lengths) == 3
    assert 25 < max(lengths) <= 40
    assert 8 < np.mean(lengths) < 12


def test_every_column_has_an_entry_a_word(rows):
    for row in rows:
        lists = ("lemmas", "upos", "xpos", "features", "space_after", "head", "deprel")
        assert {len(row[name]) for name in lists} == {len(row["words"])}
        assert all(row["lemmas"])
        assert all(row["upos"])


def test_the_text_is_the_words_with_their_spaces(rows):
    for row in rows:
        pairs = zip(row["words"], row["space_after"], strict=True)
        assert "".join(word + " " * space for word, space in pairs).rstrip() == row["text"]


def test_the_leaves_of_the_tree_are_the_words_and_their_tags(rows):
    for row in rows:
        assert LEAF.findall(row["tree"]) == list(zip(row["xpos"], row["words"], strict=True))
        assert row["tree"].count("(") == row["tree"].count(")")


def test_heads_make_a_tree(rows):
    for row in rows:
        heads = row["head"]
        assert heads.count(0) == 1 and row["deprel"][heads.index(0)] == "root"
        for word in range(1, len(heads) + 1):
            steps = 0
            while word:
                word, steps = heads[word - 1], steps + 1
                assert steps <= len(heads), row["text"]


def test_a_constituent_has_one_head(rows):
    """All words of a constituent but one have their heads in it."""
    for row in rows[:1000]:
        for label, first, end in spans(row["tree"]):
            outside = [word for word in range(first, end) if not first < row["head"][word] <= end]
            assert len(outside) == 1, (row["text"], label, first, end)


RELATIONS = {
    "copula": "nsubj cop root punct",
    "existential": "expl root det nsubj case det obl punct",
    "passive": "nsubj:pass aux:pass root case obl punct",
    "ditransitive": "nsubj root iobj det obj punct",
    "coordination": "nsubj root punct cc nsubj conj punct",
    "reported": "nsubj root mark det nsubj cop ccomp punct",
    "question": "aux det nsubj root punct",
}


@pytest.mark.parametrize("construction", RELATIONS)
def test_relations_are_those_of_universal_dependencies(rows, construction):
    assert RELATIONS[construction] in {" ".join(row["deprel"]) for row in rows}


def test_features_are_sorted_as_universal_dependencies_sorts_them(rows):
    for features in {feature for row in rows for feature in row["features"] if feature}:
        names = [item.split("=")[0] for item in features.split("|")]
        assert names == sorted(set(names))


def test_the_lexicon_is_large_and_zipfian(rows):
    assert len({word.lemma for word in lexicon().words}) > 1_000
    nouns = Counter(
        lemma for row in rows for lemma, tag in zip(row["lemmas"], row["upos"], strict=True) if tag == "NOUN"
    )
    people = [nouns[lexicon().words[code].lemma] for code in lexicon().classes["noun/person"][:30]]
    slope = np.polyfit(np.log(np.arange(1, 31)), np.log(people), 1)[0]
    assert -1.25 < slope < -0.75


CONSTRUCTIONS = {
    "attractor in a prepositional phrase": r"\(S \(NP \(NP [^S]*\(NN \w+\)\) \(PP [^S]*\(NNS \w+\)\)\)\) \(VP \(VBZ",
    "relative clause": r"\(SBAR \(WHNP \(W(P|DT) (who|that|which)\)",
    "object relative without a pronoun": r"\(NP \(NP [^()]*(\([^()]*\) ?)+\) \(SBAR \(S \(NP",
    "modal": r"\(MD (can|must|should|could|would)\)",
    "past": r"\(VBD \w+\)",
    "coordinated clauses": r"\(, ,\) \(CC (and|but|or)\) \(S ",
    "coordinated names": r"\(NP \(NNP \w+\)\) \(CC and\) \(NP",
    "adverb": r"\(ADVP \(RB \w+ly\)\)",
    "subordinate clause": r"\(SBAR \(IN [Bb]ecause\) \(S ",
    "reported clause": r"\(SBAR \(IN that\) \(S ",
    "yes-no question": r"^\(SQ \((VB[PZD]|MD) \w+\)",
    "question word": r"^\(SBARQ \(WHNP",
    "passive": r"\(VB[ZPD] (is|are|was|were)\) \(VP \(VBN \w+\)",
    "negation": r"\(RB n't\)",
    "clitic": r"\((MD|VBZ|VBP) ('ll|'s|'re|'ve|'m)\)",
    "possessive": r"\(POS 's\)",
    "name": r"\(NNP \w+\)",
    "infinitive": r"\(TO to\)",
    "gerund": r"\(S \(VP \(VBG \w+ing\)",
    "command": r"^\(S \(VP \(VB ",
    "comparison": r"\((JJR \w+|RBR more)\)",
}


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_every_construction_occurs(rows, construction):
    pattern = re.compile(CONSTRUCTIONS[construction])
    assert sum(bool(pattern.search(row["tree"])) for row in rows) >= 10


def test_present_verbs_agree_with_their_subjects(rows):
    """The head of a subject in the tree and the verb after it: no attractor between them counts."""
    checked, with_attractor = 0, 0
    for row in rows:
        numbers = [re.search(r"Number=(\w+)", features or "") for features in row["features"]]
        for subject, verb in subjects_and_verbs(row["tree"]):
            head = head_of(subject)
            tag = row["features"][verb]
            if head is None or row["upos"][head] not in ("NOUN", "PROPN") or not tag or "Tense=Pres" not in tag:
                continue
            assert "Person=3" in tag, row["text"]
            is_pair = any(label == "CC" for label, _ in subject[1] if isinstance(_, int))
            expected = "Plur" if is_pair else numbers[head].group(1)
            assert numbers[verb].group(1) == expected, row["text"]
            checked += 1
            between = [numbers[word] for word in range(head + 1, verb) if row["upos"][word] == "NOUN"]
            with_attractor += any(number and number.group(1) != expected for number in between)
    assert checked > 1_000
    assert with_attractor > 50


def test_a_and_an(rows):
    pairs = Counter(
        (word.lower(), after[0].lower() in "aeiou")
        for row in rows
        for word, after in zip(row["words"], row["words"][1:], strict=False)
        if word.lower() in ("a", "an")
    )
    assert pairs["an", True] > 50
    assert pairs["a", False] > 500
    assert pairs["an", False] + pairs["a", True] < 0.05 * pairs["an", True]  # an hour, a university


@pytest.mark.parametrize(
    ("lemma", "plural"), [("dog", "dogs"), ("city", "cities"), ("boy", "boys"), ("box", "boxes"), ("child", "children")]
)
def test_plurals(lemma, plural):
    assert noun_forms(lemma)[1].form == plural


@pytest.mark.parametrize(
    ("lemma", "forms"),
    [
        ("carry", ["carries", "carried", "carrying"]),
        ("stop", ["stops", "stopped", "stopping"]),
        ("visit", ["visits", "visited", "visiting"]),
        ("write", ["writes", "wrote", "writing"]),
        ("panic", ["panics", "panicked", "panicking"]),
        ("lie", ["lies", "lied", "lying"]),
        ("agree", ["agrees", "agreed", "agreeing"]),
    ],
)
def test_verb_forms(lemma, forms):
    found = {word.form for word in verb_forms(lemma)}
    assert set(forms) <= found


def spans(text):
    """(label, index of the first word, index after the last) of every constituent of a tree."""
    words, opened = 0, []
    for token in re.findall(r"\([^ ()]+|\)|[^ ()]+", text):
        if token.startswith("("):
            opened.append((token[1:], words))
        elif token == ")":
            yield *opened.pop(), words
        else:
            words += 1


def subjects_and_verbs(text):
    """Pairs of a subject's tree and the index of the finite verb of its clause; leaves are (tag, index)."""
    for label, children in constituents(parse(text)):
        if label == "S":
            for left, right in itertools.pairwise(children):
                if left[0] == "NP" and right[0] == "VP":
                    finite = next((leaf for leaf in right[1] if isinstance(leaf[1], int) and leaf[0] != "RB"), None)
                    if finite:
                        yield left, finite[1]


def head_of(phrase):
    """Index of the last noun of the innermost first noun phrase."""
    _, children = phrase
    if children[0][0] == "NP" and not any(label == "POS" for label, _ in children[0][1]):
        return head_of(children[0])
    leaves = [index for tag, index in children if isinstance(index, int) and tag.startswith("N")]
    return leaves[-1] if leaves else None


def constituents(tree):
    _label, children = tree
    if isinstance(children, int):
        return
    yield tree
    for child in children:
        yield from constituents(child)


def parse(text):
    """A tree as (label, children), its leaves as (tag, index of the word)."""
    stack: list[tuple[str, list[Any]]] = [("", [])]
    words = 0
    for token in re.findall(r"\([^ ()]+|\)|[^ ()]+", text):
        if token.startswith("("):
            stack.append((token[1:], []))
        elif token == ")":
            label, children = stack.pop()
            is_leaf = len(children) == 1 and isinstance(children[0], int)
            stack[-1][1].append((label, children[0] if is_leaf else children))
        else:
            stack[-1][1].append(words)
            words += 1
    return stack[0][1][0]
