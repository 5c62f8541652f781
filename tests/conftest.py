"""What several tests share: small corpora, tokenizers, a built dataset and a trained run."""

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before transformers is imported: nothing of a test may reach a network or the user's own cache.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="impossible-lms-tests-")
os.environ["HF_HUB_OFFLINE"] = "1"
# What torch compiles is kept from one run of the tests to the next, apart from the user's own.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(tempfile.gettempdir()) / "impossible-lms-tests-compiled"))
# Read once, when a GPU first multiplies: without it torch refuses the tests of `--deterministic`.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# Several test processes share the cores; threads of each would wait for one another, which takes several times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Others that would have a say over these.
for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_MODULES_CACHE", "HF_DATASETS_OFFLINE"):
    os.environ.pop(name, None)
# What a script starts in the background ignores Ctrl-C, and so would the commands that tests stop with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest
from hypothesis import HealthCheck, settings

from impossible_lms import build_dataset, cli, get_language, load_tokenizer, read_corpus
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.models.run import Run
from impossible_lms.tokenizer import Tokenizer
from impossible_lms.training.recipe import Recipe, load_recipe
from impossible_lms.training.train import train

# How long an example takes says nothing on a machine that does other work. The examples are the same each time, so that
# what fails is what was changed; `pytest --hypothesis-profile others` looks for faults with others.
settings.register_profile("others", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("others"), derandomize=True)
settings.load_profile("same")

SETTINGS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "OMP_NUM_THREADS")
SHARED = Path(__file__).parents[1].parent / "shared"
CORPUS = "grammar:sentences=2000,seed=0"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say what the numbers are computed with; `-q` leaves out pytest's own header."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return
    import torch

    set_to = " ".join(f"{name}={os.environ[name]}" for name in SETTINGS if name in os.environ)
    capability = torch.backends.cpu.get_cpu_capability()
    reporter.write_line(f"torch {torch.__version__} as {capability}; {set_to}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora and golden vectors, where there is one."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder ../shared beside the project")
    return SHARED


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A small byte-level BPE trained on the built-in grammar."""
    return load_tokenizer("train:vocab=400", read_corpus(CORPUS))


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Seconds on two cores; dropout is on, for it is what makes resuming hard."""
    return load_recipe("demo").model_copy(
        update={"steps": 12, "sequences_per_step": 4, "context": 32, "warmup_steps": 2, "checkpoint_every": 4}
    )


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> TokenDataset:
    """PartialReverse of the small grammar, in blocks of 32 tokens."""
    folder = tmp_path_factory.mktemp("data") / "partial-reverse"
    return build_dataset(read_corpus(CORPUS), get_language("partial-reverse"), tokenizer, folder, context=32)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, dataset: TokenDataset, recipe: Recipe) -> Run:
    """A finished run of three checkpoints, without positions. Tests must not change it."""
    return train(dataset.folder, tmp_path_factory.mktemp("runs") / "no-pos", recipe=recipe, size="tiny")


@pytest.fixture(scope="session")
def hop_run(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> Run:
    """A finished run of TokenHop, with a vocabulary of most words. Tests may evaluate it, and must not change it."""
    tokenizer = load_tokenizer("train:vocab=1200", read_corpus(CORPUS))
    folder = tmp_path_factory.mktemp("hop")
    build_dataset(read_corpus(CORPUS), get_language("token-hop"), tokenizer, folder / "token-hop", context=32)
    return train(folder / "token-hop", folder / "run", recipe=recipe, size="tiny")


@pytest.fixture(scope="session")
def no_hop_run(tmp_path_factory: pytest.TempPathFactory, hop_run: Run, recipe: Recipe) -> Run:
    """A finished run of NoHop, the control of TokenHop, with the same vocabulary. Tests must not change it."""
    tokenizer = hop_run.dataset().tokenizer.without_markers()
    folder = tmp_path_factory.mktemp("no-hop")
    build_dataset(read_corpus(CORPUS), get_language("no-hop"), tokenizer, folder / "no-hop", context=32)
    return train(folder / "no-hop", folder / "run", recipe=recipe, size="tiny")


@pytest.fixture(scope="session")
def noun_phrase_run(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, recipe: Recipe) -> Run:
    """A finished run of nouns before their modifiers, trained on one modifier at a time. Tests must not change it."""
    folder = tmp_path_factory.mktemp("noun-phrase")
    language = get_language("noun-phrase-N-Adj-Num-Dem")
    build_dataset(read_corpus(CORPUS), language, tokenizer, folder / "data", context=64, most_training_modifiers=1)
    return train(folder / "data", folder / "run", recipe=recipe.model_copy(update={"context": 64}), size="tiny")


@pytest.fixture
def copied_run(run: Run, tmp_path: Path) -> Run:
    """The PartialReverse run, one's own to change, beside the same data."""
    shutil.copytree(run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    return Run(tmp_path / "run", run.record | {"data": str(run.dataset().folder)})


@pytest.fixture(scope="session")
def control_run(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, recipe: Recipe) -> Run:
    """A finished run of NoReverse, the control of PartialReverse, on the same corpus. Tests must not change it."""
    folder = tmp_path_factory.mktemp("control")
    build_dataset(read_corpus(CORPUS), get_language("no-reverse"), tokenizer, folder / "no-reverse", context=32)
    return train(folder / "no-reverse", folder / "run", recipe=recipe, size="tiny")


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of minimal pairs in BLiMP's fields: two paradigms, in one of which token counts differ."""
    folder = tmp_path_factory.mktemp("blimp")
    sentences = {
        "agreement": ("The {} sleeps.", "The {} sleep."),
        "order": ("See the {} and the cat.", "See the and {} the cat."),
    }
    for paradigm, (good, bad) in sentences.items():
        rows = [
            {"sentence_good": good.format(noun), "sentence_bad": bad.format(noun), "field": "syntax", "UID": paradigm}
            for noun in ("dog", "cat", "girl", "teacher")
        ]
        (folder / f"{paradigm}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.fixture
def impossible(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command line in this process: exit code, stdout, stderr without the line that long verbs begin with."""

    def call(*words: object) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["impossible", *map(str, words)])
        with pytest.raises(SystemExit) as done:
            cli.main()
        captured = capsys.readouterr()
        begun = f"{words[0]}: {cli.BEGINNINGS.get(str(words[0]))} ...\n" if words else ""
        return done.value.code, captured.out, captured.err.removeprefix(begun)

    return call
