"""What else the *Hop* family may mark, on sentences one can check by eye and on treebanks of eleven languages."""

import pyarrow as pa
import pytest

from impossible_lms import Corpus, build_dataset, get_language, load_tokenizer, read_corpus
from impossible_lms.corpora.corpus import Memory
from impossible_lms.errors import UserError
from impossible_lms.languages import get_languages
from impossible_lms.languages.check import check
from impossible_lms.languages.markers import marker_fault
from impossible_lms.languages.marks import mark_of, marks_there

LISTS = pa.list_(pa.string())


def annotated(*sentences):
    """A corpus of sentences whose words are written form/lemma/UPOS/features; of plain ones nothing is known."""
    rows = [[(word.split("/") + [""] * 4)[:4] for word in sentence.split(" ")] for sentence in sentences]
    columns = {
        name: pa.array([[word[place] or None for word in row] for row in rows], LISTS)
        for place, name in enumerate(("words", "lemmas", "upos", "features"))
    }
    text = pa.array(["not looked at"] * len(rows), pa.string())
    return Corpus("hand", (Memory(pa.record_batch({"text": text, **columns})),))


@pytest.fixture(scope="module")
def letters():
    """A tokenizer whose tokens are the bytes."""
    return load_tokenizer("train:vocab=257", ["abc"])


def said(letters, name, corpus):
    language = get_language(name)
    marked = letters.with_markers(language.family.markers)
    return [marked.decode(tokens) for tokens in language.apply(corpus, letters).tokens]


GERMAN = (
    "die Frauen/Frau/NOUN/Number=Plur sehen/sehen/VERB/Number=Plur|Person=3 den Hund/Hund/NOUN/Number=Sing im Park ."
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no-hop-VERB.Number-k2", "die Frauen sehen⟦Plur⟧ den Hund im Park ."),
        ("token-hop-VERB.Number-k2", "die Frauen sehen d⟦Plur⟧en Hund im Park ."),
        ("word-hop-VERB.Number-k2", "die Frauen sehen den Hund⟦Plur⟧ im Park ."),
        ("word-hop-NOUN.Number-k1", "die Frau sehen⟦Plur⟧ den Hund im⟦Sing⟧ Park ."),
        ("word-hop-NOUN-k1", "die Frauen sehen⟦NOUN⟧ den Hund im⟦NOUN⟧ Park ."),
        ("no-hop-NOUN.Number.Plur.Dual-k1", "die Frau⟦Plur⟧ sehen den Hund im Park ."),
        ("word-hop-VERB.Person-k1", "die Frauen sehen den⟦3⟧ Hund im Park ."),
    ],
)
def test_other_words_are_marked_by_other_values(letters, name, text):
    language = get_language(name)
    assert said(letters, name, annotated(GERMAN)) == [text]
    assert str(language.parameters["mark"]) in name and language.family.name == f"hop-{language.parameters['mark']}"
    assert get_language(language.control).family == language.family and get_language(language.control).is_control


def test_the_words_of_the_paper_are_marked_where_nothing_is_said():
    for name in ("no-hop", "token-hop", "word-hop", "token-hop-k2"):
        assert get_language(name).family.markers == ("🅂", "🄿") and "mark" not in get_language(name).parameters


def test_a_word_class_alone_keeps_its_forms_and_a_feature_gives_lemmas(letters):
    corpus = annotated("she sees/see/VERB/Number=Sing it now")
    assert said(letters, "no-hop-VERB-k1", corpus) == ["she sees⟦VERB⟧ it now"]
    assert said(letters, "no-hop-VERB.Number-k1", corpus) == ["she see⟦Sing⟧ it now"]


def test_punctuation_of_no_script_counts(letters):
    corpus = annotated("मैं देखता/देख/VERB/Number=Sing « हूँ । वह")
    assert said(letters, "word-hop-VERB-k1", corpus) == ["मैं देखता « हूँ⟦VERB⟧ । वह"]


def test_words_of_a_script_without_spaces_touch(letters):
    corpus = annotated("我 看/看/VERB 你 2 本 书 。")
    assert said(letters, "word-hop-VERB-k1", corpus) == ["我看你⟦VERB⟧ 2 本书。"]
    language = get_language("word-hop-VERB-k1")
    tokens, marked = language.apply(corpus, letters).tokens, letters.with_markers(language.family.markers)
    long = language.apply(annotated("我们 昨天 看/看/VERB 那些 孩子 在 花园 里面 。"), letters).tokens
    assert language.well_formed(tokens, marked).tolist() == [True]
    assert language.to_control is not None
    assert language.to_control(long, marked).lengths().tolist() == [0]  # nothing tells where its words end
    assert language.well_formed(long, marked).tolist() == [True]


def test_a_family_by_its_mark():
    assert [each.name for each in get_languages(["hop-VERB.Number", "word-hop"])] == [
        "no-hop-VERB.Number",
        "token-hop-VERB.Number",
        "word-hop-VERB.Number",
        "word-hop",
    ]


@pytest.mark.parametrize(
    ("spelling", "fault"),
    [
        ("Verb", "a word class, or one with a feature and its values, is expected, as VERB, VERB.Number"),
        ("VERB.Case", "which values of Case? Name two or three, as in VERB.Case.One.Other"),
        ("VERB.Case.Nom", "two or three different values are expected, not Nom"),
        ("VERB.Case.A.B.C.D", "two or three different values are expected, not A, B, C, D"),
        ("VERB.Case.A.A", "two or three different values are expected, not A, A"),
        ("VERB.Number.Sing.Plur", "is spelled VERB.Number, for these are its values"),
    ],
)
def test_marks_that_cannot_be(spelling, fault):
    with pytest.raises(UserError) as error:
        get_language(f"token-hop-{spelling}")
    assert str(error.value).startswith(f"mark '{spelling}': {fault}")


def test_what_there_is_to_mark():
    block = annotated(GERMAN, "er sah/sehen/VERB/Number=Sing|Person=1", "sah/sehen/VERB/Number=Sing").sources[0].columns
    assert marks_there([block]) == ["VERB.Number", "VERB.Person.1.3", "VERB", "NOUN.Number", "NOUN"]


CHINESE = annotated(*["我 看/看/VERB 书/书/NOUN 和 人/人/NOUN 吗"] * 3)


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("token-hop", "no VERB or AUX carries Number"),
        ("word-hop-VERB.Number-k1", "no VERB carries Number"),
        ("word-hop-ADJ-k1", "no word is ADJ"),
    ],
)
def test_a_corpus_whose_words_lack_it_is_refused_with_what_there_is(letters, tmp_path, name, lacks):
    expected = (
        f"language {name}: {lacks} in the first 3 sentences. "
        "What it has can be marked by: VERB, NOUN (as in token-hop-VERB)."
    )
    with pytest.raises(UserError) as error:
        build_dataset(CHINESE, get_language(name), letters, tmp_path / "data", context=8)
    assert str(error.value) == expected and not (tmp_path / "data").exists()
    with pytest.raises(UserError) as error:
        check(get_language(name), CHINESE, letters)
    assert str(error.value) == expected


def test_a_marker_that_is_rare_is_said_with_what_else_there_is():
    language, blocks = get_language("no-hop-VERB.Number"), [annotated(GERMAN).sources[0].columns]
    said = marker_fault(language, "x", {"⟦Sing⟧": 0.0, "⟦Plur⟧": 0.04}, blocks)
    assert said == (
        "x in no-hop-VERB.Number: no sentence has ⟦Sing⟧; ⟦Plur⟧ in 4.0% of the sentences. Markers stand for words of "
        "the class VERB with Number=Sing or Number=Plur; where there should be some, annotate it otherwise. "
        "What it has can be marked by: VERB, NOUN.Number, NOUN (as in token-hop-VERB)."
    )


OF_PUD = {
    **dict.fromkeys(("de", "es", "fi", "fr", "pt", "hi"), "VERB.Number"),
    "ar": "VERB.Gender.Masc.Fem",
    "ru": "NOUN.Gender",
    "tr": "VERB.Number",
    "en": "NOUN.Number",
    "zh": "VERB",
}


@pytest.mark.parametrize("treebank", sorted(OF_PUD))
def test_each_language_of_pud_is_marked_by_a_feature_that_it_has(shared, treebank):
    tokenizer = load_tokenizer("train:vocab=257", ["abc"])
    corpus = read_corpus(str(shared / "data" / "pud" / f"{treebank}.conllu"))
    mark = OF_PUD[treebank]
    blocks = corpus.beginnings()
    assert mark in marks_there(blocks)
    languages = get_languages([f"hop-{mark}"])
    results = [language.apply(corpus, tokenizer) for language in languages]
    ids = tokenizer.with_markers(mark_of(mark).markers).markers
    for language, result in zip(languages, results, strict=True):
        assert len(result.tokens) > 100 and language.lacking(blocks) is None
        for marker in ids.values():
            assert (result.tokens.values == marker).sum() > 5
    assert len({tuple(result.sentence) for result in results}) == 1
    assert len({tuple(sorted(result.tokens.values)) for result in results}) == 1
