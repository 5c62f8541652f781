"""Files that others made and nothing vouches for, to damage: corpora, tokenizers, models, recipes, experiments, pairs.

What was changed in one of them may be what its maker meant, so it may be read as it is now; but it is read, or refused
in a line that names it. A corpus of each format, a tokenizer of each kind, models with safetensors whole and in parts.
"""

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from impossible_lms import METRICS, load_tokenizer, read_corpus
from impossible_lms.evaluation.blimp import read_pairs
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.experiment.config import load_experiment
from impossible_lms.models.published import open_run
from impossible_lms.training.recipe import load_recipe
from tests.faults.scene import Answer, Scene
from tests.faults.stages import EXPERIMENT, RECIPE
from tests.foreign import foreign
from tests.layouts import SENTENCES, plain, tables, write

TEXTS = [f"{sentence} It is number {place}." for place, sentence in enumerate(SENTENCES * 20)]
CONLLU = """# sent_id = {number}
# text = The dog sleeps here.
1\tThe\tthe\tDET\tDT\tDefinite=Def|PronType=Art\t2\tdet\t_\t_
2\tdog\tdog\tNOUN\tNN\tNumber=Sing\t3\tnsubj\t_\t_
3\tsleeps\tsleep\tVERB\tVBZ\tNumber=Sing|Person=3|Tense=Pres\t0\troot\t_\t_
4\there\there\tADV\tRB\t_\t3\tadvmod\t_\tSpaceAfter=No
5\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_

"""
TREE = "(S (NP (DT The) (NN dog)) (VP (VBZ sleeps) (ADVP (RB here))) (. .))\n"
MODELS = ("llama", "opt")


def inputs_scene(root: Path) -> Scene:
    """A folder for each of them, with one command that reads it."""
    for name in ("mine", "other"):
        home = root / name
        _corpora(home, name)
        for kind in MODELS:
            folder = home / kind / "model"
            model = foreign(folder, kind, TEXTS, seed=len(name))
            if kind == "opt":
                (folder / "model.safetensors").unlink()
                model.save_pretrained(folder, max_shard_size="20KB")
        _tokenizers(home)
        write(home / "recipe" / "mine.toml", RECIPE)
        write(home / "experiment" / "mine.toml", EXPERIMENT)
        rows = [
            {
                "sentence_good": f"The {noun} sleeps.",
                "sentence_bad": f"The {noun} sleep.",
                "field": "syntax",
                "UID": "one",
            }
            for noun in ("dog", "cat", name)
        ]
        write(home / "pairs" / "blimp" / "one.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    readers: dict[str, Callable[[Path], object]] = {
        "recipe": lambda folder: load_recipe(str(folder / "mine.toml")),
        "experiment": lambda folder: load_experiment(str(folder / "mine.toml")),
        "pairs": lambda folder: read_pairs(str(folder / "blimp")).to_csv(),
        "layout": _sentences,
        **dict.fromkeys(MODELS, lambda folder: _measured(folder / "model")),
        **dict.fromkeys(("bpe", "gpt2"), lambda folder: _encoded(folder / "tokenizer")),
    }
    folders = {path.name: sorted(path.iterdir()) for path in sorted((root / "mine").iterdir())}
    readers = {
        name: lambda folder, name=path.name: _sentences(folder / name) for name, (path, *_) in folders.items()
    } | readers
    commands = {name: partial(_answer, name, readers[name]) for name in folders}
    return Scene(root, commands, {name: (name,) for name in folders}, is_vouched_for=False)


def _corpora(home: Path, name: str) -> None:
    """A folder for each format, and one divided into splits."""
    plain(home / "layout")
    for ending, path in tables(home / "tables").items():
        (home / ending[1:]).mkdir()
        path.rename(home / ending[1:] / path.name)
    (home / "tables").rmdir()
    text = "".join(f"{sentence} Here is {name}.\n" for sentence in SENTENCES)
    write(home / "text" / "one.txt", text)
    (home / "packed").mkdir()
    (home / "packed" / "one.txt.gz").write_bytes(gzip.compress(text.encode()))
    write(home / "conllu" / "one.conllu", "".join(CONLLU.format(number=number) for number in range(4)))
    write(home / "trees" / "one.mrg", TREE * 4)
    words = [{"id": place, "text": each, "lemma": each} for place, each in enumerate(("He", "cleans", "it", "."), 1)]
    parsed = [{"sent_text": "He cleans it.", "word_annotations": words}]
    write(home / "parsed" / "one_parsed.json", json.dumps([{"sent_annotations": parsed * 3}]))


def _tokenizers(home: Path) -> None:
    """A `tokenizer.json`, and a `vocab.json` with `merges.txt`."""
    load_tokenizer("train:vocab=400", TEXTS).save(home / "bpe" / "tokenizer")
    kept = json.loads((home / "bpe" / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    write(home / "gpt2" / "tokenizer" / "vocab.json", json.dumps(kept["vocab"]))
    merges = "".join(f"{' '.join(pair)}\n" for pair in kept["merges"])
    write(home / "gpt2" / "tokenizer" / "merges.txt", f"#version: 0.2\n{merges}")


def _answer(name: str, read: Callable[[Path], object], scene: Scene) -> Answer:
    return Answer({name: repr(read(scene.mine / name))})


def _sentences(path: Path) -> object:
    """All that is read of a corpus."""
    corpus = read_corpus(str(path))
    return [(split, block.to_pylist()) for split in corpus.splits for _, block in corpus.part(split).blocks()]


def _encoded(folder: Path) -> object:
    """Some text through a tokenizer, and back."""
    tokenizer = load_tokenizer(str(folder))
    ids = tokenizer.encode(TEXTS[:20])
    return [each.tolist() for each in ids], [tokenizer.decode(each) for each in ids]


def _measured(folder: Path) -> object:
    """Perplexity of a few sentences by a model of others."""
    request = Request(corpus=str(folder.parents[2] / "few.txt"), language="no-shuffle", sample=3)
    with TemporaryDirectory() as scratch:
        write(folder.parents[2] / "few.txt", "\n".join(TEXTS[:4]))
        found: pd.DataFrame = evaluate(METRICS["perplexity"], open_run(folder, Path(scratch)), request).curve
        return found[["step", "perplexity"]].to_csv()
