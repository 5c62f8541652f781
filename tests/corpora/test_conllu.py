"""CoNLL-U: what is read from it, each fault with its place, and files written as they were."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from impossible_lms import corpus_of, read_corpus
from impossible_lms.corpora import conllu
from impossible_lms.corpora.conllu import CONLLU_SCHEMA, write_conllu
from impossible_lms.errors import UserError, in_one_line

# A range inside a sentence, one at its end that nothing follows, empty nodes, a form `_`, a sentence without comments.
SAMPLE = """\
# newdoc id = sample
# sent_id = 1
# text = He can't go.
1	He	he	PRON	PRP	Case=Nom|Number=Sing|Person=3	4	nsubj	4:nsubj	_
2-3	can't	_	_	_	_	_	_	_	_
2	ca	can	AUX	MD	VerbForm=Fin	4	aux	4:aux	_
3	n't	not	PART	RB	_	4	advmod	4:advmod	_
4	go	go	VERB	VB	VerbForm=Inf	0	root	0:root	SpaceAfter=No
5	.	.	PUNCT	.	_	4	punct	4:punct	_

# sent_id = 2
# text = Sue likes coffee and Bill tea
0.1	(so)	so	_	_	_	_	_	2:advmod	CopyOf=0
1	Sue	Sue	PROPN	NNP	Number=Sing	2	nsubj	2:nsubj	_
2	likes	like	VERB	VBZ	Number=Sing|Person=3|Tense=Pres|VerbForm=Fin	0	root	0:root	_
3	coffee	coffee	NOUN	NN	Number=Sing	2	obj	2:obj	_
4	and	and	CCONJ	CC	_	5	cc	5.1:cc	_
5	Bill	Bill	PROPN	NNP	Number=Sing	2	conj	5.1:nsubj	_
5.1	likes	like	VERB	VBZ	Number=Sing	_	_	2:conj	CopyOf=2
5.2	gladly	gladly	ADV	RB	_	_	_	5.1:advmod	_
6	tea	tea	NOUN	NN	Number=Sing	5	orphan	5.1:obj	_

1-2	du	_	_	_	_	_	_	_	SpaceAfter=No|Gloss=of_the
1	de	de	ADP	_	_	_	_	_	_
2	le	le	DET	_	_	1	det	_	_
3	_	_	SYM	_	_	1	dep	_	Gloss=gap|SpaceAfter=No
4	é	_	X	_	_	1	dep	_	_

"""
GOOD = "1\ta\t_\t_\t_\t_\t2\t_\t_\t_\n2\tb\t_\t_\t_\t_\t0\t_\t_\t_\n\n"  # three lines


def row(number, form="x", lemma="_", features="_", head="_", misc="_"):
    return f"{number}\t{form}\t{lemma}\t_\t_\t{features}\t{head}\t_\t_\t{misc}\n"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def read(path, content):
    """The sentences of a file of that content, each as a dictionary."""
    return sentences(write(path, content))


def sentences(spec):
    return [sentence for _, block in read_corpus(spec).blocks() for sentence in block.to_pylist()]


def blocks(spec) -> Iterator[pa.RecordBatch]:
    return (block for _, block in read_corpus(spec).blocks())


def test_words_and_their_annotation(tmp_path):
    first, second, third = read(tmp_path / "a.conllu", SAMPLE)
    assert first["words"] == ["He", "ca", "n't", "go", "."]
    assert first["lemmas"] == ["he", "can", "not", "go", "."]
    assert first["upos"] == ["PRON", "AUX", "PART", "VERB", "PUNCT"]
    assert first["xpos"] == ["PRP", "MD", "RB", "VB", "."]
    assert first["features"] == ["Case=Nom|Number=Sing|Person=3", "VerbForm=Fin", None, "VerbForm=Inf", None]
    assert first["head"] == [4, 4, 4, 0, 4]
    assert first["deprel"] == ["nsubj", "aux", "advmod", "root", "punct"]
    assert first["deps"][0] == "4:nsubj"
    assert first["misc"] == [None, None, None, "SpaceAfter=No", None]
    assert first["comments"] == ["# newdoc id = sample", "# sent_id = 1", "# text = He can't go."]
    assert second["words"] == ["Sue", "likes", "coffee", "and", "Bill", "tea"]
    assert third["words"] == ["de", "le", "_", "é"]
    assert third["comments"] == [] and third["head"] == [None, 1, 1, 1]


def test_an_underscore_is_nothing_but_the_lemma_of_an_underscore(tmp_path):
    (sentence,) = read(tmp_path / "a.conllu", row(1, "a", "_") + row(2, "_", "_") + row(3, "_", "line"))
    assert sentence["words"] == ["a", "_", "_"]
    assert sentence["lemmas"] == [None, "_", "line"]
    for name in ("upos", "xpos", "features", "head", "deprel", "deps", "misc"):
        assert sentence[name] == [None, None, None]


def test_the_words_of_a_range_touch_and_the_range_says_what_follows(tmp_path):
    first, second, third = read(tmp_path / "a.conllu", SAMPLE)
    assert first["space_after"] == [True, False, True, False, True]
    assert second["space_after"] == [True] * 6
    assert third["space_after"] == [False, False, False, True]


def test_what_a_word_of_a_range_says_of_its_space_does_not_count(tmp_path):
    content = row("1-2", "au") + row(1, "a", misc="SpaceAfter=No") + row(2, "le", misc="SpaceAfter=No") + row(3, "lit")
    (sentence,) = read(tmp_path / "a.conllu", content)
    assert sentence["space_after"] == [False, True, True]
    assert sentence["text"] == "au lit"


@pytest.mark.parametrize(
    ("misc", "has_space"),
    [("SpaceAfter=No", False), ("A=b|SpaceAfter=No|C=d", False), ("SpaceAfter=Nope", True), ("XSpaceAfter=No", True)],
)
def test_space_after_is_a_whole_entry_of_misc(tmp_path, misc, has_space):
    for content in (row(1, misc=misc) + row(2), row("1-1", misc=misc) + row(1) + row(2)):
        (sentence,) = read(tmp_path / "a.conllu", content)
        assert sentence["space_after"] == [has_space, True]


def test_ranges_and_empty_nodes_are_kept_with_the_number_of_words_before_them(tmp_path):
    first, second, third = read(tmp_path / "a.conllu", SAMPLE)
    assert first["extra_places"] == [1] and first["extra_rows"][0].startswith("2-3\tcan't\t")
    assert second["extra_places"] == [0, 5, 5]
    assert [extra.split("\t")[0] for extra in second["extra_rows"]] == ["0.1", "5.1", "5.2"]
    assert third["extra_places"] == [0] and third["extra_rows"][0].endswith("\tSpaceAfter=No|Gloss=of_the")


def test_a_text_that_is_missing_is_built_from_the_words(tmp_path):
    texts = [sentence["text"] for sentence in read(tmp_path / "a.conllu", SAMPLE)]
    assert texts == ["He can't go.", "Sue likes coffee and Bill tea", "du_é"]
    bare = "".join(line + "\n" for line in SAMPLE.split("\n")[:-1] if not line.startswith("#"))
    assert [sentence["text"] for sentence in read(tmp_path / "b.conllu", bare)] == texts


def test_the_first_text_counts_and_other_comments_do_not(tmp_path):
    comments = "# text_en = no\n# texts = no\n# text = # text = yes\n# text = no\n"
    (sentence,) = read(tmp_path / "a.conllu", comments + row(1))
    assert sentence["text"] == "# text = yes"


def test_other_line_ends_a_byte_order_mark_and_blank_lines_make_no_difference(tmp_path):
    expected = read(tmp_path / "a.conllu", SAMPLE)
    assert len(expected) == 3
    for content in (
        SAMPLE.replace("\n", "\r\n"),
        "\ufeff" + SAMPLE,
        SAMPLE.removesuffix("\n"),
        SAMPLE.removesuffix("\n\n"),
        "\n\n" + SAMPLE.replace("\n\n", "\n\n\n\n"),
    ):
        assert read(tmp_path / "b.conllu", content) == expected


def test_lines_end_at_newline_alone(tmp_path):
    forms = ["a\u2028b", "c\x85d", "e\x0bf", "g\rh", "\ufeffi"]
    content = "# text = all\u2028of them\n" + "".join(row(number, form) for number, form in enumerate(forms, 1))
    first, second = read(tmp_path / "a.conllu", content + "\n" + row(1, "next"))
    assert first["words"] == forms and first["text"] == "all\u2028of them"
    assert second["words"] == ["next"]


@pytest.mark.parametrize("size", [1, 2, 5, 100, 500])
@pytest.mark.parametrize("content", [SAMPLE * 3, "\ufeff" + SAMPLE.replace("\n", "\r\n"), "\n\n" + SAMPLE[:-2]])
def test_the_size_of_a_chunk_makes_no_difference(tmp_path, monkeypatch, size, content):
    spec = write(tmp_path / "a.conllu", content)
    whole = list(blocks(spec))
    monkeypatch.setattr(conllu, "CHUNK_BYTES", size)
    parts = list(blocks(spec))
    assert len(parts) > len(whole)
    assert all(part.schema == CONLLU_SCHEMA for part in parts)
    assert pa.Table.from_batches(parts).to_pylist() == pa.Table.from_batches(whole).to_pylist()


CANNOT = "is no number, range or empty node that can stand here."
ID, FEATS, HEAD = "column 1 (ID)", "column 6 (FEATS)", "column 7 (HEAD)"
FAULTS = {
    "nine columns": (
        row(1) + "2\tx\t_\t_\t_\t_\t0\t_\t_\n",
        "line 6: 10 columns separated by tabs are expected, found 9.",
    ),
    "eleven columns": (
        row(1) + row(2, misc="_\t_"),
        "line 6: 10 columns separated by tabs are expected, found 11.",
    ),
    "spaces for tabs": (
        row(1) + row(2).replace("\t", "  "),
        "line 6: 10 columns separated by tabs are expected, found 1.",
    ),
    "blanks in the line between sentences": (
        row(1) + "  \n" + GOOD,
        "line 6: 10 columns separated by tabs are expected, found 1.",
    ),
    "empty column": (row(1) + row(2, lemma=""), "line 6 column 3 (LEMMA): empty. Write _ where there is nothing."),
    "empty last column": (row(1, misc=""), "line 5 column 10 (MISC): empty. Write _ where there is nothing."),
    "a number left out": (row(1) + row(3), f"line 6 {ID}: the next word is number 2, found '3'."),
    "a number twice": (row(1) + row(1), f"line 6 {ID}: the next word is number 2, found '1'."),
    "not from one on": (row(2), f"line 5 {ID}: the next word is number 1, found '2'."),
    "number zero": (row(1) + row(0), f"line 6 {ID}: '0' {CANNOT}"),
    "leading zero": (row(1) + row("02"), f"line 6 {ID}: '02' {CANNOT}"),
    "full-width digit": (row(1) + row("２"), f"line 6 {ID}: '２' {CANNOT}"),
    "full-width second digit": (row(1) + row("1１"), f"line 6 {ID}: '1１' {CANNOT}"),
    "full-width digit before others": (row("１") + row(2) + row(3), f"line 5 {ID}: '１' {CANNOT}"),
    "full-width digit in a range": (row("1-２") + row(1) + row(2), f"line 5 {ID}: '1-２' {CANNOT}"),
    "full-width digit in an empty node": (row(1) + row("1.１"), f"line 6 {ID}: '1.１' {CANNOT}"),
    "a number with a blank": (row(1) + row(" 2"), f"line 6 {ID}: ' 2' {CANNOT}"),
    "more digits than Python reads": (row(1) + row("2" * 5000), f"line 6 {ID}: '{'2' * 5000}' {CANNOT}"),
    "more than 64 bits": (row("1-" + "9" * 25) + row(1), f"line 5 {ID}: '1-{'9' * 25}' {CANNOT}"),
    "the first of two": (row(2) + row("x"), f"line 5 {ID}: the next word is number 1, found '2'."),
    "range in the wrong place": (row(1) + row("1-2") + row(2), f"line 6 {ID}: '1-2' {CANNOT}"),
    "range backwards": (row("1-0") + row(1), f"line 5 {ID}: '1-0' {CANNOT}"),
    "range before its end": (row(1) + row("2-1") + row(2), f"line 6 {ID}: '2-1' {CANNOT}"),
    "range past the end": (row("1-3") + row(1) + row(2) + "\n" + GOOD, f"line 5 {ID}: '1-3' {CANNOT}"),
    "range alone": (row("1-2"), f"line 5 {ID}: '1-2' {CANNOT}"),
    "range twice": (row("1-2") + row("1-2") + row(1) + row(2), f"line 6 {ID}: '1-2' {CANNOT}"),
    "range over a range": (row("1-2") + row(1) + row("2-3") + row(2) + row(3), f"line 7 {ID}: '2-3' {CANNOT}"),
    "empty node in the wrong place": (row(1) + row("2.1") + row(2), f"line 6 {ID}: '2.1' {CANNOT}"),
    "empty node number zero": (row(1) + row("1.0"), f"line 6 {ID}: '1.0' {CANNOT}"),
    "empty node with a leading zero": (row("00.1") + row(1), f"line 5 {ID}: '00.1' {CANNOT}"),
    "head not a number": (row(1) + row(2, head="root"), f"line 6 {HEAD}: 'root' is no number of a word."),
    "head negative": (row(1, head="-1"), f"line 5 {HEAD}: '-1' is no number of a word."),
    "head in full-width digits": (row(1, head="０"), f"line 5 {HEAD}: '０' is no number of a word."),
    "head beyond 32 bits": (row(1, head="9" * 12), f"line 5 {HEAD}: '{'9' * 12}' is no number of a word."),
    "head out of range": (row(1, head=3) + row(2), f"line 5 {HEAD}: '3' is no other word of the sentence."),
    "head itself": (row(1) + row(2, head=2), f"line 6 {HEAD}: '2' is no other word of the sentence."),
    "head behind an empty node": (
        row(1) + row("1.1") + row(2, head=9),
        f"line 7 {HEAD}: '9' is no other word of the sentence.",
    ),
    "feature without a value": (
        row(1) + row(2, features="Number=Sing|Person"),
        f"line 6 {FEATS}: 'Number=Sing|Person' is not written as Name=Value|Name=Value.",
    ),
    "feature with an empty value": (
        row(1, features="Number="),
        f"line 5 {FEATS}: 'Number=' is not written as Name=Value|Name=Value.",
    ),
    "features behind a range": (
        row("1-2") + row(1) + row(2, features="|"),
        f"line 7 {FEATS}: '|' is not written as Name=Value|Name=Value.",
    ),
    "feature named twice": (
        row(1) + row(2, features="Number=Sing|Number=Plur"),
        f"line 6 {FEATS}: 'Number=Sing|Number=Plur' names a feature twice.",
    ),
    "comment inside a sentence": (
        row(1) + "# sent_id = 3\n" + row(2),
        "line 6: a comment inside a sentence; is the blank line missing.",
    ),
    "comments alone": ("# sent_id = 3\n\n" + GOOD, "line 4: a sentence without words."),
    "comments alone at the end": (row(1) + "\n# sent_id = 3\n", "line 7: a sentence without words."),
    "empty node alone": (row("0.1") + "\n" + GOOD, "line 4: a sentence without words."),
}


@pytest.mark.parametrize("size", [7, 1 << 20])
@pytest.mark.parametrize("after", ["", "\n" + GOOD], ids=["at the end", "in the middle"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_place(tmp_path, monkeypatch, size, after, name):
    """The faulty sentence begins with a comment in line 4."""
    monkeypatch.setattr(conllu, "CHUNK_BYTES", size)
    content, fault = FAULTS[name]
    spec = write(tmp_path / "a.conllu", GOOD + "# sent_id = 2\n" + content + after)
    with pytest.raises(UserError) as error:
        sentences(spec)
    assert str(error.value) == in_one_line(f"{spec} {fault}")


def test_a_byte_order_mark_inside_a_file_is_text_wherever_chunks_end(tmp_path, monkeypatch):
    monkeypatch.setattr(conllu, "CHUNK_BYTES", len(GOOD))
    spec = write(tmp_path / "a.conllu", GOOD + "\ufeff" + GOOD)
    with pytest.raises(UserError) as error:
        sentences(spec)
    assert str(error.value) == f"{spec} line 4 {ID}: '\ufeff1' {CANNOT}"


@pytest.mark.parametrize("size", [7, 1 << 20])
def test_what_is_not_utf_8_is_named_with_its_line(tmp_path, monkeypatch, size):
    monkeypatch.setattr(conllu, "CHUNK_BYTES", size)
    spec = write(tmp_path / "a.conllu", (GOOD + row(1) + row(2, "é")).encode("latin-1"))
    with pytest.raises(UserError) as error:
        sentences(spec)
    assert str(error.value) == f"{spec} line 5: not UTF-8 (byte 0xE9). Convert the file."


@pytest.mark.parametrize("size", [30, 1 << 20])
def test_a_file_without_blank_lines_is_refused(tmp_path, monkeypatch, size):
    monkeypatch.setattr(conllu, "CHUNK_BYTES", size)
    monkeypatch.setattr(conllu, "LONGEST_SENTENCE", 1500)
    spec = write(tmp_path / "a.conllu", GOOD + row(1) * 100)
    with pytest.raises(UserError) as error:
        sentences(spec)
    assert str(error.value) == f"{spec}: 1,500 bytes without a blank line. Is it CoNLL-U?"


@pytest.mark.parametrize("content", ["", "\n", "\r\n\r\n", "\ufeff", "\ufeff\n\n\n"])
def test_a_file_without_sentences_is_refused(tmp_path, content):
    spec = write(tmp_path / "a.conllu", content)
    with pytest.raises(UserError) as error:
        sentences(spec)
    assert str(error.value) == f"{spec}: holds no sentences."


def test_a_file_that_is_not_there(tmp_path):
    spec = str(tmp_path / "a.conllu")
    with pytest.raises(UserError) as error:
        read_corpus(spec)
    assert str(error.value) == f"--corpus {spec}: no such file or folder."
    corpus = read_corpus(write(tmp_path / "a.conllu", GOOD))
    (tmp_path / "a.conllu").unlink()
    for use in (lambda: list(corpus.texts()), corpus.fingerprint):
        with pytest.raises(UserError) as error:
            use()
        assert str(error.value) == f"{spec}: cannot be read (No such file or directory)."


def test_a_folder_named_as_universal_dependencies_does_is_divided(tmp_path):
    for name, form in (("x-ud-train", "a"), ("y-train", "b"), ("x-ud-dev", "c"), (".x-ud-test", "hidden")):
        write(tmp_path / f"{name}.conllu", row(1, form))
    write(tmp_path / "notes.txt", "no annotation\n")
    corpus = read_corpus(str(tmp_path))
    assert corpus.splits == ("train", "dev")
    assert [(source.split, source.genre) for source in corpus.part("train").sources] == [("train", "x"), ("train", "y")]
    assert [source.genre for source in corpus.part("dev").sources] == ["x"]
    assert list(corpus.part("train").texts()) == ["a", "b"] and list(corpus.part("dev").texts()) == ["c"]


def test_any_other_folder_is_one_stream(tmp_path):
    for name in ("x-ud-train", "letters", "x-ud-training"):
        write(tmp_path / f"{name}.conllu", row(1, name))
    corpus = read_corpus(str(tmp_path))
    assert corpus.splits == ("all",)
    assert [source.genre for source in corpus.sources] == ["letters", "x-ud-train", "x-ud-training"]
    alone = read_corpus(str(tmp_path / "x-ud-train.conllu"))
    assert [(source.split, source.genre) for source in alone.sources] == [("all", "x-ud-train")]


@pytest.mark.parametrize("size", [60, 1 << 20])
def test_what_was_read_is_written_as_it_was(tmp_path, monkeypatch, size):
    monkeypatch.setattr(conllu, "CHUNK_BYTES", size)
    spec = write(tmp_path / "a.conllu", SAMPLE)
    write_conllu(blocks(spec), tmp_path / "b.conllu")
    assert (tmp_path / "b.conllu").read_bytes() == SAMPLE.encode()


def test_a_real_treebank_is_written_as_it_was(tmp_path, shared):
    original = shared / "data" / "conllu" / "en_ewt-dev.conllu"
    if not original.is_file():
        pytest.skip(f"needs {original}")
    write_conllu(blocks(str(original)), tmp_path / "copy.conllu")
    assert (tmp_path / "copy.conllu").read_bytes() == original.read_bytes()


def test_the_grammar_is_read_as_it_was_written(tmp_path):
    grammar = "grammar:sentences=50,seed=0"
    path = tmp_path / "grammar.conllu"
    write_conllu(blocks(grammar), path)
    names = ["words", "lemmas", "upos", "xpos", "features", "space_after", "text", "tree"]
    written, back = (pa.Table.from_batches(blocks(spec)).select(names).to_pylist() for spec in (grammar, str(path)))
    assert back == written and len(back) == 50
    comments = f"# text = {written[0]['text']}\n# constituency = {written[0]['tree']}\n"
    assert path.read_text(encoding="utf-8").startswith(f"{comments}1\t{written[0]['words'][0]}\t")


def test_a_corpus_without_words_is_not_written(tmp_path):
    path = tmp_path / "a.conllu"
    with pytest.raises(UserError) as error:
        write_conllu((block for _, block in corpus_of(["plain text"]).blocks()), path)
    assert str(error.value) == f"{path}: the corpus has no words to write as CoNLL-U."
    assert list(tmp_path.iterdir()) == []


TREES = (
    "# text = a b\n# constituency = (ROOT (X (A a) (B b)))\n"
    + row(1, "a")
    + row(2, "b")
    + "\n# text = c\n"
    + row(1, "c")
    + "\n# constituency = (ROOT (X (C \u2028)))\n# constituency = (ROOT (X (C e)))\n"
    + row(1, "d")
    + "\n"
)


def test_the_comment_constituency_is_the_tree(tmp_path):
    found = read(tmp_path / "a.conllu", TREES)
    trees = [sentence["tree"] for sentence in found]
    assert trees == ["(ROOT (X (A a) (B b)))", None, "(ROOT (X (C \u2028)))"]  # of two, the first
    assert all(sentence["tree"] is None for sentence in read(tmp_path / "b.conllu", SAMPLE))
    write_conllu(blocks(str(tmp_path / "a.conllu")), tmp_path / "c.conllu")
    assert (tmp_path / "c.conllu").read_text(encoding="utf-8") == TREES


def test_a_tree_whose_brackets_are_not_balanced(tmp_path):
    with pytest.raises(UserError) as error:
        read(tmp_path / "a.conllu", TREES.replace("(C e)))", "(C e))"))
    assert str(error.value) == f"{tmp_path / 'a.conllu'} line 10: the brackets of the tree are not balanced."


def test_a_tree_that_no_comment_holds_gets_one(tmp_path):
    write_conllu(blocks("grammar:sentences=3,seed=0"), tmp_path / "a.conllu")
    gold = sentences("grammar:sentences=3,seed=0")
    found = sentences(str(tmp_path / "a.conllu"))
    assert [sentence["tree"] for sentence in found] == [sentence["tree"] for sentence in gold]
    assert found[0]["comments"] == [f"# text = {gold[0]['text']}", f"# constituency = {gold[0]['tree']}"]
    columns = {"text": ["a"], "words": [["a"]], "tree": ["(X\n (A a))"], "comments": [["# sent_id = 1"]]}
    write_conllu(iter([pa.record_batch(columns)]), tmp_path / "b.conllu")
    (sentence,) = sentences(str(tmp_path / "b.conllu"))
    assert sentence["comments"] == ["# sent_id = 1", "# constituency = (X  (A a))"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_sentences_and_words_are_counted_without_reading_them(tmp_path, monkeypatch, ending):
    words = "".join(f"{number}\tw" + "\t_" * 8 + "\n" for number in range(1, 121))
    rows = [f"{number}\tw" + "\t_" * 8 for number in ("1-2", "1", "1.1", "2")]
    extra = "\n".join(["# text = 1", *rows, ""])
    path = tmp_path / "x.conllu"
    path.write_bytes("\n".join([words, extra, words]).replace("\n", ending).encode())
    (file,) = read_corpus(str(path)).sources
    assert isinstance(file, conllu.ConlluFile)
    for size in (4 << 20, 1000):
        monkeypatch.setattr(conllu, "CHUNK_BYTES", size)
        assert file.count() == (3, 242)
    assert read_corpus(str(path)).survey.total.words == 242


def test_counts_are_those_of_reading(shared):
    for path in sorted((shared / "data" / "conllu").glob("*-dev.conllu")):
        corpus = read_corpus(str(path))
        blocks = [block for _, block in corpus.blocks()]
        sentences = sum(map(len, blocks)), sum(len(block.column("words").flatten()) for block in blocks)
        (file,) = corpus.sources
        assert isinstance(file, conllu.ConlluFile) and file.count() == sentences
