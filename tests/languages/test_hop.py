"""The *Hop* family, on sentences one can check by eye: with 257 ids every letter and every space is a token."""

import string

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impossible_lms import Corpus, corpus_of, get_language, load_tokenizer, read_corpus
from impossible_lms.corpora.corpus import Memory
from impossible_lms.errors import UserError

NAMES = ("no-hop", "token-hop", "word-hop")
FINITE = "Mood=Ind|Number={}|Person=3|Tense=Pres|VerbForm=Fin"
TOO_FEW, TOO_SHORT = "a marked verb without {} words after it", "fewer than two tokens"


def annotated(*sentences):
    """A corpus of sentences whose marked verbs are written form/lemma/number; all other lemmas are wrong on purpose."""
    rows = [[word.split("/") for word in sentence.split(" ")] for sentence in sentences]
    return corpus_from(
        [[word[0] for word in row] for row in rows],
        [[(word[1] or None) if len(word) == 3 else "WRONG" for word in row] for row in rows],
        [[FINITE.format(word[2]) if len(word) == 3 else None for word in row] for row in rows],
    )


def corpus_from(words, lemmas, features):
    lists = pa.list_(pa.string())
    schema = pa.schema([("text", pa.string()), ("words", lists), ("lemmas", lists), ("features", lists)])
    texts = ["the text is not looked at"] * len(words)
    return Corpus("hand", (Memory(pa.record_batch([texts, words, lemmas, features], schema=schema)),))


@pytest.fixture(scope="module")
def letters():
    """A tokenizer whose tokens are the bytes."""
    tokenizer = load_tokenizer("train:vocab=257", ["abc"])
    assert tokenizer.encode(["abc a"]).lengths().tolist() == [5]
    return tokenizer


@pytest.fixture(scope="module")
def said(letters):
    """What becomes of a corpus in a language, as text."""

    def say(name, corpus):
        language = get_language(name)
        marked = letters.with_markers(language.family.markers)
        return [marked.decode(tokens) for tokens in language.apply(corpus, letters).tokens]

    return say


# The sentence, then what no-hop, token-hop and word-hop make of it.
BY_HAND = {
    "singular": (
        "she cleans/clean/Sing his very messy bookshelf .",
        "she clean🅂 his very messy bookshelf .",
        "she clean his🅂 very messy bookshelf .",
        "she clean his very messy bookshelf🅂 .",
    ),
    "plural": (
        "they clean/clean/Plur a very messy old bookshelf .",
        "they clean🄿 a very messy old bookshelf .",
        "they clean a v🄿ery messy old bookshelf .",
        "they clean a very messy old🄿 bookshelf .",
    ),
    "no lemma": (
        "she cleans//Sing his very messy bookshelf",
        "she cleans🅂 his very messy bookshelf",
        "she cleans his🅂 very messy bookshelf",
        "she cleans his very messy bookshelf🅂",
    ),
    "first word": (
        "Is/be/Sing it on the old table ?",
        "be🅂 it on the old table ?",
        "be it 🅂on the old table ?",
        "be it on the old🅂 table ?",
    ),
    "clitics join the word before them and do not count": (
        "she sees/see/Sing what they 've got now , too",
        "she see🅂 what they've got now , too",
        "she see wha🅂t they've got now , too",
        "she see what they've got now🅂 , too",
    ),
    "a clitic of the fourth word stays before the marker": (
        "she sees/see/Sing what you and they 've got",
        "she see🅂 what you and they've got",
        "she see wha🅂t you and they've got",
        "she see what you and they've🅂 got",
    ),
    "so do two": (
        "he says/say/Sing that now you could n't 've gone",
        "he say🅂 that now you couldn't've gone",
        "he say tha🅂t now you couldn't've gone",
        "he say that now you couldn't've🅂 gone",
    ),
    "and one at the end": (
        "he says/say/Sing that now you could n't",
        "he say🅂 that now you couldn't",
        "he say tha🅂t now you couldn't",
        "he say that now you couldn't🅂",
    ),
    "a clitic of the verb goes with it": (
        "he is/be/Sing n't in the big house now",
        "he ben't🅂 in the big house now",
        "he ben't in 🅂the big house now",
        "he ben't in the big house🅂 now",
    ),
    "a clitic that is the verb is a word of its own": (
        "he 's/be/Sing not at all in it",
        "he be🅂 not at all in it",
        "he be not🅂 at all in it",
        "he be not at all in🅂 it",
    ),
    "and no clitic of the fourth word of another": (
        "he says/say/Sing that now you all 's/be/Sing there in our house",
        "he say🅂 that now you all be🅂 there in our house",
        "he say tha🅂t now you all be the🅂re in our house",
        "he say that now you all🅂 be there in our house🅂",
    ),
    "it counts for another": (
        "he says/say/Sing that now it 's/be/Sing there in our house",
        "he say🅂 that now it be🅂 there in our house",
        "he say tha🅂t now it be the🅂re in our house",
        "he say that now it be🅂 there in our house🅂",
    ),
    "also where it begins the hop, with a clitic of its own": (
        "he says/say/Sing 's/be/Sing n't so old and ill",
        "he say🅂 ben't🅂 so old and ill",
        "he say ben🅂't so 🅂old and ill",
        "he say ben't so old and🅂 ill🅂",
    ),
    "one without a lemma is written as the clitic it is": (
        "he says/say/Sing that now you all 's//Sing there in our house",
        "he say🅂 that now you all 's🅂 there in our house",
        "he say tha🅂t now you all 's the🅂re in our house",
        "he say that now you all 's🅂 there in our house🅂",
    ),
    "'d is no clitic": (
        "he thinks/think/Sing she 'd go there too",
        "he think🅂 she 'd go there too",
        "he think she🅂 'd go there too",
        "he think she 'd go there🅂 too",
    ),
    "punctuation does not count": (
        "she cleans/clean/Sing , with -- care ... his desk ( and ) floor",
        "she clean🅂 , with -- care ... his desk ( and ) floor",
        "she clean , w🅂ith -- care ... his desk ( and ) floor",
        "she clean , with -- care ... his desk🅂 ( and ) floor",
    ),
    "a sign that is no punctuation counts while a word follows": (
        "it costs/cost/Sing about ten more € each",
        "it cost🅂 about ten more € each",
        "it cost abo🅂ut ten more € each",
        "it cost about ten more €🅂 each",
    ),
    "two verbs, each counting over the other's marker": (
        "he says/say/Sing she likes/like/Sing all of the old songs .",
        "he say🅂 she like🅂 all of the old songs .",
        "he say she🅂 like all🅂 of the old songs .",
        "he say she like all of🅂 the old🅂 songs .",
    ),
    "two numbers": (
        "he knows/know/Sing the dogs bark/bark/Plur at all of us",
        "he know🅂 the dogs bark🄿 at all of us",
        "he know the🅂 dogs bark at 🄿all of us",
        "he know the dogs bark at🅂 all of us🄿",
    ),
    "no marked verb": ("do n't go there .",) + ("don't go there .",) * 3,
    "a clitic that begins a sentence": ("'s it ?",) + ("'s it ?",) * 3,
    "every clitic": (
        "I do n't we 'll it 's you 're they 've so 'm N'T ' s",
        *("I don't we'll it's you're they've so'm N'T ' s",) * 3,
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_by_hand(said, case):
    sentence, *expected = BY_HAND[case]
    assert [said(name, annotated(sentence)) for name in NAMES] == [[text] for text in expected]


def test_sentences_do_not_reach_into_each_other(said):
    """The same alone and together, in either order."""
    cases = [case for case in BY_HAND.values() for _ in range(2)]
    for order in (cases, cases[::-1]):
        for column, name in enumerate(NAMES, 1):
            assert said(name, annotated(*(case[0] for case in order))) == [case[column] for case in order]


@pytest.mark.parametrize("name", NAMES)
def test_kept_are_the_sentences_in_which_every_marked_verb_could_hop(name, letters):
    corpus = annotated(
        "she sees/see/Sing one two three four",
        "she sees/see/Sing one two three .",
        "she left .",
        "one two three she sees/see/Sing",
        "she says/say/Sing he sees/see/Sing one two three",
        "she sees/see/Sing one two three n't 's ; four",
        "she sees/see/Sing one two three 've !",
        "she sees/see/Sing one two three € !",
        "she sees/see/Sing € € € € five",
        "sees/see/Sing",
        "x",
    )
    result = get_language(name).apply(corpus, letters)
    assert result.sentence.tolist() == [0, 2, 5, 8]
    assert result.affected.tolist() == [True, False, True, True]
    assert result.dropped == {TOO_FEW.format(4): 6, TOO_SHORT: 1}


FEATURES = {
    "Mood=Ind|Number=Sing|Person=3|Tense=Pres|VerbForm=Fin": "🅂",
    "Number=Plur|Person=3|Tense=Pres|VerbForm=Fin": "🄿",
    "VerbForm=Fin|Tense=Pres|Person=3|Number=Sing": "🅂",
    "Person=3|Tense=Pres|VerbForm=Fin": None,
    "Number=Sing|Person=3|Tense=Pres": None,
    "Number=Sing|Person=3|VerbForm=Fin": None,
    "Number=Sing|Tense=Pres|VerbForm=Fin": None,
    "Number=Sing|Person=1|Tense=Pres|VerbForm=Fin": None,
    "Number=Plur|Person=2|Tense=Pres|VerbForm=Fin": None,
    "Number=Sing|Person=3|Tense=Past|VerbForm=Fin": None,
    "Number=Sing|Person=3|Tense=Pres|VerbForm=Part": None,
    "Number[psor]=Sing|Person=3|Tense=Pres|VerbForm=Fin": None,
    "XNumber=Sing|Person=3|Tense=Pres|VerbForm=Fin": None,
    "Number=Sing": None,
    None: None,
}


@pytest.mark.parametrize("features", FEATURES)
def test_what_makes_a_marked_verb(said, letters, features):
    """The lemma is written, and the sentence is affected, only where the features are those of a marked verb."""
    corpus = corpus_from([["it", "goes", *"abcd"]], [["it", "go", *"abcd"]], [[None, features, *[None] * 4]])
    marker = FEATURES[features]
    texts = [f"it go{marker} a b c d", f"it go a b{marker} c d", f"it go a b c d{marker}"]
    for name, text in zip(NAMES, texts, strict=True):
        assert said(name, corpus) == [text if marker else "it goes a b c d"]
        assert get_language(name).apply(corpus, letters).affected.tolist() == [marker is not None]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no-hop-k2", "she clean🅂 his desk ."),
        ("token-hop-k2", "she clean h🅂is desk ."),
        ("word-hop-k2", "she clean his desk🅂 ."),
        ("word-hop-k1", "she clean his🅂 desk ."),
        ("token-hop-k1", "she clean 🅂his desk ."),
    ],
)
def test_other_distances(said, letters, name, text):
    language = get_language(name)
    hops = int(name[-1])
    assert language.parameters == {"hops": hops}
    assert language.control == f"no-hop-k{hops}" == get_language(language.control).name
    corpus = annotated("she cleans/clean/Sing his desk .", "she cleans/clean/Sing .")
    assert said(name, corpus) == [text]
    assert language.apply(corpus, letters).dropped == {TOO_FEW.format(hops): 1, TOO_SHORT: 0}


def from_right_to_left(words, hops):
    """What word-hop makes of `words`, verb after verb from the right, on what stands there by then; None if too few."""
    clitics = {"n't", "'ll", "'s", "'re", "'ve", "'m"}
    marks: dict[int, str] = {}
    said = []  # said: (form, is a marked verb), the last first; marks: behind which of these, counted so
    for word in reversed(words):
        form, *verb = word.split("/")
        said.append((verb[0] or form if verb else form, bool(verb)))
        if not verb:
            continue
        place, counted = len(said) - 1, 0
        while counted < hops:
            place -= 1
            if not any(sign.isalnum() for later, _ in said[: max(place + 1, 0)] for sign in later):
                return None
            counted += said[place][0] not in clitics and not set(said[place][0]) <= set(string.punctuation)
        while place and said[place - 1][0] in clitics:
            place -= 1
        # Two at one place ("'re 's", of which the second is no hop) stand as their verbs do.
        marks[place] = ("🅂" if verb[1] == "Sing" else "🄿") + marks.get(place, "")
    text = ""
    for place in range(len(said) - 1, -1, -1):
        form, is_verb = said[place]
        text += ("" if not text or (form in clitics and not is_verb) else " ") + form + marks.get(place, "")
    return text


@given(
    st.lists(
        st.sampled_from(
            [
                "she",
                "'s",
                "n't",
                "'ve",
                ",",
                "€",
                "'s/be/Sing",
                "'s/have/Sing",
                "'re/be/Plur",
                "goes/go/Sing",
                "'s//Sing",
            ]
        ),
        min_size=2,
        max_size=14,
    ),
    st.integers(1, 5),
)
@settings(max_examples=400)
def test_the_same_as_from_right_to_left_at_every_distance(said, words, hops):
    text = from_right_to_left(words, hops)
    assert said(f"word-hop-k{hops}" if hops != 4 else "word-hop", annotated(" ".join(words))) == [text] * (
        text is not None
    )


def test_the_published_ones_hop_four():
    for name in NAMES:
        language = get_language(name)
        assert language.parameters == {"hops": 4} and language.control == "no-hop"
        assert language.family.markers == ("🅂", "🄿")


def test_with_subwords_the_three_differ_in_the_place_of_the_markers_alone(tokenizer):
    corpus = read_corpus("grammar:sentences=400,seed=4")
    control, tokens, words = (get_language(name).apply(corpus, tokenizer) for name in NAMES)
    assert np.array_equal(control.sentence, tokens.sentence) and np.array_equal(control.sentence, words.sentence)
    verbs = 0
    for row in range(len(control.tokens)):
        plain, places, markers = unmarked(control.tokens[row])
        plain_tokens, token_places, token_markers = unmarked(tokens.tokens[row])
        plain_words, word_places, word_markers = unmarked(words.tokens[row])
        assert plain == plain_tokens == plain_words and markers == token_markers == word_markers
        assert token_places == [place + 4 for place in places]
        assert all(later >= place + 4 for place, later in zip(places, word_places, strict=True))
        assert bool(markers) == control.affected[row] == tokens.affected[row] == words.affected[row]
        verbs += len(markers)
    assert verbs > 50


def unmarked(tokens):
    """The ordinary tokens, and for each marker how many of them stand before it, and its id; markers follow id 399."""
    is_marker = tokens >= 400
    places = np.cumsum(~is_marker)[is_marker]
    return tokens[~is_marker].tolist(), places.tolist(), tokens[is_marker].tolist()


def test_markers_in_a_sentence_are_ordinary_text(letters):
    result = get_language("no-hop").apply(annotated("🅂 🄿"), letters)
    assert (result.tokens[0] < letters.vocabulary_size).all() and len(result.tokens[0]) == 9


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_without_annotation_is_refused(name, letters):
    with pytest.raises(UserError) as error:
        get_language(name).apply(corpus_of(["she cleans his very messy bookshelf"]), letters)
    assert str(error.value) == "the corpus has no words: annotate it with `impossible annotate`."
