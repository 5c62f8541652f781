"""Batches annotated in several processes: the bytes of one, faults named, nothing left behind of a run that ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from impossible_lms import annotate, corpus_of, load_annotator, read_corpus
from impossible_lms.corpora.annotated import Sentence, Token, Word, rows_of
from impossible_lms.corpora.batches import batches, count_words
from impossible_lms.corpora.forecast import spoken
from impossible_lms.errors import UserError


class Words:
    """Divides texts at full stops, and words at spaces; it can be sent to another process."""

    packages: tuple[str, ...] = ()
    batch = 4
    makes_trees = False
    longest: int | None = None
    description: dict[str, object] = {"annotator": "words"}  # noqa: RUF012

    def annotate(self, sentences):
        for text in sentences.column("text").to_pylist():
            if "kill this process" in text:
                os.kill(os.getpid(), signal.SIGKILL)
            found, tokens, place = [], [], 0
            for piece in text.split():
                start = text.index(piece, place)
                place = start + len(piece)
                tokens.append(Token(start, place, (Word(piece, lemma=piece.lower()),)))
                if piece.endswith("."):
                    found.append(Sentence(tokens))
                    tokens = []
            found += [Sentence(tokens)] if tokens else []
            yield rows_of(text if "lose" not in text else text + "?", found)


@pytest.fixture
def corpus(tmp_path):
    """Sentences that go over line ends, in two genres of train and one of dev."""
    for name, lines in (("train/a.train", 23), ("train/b.train", 7), ("dev/a.dev", 9)):
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ends = ["and", "", "then."]
        path.write_text("".join(f"  Line {number} of {name} {ends[number % 3]}\n" for number in range(lines)))
    return read_corpus(str(tmp_path / "corpus"))


def content(output):
    return {path.name: path.read_bytes() for path in sorted(output.iterdir())}


def sentences(output):
    return [row for _, block in read_corpus(str(output)).blocks() for row in block.to_pylist()]


@pytest.mark.parametrize("join_lines", [None, 5])
def test_processes_give_the_bytes_of_one(corpus, tmp_path, join_lines):
    annotate(corpus, Words(), tmp_path / "one", join_lines=join_lines)
    annotate(corpus, Words(), tmp_path / "two", join_lines=join_lines, processes=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert len(content(tmp_path / "one")) == 4


def test_lines_are_joined_and_the_annotator_finds_the_sentences(corpus, tmp_path):
    record = annotate(corpus, Words(), tmp_path / "out", join_lines=3)
    assert record["counts"]["read"] == 39 and record["request"]["join_lines"] == 3
    assert [source["counts"]["read"] for source in record["sources"]] == [23, 7, 9]
    made = read_corpus(str(tmp_path / "out"))
    first = next(made.part("dev").blocks())[1].to_pylist()
    assert [row["text"] for row in first[:2]] == [
        f"Line {n} of dev/a.dev and Line {n + 1} of dev/a.dev Line {n + 2} of dev/a.dev then." for n in (0, 3)
    ]
    assert [row["comments"][0] for row in first] == [f"# sent_id = a-{number}-1" for number in (1, 2, 3)]
    lines = [row["text"] for _, block in made.part("train").blocks() for row in block.to_pylist()]
    assert lines[7:9] == ["Line 21 of train/a.train and Line 22 of train/a.train", lines[8]]  # never over a file's end
    with pytest.raises(UserError, match=r"out: belongs to something else \(join_lines was 3, now 5\)"):
        annotate(corpus, Words(), tmp_path / "out", join_lines=5)


def test_batches_stand_at_the_same_places_however_a_source_is_cut_into_blocks():
    class Cut:
        split, genre = "all", "cut"

        def __init__(self, size):
            self.size = size

        def digest(self):
            return ""

        def blocks(self):
            for start in range(0, 50, self.size):
                corpus = corpus_of([f"line {number}" for number in range(start, min(50, start + self.size))])
                yield next(corpus.blocks())[1]

    for size, joined, expected in ((4, 3, [3] * 16 + [2]), (7, 3, [6] * 8 + [2]), (1, 60, [50])):
        found = [list(batches(0, Cut(cut), size, joined, "lines")) for cut in (1, 13, 50)]
        texts = [[batch.texts.column("text").to_pylist() for batch in each] for each in found]
        assert texts[0] == texts[1] == texts[2]
        assert [batch.read for batch in found[0]] == expected
        assert sum(batch.words() for batch in found[0]) == 100


def test_faults_name_the_sentences(tmp_path):
    texts = [f"Text {number}." for number in range(20)]
    texts[13] = "Please lose this."
    for processes in (1, 2):
        with pytest.raises(UserError, match=r"^memory sentence 14: the annotator's words are not those of the text"):
            annotate(corpus_of(texts), Words(), tmp_path / "x.conllu", processes=processes)
        with pytest.raises(UserError, match=r"^memory sentences 11 to 15: the annotator's words are not"):
            annotate(corpus_of(texts), Words(), tmp_path / "y.conllu", processes=processes, join_lines=5)
    with pytest.raises(UserError, match=r"^memory sentence 2: holds a newline"):
        annotate(corpus_of(["a", "b\nc"]), Words(), tmp_path / "z.conllu", join_lines=5)


def test_a_long_text_is_shown_where_it_goes_wrong(tmp_path):
    texts = [f"Text number {number} is whole." for number in range(3000)]
    texts[1500] = "We lose it."
    with pytest.raises(UserError) as error:
        annotate(corpus_of(texts), Words(), tmp_path / "x.conllu", join_lines=5000)
    assert len(str(error.value)) < 700


def test_what_an_annotator_cannot_take_is_said_before_the_work(tmp_path):
    class Short(Words):
        longest: int | None = 60

        def annotate(self, sentences):
            raise AssertionError

    corpus = corpus_of(["Ten signs."] * 7 + ["x" * 61])
    with pytest.raises(UserError, match=r"^memory sentence 8: 61 characters; this annotator takes 60 at a time\.$"):
        annotate(corpus, Short(), tmp_path / "x.conllu")
    with pytest.raises(
        UserError, match=r"memory sentences 1 to 6: 65 characters; .* 60 at a time\. Join fewer lines\.$"
    ):
        annotate(corpus, Short(), tmp_path / "x.conllu", join_lines=6)
    with pytest.raises(UserError, match=r"^--join-lines: a treebank's trees are looked up sentence by sentence"):
        grammar = read_corpus("grammar:sentences=5,seed=0")
        annotate(grammar, load_annotator("trees:grammar:sentences=5,seed=0", grammar), tmp_path / "x", join_lines=5)


def test_a_process_that_is_gone_is_said_and_the_work_goes_on_where_it_was(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"Text {number}.\n" for number in range(59)) + "kill this process\n")
    with pytest.raises(UserError, match=r"^--processes: one of them has ended .* The same command goes on"):
        annotate(read_corpus(str(path)), Words(), tmp_path / "x.conllu", processes=2)
    assert json.loads((tmp_path / ".x.conllu.annotating" / "state.json").read_text())["words"] >= 80


def test_the_hours_are_said_before_it_begins(tmp_path, monkeypatch):
    lines = [f"Text number {number}." for number in range(40_000)]
    monkeypatch.setattr(Words, "batch", 20_000)
    said: list[str] = []
    record = annotate(corpus_of(lines), Words(), tmp_path / "x.conllu", say=said.append)
    assert record["counts"]["words"] == 120_000
    start, end = "120,000 words to annotate, about ", "measured on 2,400. Stopped, the same command goes on."
    assert len(said) == 1 and said[0].startswith(start) and said[0].endswith(end)
    assert " words a second in 1 process, " in said[0]
    annotate(corpus_of(lines[:100]), Words(), tmp_path / "y.conllu", say=said.append)
    assert len(said) == 1  # soon done
    assert [spoken(each) for each in (4, 89, 600, 5400, 172_000, 400_000)] == [
        *("4 seconds", "89 seconds", "10 minutes", "1.5 hours", "47.8 hours", "4.6 days"),
    ]
    assert count_words(next(corpus_of([" a  b\u2003c\t", "", "d"]).blocks())[1].column("text")) == 4


SCRIPT = """
import sys
import time
from impossible_lms import annotate, read_corpus
from tests.corpora.test_batches import Words

class Slow(Words):
    def annotate(self, sentences):
        time.sleep(0.05)
        return super().annotate(sentences)

if __name__ == "__main__":
    from impossible_lms import cli
    sys.argv = ["impossible"]
    cli.app = lambda *arguments, **options: annotate(read_corpus("corpus"), Slow(), "out", processes=2)
    cli.main()
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_leaves_no_process_and_is_taken_up(corpus, tmp_path, sent):
    script, state = tmp_path / "script.py", tmp_path / ".out.annotating" / "state.json"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not state.is_file():
        assert process.poll() is None
        time.sleep(0.01)
    if sent == signal.SIGINT:
        os.killpg(process.pid, sent)  # as a terminal sends it: to the children too
    else:
        process.kill()
    error = process.communicate(timeout=60)[1]  # ends when nobody holds the pipe any more
    assert "Traceback" not in error and not (tmp_path / "out").exists()
    while running(process.pid):
        time.sleep(0.01)
    annotate(corpus, Words(), tmp_path / "whole")
    annotate(corpus, Words(), tmp_path / "out", processes=2)
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    shutil.rmtree(tmp_path / "out")


def running(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
