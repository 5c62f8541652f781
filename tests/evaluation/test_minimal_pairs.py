"""Minimal pairs: both sentences rewritten with the same draws, unequal token counts apart, BLiMP read as it is."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from impossible_lms import annotate, corpus_of, get_language, load_annotator, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.blimp import read_pairs
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request, Subject
from impossible_lms.evaluation.minimal_pairs import DIVIDED, MINIMAL_PAIRS, as_columns, rewritten_pairs
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.models.run import Run
from tests.corpora.conftest import trained_pipeline
from tests.publishing.conftest import client, said_by, served


def test_accuracy_over_all_by_field_and_by_paradigm(run, pairs):
    found = evaluate(MINIMAL_PAIRS, run, Request(corpus=str(pairs), checkpoints="12"))
    items, curve = found.items(), found.curve
    assert len(items) == 8 and (items["correct"] == (items["good_bits"] < items["bad_bits"])).all()
    everything = curve[(curve["field"] == "all") & (curve["tokens"] == "all")].iloc[0]
    assert everything["items"] == 8 and everything["accuracy"] == pytest.approx(items["correct"].mean())
    of_tokens = curve[curve["field"] == "all"].set_index("tokens")["items"]
    assert of_tokens["equal"] + of_tokens["unequal"] == 8 and 0 < of_tokens["equal"] < 8
    assert set(curve["paradigm"]) == {"all", "agreement", "order"}


def test_a_field_spelt_in_two_ways_is_one(pairs, tmp_path):
    for number, path in enumerate(sorted(pairs.glob("*.jsonl"))):
        text = path.read_text(encoding="utf-8").replace('"syntax"', f'"syntax{"_/"[number]}semantics"')
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    assert set(read_pairs(str(tmp_path))["field"]) == {"syntax_semantics"}


@pytest.mark.parametrize("name", ["partial-reverse", "nondeterministic-shuffle", "local-shuffle-w3"])
def test_both_sentences_get_the_same_draws(name, pairs, tokenizer):
    table, language = read_pairs(str(pairs)), get_language(name)
    same = table.assign(bad=table["good"])
    good, bad, is_equal, _ = rewritten_pairs(*as_columns(same), language, tokenizer)
    assert is_equal.all() and np.array_equal(good.values, bad.values)
    good, bad, is_equal, _ = rewritten_pairs(*as_columns(table), language, tokenizer)
    assert 0 < is_equal.sum() < len(table)
    plain = [tokenizer.encode(table[side].tolist()).take(is_equal) for side in ("good", "bad")]
    before, after = (
        (one.values != other.values).sum() for one, other in (plain, (good.take(is_equal), bad.take(is_equal)))
    )
    assert before == after > 0  # what differs still stands at one place in both, wherever that is


HOPPING = (
    "The dog near the house sees the old man in the garden.",
    "The dog near the house see the old man in the garden.",
)


def test_a_language_that_needs_annotation_gets_it_from_the_annotator(hop_run, tmp_path, impossible):
    rows = [row for _, block in read_corpus("grammar:sentences=300,seed=1").blocks() for row in block.to_pylist()]
    spec = f"spacy:{trained_pipeline(rows, tmp_path / 'pipeline', steps=6, with_parser=False)}"
    pairs = [HOPPING, ("She sees it.", "She see it."), (f"{HOPPING[0]} {HOPPING[0]}", HOPPING[1])]
    lines = [{"sentence_good": good, "sentence_bad": bad, "field": "syntax", "UID": "one"} for good, bad in pairs]
    (tmp_path / "one.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    run = Run(tmp_path / "run", hop_run.record | {"data": str(hop_run.dataset().folder)})
    shutil.copytree(hop_run.folder, run.folder, ignore=shutil.ignore_patterns("evaluation"))
    found = evaluate(MINIMAL_PAIRS, run, Request(corpus=str(tmp_path), annotator=spec, checkpoints="12"))
    assert found.notes["pairs_not_kept"] == {"a marked verb without 4 words after it": 1, DIVIDED: 1}
    assert found.notes["fewer_than_the_sample"] == {"pairs of one": 3}
    item = found.items().iloc[0]
    # The same by hand: annotated as a corpus, put into the language, scored.
    corpus = corpus_of(list(HOPPING))
    annotate(corpus, load_annotator(spec, corpus), tmp_path / "both.conllu")
    tokenizer = run.dataset().tokenizer
    made = get_language("token-hop").apply(read_corpus(str(tmp_path / "both.conllu")), tokenizer.without_markers())
    assert tokenizer.markers["🅂"] in made.tokens[0]
    bits = Scorer(run.checkpoints()[-1].load()).sentence_bits(made.tokens, tokenizer.end_of_text)
    assert [item["good_bits"], item["bad_bits"]] == pytest.approx(bits.tolist(), abs=1e-3)
    kept = list((run.folder / "evaluation" / "parts").glob("annotation-*.conllu"))
    assert len(kept) == 1
    code, _, error = impossible("evaluate", "minimal-pairs", hop_run.folder, "--corpus", tmp_path, "--with", "tagger")
    assert code == 2 and "--with tagger: no such annotator. Known: spacy, stanza" in error
    code, _, error = impossible("evaluate", "perplexity", hop_run.folder, "--with", "spacy")
    assert code == 2 and "--with: perplexity does not use it. Leave it out." in error


def test_faults_are_named(run, hop_run, tmp_path, pairs):
    with pytest.raises(
        UserError,
        match=r"token-hop: needs annotation \(words, lemmas, features\), which BLiMP has not. Name .* --with spacy",
    ):
        evaluate(MINIMAL_PAIRS, hop_run, Request(corpus=str(pairs)))
    notes = MINIMAL_PAIRS.prepare(Subject(run, Request(corpus=str(pairs), sample=5))).notes
    assert notes["fewer_than_the_sample"]["pairs of agreement"] == 4
    with pytest.raises(UserError, match="--corpus: needed"):
        evaluate(MINIMAL_PAIRS, run)
    with pytest.raises(UserError, match=r"no .jsonl files"):
        read_pairs(str(tmp_path))
    (tmp_path / "a.jsonl").write_text('{"field": "x"}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"a.jsonl line 1: no pair of BLiMP \(KeyError\('UID'\)\)"):
        read_pairs(str(tmp_path))
    (tmp_path / "a.jsonl").write_bytes(b'{"field": "\xe9"}\n')  # was a traceback
    with pytest.raises(UserError, match=r"a.jsonl: not UTF-8 \(byte 11\)"):
        read_pairs(str(tmp_path))


def as_dataset(pairs, folder):
    """A folder of pairs laid out like BLiMP's dataset on the Hub: a configuration for each paradigm."""
    shutil.copytree(pairs, folder)
    configs = "".join(f"- config_name: {file.stem}\n  data_files: {file.name}\n" for file in sorted(pairs.iterdir()))
    (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n", encoding="utf-8")
    return folder


def test_pairs_come_from_the_hub(pairs, tmp_path, monkeypatch):
    with served(tmp_path / "served") as server:
        api = client(server, monkeypatch)
        api.create_repo("me/blimp", repo_type="dataset")
        folder = as_dataset(pairs, tmp_path / "blimp")
        api.upload_folder(repo_id="me/blimp", repo_type="dataset", folder_path=str(folder))
        code = "from impossible_lms.evaluation.blimp import read_pairs; print(read_pairs('hub:me/blimp').to_json())"
        said = said_by(code, server.address, tmp_path / "home")
    assert json.loads(said) == json.loads(read_pairs(str(pairs)).to_json())


def test_pairs_come_from_a_hugging_face_dataset_of_many_configurations(pairs, tmp_path):
    folder = as_dataset(pairs, tmp_path / "blimp")
    pd.testing.assert_frame_equal(read_pairs(f"hub:{folder}"), read_pairs(str(pairs)))
    one = read_pairs(f"hub:{folder}:order")
    assert set(one["paradigm"]) == {"order"} and len(one) == 4
    with pytest.raises(UserError, match=r"--corpus hub:.*:order:test: cannot be read \(Unknown split"):
        read_pairs(f"hub:{folder}:order:test")
    with pytest.raises(UserError, match=r"--corpus hub:nobody/nothing: cannot be read \("):
        read_pairs("hub:nobody/nothing")


def test_blimp_is_read_whole(shared):
    table = read_pairs(str(shared / "data" / "blimp"))
    assert table["paradigm"].nunique() == 67 and len(table) == 67_000
