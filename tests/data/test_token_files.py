"""Token datasets of the published scripts' own files of ids: sentence for sentence, in the published order."""

import numpy as np
import pytest

from impossible_lms import get_language, read_corpus
from impossible_lms.data.token_files import LANGUAGES, build_from_token_files, token_files
from impossible_lms.errors import UserError
from impossible_lms.languages import PAPER

HOP, REVERSE = get_language("word-hop"), get_language("partial-reverse")


@pytest.fixture
def folder(tmp_path):
    """A language's files in two genres; with 300 ids the markers are 300 and 301."""
    home = tmp_path / "perturbed" / "babylm_hop_words4"
    files = {
        "babylm_100M/talk.train": ["1 2 3", "4 5", "6 300 7"],
        "babylm_100M/books.train": ["8 9", "10 11 301", "12 300"],
        "babylm_10M/talk.train": ["99 98"],
        "babylm_dev/talk.dev": ["20 21", "22 300 23"],
        "babylm_test_affected/talk_affected.test": ["30 300", "31 301 32"],
        "babylm_test_unaffected/talk_unaffected.test": ["33 34"],
        "babylm_test_unaffected_sents/talk_unaffected.test": ["a sentence"],
    }
    for name, lines in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
    return home


@pytest.fixture(scope="module")
def ids():
    from impossible_lms import load_tokenizer

    tokenizer = load_tokenizer(
        "train:vocab=300", [f"all the {a}{b}{c}" for a in "abcdef" for b in "ghijk" for c in "lmno"]
    )
    assert tokenizer.vocabulary_size == 300
    return tokenizer


def named(spec, language):
    source = token_files(spec, language)
    assert source is not None
    return source


def lists(tokens):
    return [sequence.tolist() for sequence in tokens]


@pytest.mark.parametrize("place", ["babylm_hop_words4:100M", ":100M"])
def test_blocks_are_those_of_the_published_run(folder, ids, tmp_path, place):
    spec = str(folder.parent / place) if place[0] != ":" else f"{folder.parent}:100M"
    source = named(spec, HOP)
    data = build_from_token_files(source, HOP, ids, tmp_path / "data", context=4, seed=53)
    lines = [[8, 9], [10, 11, 301], [12, 300], [1, 2, 3], [4, 5], [6, 300, 7]]  # files by name, lines as they are
    np.random.default_rng(53).shuffle(lines)
    stream = [token for line in lines for token in [*line, ids.end_of_text]]
    assert data.blocks(np.arange(len(data))).ravel().tolist() == stream[: len(stream) // 4 * 4]
    held_out = data.held_out("test")
    assert lists(held_out.tokens) == [[30, 300], [31, 301, 32], [33, 34]]
    assert held_out.table["affected"].tolist() == [True, True, False] and set(held_out.table["genre"]) == {"talk"}
    assert lists(data.held_out("dev").tokens) == [[20, 21], [22, 300, 23]]
    assert data.language == "word-hop" and data.marked == {"🅂": 2 / 6, "🄿": 1 / 6}
    again = build_from_token_files(source, HOP, ids, tmp_path / "data", context=4, seed=53)
    assert again.files == data.files
    other = build_from_token_files(source, HOP, ids, tmp_path / "other", context=4, seed=0)
    assert other.files["train-00000.npy"]["sha256"] != data.files["train-00000.npy"]["sha256"]


def test_every_published_name_is_a_language():
    assert sorted(LANGUAGES.values()) == sorted(PAPER)


def test_both_sizes_are_never_read_together(folder):
    with pytest.raises(UserError, match=r"100M and 10M side by side|10M and 100M side by side"):
        token_files(str(folder), HOP)


def test_another_language_is_refused(folder):
    with pytest.raises(
        UserError, match=r"files of ids in word-hop, and not in partial-reverse. Say --language word-hop"
    ):
        token_files(f"{folder}:100M", REVERSE)
    with pytest.raises(UserError, match=r"files of ids in word-hop; there is no partial-reverse"):
        token_files(f"{folder.parent}:100M", REVERSE)


def test_anything_else_is_none(tmp_path):
    (tmp_path / "a.txt").write_text("one line\n")
    assert token_files(str(tmp_path), HOP) is None and token_files("grammar", HOP) is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("1 302", r"books.train line 4: id 302, and .* has 302 with the markers of word-hop. Give the files' own"),
        ("1 -1", "books.train line 4: id -1, and"),
        ("the cat sat", "books.train line 4: no ids with blanks between, 'the cat sat'"),
        ("1  2 99999999999999999999", "books.train line 4: no ids with blanks between, '1  2 9"),
    ],
)
def test_ids_of_another_tokenizer_and_no_ids(folder, ids, tmp_path, line, fault):
    with (folder / "babylm_100M" / "books.train").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(UserError, match=fault):
        build_from_token_files(named(f"{folder}:100M", HOP), HOP, ids, tmp_path / "out" / "data", context=4)
    assert not (tmp_path / "out" / "data").exists()


def test_without_training_text_it_serves_to_measure(folder, ids, tmp_path):
    from impossible_lms.training.recipe import load_recipe
    from impossible_lms.training.train import train

    for size in ("babylm_100M", "babylm_10M"):
        for file in (folder / size).iterdir():
            file.unlink()
    data = build_from_token_files(named(str(folder), HOP), HOP, ids, tmp_path / "data")
    assert len(data) == 0 and len(data.held_out("test").tokens) == 3
    with pytest.raises(UserError, match=r"has no training blocks"):
        train(tmp_path / "data", tmp_path / "run", recipe=load_recipe("paper"))


def test_as_a_corpus_of_sentences_it_is_refused(folder):
    for path in (folder, folder.parent):
        with pytest.raises(UserError, match=r"ids, not sentences. `impossible build"):
            read_corpus(str(path))


def test_the_command(folder, impossible, tmp_path, ids):
    ids.save(tmp_path / "tokenizer")
    words = ["--tokenizer", tmp_path / "tokenizer", "--context", 4, "--output", tmp_path / "data", "--as-published"]
    code, out, _ = impossible("build", "--corpus", f"{folder}:100M", "--language", "word-hop", *words)
    assert code == 0 and "5 blocks of 4 tokens in word-hop" in out


def test_the_authors_file(shared, tmp_path):
    from impossible_lms import load_tokenizer

    home = shared / "cases" / "authors" / "babylm_data_perturbed" / "babylm_reverse_partial"
    tokenizer = load_tokenizer(str(shared / "data" / "gpt2-bpe"))
    data = build_from_token_files(named(str(home), REVERSE), REVERSE, tokenizer, tmp_path / "data")
    lines = (home / "babylm_dev" / "aochildes.dev").read_text().split("\n")[:-1]
    assert lists(data.held_out("dev").tokens) == [[int(word) for word in line.split()] for line in lines]
