"""Tables: which column holds the sentences, and each row that is none, by its number."""

import pytest

from impossible_lms import UserError, read_corpus
from impossible_lms.corpora import tables as module
from impossible_lms.corpora import text
from tests.layouts import SENTENCES, tables, write


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".tsv", ".parquet"])
def test_the_column_text_is_read(tmp_path, ending):
    path = tables(tmp_path)[ending]
    corpus = read_corpus(str(path))
    assert list(corpus.texts()) == list(SENTENCES)
    assert list(read_corpus(f"{path}:column=text").texts()) == list(SENTENCES)
    with pytest.raises(UserError, match=r"no column 'body'\. Its columns: id, text\.$"):
        read_corpus(f"{path}:column=body")
    with pytest.raises(UserError, match=r"the column 'id' does not hold text\. Those that do: text\.$"):
        read_corpus(f"{path}:column=id")


UNCLEAR = {
    "a.jsonl": '{"title": "A", "body": "One.", "n": 1}\n',
    "a.csv": "title,body,n\nA,One.,1\n",
    "a.tsv": "title\tbody\tn\nA\tOne.\t1\n",
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_which_column_is_not_clear(tmp_path, name):
    path = write(tmp_path / name, UNCLEAR[name])
    with pytest.raises(UserError) as error:
        read_corpus(str(path))
    assert str(error.value) == (
        f"{path}: no column 'text', but title, body, n. Name the one of sentences: --column NAME."
    )
    assert list(read_corpus(f"{path}:column=body").texts()) == ["One."]
    assert read_corpus(f"{path}:column=body").fingerprint() != read_corpus(f"{path}:column=title").fingerprint()


def test_the_only_column_of_text_is_taken_if_it_has_a_name(tmp_path):
    assert list(read_corpus(str(write(tmp_path / "a.csv", "id,sentence\n1,One.\n"))).texts()) == ["One."]
    with pytest.raises(UserError, match="no column 'text', but The first sentence of all"):
        read_corpus(str(write(tmp_path / "b.csv", "The first sentence of all.\nThe second.\n")))


def test_rows_hold_what_rows_hold(tmp_path):
    path = write(tmp_path / "a.csv", 'id,text\r\n1,"One, ""quoted"".\r\nTwo."\r\n2,\r\n3,Three.\r\n')
    corpus = read_corpus(str(path))
    assert list(corpus.texts()) == ['One, "quoted".', "Two.", "Three."] and corpus.survey.total.blank == 1
    path = write(tmp_path / "a.tsv", 'id\ttext\n1\t"Who," she said.\n2\tA 5" nail.\n')
    assert list(read_corpus(str(path)).texts()) == ['"Who," she said.', 'A 5" nail.']
    path = write(tmp_path / "b.tsv", 'id\ttext\n1\t"A tab\tin it."\n')
    assert list(read_corpus(str(path)).texts()) == ["A tab\tin it."]
    path = write(
        tmp_path / "a.jsonl", '\n{"text": "Ünë\\u0041"}\n{"other": 1, "text": null}\n{"other": {"deep": [1]}}\n'
    )
    corpus = read_corpus(str(path))
    assert list(corpus.texts()) == ["ÜnëA"] and corpus.survey.total.blank == 3


ROWS = '{"text": "a"}\nnot JSON\n{"text": 3}\n{"text": "\\ud800"}\n[1]\n{"text": "a\\u0000"}\n{"text": "b"}\n'


@pytest.mark.parametrize("size", [9, 1 << 20])
def test_lines_that_are_no_json_are_named(tmp_path, monkeypatch, size):
    monkeypatch.setattr(text, "BLOCK_BYTES", size)
    path = write(tmp_path / "a.jsonl", ROWS)
    with pytest.raises(UserError) as error:
        list(read_corpus(str(path)).texts())
    assert str(error.value) == (
        f"{path} line 2: not JSON, line 3: without text in the column 'text', line 4: not UTF-8 (byte 0xED at byte 1), "
        "line 5: not JSON, line 6: holds a NUL: 5 bad lines (2 not JSON, 1 without text in the column 'text', "
        "1 not UTF-8, 1 with a NUL). Mend them, or go on without them: --bad-lines skip."
    )
    assert list(read_corpus(f"{path}:bad-lines=skip").texts()) == ["a", "b"]


def test_rows_of_csv_that_are_none_are_named(tmp_path):
    path = write(tmp_path / "a.csv", b"id,text\n1,a\n2,b,c\n3\n4,d\n5,caf\xe9\n")
    with pytest.raises(UserError) as error:
        list(read_corpus(str(path)).texts())
    assert str(error.value).startswith(f"{path} row 6: not UTF-8 (byte 0xE9 at byte 4), row 3: with ")
    assert "3 bad lines (2 with columns missing or too many, 1 not UTF-8)" in str(error.value)
    assert list(read_corpus(f"{path}:bad-lines=skip").texts()) == ["a", "d"]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.jsonl", "", "empty. A corpus file holds sentences."),
        ("a.csv", " \n", "empty. A corpus file holds sentences."),
        ("a.csv", "id,n\n1,2\n", "no column of text among id, n."),
        ("a.json", '[\n{"text": "a"}\n]\n', "no JSON Lines; a line is expected to be an object"),
        ("a.jsonl", "plain text\n", "no JSON Lines; a line is expected to be an object"),
        ("a.jsonl", '{"n": 1}\n', "no column of text among n."),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, content, fault):
    path = write(tmp_path / name, content)
    with pytest.raises(UserError) as error:
        read_corpus(str(path))
    assert str(error.value).startswith(f"{path}: {fault}")


def test_large_tables_are_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(module, "LONGEST_ROW", 5000)
    texts = [f"sentence {number}\nwith a line" for number in range(2000)]
    quoted = "".join(f'{number},"{each}"\n' for number, each in enumerate(texts))
    path = write(tmp_path / "a.csv", "id,text\n" + quoted)
    corpus = read_corpus(str(path))
    assert list(corpus.texts()) == "\n".join(texts).split("\n")
    assert corpus.survey.total.lines == 4000
    path = write(tmp_path / "b.csv", "id,text\n" + quoted + "1,2,3\n" + quoted)
    with pytest.raises(UserError, match="row 2,002: with columns missing or too many"):
        list(read_corpus(str(path)).texts())


def test_a_table_of_columns_alone_holds_nothing(tmp_path):
    path = write(tmp_path / "a.csv", "text\n")
    with pytest.raises(UserError, match="holds no sentences"):
        list(read_corpus(str(path)).texts())
