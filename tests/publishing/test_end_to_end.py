"""From a run and its data through a hub to whoever loads them, each in a process that knows the hub alone."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from impossible_lms import METRICS, Request, evaluate, train
from tests.legacy import legacy
from tests.publishing.conftest import TOKEN, environment, said_by, served

MODEL, DATA = "me/partial-reverse-gpt2-no-pos", "me/babble"
PYTHON = re.compile(r"```python\n(.*?)\n```", re.DOTALL)
ROOT = Path(__file__).parents[2]
ALONE = "import sys\nsys.modules['impossible_lms'] = None\n"

EVERY_WAY = """
from huggingface_hub import HfApi
from transformers import pipeline
import torch

assert "impossible_lms" not in [name for name in sys.modules if sys.modules[name] is not None]
branches = [branch.name for branch in HfApi().list_repo_refs(model_id).branches]
assert sorted(branches) == sorted(["main", *(f"checkpoint-{step}" for step in range(1, 31))])
ids = torch.arange(20)[None]
for revision in ("checkpoint-1", "checkpoint-30", "main"):
    trusted = AutoModelForCausalLM.from_pretrained(model_id, revision=revision, trust_remote_code=True).eval()
    untrusted = AutoModelForCausalLM.from_pretrained(model_id, revision=revision).eval()
    plain = GPT2LMHeadModel.from_pretrained(model_id, revision=revision).eval()
    assert all(torch.equal(trusted(ids).logits, other(ids).logits) for other in (untrusted, plain))
    print(revision, trusted(ids).logits.double().sum().item())
assert tokenizer.convert_tokens_to_ids("🅁") == 400 == len(tokenizer) - 1
said = pipeline("text-generation", model=model_id)("He clean", max_new_tokens=5, do_sample=False)
assert said[0]["generated_text"].startswith("He clean")
assert HfApi().model_info(model_id).sha == HfApi().model_info(model_id, revision="main").sha
"""

ROWS = """
import json
for split, rows in dataset.items():
    print(json.dumps([split, rows[:]["tokens"], rows[:]["text"]]))
print(json.dumps(dataset["test"][0]))
"""

OURS = """
import json, sys
from impossible_lms import load_published
for source, revision in json.loads(sys.argv[1]):
    loaded = load_published(source, revision, architecture="gpt2-no-pos")
    weight = loaded.model.lm_head.weight.double().sum().item()
    print(json.dumps([weight, loaded.tokenizer.vocabulary_size, list(loaded.tokenizer.markers)]))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, dataset, recipe):
    """A run of thirty checkpoints, measured."""
    each = recipe.model_copy(update={"steps": 30, "checkpoint_every": 1})
    run = train(dataset.folder, tmp_path_factory.mktemp("thirty") / "run", recipe=each, size="tiny")
    evaluate(METRICS["perplexity"], run, Request(sample=3))
    return run


@pytest.fixture(scope="module")
def hub(trained, dataset, tmp_path_factory):
    """A hub with the run and its data, published from the command line; its address."""
    with served(tmp_path_factory.mktemp("hub")) as server:
        given = environment(server.address, tmp_path_factory.mktemp("home"), HF_TOKEN=TOKEN)
        for what, *more in ((trained.folder, "--collection", "All"), (dataset.folder, "--name", "babble")):
            command = [sys.executable, "-m", "impossible_lms", "publish", str(what), "--to", "hub:me", *more]
            done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
            assert done.returncode == 0 and TOKEN not in done.stdout + done.stderr, done.stderr
        yield server


def card_of(server, kind, repo):
    files = server.store.repository(kind, repo).commit("main").files
    return server.store.blobs.path(files["README.md"].sha256).read_text(encoding="utf-8")


def test_the_model_loads_in_every_way_and_its_card_runs(trained, hub, tmp_path):
    card = card_of(hub, "models", MODEL)
    blocks = PYTHON.findall(card)
    assert len(blocks) == 1 and "Every checkpoint is in `results/perplexity.csv`." in card
    said = said_by(ALONE + "\n".join(blocks) + EVERY_WAY, hub.address, tmp_path).splitlines()
    assert said[0].startswith("He clean")
    sums = dict(line.split() for line in said[1:])
    assert len(sums) == 3 and sums["checkpoint-30"] == sums["main"] != sums["checkpoint-1"]
    files = hub.store.repository("models", MODEL).commit("checkpoint-1").files
    assert {"README.md", "results/perplexity.csv", "generation_config.json", "tokenizer.json"} <= set(files)
    assert len(list(hub.store.folder.glob("blobs/*/*"))) < 31 * 2 + 20  # weights and manifests of thirty, the rest once


def documented(name):
    """The piece of docs/hub.md's Python that uses `name`."""
    pieces = PYTHON.findall((ROOT / "docs" / "hub.md").read_text(encoding="utf-8"))
    return next(piece for piece in pieces if name in piece)


def test_the_data_load_as_their_card_says(dataset, hub, tmp_path):
    blocks = PYTHON.findall(card_of(hub, "datasets", DATA))
    code = "\n".join([*blocks, ROWS])
    assert documented("load_dataset") in blocks
    text, *splits, first = said_by(code, hub.address, tmp_path).splitlines()
    rows = {split: (tokens, texts) for split, tokens, texts in map(json.loads, splits)}
    held_out = dataset.held_out("test")
    assert rows["test"][0] == [tokens.tolist() for tokens in held_out.tokens] and len(rows["validation"][0]) > 50
    assert text == rows["test"][1][0] == dataset.tokenizer.decode(held_out.tokens[0])
    assert json.loads(first).keys() == {"sentence", "genre", "affected", "tokens", "text"}
    stream = [token for tokens in rows["train"][0] for token in [*tokens, dataset.tokenizer.end_of_text]]
    blocks = dataset.blocks(np.arange(len(dataset))).ravel().tolist()
    assert stream[: len(blocks)] == blocks and len(stream) - len(blocks) in (0, 1)


def test_theirs_and_ours_are_read_by_their_ids(trained, hub, tokenizer, dataset, tmp_path):
    """Repositories as the authors left them: a branch a checkpoint, pickled weights, code that no longer imports."""
    theirs = "mission-impossible-lms/partial-reverse-gpt2-no-pos"
    weights = [
        legacy(tmp_path / f"checkpoint-{step}", tokenizer, seed=step).lm_head.weight.double().sum().item()
        for step in (100, 200)
    ]
    upload = f"from huggingface_hub import HfApi; api = HfApi()\napi.create_repo({theirs!r})\n"
    for step, branch in ((100, "checkpoint-100"), (200, "checkpoint-200"), (200, "main")):
        about = f"repo_id={theirs!r}, revision={branch!r}"
        if branch != "main":
            upload += f"api.create_branch({theirs!r}, branch={branch!r})\n"
        upload += f"api.upload_folder(folder_path={str(tmp_path / f'checkpoint-{step}')!r}, {about})\n"
    said_by(upload, hub.address, tmp_path / "uploader", HF_TOKEN=TOKEN, HF_HUB_DISABLE_XET="1")
    asked = [[theirs, "checkpoint-100"], [theirs, "main"], [MODEL, "checkpoint-7"]]
    code = OURS.replace("sys.argv[1]", repr(json.dumps(asked)))
    found = [json.loads(line) for line in said_by(code, hub.address, tmp_path / "home").splitlines()]
    own = trained.checkpoints()[6].load().lm_head.weight.double().sum().item()
    assert found == [[weight, 401, ["🅁"]] for weight in (*weights, own)]
    assert not any(path.suffix == ".py" for path in (tmp_path / "home").rglob("*"))

    assert said_by(documented("load_published"), hub.address, tmp_path / "home") == "gpt2-no-pos He cleans it.\n"

    command = [sys.executable, "-m", "impossible_lms", "evaluate", "perplexity", theirs, "--sample", "3", "--json"]
    command += ["--data", str(dataset.folder), "--output", str(tmp_path / "measured")]
    for more in ({}, {"HF_HUB_OFFLINE": "1"}):
        given = environment(hub.address, tmp_path / "home", **more)
        done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert [row["step"] for row in json.loads(done.stdout)] == [100, 200]
    assert (tmp_path / "measured" / "perplexity.png").is_file()
