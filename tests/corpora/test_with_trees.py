"""Trees of a treebank matched to sentences by their words, whatever the spaces and the escapes."""

import pytest

from impossible_lms import annotate, constituents, corpus_of, load_annotator, read_corpus
from impossible_lms.errors import UserError

SAID = (
    "( (S (`` ``) (NP-SBJ (PRP It)) (VP (VBZ is) (RB n't) (PRN (-LRB- -LRB-) (UH ha) (-RRB- -RRB-))) (. .) ('' '') ))\n"
)
RAN = "( (S (NP (NN dog)) (VP (VBD ran)) (NP (-NONE- *T*-1))))\n"
LOST = "(S (UH nobody) (UH says) (UH this))\n"
CLEAN = (
    "(ROOT (S (`` \") (NP (PRP It)) (VP (VBZ is) (RB n't) (PRN (-LRB- -LRB-) (UH ha) (-RRB- -RRB-))) (. .) ('' \")))"
)


@pytest.fixture
def trees(tmp_path):
    path = tmp_path / "treebank" / "a.mrg"
    path.parent.mkdir()
    path.write_text(SAID + RAN + LOST + RAN.replace("NN", "XX"), encoding="utf-8")
    return f"trees:{path}"


def sentences(path):
    return [row for _, block in read_corpus(str(path)).blocks() for row in block.to_pylist()]


def matched(corpus, spec, output):
    return annotate(corpus, load_annotator(spec, corpus), output)


def test_text_becomes_the_words_of_its_tree(trees, tmp_path):
    texts = ['"It isn\'t (ha)."', "``It is n't -LRB- ha -RRB- . ''", "Who?", "dog ran", "dog\u00a0 ran"]
    record = matched(corpus_of(texts), trees, tmp_path / "x.conllu")
    one, two, three, four = sentences(tmp_path / "x.conllu")
    assert one["text"] == texts[0] and one["words"] == ['"', "It", "is", "n't", "(", "ha", ")", ".", '"']
    assert one["space_after"] == [False, True, False, True, False, False, False, False, True]
    assert one["xpos"] == ["``", "PRP", "VBZ", "RB", "-LRB-", "UH", "-RRB-", ".", "''"]
    assert one["tree"] == two["tree"] == CLEAN
    assert two["text"] == texts[1] and two["words"] == ["``", "It", "is", "n't", "-LRB-", "ha", "-RRB-", ".", "''"]
    assert three["tree"] == four["tree"] == "(ROOT (S (NP (NN dog)) (VP (VBD ran))))"  # the first of two
    assert [each.label for each in constituents(three["tree"])] == ["S", "NP", "VP"]
    assert record["counts"]["read"] == 5 and record["counts"]["read_without_words"] == 1
    about = record["request"]["annotator"]
    assert (about["trees"], about["trees_of_the_same_words"], about["trees_without_a_sentence"]) == (4, 1, 1)


def test_annotation_stays_as_it_is(trees, tmp_path):
    content = (
        "# sent_id = 1\n# constituency = (ROOT (X old))\n# text = dog ran\n"
        "1\tdog\tdog\tNOUN\tNN\tNumber=Sing\t2\tnsubj\t2:nsubj\tA=1\n2\tran\trun\tVERB\tVBD\t_\t0\troot\t0:root\t_\n\n"
        "# sent_id = 2\n# text = cats ran\n1\tcats\t_\t_\t_\t_\t_\t_\t_\t_\n2-3\tran\t_\t_\t_\t_\t_\t_\t_\t_\n"
        "2\tr\t_\t_\t_\t_\t_\t_\t_\t_\n3\tan\t_\t_\t_\t_\t_\t_\t_\t_\n3.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n\n"
    )
    (tmp_path / "a.conllu").write_text(content, encoding="utf-8")
    record = matched(read_corpus(str(tmp_path / "a.conllu")), trees, tmp_path / "x.conllu")
    moved = content.replace("# constituency = (ROOT (X old))\n", "").replace(
        "# text = dog ran\n", "# text = dog ran\n# constituency = (ROOT (S (NP (NN dog)) (VP (VBD ran))))\n"
    )
    assert (tmp_path / "x.conllu").read_text(encoding="utf-8") == moved
    assert record["counts"]["sentences_without_tree"] == 1


def test_trees_may_come_from_any_corpus_that_has_them(tmp_path):
    grammar = read_corpus("grammar:sentences=300,seed=0")
    record = matched(corpus_of(list(grammar.texts())), "trees:grammar:sentences=300,seed=0", tmp_path / "x.conllu")
    assert record["counts"]["sentences"] == 300 and record["counts"]["sentences_without_tree"] == 0
    gold = [row for _, block in grammar.blocks() for row in block.to_pylist()]
    for row, expected in zip(sentences(tmp_path / "x.conllu"), gold, strict=True):
        assert row["words"] == expected["words"] and row["tree"] == f"(ROOT {expected['tree']})"


def test_none_that_matches_is_a_fault_before_anything_is_written(trees, tmp_path):
    with pytest.raises(UserError) as error:
        matched(corpus_of(["Other words."]), trees, tmp_path / "x.conllu")
    what = "none of its 4 trees has the words of a sentence of memory."
    assert str(error.value) == f"--with {trees}: {what}"
    with pytest.raises(UserError, match=r"^--with trees: name the file or folder of trees"):
        load_annotator("trees", corpus_of(["a"]))
    (tmp_path / "a.txt").write_text("a\n")
    with pytest.raises(UserError, match=r"a.txt: this corpus has no trees.$"):
        load_annotator(f"trees:{tmp_path / 'a.txt'}", corpus_of(["a"]))
    assert not (tmp_path / "x.conllu").exists()


def test_the_penn_sample_finds_its_own_sentences(shared, tmp_path):
    folder = shared / "data" / "trees"
    corpus = corpus_of(list(read_corpus(str(folder)).texts()))
    record = matched(corpus, f"trees:{folder}", tmp_path / "x.conllu")
    assert record["counts"]["sentences"] == 3914 and record["counts"]["sentences_without_tree"] == 0
    gold = [row for _, block in read_corpus(str(folder)).blocks() for row in block.to_pylist()]
    made = sentences(tmp_path / "x.conllu")
    assert [row["words"] for row in made] == [row["words"] for row in gold]
