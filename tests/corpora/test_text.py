"""Plain text: what counts as a line, packed files, options, and each fault with its place."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from impossible_lms import read_corpus
from impossible_lms.corpora import lines, text
from impossible_lms.corpora.options import with_flags
from impossible_lms.corpora.text import TextFile
from impossible_lms.errors import UserError
from tests import layouts


def write(path, content):
    return str(layouts.write(path, content))


def test_lines_end_at_newline_alone(tmp_path):
    spec = write(tmp_path / "a.txt", "\ufeffone\u2028still one\r\ntwo\x0bstill\rtwo\nlast")
    assert list(read_corpus(spec).texts()) == ["one\u2028still one", "two\x0bstill\rtwo", "last"]


def test_babylm_layout(tmp_path):
    for name in ("train/b.train", "train/a.train", "dev/a.dev", "test/a.test", "train/notes.txt", "train/.a.train"):
        write(tmp_path / name, f"from {name}\n")
    corpus = read_corpus(str(tmp_path))
    assert corpus.splits == ("train", "dev", "test")
    assert [(source.split, source.genre) for source in corpus.sources] == [
        ("train", "a"),
        ("train", "b"),
        ("dev", "a"),
        ("test", "a"),
    ]
    assert list(corpus.part("dev").texts()) == ["from dev/a.dev"]


def test_a_plain_folder_is_one_stream_in_sorted_order(tmp_path):
    for name in ("b.txt", "a.txt", "c.txt~", "d.tmp"):
        write(tmp_path / name, f"{name}\n")
    corpus = read_corpus(str(tmp_path))
    assert corpus.splits == ("all",) and list(corpus.texts()) == ["a.txt", "b.txt"]


@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
def test_blocks_cut_anywhere_give_the_same_lines(tmp_path, monkeypatch, size):
    monkeypatch.setattr(text, "BLOCK_BYTES", size)
    lines = ["é", "two words", "🅁 marker", "x" * 20]
    spec = write(tmp_path / "a.txt", "\n".join(lines) + "\n")
    assert list(read_corpus(spec).texts()) == lines


BAD = b"good\n\n   \t\nbad \xe9t\xe9\n" + b"x" * 60 + b"\nno\0\ngood\r\n"


@pytest.mark.parametrize("size", [5, 1 << 20])
def test_all_lines_that_are_no_text_are_counted_and_named(tmp_path, monkeypatch, size):
    monkeypatch.setattr(text, "BLOCK_BYTES", size)
    monkeypatch.setattr(lines, "LONGEST_LINE", 50)
    spec = write(tmp_path / "a.txt", BAD)
    with pytest.raises(UserError) as error:
        list(read_corpus(spec).texts())
    assert str(error.value) == (
        f"{spec} line 4: not UTF-8 (byte 0xE9 at byte 5), line 5: longer than 50 bytes, line 6: holds a NUL: "
        "3 bad lines (1 not UTF-8, 1 too long, 1 with a NUL). Mend them, or go on without them: --bad-lines skip; "
        "or divide long lines: --sentences split."
    )
    corpus = read_corpus(f"{spec}:bad-lines=skip")
    assert list(corpus.texts()) == ["good", "good"]
    total = corpus.survey.total
    assert (total.lines, total.blank, total.bad.total(), total.sentences, total.words) == (7, 2, 3, 2, 2)
    assert corpus.fingerprint() != read_corpus(spec).fingerprint()
    assert corpus.name == "a.txt:bad-lines=skip"


def test_faults_of_all_files_are_told_at_once(tmp_path):
    """Reading stops nowhere before the last of them, whichever way it is read."""
    for split in ("train", "dev"):
        write(tmp_path / split / f"a.{split}", b"good\n" + b"bad \xe9\n" * 8)
    corpus = read_corpus(str(tmp_path))
    expected = f"{tmp_path}/train/a.train line 2: not UTF-8 (byte 0xE9 at byte 5), line 3: "
    for read in (lambda: list(corpus.texts()), lambda: corpus.survey):
        with pytest.raises(UserError) as error:
            read()
        message = str(error.value)
        assert message.startswith(expected) and message.count("line ") == 10 and "\n" not in message
        assert f"; {tmp_path}/dev/a.dev line 2: " in message
        assert " and 6 more: 16 bad lines (16 not UTF-8). Mend them" in message


def test_an_endless_line_is_passed_over_without_being_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", 100)
    monkeypatch.setattr(lines, "LONGEST_LINE", 250)
    spec = write(tmp_path / "a.txt", b"one\n" + b"x" * 10_000 + b"\nthree\n" + b"y" * 777)
    with pytest.raises(UserError, match=r"line 2: longer than 250 bytes, line 4: longer than 250 bytes: 2 bad lines"):
        list(read_corpus(spec).texts())
    assert list(read_corpus(f"{spec}:bad-lines=skip").texts()) == ["one", "three"]
    longest = [
        len(value) for chunk in TextFile(Path(spec), "all", "a").lines(250) for value in chunk.values.to_pylist()
    ]
    assert longest == [3, 251, 5, 251]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"PK\x03\x04", "this is zip. Unpack it first."),
        ("hi".encode("utf-16"), "this is UTF-16, not UTF-8 text. Convert it first."),
        (b"<?xml version='1.0'?>", "this is XML, not text. Make text of it first."),
        (b"", "empty. A corpus file holds one sentence a line."),
        (b"\n \n", "holds no sentences but 2 blank lines. Fill it, or take it out of the corpus."),
        (b'{"text": "a"}\n', "JSON, not text. Name it .jsonl, and its column of sentences is read."),
        (
            gzip.compress(b"one line\n" * 1000, mtime=0)[:-20],
            "cut short, the packed content does not end. Fetch it again.",
        ),
    ],
)
def test_files_of_another_kind_are_named(tmp_path, content, fault):
    spec = write(tmp_path / "a.txt", content)
    with pytest.raises(UserError) as error:
        list(read_corpus(spec).texts())
    assert str(error.value) == f"{spec}: {fault}"


def packed(content, codec):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(("suffix", "codec"), [(".gz", "gzip"), (".zst", "zstd"), (".bz2", "bz2"), ("", "zstd")])
def test_packed_files_are_read_as_what_they_hold(tmp_path, suffix, codec):
    lines_there = [f"sentence {number}" for number in range(100_000)]
    content = "\ufeff" + "".join(f"{line}\n" for line in lines_there)
    for split in ("train", "dev"):
        write(tmp_path / split / f"a.{split}{suffix}", packed(content.encode(), codec))
    corpus = read_corpus(str(tmp_path))
    assert [(source.split, source.genre) for source in corpus.sources] == [("train", "a"), ("dev", "a")]
    assert list(corpus.part("dev").texts()) == lines_there
    cut = write(tmp_path / f"b.txt{suffix}", packed(content.encode(), codec)[:-500])
    with pytest.raises(UserError, match=r"cut short, the packed content does not end|cannot be read"):
        list(read_corpus(cut).texts())


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("sentence=x", "unknown option 'sentence'. Known: size, column, test, sentences, bad-lines, features."),
        ("bad-lines=drop", "bad-lines is stop or skip, not 'drop'."),
        ("bad-lines=skip,bad-lines=skip", "bad-lines is given twice."),
        ("column=", "column is a name, not ''."),
    ],
)
def test_an_option_that_there_is_not(tmp_path, given, fault):
    spec = write(tmp_path / "a.txt", "one\n") + ":" + given
    with pytest.raises(UserError) as error:
        read_corpus(spec)
    assert str(error.value) == f"--corpus {spec}: {fault}"


def test_flags_and_spec_are_the_same_options(tmp_path):
    spec = write(tmp_path / "a.txt", "one\n")
    assert with_flags(spec, {"bad-lines": None}) == spec
    assert with_flags(spec, {"bad-lines": "skip"}) == f"{spec}:bad-lines=skip"
    assert with_flags(f"{spec}:bad-lines=skip", {"bad-lines": "skip"}) == f"{spec}:bad-lines=skip"
    assert with_flags(f"{spec}:column=a", {"bad-lines": "skip"}) == f"{spec}:column=a,bad-lines=skip"
    assert with_flags(f"{tmp_path}:10M", {"column": "a"}) == f"{tmp_path}:10M,column=a"
    assert with_flags("hub:a/b:::c", {"bad-lines": "skip"}) == "hub:a/b:::c:bad-lines=skip"
    with pytest.raises(UserError, match=r"--bad-lines skip: the corpus .* says stop\. Say it once\."):
        with_flags(f"{spec}:bad-lines=stop", {"bad-lines": "skip"})
    with pytest.raises(UserError, match=r"--bad-lines no: stop or skip is expected\."):
        with_flags(spec, {"bad-lines": "no"})
    with pytest.raises(UserError, match="--bad-lines: grammar is made of sentences"):
        with_flags("grammar", {"bad-lines": "skip"})


def test_a_path_with_a_colon_is_a_path(tmp_path):
    spec = write(tmp_path / "a:10M" / "b.txt", "one\n")
    assert list(read_corpus(spec).texts()) == ["one"]
    assert list(read_corpus(str(tmp_path / "a:10M")).texts()) == ["one"]


def test_the_fingerprint_follows_content_genre_and_split(tmp_path):
    first = read_corpus(write(tmp_path / "x" / "a.txt", "one\n")).fingerprint()
    assert read_corpus(write(tmp_path / "y" / "a.txt", "one\n")).fingerprint() == first
    assert read_corpus(write(tmp_path / "z" / "b.txt", "one\n")).fingerprint() != first
    assert read_corpus(write(tmp_path / "w" / "a.txt", "two\n")).fingerprint() != first
