"""Laws that every language of the registry keeps; a new one is tested the moment it is registered."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impossible_lms import LANGUAGES, corpus_of, get_language, read_corpus
from impossible_lms.corpora.corpus import Corpus, Memory
from impossible_lms.languages.language import NEW, Sentences, sentences_for
from impossible_lms.languages.origins import origins
from impossible_lms.ragged import Ragged
from impossible_lms.scripts import are_unspaced

# Of the languages that are too many to be listed, some of each kind.
UNLISTED = ["no-hop-VERB.Number", "word-hop-VERB.Number", "token-hop-VERB-k2", "no-noun-phrase"]
UNLISTED += ["noun-phrase-N-Adj-Num-Dem", "noun-phrase-Num-Adj-Dem-N"]
NAMES = [*LANGUAGES, *UNLISTED]
PLAIN = [name for name in NAMES if not get_language(name).needs]  # need no annotation
OF_TOKENS = [name for name in PLAIN if "word" not in name and name != "switch-indices"]
ANNOTATED = [name for name in NAMES if get_language(name).needs]
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.lists(st.text(letters, min_size=1, max_size=30), min_size=1, max_size=6)
sequences = st.lists(st.lists(st.integers(0, 399), max_size=400), min_size=1, max_size=5)


@st.composite
def annotated(draw):
    """Sentences with arbitrary words, Unicode included, any features, and heads that may or may not make a tree."""
    words = st.text(letters, min_size=1, max_size=6) | st.sampled_from(["n't", "'s", ".", ",", "cleans", "the"])
    finite = "Mood=Ind|Number={}|Person=3|Tense=Pres|VerbForm=Fin"
    features = st.none() | st.sampled_from(
        [finite.format("Sing"), finite.format("Plur"), "Number=Sing", "PronType=Dem"]
    )
    classes = st.none() | st.sampled_from(["VERB", "AUX", "NOUN", "PUNCT"])
    relations = ["nsubj", "nsubj:pass", "obj", "iobj", "aux", "cop", "advmod", "det", "nmod", "conj", "punct", "root"]
    relations += ["amod", "nummod", "flat"]
    relation = st.none() | st.sampled_from(relations)
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        size = draw(st.integers(1, 12))
        columns = st.tuples(words, st.none() | words, features, relation, st.booleans(), classes)
        row = draw(st.lists(columns, min_size=size, max_size=size))
        if draw(st.integers(0, 4)):  # each word hangs on one before it in some order, the first on the root
            places = draw(st.permutations(range(size)))
            heads = [0] * size
            for rank, place in enumerate(places[1:], 1):
                heads[place] = places[draw(st.integers(0, rank - 1))] + 1
        else:
            heads = draw(st.lists(st.none() | st.integers(0, size), min_size=size, max_size=size))
        rows.append((heads, *zip(*row, strict=True)))
    above, forms, lemmas, entries, deprels, spaces, upos = (
        [list(column) for column in columns] for columns in zip(*rows, strict=True)
    )
    texts = [
        "".join(word + " " * space for word, space in zip(*row, strict=True)) for row in zip(forms, spaces, strict=True)
    ]
    strings = pa.list_(pa.string())
    return pa.record_batch(
        {
            "text": pa.array(texts, pa.string()),
            "words": pa.array(forms, strings),
            "lemmas": pa.array(lemmas, strings),
            "upos": pa.array(upos, strings),
            "features": pa.array(entries, strings),
            "space_after": pa.array(spaces, pa.list_(pa.bool_())),
            "head": pa.array(above, pa.list_(pa.int32())),
            "deprel": pa.array(deprels, strings),
        }
    )


def without_markers(tokens, tokenizer):
    """Each sequence as a list, without markers."""
    ids = list(tokenizer.markers.values())
    return [sequence[~np.isin(sequence, ids)].tolist() for sequence in tokens]


@pytest.fixture(scope="module")
def corpus():
    return read_corpus("grammar:sentences=300,seed=7")


@pytest.mark.parametrize("name", NAMES)
def test_has_a_control_with_its_markers_and_a_style_of_its_own(name):
    language = get_language(name)
    control = get_language(language.control)
    assert control.family.markers == language.family.markers and control.is_control
    kin = [
        other
        for other in LANGUAGES.values()
        if other.name != name and (other.family.name == language.family.name or other is control)
    ]
    for other in kin:
        assert language.style.colour != other.style.colour
        assert (language.style.dash, language.style.sign) != (other.style.dash, other.style.sign)
    assert language.summary


@pytest.mark.parametrize("name", NAMES)
def test_the_same_twice(name, corpus, tokenizer):
    first, second = (get_language(name).apply(corpus, tokenizer) for _ in range(2))
    assert np.array_equal(first.tokens.values, second.tokens.values)
    assert np.array_equal(first.tokens.offsets, second.tokens.offsets)
    assert np.array_equal(first.sentence, second.sentence) and np.array_equal(first.affected, second.affected)


@pytest.mark.parametrize("name", NAMES)
def test_does_not_care_how_the_stream_is_cut(name, corpus, tokenizer):
    language = get_language(name)
    whole = language.apply(corpus, tokenizer)
    rewrite, parts, first = language.start(), [], 0
    for _, block in corpus.blocks():
        for start in range(0, len(block), 37):
            columns = block.slice(start, 37)
            parts.append(rewrite(next(sentences_for([language.family], columns, tokenizer, first))))
            first += len(columns)
    joined = Ragged.join([part.tokens for part in parts])
    assert np.array_equal(joined.values, whole.tokens.values)
    assert np.array_equal(joined.offsets, whole.tokens.offsets)
    assert np.array_equal(np.concatenate([part.sentence for part in parts]), whole.sentence)
    assert np.array_equal(np.concatenate([part.affected for part in parts]), whole.affected)


@pytest.mark.parametrize("name", NAMES)
def test_leaves_its_input_alone(name, corpus, tokenizer):
    language = get_language(name)
    _, block = next(corpus.blocks())
    sentences = next(sentences_for([language.family], block, tokenizer, 0))
    before = sentences.tokens.values.copy(), sentences.tokens.offsets.copy()
    language.start()(sentences)
    assert np.array_equal(sentences.tokens.values, before[0]) and np.array_equal(sentences.tokens.offsets, before[1])


@pytest.mark.parametrize("name", NAMES)
def test_keeps_or_drops_each_sentence_and_says_so(name, corpus, tokenizer):
    result = get_language(name).apply(corpus, tokenizer)
    assert len(result.tokens) + sum(result.dropped.values()) == 300
    assert len(result.tokens) == len(result.sentence) == len(result.affected)
    assert np.all(np.diff(result.sentence) > 0)


@pytest.mark.parametrize("name", NAMES)
def test_keeps_only_sentences_that_its_control_keeps(name, corpus, tokenizer):
    language = get_language(name)
    theirs = get_language(language.control).apply(corpus, tokenizer).sentence
    assert set(language.apply(corpus, tokenizer).sentence) <= set(theirs)


@pytest.mark.parametrize("name", OF_TOKENS)
def test_keeps_the_tokens_of_any_sequence_and_gives_them_back(name, tokenizer):
    """Of arbitrary ids, which no text need give."""
    language = get_language(name)
    marked = tokenizer.with_markers(language.family.markers)

    @settings(max_examples=40)
    @given(sequences)
    def law(ids):
        given_ids = Ragged.of(ids, marked.dtype)
        columns = pa.record_batch({"text": pa.array([""] * len(ids))})
        result = language.start()(Sentences(columns, marked, 0, lambda: given_ids))
        original = given_ids.take(result.sentence)
        for mine, before in zip(without_markers(result.tokens, marked), original, strict=True):
            assert Counter(mine) == Counter(before.tolist()) and len(mine) >= 2
        if language.inverse is not None:
            undone = language.inverse(result.tokens, marked)
            assert np.array_equal(undone.values, original.values) and np.array_equal(undone.offsets, original.offsets)

    law()


@pytest.mark.parametrize("name", PLAIN)
def test_keeps_the_signs_of_any_text_and_gives_it_back_where_it_can(name, tokenizer):
    language = get_language(name)
    marked = tokenizer.with_markers(language.family.markers)

    @settings(max_examples=50)
    @given(texts)
    def law(sentences):
        result = language.apply(corpus_of(sentences), tokenizer)
        plain = tokenizer.encode(sentences).take(result.sentence)
        for mine, number in zip(without_markers(result.tokens, marked), result.sentence, strict=True):
            if name == "switch-indices":  # which leaves final punctuation where it is
                assert Counter(tokenizer.decode(mine)) == Counter(sentences[number])
            elif name not in OF_TOKENS:  # whose pieces of signs are no text
                assert Counter(tokenizer.decode(mine).split(" ")) == Counter(sentences[number].split(" "))
            assert len(mine) >= 2
        if language.inverse is not None:
            if name not in OF_TOKENS:  # nothing tells the words of a script without spaces
                is_told = ~are_unspaced(pa.array([sentences[number] for number in result.sentence], pa.string()))
                result, plain = replace(result, tokens=result.tokens.take(is_told)), plain.take(is_told)
            undone = language.inverse(result.tokens, marked)
            undone = undone.take(undone.lengths() > 0)
            assert np.array_equal(undone.values, plain.values) and np.array_equal(undone.offsets, plain.offsets)
        elif language.is_deterministic:
            raise AssertionError("a deterministic language of the same words can be undone")

    law()


@pytest.mark.parametrize("name", ANNOTATED)
def test_laws_over_any_annotated_sentences(name, tokenizer):
    """The same however it is cut; nothing lost or added but markers; the words of its control, in its sentences."""
    language = get_language(name)
    marked = tokenizer.with_markers(language.family.markers)

    @settings(max_examples=60)
    @given(annotated())
    def law(columns):
        corpus = Corpus("any", (Memory(columns),))
        result, control = language.apply(corpus, tokenizer), get_language(language.control).apply(corpus, tokenizer)
        assert len(result.tokens) + sum(result.dropped.values()) == len(columns)
        one_by_one = Corpus("any", tuple(Memory(columns.slice(row, 1)) for row in range(len(columns))))
        again = language.apply(one_by_one, tokenizer)
        assert np.array_equal(result.tokens.values, again.tokens.values)
        assert np.array_equal(result.sentence, again.sentence) and np.array_equal(result.affected, again.affected)
        assert result.tokens.values.max(initial=0) < marked.vocabulary_size
        theirs = dict(zip(control.sentence.tolist(), without_markers(control.tokens, marked), strict=True))
        for mine, number in zip(without_markers(result.tokens, marked), result.sentence.tolist(), strict=True):
            if language.family.markers:
                assert mine == theirs[number]
            else:
                before, after = (Counter(tokenizer.decode(ids).replace(" ", "")) for ids in (theirs[number], mine))
                assert before == after

    law()


@pytest.mark.parametrize("name", [name for name in ANNOTATED if get_language(name).family.markers == ("🅂", "🄿")])
def test_marks_each_verb_once(name, corpus, tokenizer):
    language = get_language(name)
    result = language.apply(corpus, tokenizer)
    rows = [row for _, block in corpus.blocks() for row in block.to_pylist()]
    ids = list(tokenizer.with_markers(language.family.markers).markers.values())
    for tokens, number in zip(result.tokens, result.sentence, strict=True):
        numbers = [features or "" for features in rows[number]["features"]]
        verbs = [f for f in numbers if all(part in f for part in ("Person=3", "Tense=Pres", "VerbForm=Fin"))]
        found = [ids.index(token) for token in tokens if token in ids]
        assert sorted(found) == sorted(int("Number=Plur" in verb) for verb in verbs)


@pytest.mark.parametrize("name", NAMES)
def test_adds_as_many_bits_as_it_draws(name, tokenizer):
    language = get_language(name)
    tokens = tokenizer.encode(["the dog sees the dog", "a", ""])
    bits = language.added_bits(tokens, tokenizer)
    assert bits.shape == (3,) and bits.dtype == np.float64 and (bits >= 0).all()
    assert language.is_deterministic == (not bits.any())
    assert bits[2] == 0


@pytest.mark.parametrize("name", NAMES)
def test_what_it_makes_is_well_formed(name, corpus, tokenizer):
    language = get_language(name)
    marked = tokenizer.with_markers(language.family.markers)
    tokens = language.apply(corpus, tokenizer).tokens
    assert language.well_formed(tokens, marked).all()
    if language.family.markers:
        markers = Ragged.of([[marker] * 2 for marker in marked.markers.values()])
        assert not language.well_formed(markers, marked).any()


@pytest.mark.parametrize("name", NAMES)
def test_says_where_each_token_came_from(name, corpus, tokenizer):
    """Markers from nowhere; every other token from one that holds its first sign, in the same word, each place once."""
    language = get_language(name)
    marked, spaces = tokenizer.with_markers(language.family.markers), np.array(["é 日本語 dog  sees the dog n't x"])
    _, block = next(corpus.blocks())
    columns = (
        block if language.needs else pa.record_batch({"text": pa.array([*block.column("text").to_pylist(), *spaces])})
    )
    sentences = next(sentences_for([language.family], columns, tokenizer, 0))
    original = sentences.tokens
    result, places = origins(language, sentences)
    again = language.rule(sentences, np.random.default_rng(language.seed))
    assert np.array_equal(again.tokens.values, result.tokens.values)
    assert np.array_equal(places.offsets, result.tokens.offsets)
    is_marker = np.isin(result.tokens.values, list(marked.markers.values()))
    assert (places.values[is_marker] == NEW).all() and (places.values[~is_marker] != NEW).all()
    texts, signs = columns.column("text").to_pylist(), []
    for text, before, after, old in zip(texts, original, result.tokens, places, strict=True):
        stays = after < tokenizer.vocabulary_size
        mine, old = after[stays], old[stays]
        assert (old < len(before)).all() and (not len(old) or set(old) <= set(range(len(before))))
        if name in OF_TOKENS:
            assert np.array_equal(before[old], mine) and len(set(old)) == len(old)
            continue
        pieces, new_pieces = tokenizer.pieces(before), tokenizer.pieces(mine)
        pairs = [(new.strip()[:1], pieces[place]) for new, place in zip(new_pieces, old.tolist(), strict=True)]
        signs += [new in was or "\ufffd" in new + was for new, was in pairs if new]
        if not language.needs:
            words, of = words_of(tokenizer, before)
            new_words, of_new = words_of(tokenizer, mine)
            # With switch-indices a final stop stays where it is, and is a part of another word then.
            is_word = [bool(piece.strip(" .!?" if name == "switch-indices" else " ")) for piece in new_pieces]
            pairs = [(new_words[of_new[at]], words[of[place]]) for at, place in enumerate(old.tolist()) if is_word[at]]
            if name == "switch-indices":
                pairs = [(new.rstrip(".!?"), was.rstrip(".!?")) for new, was in pairs]
            assert all(new == was for new, was in pairs), (text, [pair for pair in pairs if pair[0] != pair[1]])
    assert all(signs) if not language.needs else np.mean(signs) > 0.95  # lemmas stand where their verbs did
    has_moved = any((np.diff(old[old != NEW]) < 0).any() for old in places)
    assert has_moved == (not language.is_control and "hop" not in name)


def words_of(tokenizer, ids):
    """What stands between spaces, and for each token the number of the word that its first sign is in."""
    text, of = "", []
    for at in range(len(ids)):
        text = tokenizer.decode(ids[:at])
        piece = tokenizer.decode(ids[: at + 1])[len(text.rstrip("\ufffd")) :]
        of.append(text.count(" ") + (len(piece) - len(piece.lstrip(" ")) if piece.strip(" ") else 0))
    return tokenizer.decode(ids).split(" "), of


@pytest.mark.parametrize("name", [name for name in NAMES if get_language(name).to_control])
def test_gives_its_control(name, corpus, tokenizer):
    language = get_language(name)
    assert language.to_control is not None
    marked, control = tokenizer.with_markers(language.family.markers), get_language(language.control)
    made, expected = (each.apply(corpus, tokenizer) for each in (language, control))
    assert np.array_equal(made.sentence, expected.sentence) and made.affected.any()
    found = language.to_control(made.tokens, marked)
    assert np.array_equal(found.values, expected.tokens.values)
    assert np.array_equal(found.offsets, expected.tokens.offsets)
