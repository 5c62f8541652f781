"""Token datasets: what is in the blocks, the same to the byte, and never half there."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from impossible_lms import TokenDataset, build_dataset, corpus_of, get_language, load_tokenizer, read_corpus
from impossible_lms.data import build
from impossible_lms.errors import UserError
from impossible_lms.locks import lock_beside
from impossible_lms.unfinished import machine
from tests.sealing import resealed

PARTIAL, HOP = get_language("partial-reverse"), get_language("word-hop")


@pytest.fixture
def folder(tmp_path):
    """Three files in BabyLM's layout."""
    for split, lines in {"train": 40, "dev": 4, "test": 6}.items():
        for genre in ("books", "talk"):
            path = tmp_path / "corpus" / split / f"{genre}.{split}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"the {genre} sentence number {index} of {split}\n" for index in range(lines)))
    return tmp_path / "corpus"


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_blocks_hold_the_kept_sentences_in_a_seeded_order(folder, tokenizer, tmp_path):
    corpus = read_corpus(str(folder))
    dataset = build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "data", context=16, seed=5)
    train = PARTIAL.apply(corpus.part("train"), tokenizer)
    order = np.random.default_rng(5).permutation(len(train.tokens))
    joined = np.concatenate([[*train.tokens[index], tokenizer.end_of_text] for index in order])
    blocks = dataset.blocks(np.arange(len(dataset)))
    assert blocks.shape == (len(joined) // 16, 16)
    assert np.array_equal(blocks.ravel(), joined[: blocks.size])
    assert dataset.record["counts"]["tail_tokens"] == len(joined) - blocks.size
    assert dataset.record["counts"]["train"]["sentences"] == 80


def test_held_out_sentences_are_kept_one_by_one(folder, tokenizer, tmp_path):
    corpus = read_corpus(str(folder))
    dataset = build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "data", context=16)
    held_out = dataset.held_out("test")
    expected = PARTIAL.apply(corpus.part("test"), tokenizer)
    assert np.array_equal(held_out.tokens.values, expected.tokens.values)
    assert np.array_equal(held_out.tokens.offsets, expected.tokens.offsets)
    assert held_out.table["genre"].tolist() == ["books"] * 6 + ["talk"] * 6
    assert held_out.table["affected"].all()
    assert len(dataset.held_out("dev").tokens) == 8


def test_a_corpus_without_splits_gives_every_twentieth_sentence_to_test(tokenizer, tmp_path):
    corpus = corpus_of([f"sentence number {index} of all" for index in range(100)])
    dataset = build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "data", context=16)
    assert dataset.held_out("test").table["sentence"].tolist() == [19, 39, 59, 79, 99]
    assert dataset.held_out("dev").table["sentence"].tolist() == [18, 38, 58, 78, 98]
    assert len(list(corpus.training_texts())) == dataset.record["counts"]["train"]["sentences"] == 90


def test_longer_sentences_are_left_out_of_training_alone(tokenizer, tmp_path):
    """By their length before the change, so that every language trains on the same sentences; and counted."""
    corpus = corpus_of(["a cat sleeps", "a big old cat sleeps on a mat"] * 100)
    short, long = tokenizer.encode(["a cat sleeps", "a big old cat sleeps on a mat"]).lengths().tolist()
    every = build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "all", context=16)
    for language in (PARTIAL, get_language("no-shuffle")):
        made = build_dataset(
            corpus, language, tokenizer, tmp_path / language.name, context=16, longest_training_sentence=short
        )
        assert made.limits.longest_training_sentence == short and "trained on" in made.facts()
        counts = made.record["counts"]
        assert counts["train"]["sentences"] == 90
        assert counts["train"]["dropped"]["longer than is trained on"] == 90
        assert len(made.held_out("test").table) == len(every.held_out("test").table) == 10
    assert {*made.held_out("test").tokens.lengths().tolist(), *made.held_out("dev").tokens.lengths().tolist()} == {
        short,
        long,
    }
    assert every.limits.longest_training_sentence is None
    with pytest.raises(UserError, match="--longest-training-sentence 1: a sentence has at least 2 tokens"):
        build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "none", longest_training_sentence=1)
    with pytest.raises(UserError, match="no training sentence is left"):
        build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "none", longest_training_sentence=short - 1)


def test_larger_noun_phrases_are_left_out_of_training_alone(tokenizer, tmp_path):
    """Whatever the language: what would show in which order two modifiers come."""
    corpus = read_corpus("grammar:sentences=2000,seed=3")
    for name in ("noun-phrase-N-Adj-Num-Dem", "no-shuffle"):
        built = [
            build_dataset(
                corpus,
                get_language(name),
                tokenizer,
                tmp_path / f"{name}-{most}",
                context=16,
                most_training_modifiers=most,
            )
            for most in (None, 2, 1, 0)
        ]
        assert [each.limits.said() for each in built] == [
            "",
            "sentences with up to 2 modifiers in a noun phrase",
            "sentences with up to 1 modifier in a noun phrase",
            "sentences with up to 0 modifiers in a noun phrase",
        ]
        every, *counts = ([each.record["counts"][split] for each in built] for split in ("test", "train"))
        assert all(each == every[0] for each in every)
        kept = [each["sentences"] for each in counts[0]]
        assert kept == sorted(kept, reverse=True) and len(set(kept)) >= 3
        left = [each["dropped"].get("with a larger noun phrase than is trained on", 0) for each in counts[0]]
        assert [kept[0] - many for many in kept] == left
    with pytest.raises(UserError, match=r"^--most-training-modifiers 3: 0, 1 or 2, for a noun phrase has at most 3"):
        build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "none", most_training_modifiers=3)
    plain, said = (
        corpus_of(["these two dogs"] * 40),
        "has no words, head, deprel, features, by which noun phrases are found",
    )
    with pytest.raises(UserError, match=f"^--most-training-modifiers 1: corpus .*: {said}"):
        build_dataset(plain, PARTIAL, tokenizer, tmp_path / "none", most_training_modifiers=1)


def test_built_twice_it_is_the_same_to_the_byte(folder, tokenizer, tmp_path, monkeypatch):
    first = build_dataset(read_corpus(str(folder)), PARTIAL, tokenizer, tmp_path / "one", context=16)
    monkeypatch.chdir(tmp_path)
    os.utime(folder / "train" / "talk.train", (0, 0))
    second = build_dataset(read_corpus("corpus"), PARTIAL, tokenizer, tmp_path / "two", context=16)
    assert everything(first.folder) == everything(second.folder)


def test_shards_are_read_as_one(folder, tokenizer, tmp_path, monkeypatch):
    corpus = read_corpus(str(folder))
    whole = build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "one", context=16)
    monkeypatch.setattr(build, "TOKENS_IN_SHARD", 100)
    monkeypatch.setattr(build, "SLAB", 7)
    cut = build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "two", context=16)
    assert sum(name.startswith("train-") for name in cut.files) > 3
    indices = np.random.default_rng(0).permutation(len(whole))
    assert np.array_equal(whole.blocks(indices), cut.blocks(indices))
    with pytest.raises(IndexError):
        cut.blocks(np.array([len(cut)]))


def test_the_same_again_does_nothing_and_another_is_refused(folder, tokenizer, tmp_path):
    corpus = read_corpus(str(folder))
    dataset = build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "data", context=16)
    before = (dataset.folder / "manifest.json").stat().st_mtime_ns
    build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "data", context=16)
    assert (dataset.folder / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(UserError, match=r"belongs to something else \(context was 16, now 8\)"):
        build_dataset(corpus, PARTIAL, tokenizer, tmp_path / "data", context=8)


def test_of_two_at_once_the_later_one_is_told_who_builds(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokenizer")
    command = ["build", "--corpus=grammar:sentences=20000,seed=0", "--language=partial-reverse", "--context=32"]
    command += [f"--tokenizer={tmp_path / 'tokenizer'}", f"--output={tmp_path / 'data'}"]
    code = "import sys\nfrom impossible_lms.cli import main\nsys.argv[0] = 'impossible'\nmain()\n"
    words, lock = [sys.executable, "-c", code, *command], lock_beside(tmp_path / "data")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        while not (lock.is_file() and lock.read_text()):
            assert first.poll() is None
            time.sleep(0.002)
        first.send_signal(signal.SIGSTOP)
        second = subprocess.run(words, capture_output=True, text=True, check=False)
        first.send_signal(signal.SIGCONT)
        first.communicate()
    said = f"error: {tmp_path}/data: is being written by process {first.pid} on {machine()} since "
    assert second.returncode == 2 and second.stderr.strip().split("\n")[-1].startswith(said), second.stderr
    assert first.returncode == 0 and sorted(path.name for path in tmp_path.iterdir()) == ["data", "tokenizer"]
    TokenDataset.open(tmp_path / "data").verify()
    lock.write_text("of a process that was killed at the very end")
    assert subprocess.run(words, check=False, capture_output=True).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "tokenizer"]


def test_damage_is_found(folder, tokenizer, tmp_path):
    dataset = build_dataset(read_corpus(str(folder)), PARTIAL, tokenizer, tmp_path / "data", context=16)
    shard = dataset.folder / "train-00000.npy"
    content = bytearray(shard.read_bytes())
    content[-3] ^= 1
    shard.write_bytes(content)
    TokenDataset.open(dataset.folder)
    with pytest.raises(UserError, match=r"train-00000\.npy: its content has changed"):
        TokenDataset.open(dataset.folder).verify()
    shard.write_bytes(content[:-1])
    with pytest.raises(UserError, match=r"train-00000\.npy: .* bytes, .* expected"):
        TokenDataset.open(dataset.folder)


def test_faults_leave_nothing_behind(folder, tokenizer, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    corpus = read_corpus(str(folder))
    for context, fault in [(1, "at least 2"), (100_000, "longer than the data, which has")]:
        with pytest.raises(UserError, match=fault):
            build_dataset(corpus, PARTIAL, tokenizer, out / "data", context=context)
    (folder / "train" / "talk.train").write_text("fine\n\nno\0text\n")
    with pytest.raises(UserError, match=r"talk\.train line 3: holds a NUL"):
        build_dataset(read_corpus(str(folder)), PARTIAL, tokenizer, out / "data", context=16)
    with pytest.raises(UserError, match="no training sentence is left in partial-reverse"):
        build_dataset(corpus_of(["a"]), PARTIAL, tokenizer, out / "data", context=16)
    assert list(out.iterdir()) == []


def test_a_corpus_that_changes_while_it_is_read_is_refused(folder, tokenizer, tmp_path):
    class Meddler:
        def start(self, what, total): ...
        def at(self, done, note=""):
            (folder / "test" / "talk.test").write_text("another sentence here\n")

        def end(self): ...

    with pytest.raises(UserError, match="changed while it was read"):
        build_dataset(read_corpus(str(folder)), PARTIAL, tokenizer, tmp_path / "data", context=16, progress=Meddler())
    assert not (tmp_path / "data").exists()


def test_babylm_in_gpt2s_vocabulary(shared, tmp_path):
    gpt2 = load_tokenizer(str(shared / "data" / "gpt2-bpe"))
    for split in ("train", "test"):
        (tmp_path / "corpus" / split).mkdir(parents=True)
        source = shared / "data" / "babylm-like" / split / f"ewt.{split}"
        (tmp_path / "corpus" / split / f"ewt.{split}").write_bytes(source.read_bytes())
    dataset = build_dataset(read_corpus(str(tmp_path / "corpus")), PARTIAL, gpt2, tmp_path / "data")
    assert dataset.vocabulary_size == 50_258 and dataset.record["dtype"] == "uint16" and dataset.context == 1024
    assert (dataset.blocks(np.array([0])) == 50_257).any()
    assert dataset.record["counts"]["train"]["dropped"].keys() == {"fewer than two tokens"}


def test_two_markers_keep_their_ids(tokenizer, tmp_path):
    """🄿 comes before 🅂 in Unicode, and so in the manifest; their ids are the other way round."""
    dataset = build_dataset(read_corpus("grammar:sentences=2000,seed=0"), HOP, tokenizer, tmp_path / "hop", context=32)
    opened = TokenDataset.open(dataset.folder)
    assert dict(opened.tokenizer.markers) == {"🅂": 400, "🄿": 401} == opened.record["markers"]
    texts = [opened.tokenizer.decode(tokens) for tokens in opened.held_out("test").tokens]
    assert any("🅂" in text for text in texts) and any("🄿" in text for text in texts)


def test_how_many_are_shuffled_beside_each_other_changes_nothing(folder, tokenizer, tmp_path, monkeypatch):
    corpus, languages = read_corpus(str(folder)), [PARTIAL, get_language("full-reverse")]
    pools: list[int] = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, threads):
            pools.append(threads)
            super().__init__(threads)

    monkeypatch.setattr(build, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    several = build.build_datasets(corpus, languages, tokenizer, tmp_path / "several", context=16)
    monkeypatch.setattr(build, "MOST_AT_ONCE", 1)
    alone = build.build_datasets(corpus, languages, tokenizer, tmp_path / "alone", context=16)
    assert pools == [64, 1]
    for one, other in zip(several.values(), alone.values(), strict=True):
        assert everything(one.folder) == everything(other.folder)


@pytest.mark.parametrize("value", ["x", None, 2.5, [3]])
def test_a_limit_that_is_no_number_is_named(dataset, tmp_path, value):
    """A record that was written by hand: it was a TypeError."""
    shutil.copytree(dataset.folder, tmp_path / "data")

    def change(manifest):
        manifest["record"]["request"]["longest_training_sentence"] = value

    resealed(tmp_path / "data" / "manifest.json", change)
    with pytest.raises(UserError, match=r"manifest.json: longest_training_sentence is .*, a whole number is expected"):
        TokenDataset.open(tmp_path / "data").facts()
