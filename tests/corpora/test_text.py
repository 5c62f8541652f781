"""Plain text: what counts as a line, the layouts, and each fault with its place."""

import pytest

from impossible_lms import read_corpus
from impossible_lms.corpora import text
from impossible_lms.errors import UserError


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


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


@pytest.mark.parametrize("size", [5, 1 << 20])
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"good\nbad \xe9t\xe9\n", "line 2: not UTF-8 (byte 0xE9 at byte 5 of the line). Convert the file."),
        (b"good\n\nmore\n", "line 2: blank. One sentence a line is expected; remove the line."),
        (b"good\n   \t\nmore\n", "line 2: blank. One sentence a line is expected; remove the line."),
        (b"good\nmore\n" + b"x" * 60 + b"\n", "line 3: longer than 50 characters. One sentence a line is expected."),
        (b"good\nno\0\n", "line 2: holds a NUL. This is no text; convert or remove the line."),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, monkeypatch, size, content, fault):
    monkeypatch.setattr(text, "BLOCK_BYTES", size)
    monkeypatch.setattr(text, "LONGEST_LINE", 50)
    spec = write(tmp_path / "a.txt", content)
    with pytest.raises(UserError) as error:
        list(read_corpus(spec).texts())
    assert str(error.value).replace("50 bytes", "50 characters") == f"{spec} {fault}"


def test_an_endless_line_is_refused_before_it_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", 100)
    monkeypatch.setattr(text, "LONGEST_LINE", 250)
    spec = write(tmp_path / "a.txt", b"one\n" + b"x" * 10_000)
    with pytest.raises(UserError, match="line 2: longer than 250 bytes"):
        list(read_corpus(spec).texts())


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"\x1f\x8b\x08\0", "this is gzip, not UTF-8 text. Convert it first."),
        ("hi".encode("utf-16"), "this is UTF-16, not UTF-8 text. Convert it first."),
        (b"", "empty. A corpus file holds one sentence a line."),
    ],
)
def test_files_of_another_kind_are_named(tmp_path, content, fault):
    spec = write(tmp_path / "a.txt", content)
    with pytest.raises(UserError) as error:
        list(read_corpus(spec).texts())
    assert str(error.value) == f"{spec}: {fault}"


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        read_corpus(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="no text files here"):
        read_corpus(str(tmp_path))


def test_the_fingerprint_follows_content_genre_and_split(tmp_path):
    first = read_corpus(write(tmp_path / "x" / "a.txt", "one\n")).fingerprint()
    assert read_corpus(write(tmp_path / "y" / "a.txt", "one\n")).fingerprint() == first
    assert read_corpus(write(tmp_path / "z" / "b.txt", "one\n")).fingerprint() != first
    assert read_corpus(write(tmp_path / "w" / "a.txt", "two\n")).fingerprint() != first
