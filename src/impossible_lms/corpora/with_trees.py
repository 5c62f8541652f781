"""Annotation with the bracketed trees of a treebank: each sentence gets the tree with the same words."""

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from impossible_lms.corpora.annotated import Row, Sentence, Token, Word, rows_of
from impossible_lms.corpora.conllu import TREE
from impossible_lms.corpora.corpus import Corpus, read_corpus
from impossible_lms.corpora.penn import ESCAPES, unescaped
from impossible_lms.corpora.trees import Tree, read_tree
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of

BATCH = 5_000


class Trees:
    """Gives sentences their trees, by their characters without white space and with Penn's escapes undone.

    A sentence with annotation keeps it. One of mere text becomes the tree's words and tags; without a tree it has no
    words, and is left out. Of several trees with the same words, the first is taken.
    """

    packages: tuple[str, ...] = ()
    batch = BATCH
    longest: int | None = None
    makes_trees = True

    def __init__(self, trees: dict[str, str], description: dict[str, Any]) -> None:
        self._trees = trees
        self.description = {"annotator": "trees", **description}

    def annotate(self, sentences: pa.RecordBatch) -> Iterator[list[Row]]:
        for row in sentences.to_pylist():
            tree = self._trees.get(_characters(row["text"]))
            if row.get("words"):
                yield [_with_tree(row, tree)]
            else:
                yield rows_of(row["text"], [_sentence(row["text"], read_tree(tree))]) if tree else []


def load_trees(model: str, trees: bool, corpus: Corpus, device: str = "auto") -> Trees:
    """The trees of the corpus `model` that sentences of `corpus` have.

    Args:
        model: a file or folder of bracketed trees, or any corpus with trees.
        trees: not used; trees are what this annotator gives.
        corpus: what is to be annotated; it is read once, to say at once if no tree is of it.
        device: not used; looking up takes no computing.

    Raises:
        UserError: none is named, it has no trees, or none of them is of a sentence of `corpus`.
    """
    if not model:
        raise UserError("--with trees: name the file or folder of trees, as in --with trees:wsj.mrg.")
    treebank = read_corpus(model)
    found: dict[str, str] = {}
    read = 0
    for _, block in treebank.blocks():
        if "tree" not in block.schema.names:
            raise UserError(f"--with trees:{model}: this corpus has no trees.")
        for text, tree in zip(block.column("text").to_pylist(), block.column("tree").to_pylist(), strict=True):
            if tree is not None:
                read += 1
                found.setdefault(_characters(text), tree)
    wanted = {characters for text in corpus.texts() if (characters := _characters(text)) in found}
    if not wanted:
        raise UserError(
            f"--with trees:{model}: none of its {read:,} trees has the words of a sentence of {corpus.name}."
        )
    kept = {characters: tree for characters, tree in found.items() if characters in wanted}
    counts = {
        "trees": read,
        "trees_of_the_same_words": read - len(found),
        "trees_without_a_sentence": len(found) - len(kept),
    }
    return Trees(kept, {"model": treebank.name, "model_sha256": digest_of(sorted(kept.items())), **counts})


def _characters(text: str) -> str:
    return unescaped("".join(text.split()))


def _with_tree(row: Row, tree: str | None) -> Row:
    """The row with `tree`, in the place of a tree it had."""
    if tree is None:
        return row
    comments = [comment for comment in row.get("comments") or () if not comment.startswith(TREE)]
    return row | {"tree": tree, "comments": comments if row.get("comments") else None}


def _sentence(text: str, tree: Tree) -> Sentence:
    """A tree's words, where they stand in the text."""
    tokens, end = [], 0
    for word, tag in zip(tree.words, tree.xpos, strict=True):
        start = end + len(text[end:]) - len(text[end:].lstrip())
        end = start + len(word) if text.startswith(word, start) else _end_of(word, text, start)
        tokens.append(Token(start, end, (Word(word, xpos=tag),)))
    return Sentence(tokens, tree.bracketed)


def _end_of(word: str, text: str, start: int) -> int:
    """Where a word ends that the text writes otherwise: with Penn's escapes, or with white space inside."""
    ways: dict[str, list[str]] = {}
    for escape, meant in ESCAPES.items():
        ways.setdefault(meant, []).append(re.escape(escape))
    written = ["|".join([*ways.get(character, ()), re.escape(character)]) for character in word]
    match = re.compile(r"\s*".join(f"(?:{way})" for way in written)).match(text, start)
    if match is None:
        raise UserError(f"the tree's word '{word}' is not in its place in '{text}'.")
    return match.end()
