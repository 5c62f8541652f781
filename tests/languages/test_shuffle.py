"""The *Shuffle* family, on sentences one can check by eye: with 257 ids every letter is a token."""

import numpy as np
import pytest

from impossible_lms import corpus_of, get_language, load_tokenizer, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.ragged import Ragged

SEEDED = [f"deterministic-shuffle-s{seed}" for seed in (3, 21, 57, 84)]
WINDOWED = [f"local-shuffle-w{width}" for width in (3, 5, 7, 10)]
UNDONE = ["no-shuffle", "even-odd-shuffle", *SEEDED, *WINDOWED]
TOO_LONG, TOO_SHORT = "more than 350 tokens", "fewer than two tokens"


@pytest.fixture(scope="module")
def letters():
    """A tokenizer whose tokens are the bytes."""
    tokenizer = load_tokenizer("train:vocab=257", ["abc"])
    assert tokenizer.encode(["abca"]).lengths().tolist() == [4]
    return tokenizer


@pytest.fixture(scope="module")
def said(letters):
    """What becomes of sentences in a language, as text."""

    def say(name, *sentences):
        result = get_language(name).apply(corpus_of(sentences), letters)
        return [letters.decode(tokens) for tokens in result.tokens]

    return say


@pytest.mark.parametrize(
    ("name", "sentence", "expected"),
    [
        ("no-shuffle", "abcdefgh", "abcdefgh"),
        ("even-odd-shuffle", "abcdefgh", "acegbdfh"),
        ("even-odd-shuffle", "abcdefg", "acegbdf"),
        ("even-odd-shuffle", "ab", "ab"),
        ("even-odd-shuffle", "a b c", "abc  "),
        # default_rng(0) shuffles 2 to 01, 3 to 201, 5 to 24301, 7 to 2436501.
        ("local-shuffle-w3", "abcdef", "cabfde"),
        ("local-shuffle-w3", "abcdefgh", "cabfdegh"),
        ("local-shuffle-w3", "abcdefg", "cabfdeg"),
        ("local-shuffle-w5", "abcdefghij", "cedabhjifg"),
        ("local-shuffle-w5", "abcdefgh", "cedabhfg"),
        ("local-shuffle-w10", "abcdefg", "cedgfab"),
        ("local-shuffle-w7", "abcdefghij", "cedgfabjhi"),
        ("deterministic-shuffle-s21", "abcdef", "abedfc"),
        ("deterministic-shuffle-s57", "abcdef", "bcaedf"),
        ("deterministic-shuffle-s84", "abcdef", "afcedb"),
        ("deterministic-shuffle-s3", "abcdef", "cfebda"),
    ],
)
def test_by_hand(said, name, sentence, expected):
    assert said(name, sentence) == [expected]


def shuffled(generator, sequence):
    """numpy's own shuffle of a list."""
    sequence = list(sequence)
    generator.shuffle(sequence)
    return sequence


@pytest.fixture(scope="module")
def sequences(letters):
    """Sentences of every length from 0 to 360 and of every length up to 40 again, with their ids."""
    generator = np.random.default_rng(5)
    lengths = generator.permutation([*range(361), *range(41)])
    sentences = ["".join(map(chr, generator.integers(97, 123, length))) for length in lengths]
    return sentences, [tokens.tolist() for tokens in letters.encode(sentences)]


def rewritten(name, sequences, letters):
    """What a language makes of the sequences, and what the family keeps of them."""
    sentences, ids = sequences
    result = get_language(name).apply(corpus_of(sentences), letters)
    kept = [index for index, tokens in enumerate(ids) if 2 <= len(tokens) <= 350]
    assert result.sentence.tolist() == kept
    assert result.affected.all()
    assert result.dropped == {TOO_LONG: 10, TOO_SHORT: 4}
    return [tokens.tolist() for tokens in result.tokens], [ids[index] for index in kept]


@pytest.mark.parametrize("name", SEEDED)
def test_deterministic_is_a_fresh_generator_for_every_sentence(name, sequences, letters):
    result, kept = rewritten(name, sequences, letters)
    seed = int(name.rpartition("s")[2])
    assert result == [shuffled(np.random.default_rng(seed), tokens) for tokens in kept]


@pytest.mark.parametrize("name", WINDOWED)
def test_local_is_a_fresh_generator_for_every_window(name, sequences, letters):
    result, kept = rewritten(name, sequences, letters)
    width = int(name.rpartition("w")[2])
    assert result == [
        [
            token
            for start in range(0, len(tokens), width)
            for token in shuffled(np.random.default_rng(0), tokens[start : start + width])
        ]
        for tokens in kept
    ]


def test_even_odd_and_the_control(sequences, letters):
    result, kept = rewritten("even-odd-shuffle", sequences, letters)
    assert result == [tokens[::2] + tokens[1::2] for tokens in kept]
    result, kept = rewritten("no-shuffle", sequences, letters)
    assert result == kept


@pytest.mark.parametrize(("name", "seed"), [("nondeterministic-shuffle", 0), ("nondeterministic-shuffle-s9", 9)])
def test_nondeterministic_is_one_generator_that_dropped_sentences_consume_too(name, seed, sequences, letters):
    result, _ = rewritten(name, sequences, letters)
    generator = np.random.default_rng(seed)
    expected = [shuffled(generator, tokens) for tokens in sequences[1]]
    assert result == [tokens for tokens in expected if 2 <= len(tokens) <= 350]


def test_nondeterministic_draws_anew_where_the_others_do_not(said):
    sentences = ["abcdefghij"] * 20
    assert len(set(said("nondeterministic-shuffle", *sentences))) == 20
    for name in UNDONE:
        assert len(set(said(name, *sentences))) == 1


def test_a_sentence_that_is_too_long_still_moves_the_generator(said):
    assert said("nondeterministic-shuffle", "x" * 351, "abcdefghij") != said("nondeterministic-shuffle", "abcdefghij")
    assert said("deterministic-shuffle-s21", "x" * 351, "abcdef") == ["abedfc"]


@pytest.mark.parametrize("name", [*UNDONE, "nondeterministic-shuffle"])
def test_two_to_350_tokens_are_kept_and_the_others_counted(name, letters):
    corpus = corpus_of(["a" * 351, "b", "c" * 350, "", "dd", "e" * 400, "ff" * 900])
    result = get_language(name).apply(corpus, letters)
    assert result.sentence.tolist() == [2, 4]
    assert result.tokens.lengths().tolist() == [350, 2]
    assert result.dropped == {TOO_LONG: 3, TOO_SHORT: 2}


@pytest.mark.parametrize("name", UNDONE)
def test_the_inverse_gives_the_tokens_back(name, tokenizer):
    language = get_language(name)
    corpus = read_corpus("grammar:sentences=200,seed=3")
    plain = tokenizer.encode(list(corpus.texts()))
    result = language.apply(corpus, tokenizer)
    assert len(result.tokens) == 200
    assert np.array_equal(result.tokens.values, plain.values) == (name == "no-shuffle")
    assert language.inverse is not None and language.is_recoverable
    back = language.inverse(result.tokens, tokenizer)
    assert np.array_equal(back.values, plain.values) and np.array_equal(back.offsets, plain.offsets)


def test_nondeterministic_has_no_inverse():
    language = get_language("nondeterministic-shuffle")
    assert language.inverse is None and not language.is_recoverable and not language.is_deterministic


def test_nondeterministic_adds_the_bits_of_the_distinct_orders(tokenizer):
    """n! over the factorials of the counts: 24 of abcd, 4 of aaab, 6 of aabb, 1 of aaaa; 7 + 7 tokens alike: 3432."""
    tokens = Ragged.of([[1, 2, 3, 4], [1, 1, 1, 2], [5, 6, 6, 5], [7, 7, 7, 7], [8], [], [1] * 7 + [2] * 7])
    bits = get_language("nondeterministic-shuffle").added_bits(tokens, tokenizer)
    assert np.allclose(2**bits, [24, 4, 6, 1, 1, 1, 3432], rtol=1e-9)


@pytest.mark.parametrize("name", UNDONE)
def test_the_others_add_none(name, tokenizer):
    language = get_language(name)
    assert language.is_deterministic
    assert language.added_bits(Ragged.of([[1, 2, 3, 4], [1, 2]]), tokenizer).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("local-shuffle-w7", {"window": 7}),
        ("local-shuffle-w3", {"window": 3}),
        ("deterministic-shuffle-s3", {"seed": 3}),
        ("deterministic-shuffle-s84", {"seed": 84}),
        ("nondeterministic-shuffle-s9", {"seed": 9}),
        ("even-odd-shuffle", {}),
        ("no-shuffle", {}),
    ],
)
def test_parameters(name, parameters):
    language = get_language(name)
    assert language.name == name and language.parameters == parameters
    assert language.control == "no-shuffle" and language.family.markers == ()


def test_a_window_that_changes_nothing_is_refused():
    """`default_rng(0)` leaves two tokens in their order."""
    with pytest.raises(UserError) as error:
        get_language("local-shuffle-w2")
    assert str(error.value) == "language 'local-shuffle-w2': the number after w must be at least 3."


@pytest.mark.parametrize("name", ["local-shuffle-w07", "local-shuffle-s7", "deterministic-shuffle", "no-shuffle-s1"])
def test_other_names_are_unknown(name):
    with pytest.raises(UserError, match=f"^unknown language '{name}'"):
        get_language(name)
