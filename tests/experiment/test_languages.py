"""The shipped experiment on human languages, small: each trained and tested by itself, and separation over all."""

import json

import pytest

from impossible_lms import read_corpus
from impossible_lms.corpora.conllu import write_conllu

SMALL = (
    "tokenizer=train:vocab=300",
    "seeds=[0]",
    'languages=["no-reverse", "full-reverse"]',
    "recipe.steps=2",
    "recipe.warmup_steps=1",
    "recipe.sequences_per_step=4",
    "recipe.context=64",
    "recipe.checkpoint_every=2",
    "evaluate.perplexity.sample=10",
    "evaluate.sentence-bits.sample=10",
)


@pytest.mark.slow
def test_human_languages_are_compared_on_parallel_sentences(tmp_path, shipped, impossible):
    for folder in ("text", "pud"):
        (tmp_path / folder).mkdir()
    for seed, name in enumerate(("en", "es", "pt")):
        texts = list(read_corpus(f"grammar:sentences=600,seed={seed}").texts())
        (tmp_path / f"text/{name}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
        blocks = (block for _, block in read_corpus("grammar:sentences=40,seed=9").blocks())
        write_conllu(blocks, tmp_path / f"pud/{name}_pud-ud-test.conllu")
    changes = shipped("languages", SMALL)
    code, out, err = impossible("separation", "languages.toml", "--json", *changes)
    assert code == 0, err
    rows = json.loads(out)
    across = [row for row in rows if row["pairs"] == "across" and row["what"] == "last"]
    assert [(row["metric"], row["compared"], row["human_languages"]) for row in across] == [("sentence-bits", 6, 3)]
    assert {row["interval"] for row in across} <= {"human languages", "models (none disagrees)"}
