"""Annotating a corpus: what it writes, where it goes on after it was cut off, and what it refuses."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from impossible_lms import annotate, corpus_of, load_annotator, read_corpus
from impossible_lms.corpora import annotate as stage
from impossible_lms.corpora.annotated import Sentence, Token, Word, rows_of
from impossible_lms.errors import UserError
from impossible_lms.files import write_record
from impossible_lms.growing import GrowingFile
from impossible_lms.locks import lock_beside, wait_for_lock

GRAMMAR = "grammar:sentences=130,seed=0"


class Splitter:
    """Divides texts at full stops, and words at spaces: an annotator that needs no library."""

    packages: tuple[str, ...] = ()
    batch = 4
    longest: int | None = None
    makes_trees = False

    def __init__(self, version=1):
        self.description = {"annotator": "splitter", "version": version}

    def annotate(self, sentences):
        for text in sentences.column("text").to_pylist():
            yield rows_of(text, [Sentence(tokens) for tokens in self.sentences(text)])

    def sentences(self, text):
        tokens, place = [], 0
        for piece in text.split():
            start = text.index(piece, place)
            place = start + len(piece)
            tokens.append(Token(start, place, (Word(piece, lemma=piece.lower()),)))
            if piece.endswith("."):
                yield tokens
                tokens = []
        if tokens:
            yield tokens


@pytest.fixture
def corpus(tmp_path):
    """A corpus in BabyLM's layout: 21 lines in three files."""
    for name, lines in (("train/b.train", 10), ("train/a.train", 7), ("dev/a.dev", 4)):
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"Line {number} of {name} . And more.\n" for number in range(lines)), encoding="utf-8")
    return read_corpus(str(tmp_path / "corpus"))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"It is {number} .  Yes, really.\n" for number in range(20)), encoding="utf-8")
    return read_corpus(str(path))


def content(output):
    paths = sorted(output.rglob("*")) if output.is_dir() else [output, output.with_name(output.name + ".json")]
    return {path.name: path.read_bytes() for path in paths}


def test_a_corpus_that_is_not_divided_becomes_one_file(text, tmp_path):
    record = annotate(text, Splitter(), tmp_path / "x.conllu")
    assert record["counts"] == {
        "read": 20,
        "read_without_words": 0,
        "sentences": 40,
        "words": 120,
        "words_without_lemma": 0,
    }
    assert record["request"] == {
        "annotator": {"annotator": "splitter", "version": 1},
        "corpus": text.fingerprint(),
        "packages": {},
    }
    assert set(content(tmp_path / "x.conllu")) <= {path.name for path in tmp_path.iterdir()}
    assert not list(tmp_path.glob(".*"))
    rows = [row for _, block in read_corpus(str(tmp_path / "x.conllu")).blocks() for row in block.to_pylist()]
    assert rows[3]["comments"] == ["# sent_id = text-2-2", "# text = Yes, really."]
    assert rows[2]["words"] == ["It", "is", "1", "."] and rows[2]["lemmas"] == ["it", "is", "1", "."]
    assert stage.summary(record) == "20 read, 40 sentences, 120 words"


def test_a_divided_corpus_becomes_a_folder_of_the_same_splits(corpus, tmp_path):
    record = annotate(corpus, Splitter(), tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == ["a-dev.conllu", "a-train.conllu", "b-train.conllu", "manifest.json"]
    made = read_corpus(str(tmp_path / "out"))
    assert made.splits == ("train", "dev")
    assert [(source.split, source.genre) for source in made.sources] == [("dev", "a"), ("train", "a"), ("train", "b")]
    for split in made.splits:
        lines = "".join(f"{line}\n" for line in corpus.part(split).texts())
        assert sorted(made.part(split).texts()) == sorted(lines.replace(" . ", " .\n").splitlines())
    assert [source["counts"]["read"] for source in record["sources"]] == [7, 10, 4]
    again = annotate(made, Splitter(), tmp_path / "again")  # UD's names are splits too
    assert [source["file"] for source in again["sources"]] == ["a-dev.conllu", "a-train.conllu", "b-train.conllu"]


def test_batches_do_not_change_results(corpus, tmp_path, monkeypatch):
    annotate(corpus, Splitter(), tmp_path / "x")
    monkeypatch.setattr(Splitter, "batch", 1000)
    annotate(corpus, Splitter(), tmp_path / "y")
    assert content(tmp_path / "x") == content(tmp_path / "y")


def test_what_is_there_is_left_alone_and_anything_else_is_refused(text, corpus, tmp_path, monkeypatch):
    output = tmp_path / "x.conllu"
    record = annotate(text, Splitter(), output)
    monkeypatch.setattr(Splitter, "annotate", None)  # is not called again
    assert annotate(text, Splitter(), output) == record
    with pytest.raises(UserError, match=r"x.conllu: belongs to something else \(annotator.version was 1, now 2\)"):
        annotate(text, Splitter(2), output)
    (tmp_path / "mine.conllu").write_text("mine")
    with pytest.raises(UserError, match=r"mine.conllu: exists and is not a finished annotated corpus"):
        annotate(text, Splitter(), tmp_path / "mine.conllu")
    with pytest.raises(UserError, match=r"corpus: exists and is not a finished annotated corpus"):
        annotate(corpus, Splitter(), tmp_path / "corpus")
    assert not list(tmp_path.glob(".*"))


def test_an_output_of_the_wrong_form_is_refused(text, corpus, tmp_path):
    with pytest.raises(UserError) as error:
        annotate(text, Splitter(), tmp_path / "x")
    what = "text.txt is not divided into splits and becomes one file. Name it so that it ends in .conllu."
    assert str(error.value) == f"--output {tmp_path / 'x'}: {what}"
    with pytest.raises(UserError) as error:
        annotate(corpus, Splitter(), tmp_path / "x.conllu")
    what = "corpus is divided into train, dev and becomes several files. Name a folder."
    assert str(error.value) == f"--output {tmp_path / 'x.conllu'}: {what}"


def test_files_of_one_genre_become_one(tmp_path):
    for name in ("train/books/a.txt", "train/books/b.txt", "train/talk.txt", "test/books/a.txt"):
        (tmp_path / "x" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "x" / name).write_text(f"In {name} .\nTwo.\n")
    corpus = read_corpus(str(tmp_path / "x"))
    record = annotate(corpus, Splitter(), tmp_path / "out")
    assert [source["file"] for source in record["sources"]] == [
        "books-train.conllu",
        "books-train.conllu",
        "talk-train.conllu",
        "books-test.conllu",
    ]
    made = read_corpus(str(tmp_path / "out"))
    assert list(made.texts()) == [*corpus.part("test").texts(), *corpus.part("train").texts()]
    ids = [row["comments"][0] for _, block in made.part("train").blocks() for row in block.to_pylist()]
    assert ids == [
        f"# sent_id = {each}"
        for each in ("books-1-1", "books-2-1", "books.2-1-1", "books.2-2-1", "talk-1-1", "talk-2-1")
    ]
    assert record["read"]["parts"][0] == {
        "split": "train",
        "genre": "books",
        "files": 2,
        "lines": 4,
        "blank": 0,
        "bad": {},
        "sentences": 4,
        "words": 8,
        "open": 0,
        "told_by": "line",
    }


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


class Instants:
    """Dies at one of the moments at which something is written: before, half-way through, or after."""

    def __init__(self, monkeypatch, at):
        self.left = at
        append = GrowingFile.append
        instants = self

        def dying_append(file, data):
            instants.tick()
            if instants.left == 0:
                file._file.write(data[: len(data) // 2])
                file._file.flush()
            instants.tick()
            append(file, data)
            instants.tick()

        def dying(function):
            def dies(*arguments, **options):
                instants.tick()
                result = function(*arguments, **options)
                instants.tick()
                return result

            return dies

        monkeypatch.setattr(GrowingFile, "append", dying_append)
        monkeypatch.setattr(Path, "replace", dying(Path.replace))
        monkeypatch.setattr(stage, "write_record", dying(write_record))
        monkeypatch.setattr(shutil, "rmtree", dying(shutil.rmtree))

    def tick(self):
        if self.left == 0:
            raise Killed
        self.left -= 1


@pytest.mark.parametrize("form", ["text", "corpus"])
def test_cut_off_at_any_instant_it_goes_on_to_the_same_bytes(request, form, tmp_path):
    source = request.getfixturevalue(form)
    output = tmp_path / ("out.conllu" if form == "text" else "out")
    annotate(source, Splitter(), tmp_path / "whole" / output.name)
    whole = content(tmp_path / "whole" / output.name)
    instant, resumed, begun = 0, 0, 0
    while True:
        with pytest.MonkeyPatch.context() as patch:
            Instants(patch, instant)
            try:
                annotate(source, Splitter(), output)
                break
            except Killed:
                instant += 1
        if output.exists():  # appears only when complete
            assert content(output) == whole
        state = tmp_path / f".{output.name}.annotating" / "state.json"
        if state.is_file():
            begun += 1
            resumed += json.loads(state.read_text())["words"] > 0
        annotate(source, Splitter(), output)
        assert content(output) == whole
        assert not list(tmp_path.glob(".*"))
        shutil.rmtree(output) if output.is_dir() else output.unlink()
    assert instant > 40 and resumed > 30 and resumed == begun  # the test can fail: it did resume


def test_a_killed_run_goes_on_where_it_was(text, tmp_path):
    done = []

    class Slow(Splitter):
        def annotate(self, sentences):
            done.append(len(sentences))
            if len(done) == 3:
                raise Killed
            return super().annotate(sentences)

    for _ in range(2):
        try:
            annotate(text, Slow(), tmp_path / "x.conllu")
        except Killed:
            continue
    assert done == [4, 4, 4, 4, 4, 4]  # two batches, the third twice, and two more


def test_what_was_done_for_something_else_is_not_taken_up(text, tmp_path):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        Instants(patch, 15)
        annotate(text, Splitter(), tmp_path / "x.conllu")
    with pytest.raises(
        UserError, match=r"\.x\.conllu\.annotating: belongs to something else \(annotator.version was 1"
    ):
        annotate(text, Splitter(2), tmp_path / "x.conllu")
    part = tmp_path / ".x.conllu.annotating" / "files" / "x.conllu"
    part.write_bytes(part.read_bytes().replace(b"really", b"barely"))
    with pytest.raises(UserError, match=r"x.conllu: damaged since it was written. Remove .*files and begin again."):
        annotate(text, Splitter(), tmp_path / "x.conllu")


def test_a_corpus_that_changes_meanwhile_is_a_fault(text, tmp_path):
    class Meddler(Splitter):
        def annotate(self, sentences):
            with (tmp_path / "text.txt").open("r+") as file:
                file.write("But")
            return super().annotate(sentences)

    with pytest.raises(
        UserError, match=r"corpus text.txt: changed while it was annotated. Remove .*x.conllu.annotating"
    ):
        annotate(text, Meddler(), tmp_path / "x.conllu")
    assert not (tmp_path / "x.conllu").exists()


def test_two_runs_do_not_write_the_same_output(text, tmp_path):
    class Twice(Splitter):
        def annotate(self, sentences):
            with pytest.raises(UserError, match=r"x\.conllu: is being annotated by process"):
                annotate(text, Splitter(), tmp_path / "x.conllu")
            return super().annotate(sentences)

    annotate(text, Twice(), tmp_path / "x.conllu")


def test_who_comes_second_loses_nothing_to_the_first_ones_tidying(text, tmp_path, monkeypatch):
    """What a run worked in is removed before another may begin to work there."""
    remove, held = shutil.rmtree, []

    def removed(path, **how):
        if str(path).endswith(".annotating"):
            held.append(not wait_for_lock(lock_beside(tmp_path / "x.conllu"), 0))
        remove(path, **how)

    monkeypatch.setattr(shutil, "rmtree", removed)
    annotate(text, Splitter(), tmp_path / "x.conllu")
    assert held == [True]
    lock_beside(tmp_path / "x.conllu").write_text("machine 999999999 1\n")  # killed at the very end
    annotate(text, Splitter(), tmp_path / "x.conllu")
    assert sorted(path.name for path in tmp_path.glob(".x*")) == []


def test_nothing_is_dropped_in_silence(tmp_path):
    corpus = corpus_of(["One two.", " ", "Three"])
    record = annotate(corpus, Splitter(), tmp_path / "x.conllu")
    assert record["counts"]["read"] == 3 and record["counts"]["read_without_words"] == 1
    assert stage.summary(record) == "3 read, 2 sentences, 3 words, 1 read without words"
    with pytest.raises(UserError, match=r"y.conllu: would be empty, no sentence that belongs there has words."):
        annotate(corpus_of([" ", "\t"]), Splitter(), tmp_path / "y.conllu")

    class Loser(Splitter):
        def annotate(self, sentences):
            return list(super().annotate(sentences))[:-1]

    with pytest.raises(ValueError, match="zip"):
        annotate(corpus, Loser(), tmp_path / "z.conllu")
    assert not (tmp_path / "y.conllu").exists() and not (tmp_path / "z.conllu").exists()


def test_a_sentence_that_cannot_be_annotated_is_named(corpus, tmp_path):
    class Faulty(Splitter):
        def sentences(self, text):
            tokens = next(super().sentences(text))
            yield tokens if "5 of train/b" not in text else tokens[:-2]
            yield from list(super().sentences(text))[1:]

    with pytest.raises(UserError) as error:
        annotate(corpus, Faulty(), tmp_path / "x")
    text = "Line 5 of train/b.train . And more."
    what = f"the annotator's words are not those of the text: '{text}' became 'Line 5 of And more.'."
    assert str(error.value) == f"b (train) sentence 6: {what}"
    with pytest.raises(UserError, match=r"memory sentence 6: holds a newline. Divide it into sentences."):
        annotate(corpus_of(["a"] * 5 + ["b\nc"]), Splitter(), tmp_path / "x.conllu")


def test_an_unknown_annotator(text):
    with pytest.raises(UserError, match=r"--with nltk: no such annotator. Known: spacy, stanza, trees."):
        load_annotator("nltk", text)


def test_a_process_that_is_killed_or_interrupted(tmp_path):
    trees = tmp_path / "gold.trees"
    rows = [row for _, block in read_corpus(GRAMMAR).blocks() for row in block.to_pylist()]
    trees.write_text("".join(row["tree"] + "\n" for row in rows), encoding="utf-8")
    command = [sys.executable, "-c", SLOW, "annotate", GRAMMAR, "--with", f"trees:{trees}", "--output", "x.conllu"]
    state = tmp_path / ".x.conllu.annotating" / "state.json"
    for sent, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        before = state.stat().st_mtime_ns if state.is_file() else 0
        while not state.is_file() or state.stat().st_mtime_ns == before:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(sent)
        error = process.communicate()[1]
        assert process.returncode == code and not (tmp_path / "x.conllu").exists()
        assert "error:" not in error and "Traceback" not in error
        said = "x.conllu: stopped; [0-9,]+ words are annotated. The same command goes on from there.\n$"
        assert (re.search(said, error) is not None) == (code == 130)
    subprocess.run(command, cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    corpus = read_corpus(GRAMMAR)
    annotate(corpus, load_annotator(f"trees:{trees}", corpus), tmp_path / "y.conllu")
    assert (tmp_path / "x.conllu").read_bytes() == (tmp_path / "y.conllu").read_bytes()


SLOW = """
import time
from impossible_lms import cli
from impossible_lms.corpora import batches, with_trees
with_trees.Trees.batch = 5
written = batches.written
batches.written = lambda *arguments: time.sleep(0.02) or written(*arguments)
cli.main()
"""
