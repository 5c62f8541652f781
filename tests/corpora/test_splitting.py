"""Sentences of lines and paragraphs: what is divided, what is joined, and that nothing is lost."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from impossible_lms import UserError, read_corpus
from impossible_lms.corpora import lines, splitting, text
from impossible_lms.corpora.splitting import split_sentences
from tests.layouts import GENRES, SENTENCES, babylm_2024, write

WRAPPED = """= = = A Place = = =

The old mill stands where the river
turns, and nobody
goes there. "Is it far?" he asked.

Mr. Fox went on
home. He slept.
"""


def read(spec):
    return list(read_corpus(spec).texts())


def test_sentences_of_texts():
    said = ['He said "No." and left.', "  It costs 3.50 today.  Dr. Smith came!\u2028Why? ", "no end"]
    assert list(split_sentences(said)) == [
        'He said "No." and left.',
        "It costs 3.50 today.",
        "Dr. Smith came!",
        "Why?",
        "no end",
    ]
    assert list(split_sentences(["Das ist z.B. gut. Ja."], "de")) == ["Das ist z.B. gut.", "Ja."]


def test_long_texts_are_divided_as_short_ones_are():
    odd = 'She said "no.'  # a quotation that never ends
    text = " ".join([odd, *["The mill is old.", "It stands by the river, as it did."] * 3000, "x" * 5000 + " end."])
    found = list(split_sentences([text]))
    assert " ".join(found) == text and found[-1] == "x" * 5000 + " end."
    assert sum(each == "The mill is old." for each in found) > 2950


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_a_line_a_part_of_it_or_a_paragraph(tmp_path, monkeypatch, size):
    monkeypatch.setattr(text, "BLOCK_BYTES", size)
    spec = str(write(tmp_path / "a.txt", WRAPPED))
    assert read(f"{spec}:sentences=line") == read(spec) == [line for line in WRAPPED.splitlines() if line]
    assert read(f"{spec}:sentences=split")[-4:] == [
        '"Is it far?" he asked.',
        "Mr. Fox went on",
        "home.",
        "He slept.",
    ]
    assert read(f"{spec}:sentences=paragraph") == [
        "= = = A Place = = =",
        "The old mill stands where the river turns, and nobody goes there.",
        '"Is it far?" he asked.',
        "Mr. Fox went on home.",
        "He slept.",
    ]
    corpus = read_corpus(f"{spec}:sentences=paragraph")
    total = corpus.survey.total
    assert (total.lines, total.blank, total.sentences) == (8, 2, 5)
    assert corpus.name == "a.txt:sentences=paragraph"


def test_rows_end_paragraphs(tmp_path):
    rows = ["One\nand two.\n\nThree.", None, "Four\n", "five. Six."]
    pq.write_table(pa.table({"text": rows}), tmp_path / "a.parquet")
    corpus = read_corpus(f"{tmp_path / 'a.parquet'}:sentences=paragraph")
    assert list(corpus.texts()) == ["One and two.", "Three.", "Four", "five.", "Six."]
    assert (corpus.survey.total.lines, corpus.survey.total.blank) == (7, 2)


def test_a_corpus_of_paragraphs_becomes_its_sentences(tmp_path):
    corpus = read_corpus(f"{babylm_2024(tmp_path)}:sentences=split")
    found: dict[str, list[str]] = {source.genre: [] for source in corpus.sources}
    for source, block in corpus.part("train").blocks():
        found[source.genre] += block.column("text").to_pylist()
    for genre in ("gutenberg", "wikipedia"):
        assert set(found[genre]) - {"*** THE MILL ***", "= = = Place 3 = = ="} == set(SENTENCES)
        assert len(found[genre]) == 80 + 1
    assert len({corpus.fingerprint(), read_corpus(str(tmp_path)).fingerprint()}) == 2
    assert set(found) == set(GENRES)


def test_the_hash_follows_the_splitter(tmp_path, monkeypatch):
    spec = str(write(tmp_path / "a.txt", "One. Two.\n"))
    before = [read_corpus(spec).fingerprint(), read_corpus(f"{spec}:sentences=split").fingerprint()]
    monkeypatch.setattr(splitting, "version", lambda name: "9.9")
    after = [read_corpus(spec).fingerprint(), read_corpus(f"{spec}:sentences=split").fingerprint()]
    assert before[0] == after[0] and before[1] != after[1]


def test_long_lines_are_for_dividing(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 50)
    path = write(tmp_path / "a.txt", "A short sentence. " * 40 + "\n" + "x" * 60 + "\n")
    with pytest.raises(UserError, match=r"2 too long.*; or divide long lines: --sentences split\.$"):
        read(str(path))
    with pytest.raises(UserError, match=r"a\.txt a sentence longer than 50 bytes \('x{40}…'\)"):
        read(f"{path}:sentences=split")
    assert read(f"{path}:sentences=split,bad-lines=skip") == ["A short sentence."] * 40


def test_lines_that_look_like_paragraphs_are_told_of(tmp_path):
    write(tmp_path / "train" / "books.train", " ".join(SENTENCES) + "\n")
    write(tmp_path / "train" / "talk.train", "One.\nTwo.\n" * 40)
    corpus = read_corpus(str(tmp_path))
    assert next(iter(corpus.survey.notes())) == (
        "Lines of books have 46 words on average: paragraphs? --sentences split makes sentences of them."
    )
    assert not [note for note in read_corpus(f"{tmp_path}:sentences=split").survey.notes() if "--sentences" in note]


def test_lines_that_look_wrapped_are_told_of(tmp_path):
    path = write(tmp_path / "a.txt", "The old mill stands where the river\nturns, and nobody\ngoes there.\n" * 3)
    for spec in (str(path), f"{path}:sentences=split"):
        assert list(read_corpus(spec).survey.notes()) == [
            "Of the lines of a 67% end within a sentence: wrapped? --sentences paragraph joins them."
        ]
    assert not list(read_corpus(f"{path}:sentences=paragraph").survey.notes())


def test_what_is_annotated_has_its_sentences(tmp_path):
    path = write(tmp_path / "a.conllu", "1\ta\ta\tX\t_\t_\t0\troot\t_\t_\n\n")
    with pytest.raises(UserError) as error:
        read_corpus(f"{path}:sentences=split")
    assert str(error.value) == f"--corpus {path}: its sentences are annotated as they are; sentences is for text."
    with pytest.raises(UserError, match=r"sentences is line or split or paragraph, not 'splits'\.$"):
        read_corpus(f"{write(tmp_path / 'b.txt', 'one')}:sentences=splits")
