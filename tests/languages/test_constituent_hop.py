"""ConstituentHop: where the marker lands by hand, against the gold trees of the grammar, and the matched sentences."""

import re

import numpy as np
import pyarrow as pa
import pytest

from impossible_lms import get_language, read_corpus
from impossible_lms.corpora.corpus import Corpus, Memory
from impossible_lms.languages.constituent_hop import constituents
from impossible_lms.languages.hop import HOP, analysed
from impossible_lms.languages.language import sentences_for

# Word, head and relation; an asterisk after a marked verb in the singular.
SENTENCES = {
    "object": "She 2 nsubj, sees* 0 root, the 4 det, dog 2 obj, in 7 case, the 7 det, park 2 obl, . 2 punct",
    "modified": "She 2 nsubj, sees* 0 root, the 4 det, dog 2 obj, in 7 case, the 7 det, park 4 nmod, . 2 punct",
    "copula": "He 5 nsubj, is* 5 cop, not 5 advmod, a 5 det, teacher 0 root, here 5 advmod, . 5 punct",
    "auxiliary": "He 3 nsubj, has* 3 aux, eaten 0 root, all 6 det, the 6 det, cake 3 obj, . 3 punct",
    "question": "Does* 5 aux, the 3 det, dog 5 nsubj, really 5 advmod, eat 0 root, cake 5 obj, ? 5 punct",
    "existence": "There 2 expl, is* 0 root, a 4 det, man 2 nsubj, in 7 case, the 7 det, park 2 obl, . 2 punct",
    "clause": "He 2 nsubj, says* 0 root, , 2 punct, that 7 mark, all 6 det, dogs 7 nsubj, eat 2 ccomp, . 2 punct",
    "beside": "He 3 nsubj, is* 3 cop, old 0 root, and 7 cc, she 7 nsubj, is* 7 cop, so 3 conj, too 7 advmod, . 3 punct",
    "together": "He 3 nsubj, is* 3 cop, old 0 root, and 6 cc, very 6 advmod, sick 3 conj, . 3 punct",
    "adverbial": "He 3 nsubj, has* 3 aux, gone 0 root, since 6 mark, she 6 nsubj, came 3 advcl, . 3 punct",
}


def corpus(name):
    rows = [entry.rsplit(" ", 2) for entry in re.split(", (?=[^0-9])", SENTENCES[name])]
    forms = [form.removesuffix("*") for form, *_ in rows]
    finite = "Mood=Ind|Number=Sing|Person=3|Tense=Pres|VerbForm=Fin"
    columns = {
        "text": pa.array([" ".join(forms)]),
        "words": pa.array([forms]),
        "lemmas": pa.array([forms]),
        "features": pa.array([[finite if form.endswith("*") else None for form, *_ in rows]]),
        "head": pa.array([[int(head) for _, head, _ in rows]], pa.list_(pa.int32())),
        "deprel": pa.array([[relation for *_, relation in rows]]),
    }
    return Corpus("by hand", (Memory(pa.record_batch(columns)),))


def said(language, name, tokenizer):
    result = get_language(language).apply(corpus(name), tokenizer)
    marked = tokenizer.with_markers(HOP.markers)
    return marked.decode(result.tokens[0]).replace("🅂", " 🅂") if len(result.tokens) else result.dropped


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("object", "She sees the dog 🅂 in the park ."),
        ("modified", "She sees the dog in the park 🅂 ."),
        ("copula", "He is not a teacher here 🅂 ."),
        ("auxiliary", "He has eaten all the cake 🅂 ."),
        ("question", "Does the dog 🅂 really eat cake ?"),
        ("existence", "There is a man 🅂 in the park ."),
        ("together", "He is old and very sick 🅂 ."),
        ("adverbial", "He has gone 🅂 since she came ."),
        ("clause", "He says , that all dogs eat 🅂 ."),
    ],
)
def test_where_the_marker_lands(name, expected, tokenizer):
    assert said("constituent-hop", name, tokenizer) == expected


def test_a_conjunct_with_a_subject_is_beside(tokenizer):
    found = said("constituent-hop-k2", "beside", tokenizer)
    assert found == "He is old 🅂 and she is so too 🅂 ."


def test_matched_sentences_have_constituents_of_four_words(tokenizer):
    for name, is_matched in (("object", False), ("modified", False), ("copula", True), ("auxiliary", True)):
        assert isinstance(said("constituent-hop-matched", name, tokenizer), str) == is_matched
        assert isinstance(said("no-hop-matched", name, tokenizer), str) == is_matched
    assert said("constituent-hop-matched-k5", "modified", tokenizer) == "She sees the dog in the park 🅂 ."
    assert said("constituent-hop-matched-k2", "existence", tokenizer) == "There is a man 🅂 in the park ."


def test_matched_says_what_word_hop_says_and_drops_more(tokenizer):
    grammar = read_corpus("grammar:sentences=3000,seed=2")
    results = {
        name: get_language(name).apply(grammar, tokenizer)
        for name in ("word-hop", "constituent-hop", "constituent-hop-matched", "no-hop-matched")
    }
    counting = dict(zip(results["word-hop"].sentence.tolist(), results["word-hop"].tokens, strict=True))
    matched = results["constituent-hop-matched"]
    for number, tokens in zip(matched.sentence.tolist(), matched.tokens, strict=True):
        assert np.array_equal(tokens, counting[number])
    assert matched.sentence.tolist() == results["no-hop-matched"].sentence.tolist()
    assert results["constituent-hop"].sentence.tolist() == results["word-hop"].sentence.tolist()
    assert 30 < matched.affected.sum() < results["word-hop"].affected.sum() / 2


def test_heads_that_are_missing_are_a_reason(tokenizer):
    columns = next(block for _, block in corpus("object").blocks())
    nothing = pa.array([[None] * 8], pa.list_(pa.int32()))
    columns = columns.set_column(columns.schema.get_field_index("head"), "head", nothing)
    result = get_language("constituent-hop").apply(Corpus("no heads", (Memory(columns),)), tokenizer)
    assert result.dropped["a marked verb in a sentence without heads"] == 1 and not len(result.tokens)


def test_constituents_are_those_of_the_gold_trees(tokenizer):
    """The largest constituent that begins after the verb, or after its clitics, and does not hold the verb.

    Left out are verbs before `not`, which the trees have beside the phrase that we take it to belong to.
    """
    _, block = next(read_corpus("grammar:sentences=2000,seed=6").blocks())
    sentences = next(sentences_for([HOP], block, tokenizer, 0))
    found, (ends, has_heads) = analysed(sentences), constituents(sentences)
    first, has_next = found.reached(1)
    lengths = block.column("words").value_lengths().to_numpy()
    begins = np.cumsum(lengths) - lengths
    assert has_heads.all()
    agreed = checked = 0
    words = block.column("words").flatten()
    for number in np.flatnonzero(has_next):
        if words[int(first[number])].as_py() == "not":
            continue
        start = begins[found.sentence[number]]
        verb, after = found.word[number] - start, first[number] - start
        spans = brackets(block.column("tree")[int(found.sentence[number])].as_py())
        gold = max((end for begin, end in spans if begin == after and not begin <= verb < end), default=after + 1)
        agreed += gold - 1 == ends[number] - start
        checked += 1
    assert checked > 500 and agreed / checked > 0.96, (agreed, checked)


def brackets(tree):
    """(index of the first word, index after the last) of every constituent of a bracketed tree."""
    words, opened = 0, []
    for token in re.findall(r"\([^ ()]+|\)|[^ ()]+", tree):
        if token.startswith("("):
            opened.append(words)
        elif token == ")":
            yield opened.pop(), words
        else:
            words += 1
