"""Bracketed trees: cleaned as probes need them, each fault with its line, and the constituents of a tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impossible_lms import constituents, read_corpus
from impossible_lms.corpora import trees
from impossible_lms.corpora.trees import Constituent, read_tree
from impossible_lms.errors import UserError

# The Penn Treebank's way of writing: function tags, indices, traces, escapes, an outer bracket without a label.
PENN = """
( (S
    (PP-LOC (IN In) (NP (-LRB- -LRB-) (NNP U.S.) (-RRB- -RRB-) ))
    (, ,)
    (NP-SBJ-1 (PRP$ Anna\\/Bob) (POS 's) (NN dog) )
    (VP (MD ca) (RB n't)
      (VP (VB stop)
        (S (NP-SBJ (-NONE- *-1) ) (VP (VBG eating) (NP=2 (NNS *\\*) )))
        (ADVP|PRT (RB now))))
    (. .) ))
"""
CLEAN = (
    "(ROOT (S (PP (IN In) (NP (-LRB- -LRB-) (NNP U.S.) (-RRB- -RRB-))) (, ,)"
    " (NP (PRP$ Anna/Bob) (POS 's) (NN dog)) (VP (MD ca) (RB n't) (VP (VB stop) (S (VP (VBG eating)"
    " (NP (NNS **)))) (ADVP (RB now)))) (. .)))"
)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sentences(path):
    return [row for _, block in read_corpus(str(path)).blocks() for row in block.to_pylist()]


def test_penn_trees_are_cleaned(tmp_path):
    (row,) = sentences(write(tmp_path / "a.mrg", PENN))
    assert row["tree"] == CLEAN
    assert " ".join(row["words"]) == "In ( U.S. ) , Anna/Bob 's dog ca n't stop eating ** now ."
    assert row["xpos"][:4] == ["IN", "-LRB-", "NNP", "-RRB-"]
    assert row["text"] == "In (U.S.), Anna/Bob's dog can't stop eating ** now."
    assert len(row["space_after"]) == len(row["words"])
    assert read_tree(CLEAN).bracketed == CLEAN


@pytest.mark.parametrize(
    "outer", ["(S {})", "( (S {}))", "(ROOT (S {}))", "(TOP (S {}))", "(S1 (S {}))", "((ROOT (S {})))"]
)
def test_the_outermost_bracket_is_root_whatever_it_was(outer):
    assert read_tree(outer.format("(NN dog)")).bracketed == "(ROOT (S (NN dog)))"


def test_a_word_alone_and_two_sentences_in_one_bracket():
    assert read_tree("(UH Yes)").bracketed == "(ROOT (UH Yes))"
    assert read_tree("( (S (NN a)) (S (NN b)))").bracketed == "(ROOT (S (NN a)) (S (NN b)))"
    assert constituents("(UH Yes)") == ()


@pytest.mark.parametrize(
    ("penn", "text"),
    [
        ("(X (`` ``) (UH Yes) (, ,) ('' '') (PRP he) (VBD said) (. .))", '"Yes," he said.'),
        ("(X (NNS dogs) (POS ') (NNS tails))", "dogs' tails"),
        ("(X ($ $) (CD 5) (CC or) ($ US$) (CD 5) (NN %) (: ...))", "$5 or US$5%..."),
        ("(X (NN a) (: --) (NN b) (: ;) (NN c))", "a -- b; c"),
        ("(X (PRP I) (VBP 'm) (VBG gon) (TO na) (VB go))", "I'm gonna go"),
        ("(X (JJ well) (HYPH -) (VBN known))", "well-known"),
        ("(X (-LCB- -LCB-) (NN a) (-RCB- -RCB-) (-LSB- -LSB-) (NN b) (-RSB- -RSB-))", "{a} [b]"),
        ("(X (`` `) (NN a) ('' '))", "'a'"),
    ],
)
def test_spaces_are_those_of_ordinary_writing(penn, text):
    assert read_tree(penn).text == text


def test_constituents_are_outer_before_inner_and_count_words_without_traces():
    relative = "(SBAR (WHNP-1 (-NONE- 0)) (S (VP (VBD ran))))"
    tree = f"( (S (NP-SBJ (-NONE- *)) (NP (NP (DT the) (NN dog)) {relative}) (ADVP (RB off))))"
    assert constituents(tree) == (
        Constituent("S", 0, 4),
        Constituent("NP", 0, 3),
        Constituent("NP", 0, 2),
        Constituent("SBAR", 2, 3),
        Constituent("S", 2, 3),
        Constituent("VP", 2, 3),
        Constituent("ADVP", 3, 4),
    )


def test_the_built_in_corpus_has_constituents_over_its_words():
    for row in sentences("grammar:sentences=200,seed=0"):
        assert list(read_tree(row["tree"]).words) == row["words"]
        found = constituents(row["tree"])
        assert found[0].start == 0 and found[0].end == len(row["words"])
        assert all(0 <= start < end <= len(row["words"]) for _, start, end in found)


def test_unicode_and_line_ends(tmp_path):
    content = "\ufeff(S\r\n (NP (NN caf\u00e9\u00a0au\u2028lait\U0001f175))\r\n (VP (VB \u0627)))\r\n(S (NN b))"
    first, second = sentences(write(tmp_path / "a.tree", content))
    assert first["words"] == ["caf\u00e9\u00a0au\u2028lait\U0001f175", "\u0627"] and second["words"] == ["b"]


def test_files_and_folders_and_splits(tmp_path):
    for name in ("train/a.mrg", "test/a.mrg", "whole/b.ptb", "whole/c.ptb", "whole/notes.txt"):
        write(tmp_path / name, "(S (NN a))\n")
    corpus = read_corpus(str(tmp_path))
    assert [(source.split, source.genre) for source in corpus.sources] == [("train", "a"), ("test", "a")]
    assert [source.genre for source in read_corpus(str(tmp_path / "whole")).sources] == ["b", "c"]
    assert corpus.fingerprint() == read_corpus(str(tmp_path)).fingerprint()
    write(tmp_path / "x.txt", "(S (NN a))\n")
    assert sentences(tmp_path / "x.txt")[0]["text"] == "(S (NN a))"  # as text, where the name does not say trees


def test_the_treebanks_copyright_notice_is_no_tree(tmp_path):
    (row,) = sentences(write(tmp_path / "a.mrg", "*x*x*x*x*\n*x* Copyright (C) 1995 *x*\n\n( (S (NN a)))\n"))
    assert row["text"] == "a"


def test_blocks_are_of_a_bounded_size(tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "ROWS", 2)
    corpus = read_corpus(str(write(tmp_path / "a.mrg", "(S (NN a))\n" * 5)))
    assert [len(block) for _, block in corpus.blocks()] == [2, 2, 1]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("(S\n (NN a)\n", "line 1: the tree that begins here is not closed. Is a bracket missing."),
        ("(S (NN a))\n)\n", "line 2: a closing bracket too many."),
        ("(S (NN a))\nand\n", "line 2: 'and' stands outside brackets."),
        ("(S (NN a)\n ((NN b)))\n", "line 2: a bracket without a label (the tree begins at line 1)."),
        ("(((NN b)))", "line 1: a bracket without a label."),
        ("(S (NP (NN a))\n dog)", "line 2: the word 'dog' has no tag (the tree begins at line 1)."),
        ("(S (NN a dog))", "line 1: two words, 'a' and 'dog', in one leaf."),
        ("(S (NN a (NN b)))", "line 1: a bracket after the word 'a' of a leaf."),
        ("(S (NP))", "line 1: brackets that hold 'NP' and neither a word nor brackets."),
        ("()", "line 1: brackets that hold nothing."),
        ("(ROOT dog)", "line 1: the word 'dog' has no tag."),
        (
            "(ROOT (S (NN a))\n(ROOT (S (NN b))",
            "line 1: the tree that begins here is not closed. Is a bracket missing.",
        ),
        (
            "(S (NN a)\n(ROOT (S (NN b))",
            "line 2: ROOT inside a constituent. Is a bracket missing before it (the tree begins at line 1).",
        ),
        ("(S (NN a))\n\n(S (NP (-NONE- *)))", "line 3: a tree without words."),
        (b"(S (NN a))\n(S (NN caf\xe9))", "line 2: not UTF-8 (byte 0xE9). Convert the file."),
        (b"\x1f\x8b\x08", ": cut short, the packed content does not end. Fetch it again."),
        ("(S (NN a\0))", "line 1: holds a NUL. This is no text."),
        ("(" * 5000, "line 1: a bracket without a label."),
        ("(S " * 5000, "line 1: more than 1,000 brackets inside each other. Are these trees."),
        (" \n", ": holds no trees."),
        ("", ": holds no trees."),
    ],
)
def test_each_fault_is_named_with_its_line(tmp_path, content, fault):
    path = write(tmp_path / "a.mrg", content)
    with pytest.raises(UserError) as error:
        sentences(path)
    assert str(error.value) == f"{path}{fault if fault.startswith(':') else ' ' + fault}"


def test_a_file_whose_brackets_never_close_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "LARGEST", 50)
    with pytest.raises(UserError, match=r"a.mrg line 2: more than 50 brackets and words in one tree"):
        sentences(write(tmp_path / "a.mrg", "(X\n" + "(NN a) " * 30))
    monkeypatch.setattr(trees, "LONGEST_LINE", 20)
    with pytest.raises(UserError, match=r"b.mrg line 1: longer than 20 bytes"):
        sentences(write(tmp_path / "b.mrg", "(X " + "(NN a) " * 30))


def test_one_tree_is_one_tree():
    for text in ("(S (NN a)) (S (NN b))", ""):
        with pytest.raises(UserError, match="one tree is expected, found"):
            read_tree(text)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="() \t\r\n\f\v\0"), min_size=1, max_size=8)


@given(st.recursive(st.tuples(NAMES, NAMES), lambda inner: st.tuples(NAMES, st.lists(inner, min_size=1, max_size=4))))
def test_cleaning_twice_is_cleaning_once(tree):
    def written(node):
        label, inside = node
        return f"({label} {inside})" if isinstance(inside, str) else f"({label} {' '.join(map(written, inside))})"

    try:
        cleaned = read_tree(written(tree))
    except UserError:
        return  # ROOT as a constituent, nothing but traces
    assert read_tree(cleaned.bracketed) == cleaned._replace(space_after=read_tree(cleaned.bracketed).space_after)


@given(st.text("()SN a-\n", max_size=40))
def test_anything_is_a_tree_or_a_fault(text):
    try:
        found = read_tree(text)
    except UserError as error:
        assert str(error).startswith("tree '")
    else:
        assert found.words and found.bracketed.count("(") == found.bracketed.count(")")


def test_the_penn_sample(shared):
    rows = sentences(shared / "data" / "trees")
    assert len(rows) == 3914
    assert rows[0]["text"].startswith("Pierre Vinken, 61 years old, will join the board")
    labels = {label for row in rows for label, _, _ in constituents(row["tree"])}
    assert {"NP", "VP", "ADJP", "ADVP", "PP"} <= labels and not any(set("-=|") & set(label) for label in labels)
