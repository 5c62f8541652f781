"""Published repositories load with the code people have, in a process that does not know this package."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from huggingface_hub import ModelCard

from impossible_lms import METRICS, Request, evaluate
from impossible_lms.errors import UserError
from impossible_lms.files import write_record
from impossible_lms.locks import locked
from impossible_lms.models.run import FINISHED, Run
from impossible_lms.publishing.card import model_card, start_code
from impossible_lms.publishing.model import model_publication
from impossible_lms.publishing.repository import publish
from impossible_lms.report.metric_figures import write_metric_figure
from impossible_lms.unfinished import machine
from tests.sealing import resealed

CHECKS = """
import sys
sys.modules["impossible_lms"] = None
{code}
assert "impossible_lms" not in [name for name in sys.modules if sys.modules[name] is not None]
import torch
from transformers import GPT2Config
plain = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_positions=8, n_embd=8, n_layer=1, n_head=1))
assert "transformer.wpe.weight" in dict(plain.named_parameters())
assert "transformer.wpe.weight" not in dict(model.named_parameters())
ids = torch.arange(20)[None]
heads = []
for revision in ("checkpoint-4", "checkpoint-8", "checkpoint-12", "main"):
    trusted = AutoModelForCausalLM.from_pretrained(model_id, revision=revision, trust_remote_code=True).eval()
    untrusted = AutoModelForCausalLM.from_pretrained(model_id, revision=revision).eval()
    assert torch.equal(trusted(ids).logits, untrusted(ids).logits)
    heads.append(trusted.lm_head.weight.double().sum().item())
assert len(set(heads[:3])) == 3 and heads[3] == heads[2], heads
assert len(tokenizer) == 401
print("all well")
"""


@pytest.fixture(scope="module")
def cached(run, tmp_path_factory):
    cache = tmp_path_factory.mktemp("hub")
    model_id, repository = publish(run, "cache", "someone", cache=cache)
    return model_id, repository, cache


def test_the_cards_code_runs_offline_in_a_fresh_process(run, cached):
    model_id, repository, cache = cached
    assert model_id == "someone/partial-reverse-gpt2-no-pos"
    main = repository / "snapshots" / (repository / "refs" / "main").read_text()
    code = re.findall(r"```python\n(.*?)\n```", (main / "README.md").read_text(encoding="utf-8"), re.S)
    assert code == [start_code(run, model_id)]
    environment = os.environ | {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-c", CHECKS.format(code=code[0])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("He clean") and done.stdout.endswith("all well\n")


def test_a_tokenizer_is_had_from_the_hub_or_its_cache(cached):
    code = f"from impossible_lms import load_tokenizer; print(load_tokenizer('{cached[0]}').vocabulary_size)"
    environment = os.environ | {"HF_HUB_CACHE": str(cached[2]), "HF_HUB_OFFLINE": "1"}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True) == "401\n"


def test_the_cache_has_one_blob_a_content_and_a_ref_a_revision(cached):
    repository = cached[1]
    assert repository.name == "models--someone--partial-reverse-gpt2-no-pos"
    refs = {path.name: path.read_text() for path in (repository / "refs").iterdir()}
    assert set(refs) == {"main", "checkpoint-4", "checkpoint-8", "checkpoint-12"}
    assert refs["main"] == refs["checkpoint-12"] and len(set(refs.values())) == 3
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in refs.values())
    assert sum(path.stat().st_size > 1_000_000 for path in (repository / "blobs").iterdir()) == 3


def test_published_again_it_changes_nothing(run, cached):
    before = {path: path.stat().st_mtime_ns for path in (cached[1] / "blobs").iterdir()}
    publish(run, "cache", "someone", cache=cached[2])
    assert {path: path.stat().st_mtime_ns for path in (cached[1] / "blobs").iterdir()} == before


def _in_cache(repository):
    """All that a repository in a cache has, but for what its commits are called."""
    return sorted(path.relative_to(repository).as_posix() for path in repository.rglob("*"))


def test_a_cache_that_was_published_to_before_is_as_a_new_one(run, tmp_path):
    """A model that was published before all was measured, or by a process that was killed, leaves nothing behind."""
    before, whole = model_publication(run, {"surprisal": "not measured yet"}), model_publication(run)
    _, expected = publish(whole, "cache", "me", cache=tmp_path / "new")
    _, repository = publish(before, "cache", "me", cache=tmp_path / "old")
    dead = f".part-{machine()}-999999999-x"
    (repository / "refs" / "main").unlink()  # killed: before the last ref, in a snapshot, in a blob, as it removed one
    (repository / "snapshots" / f".{'a' * 40}{dead}" / "results").mkdir(parents=True)
    (repository / "blobs" / f".{'b' * 64}{dead}").write_text("half")
    (repository / "blobs" / ("c" * 64)).write_text("a card that no revision has")
    (repository / ".lock").write_text("machine 999999999 1\n")
    publish(whole, "cache", "me", cache=tmp_path / "old")
    assert _in_cache(repository) == _in_cache(expected)


def test_what_was_downloaded_to_a_cache_stays(run, tmp_path):
    """The Hub calls small files by git's hash, and snapshots by its commits, which need no ref."""
    repository = tmp_path / "models--me--partial-reverse-gpt2-no-pos"
    for commit, blob in (("d" * 40, "e" * 40), ("f" * 40, "0" * 64)):
        link = repository / "snapshots" / commit / "config.json"
        link.parent.mkdir(parents=True)
        link.symlink_to(f"../../blobs/{blob}")
        (repository / "blobs").mkdir(exist_ok=True)
        (repository / "blobs" / blob).write_text("{}")
    (repository / "blobs" / ("1" * 40)).write_text("of another download")
    before = set(_in_cache(repository))
    assert publish(run, "cache", "me", cache=tmp_path)[1] == repository
    assert before < set(_in_cache(repository))
    assert all(
        (repository / "snapshots" / commit / "config.json").read_text() == "{}" for commit in ("d" * 40, "f" * 40)
    )


@pytest.mark.parametrize("to", ["cache", "folders"])
def test_who_publishes_to_a_repository_is_named_to_others(run, tmp_path, monkeypatch, to):
    monkeypatch.setattr("impossible_lms.publishing.local.PATIENCE", 0.1)
    target = {"to": "cache", "cache": tmp_path} if to == "cache" else {"to": tmp_path}
    _, repository = publish(run, namespace="me", **target)
    before = _in_cache(repository)
    with (
        locked(repository / ".lock", "is being written"),
        pytest.raises(UserError, match=rf"{repository.name}: is being written by process {os.getpid()} on"),
    ):
        publish(run, namespace="me", **target)
    assert _in_cache(repository) == before


def test_other_weights_are_not_replaced_unless_asked(run, tmp_path):
    for target in ({"to": "cache", "cache": tmp_path / "hub"}, {"to": tmp_path / "folders"}):
        publish(run, namespace="me", **target)
        other = Run(tmp_path / "other", run.record | {"data": str(run.dataset().folder)})
        if not other.folder.exists():
            shutil.copytree(run.folder, other.folder)
            shutil.rmtree(other.folder / "checkpoints" / "checkpoint-12")
            shutil.copytree(run.folder / "checkpoints" / "checkpoint-8", other.folder / "checkpoints" / "checkpoint-12")
            manifest = other.folder / "checkpoints" / "checkpoint-12" / "manifest.json"
            resealed(manifest, lambda it: it["record"].update(step=12))
        with pytest.raises(UserError, match=r"checkpoint-12: holds another model.safetensors. Pass --overwrite"):
            publish(other, namespace="me", **target)
        publish(other, namespace="me", overwrite=True, **target)


def test_folders_hold_a_complete_model_a_revision(run, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model_id, repository = publish(run, tmp_path, "me")
    assert repository == tmp_path / model_id
    assert {path.name for path in repository.iterdir()} == {"main", "checkpoint-4", "checkpoint-8", "checkpoint-12"}
    assert AutoModelForCausalLM.from_pretrained(repository / "checkpoint-4").config.vocab_size == 401
    assert len(AutoTokenizer.from_pretrained(repository / "main")) == 401
    config = run.checkpoints()[0].folder / "config.json"
    assert not config.samefile(repository / "checkpoint-4" / "config.json")  # editing one must not change the other


def test_the_card_says_what_happened(run):
    card = model_card(run, "me/it")
    for fact in (
        "GPT-2 without positional encodings trained from scratch on **partial-reverse**",
        "12 steps of 4 x 32 tokens",
        "4 layers, 4 heads, width 128",
        f"401 ids, {run.dataset().fertility}, markers 🅁",
        "`checkpoint-4` to `checkpoint-12`, 3 in all",
        "Seed 53",
        "grammar:sentences=2000,seed=0",
        "@inproceedings{kallini-etal-2024-mission",
        "| hours | ",
        "| energy | ",
        "Commit of the code: ",
        "Not evaluated yet.",
    ):
        assert fact in card


def test_the_card_has_what_was_measured(run, tmp_path):
    measured = Run(tmp_path / "run", run.record | {"data": str(run.dataset().folder)})
    shutil.copytree(run.folder, measured.folder)
    metric = METRICS["perplexity"]
    found = evaluate(metric, measured, Request(sample=5))[0]
    curve = found.curve
    facts = {"kilowatt_hours": 0.01234, "energy_source": "NVML", "commit": "0123abc"}
    write_record(measured.folder / FINISHED, {**(run.finished or {}), **facts})
    card = model_card(measured, "me/it")
    for fact in ("| energy | 0.0123 kWh (NVML) |", "Commit of the code: `0123abc`.", "in `results/perplexity.csv`."):
        assert fact in card
    last = curve["perplexity"].iloc[-1]
    head = ModelCard(card).data
    assert head.eval_results[0].metric_value == pytest.approx(last, abs=1e-4) and head.model_name == "it"
    args = head.eval_results[0].metric_args
    assert args["interval"] == pytest.approx(curve[["low", "high"]].iloc[-1].tolist(), rel=1e-5)
    assert (args["items"], args["sample"], args["seeds"], args["step"]) == (5, 5, [53], 12)
    low, high = curve[["low", "high"]].iloc[-1]
    assert f"| {last:.4g} | {low:.4g} to {high:.4g} | 5 | 12 | partial-reverse | nothing | sample of 5 at most" in card
    assert "perplexity.png" not in card
    write_metric_figure(metric, [found.tables], measured.folder / "evaluation" / "perplexity")
    assert "![Perplexity on held-out sentences over training steps](results/perplexity.png)" in model_card(
        measured, "me/it"
    )
    evaluate(metric, measured, Request(sample=6))  # of which there is no figure yet
    assert "perplexity.png" not in model_card(measured, "me/it")


def test_faults_are_named(run, tmp_path):
    for namespace in ("", "a b", "../x", "a/b", "-a", "a--b"):
        with pytest.raises(UserError, match="not a name the Hugging Face Hub takes"):
            publish(run, tmp_path, namespace)
    unfinished = tmp_path / "run"
    shutil.copytree(run.folder, unfinished)
    (unfinished / FINISHED).unlink()
    with pytest.raises(UserError, match=r"not finished\. Continue it with `impossible train`"):
        publish(Run(unfinished, run.record), tmp_path / "out", "me")
    assert not (tmp_path / "out").exists()


def test_the_card_lists_every_metric_and_what_is_missing(run, control_run, tmp_path):
    measured = Run(tmp_path / "run", run.record | {"data": str(run.dataset().folder)})
    shutil.copytree(run.folder, measured.folder, ignore=shutil.ignore_patterns("evaluation"))
    asked = Request(sample=5, control=control_run.folder, checkpoints="12", name="learnability-sample-5")
    gaps = evaluate(METRICS["learnability"], measured, asked)[0]
    few = evaluate(METRICS["perplexity"], measured, sample=5000, name="perplexity-sample-5000")[0]
    publication = model_publication(measured, {"surprisal": "no test sentence has a marker."})
    (tmp_path / "scratch").mkdir()
    *_, main = publication.revisions("me/it", tmp_path / "scratch")
    assert {"results/learnability-sample-5.csv", "results/perplexity-sample-5000.csv"} <= set(main.files)
    card = main.files["README.md"].read_text(encoding="utf-8")
    for fact in (
        "| learnability: learnability gap (bits a token) |",
        "| the model of no-reverse at the same step |",
        f"`perplexity-sample-5000`: {few.curve['note'].iloc[0]}.",
        "- `surprisal`: no test sentence has a marker.",
        "Perplexity on held-out sentences (geometric mean",
        "Every checkpoint is in `results/learnability-sample-5.csv`, `results/perplexity-sample-5000.csv`.",
    ):
        assert fact in card
    assert "Not evaluated yet" not in card and "\n\n\n" not in card
    found = {each.metric_type: each for each in ModelCard(card).data.eval_results}
    assert set(found) == {"learnability", "perplexity"}
    assert found["learnability"].metric_value == pytest.approx(gaps.curve["gap_per_token"].iloc[-1], rel=1e-5)
    assert found["learnability"].metric_args["compared_with"] == "the model of no-reverse at the same step"
