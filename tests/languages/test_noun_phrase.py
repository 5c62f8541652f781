"""Noun-phrase orders: phrases by hand, what stays, which orders are attested, and treebanks that do not tell."""

import pyarrow as pa
import pytest

from impossible_lms import get_language, get_languages, read_corpus
from impossible_lms.corpora.corpus import Corpus, Memory
from impossible_lms.languages.check import check
from impossible_lms.languages.noun_phrase import ATTESTED, ORDERS, PARTS

DEM = "Number=Plur|PronType=Dem"
# Word, head, relation, features; `_` before a word where no space is.
SENTENCES = {
    "all": f"these 4 det {DEM}, two 4 nummod, big 4 amod, dogs 5 nsubj, bark 0 root, _. 5 punct",
    "article": "the 4 det PronType=Art, two 4 nummod, big 4 amod, dogs 7 nsubj, of 6 case, war 4 nmod, bark 0 root",
    "compound": f"see 0 root, those 5 det {DEM}, cold 5 amod, ice 5 compound, creams 1 obj, _! 1 punct",
    "adjectives": "very 2 advmod, old 4 amod, red 4 amod, houses 5 nsubj, fell 0 root",
    "coordination": f"this 2 det {DEM}, cat 5 nsubj, and 4 cc, dog 2 conj, sleep 0 root",
    "nothing": "she 2 nsubj, sleeps 0 root, _. 2 punct",
    "Spanish": f"estos 3 det:nummod {DEM}, dos 3 nummod:gov, perros 0 root, grandes 3 amod",
    "other types": "both 2 det PronType=Dem_Tot, dogs 3 nsubj, bark 0 root",
}


def corpus(*names, features=True):
    rows = [[entry.split() for entry in SENTENCES[name].split(", ")] for name in names]
    forms = [[form.removeprefix("_") if len(form) > 1 else form for form, *_ in row] for row in rows]
    after = [[not form.startswith("_") for form, *_ in row[1:]] + [True] for row in rows]
    of_word = [[each[3].replace("_", ",") if len(each) > 3 and features else None for each in row] for row in rows]
    columns = {
        "text": pa.array(
            ["".join(w + " " * s for w, s in zip(*row, strict=True)).strip() for row in zip(forms, after, strict=True)]
        ),
        "words": pa.array(forms),
        "space_after": pa.array(after),
        "head": pa.array([[int(head) for _, head, *_ in row] for row in rows], pa.list_(pa.int32())),
        "deprel": pa.array([[each[2] for each in row] for row in rows]),
        "features": pa.array(of_word, pa.list_(pa.string())),
    }
    return Corpus("by hand", (Memory(pa.record_batch(columns)),))


@pytest.mark.parametrize(
    ("name", "order", "expected"),
    [
        ("all", "N-Adj-Num-Dem", "dogs big two these bark."),
        ("all", "Dem-Num-Adj-N", "these two big dogs bark."),
        ("all", "Adj-N-Dem-Num", "big dogs these two bark."),
        ("article", "N-Adj-Num-Dem", "the dogs big two of war bark"),
        ("article", "Num-N-Dem-Adj", "the two dogs big of war bark"),
        ("compound", "N-Adj-Num-Dem", "see ice creams cold those!"),
        ("compound", "Adj-Dem-N-Num", "see cold those ice creams!"),
        ("adjectives", "N-Dem-Num-Adj", "houses very old red fell"),
        ("coordination", "N-Num-Dem-Adj", "cat this and dog sleep"),
        ("nothing", "N-Adj-Num-Dem", "she sleeps."),
        ("Spanish", "N-Adj-Num-Dem", "perros grandes dos estos"),
        ("Spanish", "Dem-Num-Adj-N", "estos dos grandes perros"),
        ("other types", "N-Adj-Num-Dem", "dogs both bark"),
    ],
)
def test_phrases_by_hand(name, order, expected, tokenizer):
    language = get_language(f"noun-phrase-{order}")
    result = language.apply(corpus(name), tokenizer)
    assert tokenizer.decode(result.tokens[0]) == expected
    control = get_language(language.control).apply(corpus(name), tokenizer)
    assert tokenizer.decode(control.tokens[0]) == next(corpus(name).texts())
    assert result.affected.tolist() == control.affected.tolist() == [name != "nothing"]


def test_the_group_has_all_orders_and_their_control():
    names = [language.name for language in get_languages("noun-phrase")]
    assert names == ["no-noun-phrase", *(f"noun-phrase-{order}" for order in ORDERS)] and len(set(ORDERS)) == 24
    styles = {(each.style.dash, each.style.sign) for each in get_languages("noun-phrase")}
    colours = {each.style.colour for each in get_languages("noun-phrase")}
    assert len(styles) == len(colours) == 25


def test_attested_are_those_that_movement_of_the_noun_derives():
    """Cinque's result: one order of Merge, after each a phrase with the noun may move to the front, and 14 follow."""

    def phrases(tree):
        yield tree
        for part in tree if isinstance(tree, tuple) else ():
            yield from phrases(part)

    def said(tree):
        return [leaf for part in tree for leaf in said(part)] if isinstance(tree, tuple) else [tree]

    def without(tree, moved):
        if tree is moved:
            return ()
        return tuple(without(part, moved) for part in tree) if isinstance(tree, tuple) else tree

    trees: list[tuple[object, ...]] = [("N",)]
    for modifier in reversed(PARTS[:3]):
        merged: list[tuple[object, ...]] = [(modifier, tree) for tree in trees]
        merged += [
            (phrase, (modifier, without(tree, phrase)))
            for tree in trees
            for phrase in phrases(tree)
            if isinstance(phrase, tuple) and "N" in said(phrase)
        ]
        trees = merged
    assert {"-".join(said(tree)) for tree in trees} == set(ATTESTED)
    assert get_language("noun-phrase-N-Adj-Num-Dem").parameters == {"attested": "very many"}
    assert get_language("noun-phrase-Num-Dem-Adj-N").summary.endswith("attested in no language (Cinque 2005)")


def test_demonstratives_that_cannot_be_told_are_said(tokenizer):
    language = get_language("noun-phrase-N-Adj-Num-Dem")
    blocks = corpus("all", "article", features=False).beginnings()
    assert language.lacking(blocks) == (
        "none of 2 determiners in the first 2 sentences says its PronType, so which are demonstratives cannot be told. "
        "Annotate them with `impossible annotate`."
    )
    said = "no noun has a demonstrative, numeral or adjective (det, nummod, amod) in the first 1 sentences."
    assert language.lacking(corpus("nothing").beginnings()) == said
    assert language.lacking(corpus("all", "nothing").beginnings()) is None


def test_the_order_of_english_moves_the_least(tokenizer):
    sentences = read_corpus("grammar:sentences=400,seed=1")
    moved = {
        order: check(get_language(f"noun-phrase-{order}"), sentences, tokenizer).displacement or 0.0
        for order in ("Dem-Num-Adj-N", "N-Adj-Num-Dem", "Dem-Num-N-Adj")
    }
    assert moved["Dem-Num-Adj-N"] < moved["Dem-Num-N-Adj"] < moved["N-Adj-Num-Dem"]
