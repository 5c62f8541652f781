"""What the pages take for granted: small corpora, tokenizers, datasets and runs under the names that they use."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from impossible_lms import build_dataset, get_language, load_tokenizer, read_corpus
from impossible_lms.corpora.conllu import write_conllu
from impossible_lms.tokenizer import Tokenizer
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.train import train

ENGLISH = "grammar:sentences=2000,seed=0"
RUN = re.compile(r"runs/(?P<language>[a-z0-9-]+?)(?:-seed(?P<seed>[0-9]+))?")
DATA = re.compile(r"data/(?P<language>[a-z0-9-]+)")
GENRES = {"childes": 1, "switchboard": 2}  # two of BabyLM's, and the seeds of the sentences that stand for them
SIZES = {"train": 1500, "dev": 100, "test": 150}


class Pantry:
    """Makes each thing once, when a page first asks for it, and gives every page a copy of its own."""

    def __init__(self, store: Path, recipe: Recipe, pairs: Path) -> None:
        self.store, self.recipe, self.pairs = store, recipe, pairs
        self.makers: dict[str, Callable[[Path], object]] = {
            "babylm": self._babylm,
            "babylm-annotated": self._annotated,
            "gpt2-bpe": self._tokenizer_folder,
            "english.conllu": lambda path: write_conllu(_blocks(300, 3), path),
            "treebank": self._treebank,
            "treebank.conllu": lambda path: write_conllu(_blocks(300, 4), path),
            "blimp": lambda path: shutil.copytree(self.pairs, path),
            "my-llama": _llama,
        }

    def put(self, word: str, folder: Path) -> None:
        """Put into `folder` what a word of a command names, if it is known here and not there yet."""
        name = word.removeprefix("./").removeprefix("trees:").rstrip("/")
        if (folder / name).exists():
            return
        if found := RUN.fullmatch(name):
            self.put(f"data/{found['language']}", folder)
        if self._has(name):
            kept = self.store / name
            copy = shutil.copytree if kept.is_dir() else shutil.copyfile
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            copy(kept, folder / name)

    def _has(self, name: str) -> bool:
        """Whether there is such a thing; it is made if it was not yet."""
        path = self.store / name
        if path.exists():
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        if name in self.makers:
            self.makers[name](path)
        elif found := RUN.fullmatch(name):
            self._has(f"data/{found['language']}")
            seed = int(found["seed"] or 53)
            train(self.store / "data" / found["language"], path, recipe=self.recipe, size="tiny", seed=seed)
        elif found := DATA.fullmatch(name):
            language = get_language(found["language"])
            build_dataset(read_corpus(ENGLISH), language, self._tokenizer(), path, context=self.recipe.context)
        return path.exists()

    def _tokenizer(self) -> Tokenizer:
        """One with most words as a token, which the hop languages' measures need."""
        return load_tokenizer("train:vocab=1200", read_corpus(ENGLISH))

    def _tokenizer_folder(self, path: Path) -> None:
        path.mkdir()
        self._tokenizer().save(path)

    def _babylm(self, path: Path) -> None:
        for genre, seed in GENRES.items():
            texts = read_corpus(f"grammar:sentences={sum(SIZES.values())},seed={seed}").texts()
            for split, size in SIZES.items():
                file = path / split / f"{genre}.{split}"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("".join(f"{next(texts)}\n" for _ in range(size)), encoding="utf-8")

    def _annotated(self, path: Path) -> None:
        path.mkdir()
        for place, (split, size) in enumerate(SIZES.items()):
            write_conllu(_blocks(size, place), path / f"childes-{split}.conllu")

    def _treebank(self, path: Path) -> None:
        path.mkdir()
        trees = [tree for block in _blocks(300, 4) for tree in block.column("tree").to_pylist()]
        (path / "wsj_0001.mrg").write_text("\n".join(trees), encoding="utf-8")


def _blocks(sentences: int, seed: int):
    return (block for _, block in read_corpus(f"grammar:sentences={sentences},seed={seed}").blocks())


def _llama(path: Path) -> None:
    path.mkdir()
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    (path / "config.json").write_text(json.dumps({"model_type": "llama", **shape}), encoding="utf-8")
