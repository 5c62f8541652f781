"""Corpora in Parquet: what was written comes back, and each thing that is no corpus is a fault of one line."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from impossible_lms import UserError, get_language, read_corpus
from impossible_lms.corpora import parquet
from impossible_lms.corpora.parquet import write_parquet


def columns(corpus):
    return pa.Table.from_batches([block for _, block in corpus.blocks()]).to_pylist()


def rewritten(name, corpus, tokenizer):
    result = get_language(name).apply(corpus, tokenizer)
    return [tokens.tolist() for tokens in result.tokens], result.sentence.tolist(), result.affected.tolist()


@pytest.fixture
def grammar():
    return read_corpus("grammar:sentences=2500,seed=3")


@pytest.fixture
def file(grammar, tmp_path):
    write_parquet((block for _, block in grammar.blocks()), tmp_path / "corpus.parquet")
    return tmp_path / "corpus.parquet"


def test_everything_comes_back(grammar, file):
    corpus = read_corpus(str(file))
    assert columns(corpus) == columns(grammar)
    assert [source.genre for source in corpus.sources] == ["corpus"] and corpus.splits == ("all",)
    assert corpus.fingerprint() == read_corpus(str(file)).fingerprint()


@pytest.mark.parametrize("name", ["word-hop", "token-hop", "partial-reverse", "nondeterministic-shuffle"])
def test_languages_see_no_difference(name, grammar, file, tokenizer, monkeypatch):
    expected = rewritten(name, grammar, tokenizer)
    assert rewritten(name, read_corpus(str(file)), tokenizer) == expected
    monkeypatch.setattr(parquet, "ROWS", 77)
    assert rewritten(name, read_corpus(str(file)), tokenizer) == expected


def test_annotation_written_here_is_read_as_numbers_of_a_dictionary(file):
    block = next(block for _, block in read_corpus(str(file)).blocks())
    assert pa.types.is_dictionary(block.column("words").type.value_type)


def test_a_file_of_another_tool_with_text_alone(tmp_path, tokenizer):
    table = pa.table({"text": ["one two", "three"] * 50, "id": range(100)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=7)
    corpus = read_corpus(str(tmp_path / "x.parquet"))
    assert list(corpus.texts()) == ["one two", "three"] * 50
    with pytest.raises(UserError, match="the corpus has no words: "):
        get_language("no-hop").apply(corpus, tokenizer)


def test_folders_called_by_split_are_the_splits(tmp_path):
    for split, genre in [("train", "b"), ("train", "a"), ("test", "a")]:
        (tmp_path / split).mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": [f"{split} {genre}"]}), tmp_path / split / f"{genre}.parquet")
    corpus = read_corpus(str(tmp_path))
    assert corpus.splits == ("train", "test")
    assert list(corpus.texts()) == ["train a", "train b", "test a"]


FAULTS = [
    (
        {"sentence": ["a"], "title": ["b"]},
        ": no column 'text', but sentence, title. Name the one of sentences: --column NAME.",
    ),
    ({"text": [1]}, ": no column of text among text."),
    ({"text": pa.array([], pa.string())}, " (rows from 0): holds no sentences. Fill it, or take it out of the corpus."),
    ({"text": ["a", "a" * 100_001]}, " (rows from 0) row 1: longer than 100,000 bytes."),
    ({"text": ["a\0"]}, " (rows from 0) row 0: holds a NUL."),
    ({"words": [["a"]]}, ": no column 'text' of strings, but ['words']."),
    ({"words": [["a"]], "text": [" "]}, " row 0: blank. One sentence a row is expected."),
]


@pytest.mark.parametrize(("table", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_faults_name_file_and_row(table, fault, tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(table), path)
    with pytest.raises(UserError) as raised:
        list(read_corpus(str(path)).blocks())
    assert str(raised.value).partition(" Mend them")[0] == f"{path}{fault}"


def test_rows_of_text_are_cut_at_their_lines(tmp_path):
    path = tmp_path / "x.parquet"
    kind = pa.dictionary(pa.int32(), pa.large_string())
    pq.write_table(pa.table({"story": pa.array(["One.\n\nTwo.\r\n", None, " ", "Three."]).cast(kind)}), path)
    corpus = read_corpus(str(path))
    assert list(corpus.texts()) == ["One.", "Two.", "Three."]
    assert (corpus.survey.total.lines, corpus.survey.total.blank) == (6, 3)


def test_a_cut_file_is_named(file):
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"corpus\.parquet: cannot be read as Parquet"):
        list(read_corpus(str(file)).blocks())
