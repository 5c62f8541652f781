"""Annotated corpora to damage: a file, a folder with splits, and one whose annotation was cut off."""

import contextlib
import shutil
from pathlib import Path

from impossible_lms import annotate, read_corpus
from impossible_lms.corpora.corpus import Corpus
from impossible_lms.errors import Interrupted, UserError
from impossible_lms.files import sha256_of
from tests.corpora.test_annotate import Splitter
from tests.faults.scene import Answer, Scene

FILE, CUT = "english.conllu", 3  # batches


class CutOff(Splitter):
    """An annotator that is stopped after some batches."""

    done = 0

    def annotate(self, sentences):
        if self.done == CUT:
            raise KeyboardInterrupt
        self.done += 1
        yield from super().annotate(sentences)


def annotated_scene(root: Path) -> Scene:
    """`file`, `folder` and `cut`, annotated from text that stays whole."""
    for name in ("mine", "other"):
        (root / name).mkdir(parents=True)
        (root / f"{name}.txt").write_text(
            "".join(f"It is {name} {each} . Yes.\n" for each in range(30)), encoding="utf-8"
        )
        for split in ("train", "dev"):
            path = root / f"{name}-divided" / split / f"a.{split}"
            path.parent.mkdir(parents=True)
            path.write_text("".join(f"Line {each} of {name} . And.\n" for each in range(20)), encoding="utf-8")
        annotate(_text(root, name), Splitter(), root / name / "file" / FILE)
        annotate(read_corpus(str(root / f"{name}-divided")), Splitter(), root / name / "folder" / "divided")
        with contextlib.suppress(Interrupted):
            annotate(_text(root, name), CutOff(), root / name / "cut" / FILE)
    commands = {"read the file": _file, "read the folder": _folder, "annotate again": _again, "go on": _gone_on}
    reading = {
        "file": ("read the file", "annotate again"),
        "folder": ("read the folder", "annotate again"),
        "cut": ("go on",),
    }
    return Scene(root, commands, reading)


def _text(root: Path, name: str) -> Corpus:
    return read_corpus(str(root / f"{name}.txt"))


def _file(scene: Scene) -> Answer:
    return Answer({"sentences": _sentences(scene.mine / "file" / FILE)})


def _folder(scene: Scene) -> Answer:
    return Answer({"sentences": _sentences(scene.mine / "folder" / "divided")})


def _sentences(path: Path) -> str:
    """All that is read of a corpus."""
    corpus = read_corpus(str(path))
    return repr([(split, block.to_pylist()) for split in corpus.splits for _, block in corpus.part(split).blocks()])


def _again(scene: Scene) -> Answer:
    """What is there once both were annotated again."""
    home = scene.mine / "folder" / "divided"
    annotate(_text(scene.root, "mine"), Splitter(), scene.mine / "file" / FILE)
    annotate(read_corpus(str(scene.root / "mine-divided")), Splitter(), home)
    return Answer({path.name: sha256_of(path) for path in (scene.mine / "file" / FILE, *sorted(home.glob("*.conllu")))})


def _gone_on(scene: Scene) -> Answer:
    """What comes of an annotation that was cut off, once it went on."""
    home = scene.mine / "going"
    shutil.copytree(scene.mine / "cut", home)
    try:
        annotate(_text(scene.root, "mine"), Splitter(), home / FILE)
        return Answer({FILE: sha256_of(home / FILE)})
    except UserError as error:
        raise UserError(str(error).replace(str(home), str(scene.mine / "cut"))) from error
    finally:
        shutil.rmtree(home, ignore_errors=True)
