"""What `check` measures, on sentences whose answer is known."""

import numpy as np
import pytest

from impossible_lms import UserError, corpus_of, get_language, read_corpus
from impossible_lms.languages.check import check, sampled
from impossible_lms.languages.entropy import local_entropy
from impossible_lms.ragged import Ragged


def sequences(draw, count=4000, length=10):
    generator = np.random.default_rng(0)
    return Ragged.of([draw(generator, length) for _ in range(count)])


def test_local_entropy_of_independent_tokens_is_that_of_their_distribution():
    """Eight tokens alike: 3 bits, whatever m; half the time one of two, else one of four: 2.5 bits."""
    alike = sequences(lambda generator, length: generator.integers(0, 8, length))
    for m in (1, 2, 3):
        assert abs(local_entropy(alike, m, 8) - 3) < 0.03
    weights = [0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
    skewed = sequences(lambda generator, length: generator.choice(6, length, p=weights))
    assert abs(local_entropy(skewed, 1, 6) - 2.5) < 0.02


def test_local_entropy_sees_as_far_as_m():
    """Each token is the one two before it: certain for m = 3, but for the first two of a sentence; unknown below."""

    def draw(generator, length):
        return np.tile(generator.integers(0, 16, 2), length // 2)

    repeating = sequences(draw)
    assert abs(local_entropy(repeating, 1, 16) - 4) < 0.05 and abs(local_entropy(repeating, 2, 16) - 4) < 0.1
    assert abs(local_entropy(repeating, 3, 16) - 2 * 4 / 10) < 0.1


def test_local_entropy_knows_where_a_sentence_begins_and_no_context_beyond_it():
    always = Ragged.of([[5, 6, 7]] * 1000)
    assert local_entropy(always, 1, 10) == pytest.approx(np.log2(3), abs=0.02)
    assert local_entropy(always, 2, 10) < 0.05


def test_local_entropy_is_no_lower_for_what_cannot_be_predicted():
    """Counting and predicting the same sentences would say 0 for 4-grams that occur once each."""
    alike = sequences(lambda generator, length: generator.integers(0, 500, length), count=400)
    assert local_entropy(alike, 4, 500) > 8.5


def test_local_entropy_is_a_matter_of_what_it_is_divided_by():
    """The same sentences with each token as two: the same bits a sentence, half as many a token."""
    alike = sequences(lambda generator, length: generator.integers(0, 8, length))
    doubled = Ragged(np.repeat(alike.values * 2, 2) + np.tile([0, 1], len(alike.values)), alike.offsets * 2)
    assert local_entropy(doubled, 2, 16) == pytest.approx(local_entropy(alike, 2, 8) / 2, abs=0.02)
    of_alike = local_entropy(doubled, 2, 16, alike.lengths())
    assert of_alike == pytest.approx(local_entropy(alike, 2, 8), abs=0.04)


def test_entropies_are_in_tokens_of_the_control(tokenizer):
    """Words in another order are cut into other pieces, whose entropy does not fall below the former one."""
    corpus = read_corpus("grammar:sentences=1500,seed=1")
    names = ("no-shuffle", "local-word-shuffle-w3", "nondeterministic-word-shuffle")
    straight, local, drawn = (check(get_language(name), corpus, tokenizer) for name in names)
    assert straight.local_entropy and local.local_entropy and drawn.local_entropy
    assert straight.local_entropy < local.local_entropy < drawn.local_entropy
    assert straight.tokens < local.tokens


def test_two_sentences_before_and_after(tokenizer, impossible):
    corpus = corpus_of(["The dog sees the cat.", "no", "She cleans his very messy bookshelf.", "He laughs."])
    report = check(get_language("unmarked-full-reverse"), corpus, tokenizer)
    texts = list(corpus.texts())
    assert len(report.examples) == 2
    for before, after in report.examples:
        assert before in texts and after == tokenizer.decode(tokenizer.encode([before])[0][::-1])
    code, out, _ = impossible("check", "unmarked-full-reverse", "--sample", 50)
    assert code == 0 and out.count("→") == 2 and "\nunmarked-full-reverse:\n" in out
    headings = out.splitlines()[0].split()[1:]
    legend = [line.partition(": ")[0] for line in out.splitlines() if ": " in line]
    assert headings == [name for name in legend if name in headings]  # each column has its line


@pytest.mark.parametrize(("language", "moved"), [("switch-indices", (3 + 3) / 5), ("switch-indices-k1", 2 / 5)])
def test_displacement_is_the_mean_over_tokens(language, moved, tokenizer):
    corpus = corpus_of(["a b c d e"] * 3)
    report = check(get_language(language), corpus, tokenizer)
    assert report.displacement == pytest.approx(moved) and report.same_tokens == 1


def test_hop_has_the_tokens_of_its_control_and_they_stay(tokenizer):
    corpus = read_corpus("grammar:sentences=1000,seed=1")
    for name in ("token-hop", "word-hop", "constituent-hop", "constituent-hop-matched"):
        report = check(get_language(name), corpus, tokenizer)
        assert (report.same_tokens, report.displacement) == (1.0, 0.0)
        assert report.control in ("no-hop", "no-hop-matched") and 0.2 < report.dropped < 0.7
    control = check(get_language("no-hop"), corpus, tokenizer)
    assert control.same_tokens is not None and control.same_tokens < 0.9  # its verbs are lemmas


def test_word_order_changes_what_it_says_it_changes(tokenizer):
    corpus = read_corpus("grammar:sentences=1000,seed=1")
    moved = {
        order: check(get_language(f"word-order-{order}"), corpus, tokenizer).displacement or 0.0
        for order in ("svo", "sov", "vso", "ovs")
    }
    assert moved["svo"] < min(moved["sov"], moved["vso"]) <= max(moved["sov"], moved["vso"]) < moved["ovs"]


def test_the_sample_is_of_every_file(tmp_path):
    for name, count in (("a", 3), ("b", 100), ("c", 100)):
        (tmp_path / f"{name}.txt").write_text("".join(f"{name} {line}\n" for line in range(count)), encoding="utf-8")
    texts = list(sampled(read_corpus(str(tmp_path)), 20).texts())
    assert [sum(text[0] == name for text in texts) for name in "abc"] == [3, 8, 9]
    assert texts[3:5] == ["b 0", "b 1"]
    assert len(list(sampled(read_corpus(str(tmp_path)), 1000).texts())) == 203


def test_a_language_that_keeps_nothing(tokenizer):
    with pytest.raises(
        UserError, match=r"language no-shuffle: keeps none of 2 sentences \(\{.*'fewer than two tokens': 2"
    ):
        check(get_language("no-shuffle"), corpus_of(["a", "b"]), tokenizer)
