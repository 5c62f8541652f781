"""What several tests share: small corpora, tokenizers, a built dataset and a trained run."""

import os
import tempfile
from pathlib import Path

# Before transformers is imported: nothing of a test may reach a network or the user's own cache.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="impossible-lms-tests-")
os.environ["HF_HUB_OFFLINE"] = "1"
# Several test processes share the cores; threads of each would wait for one another, which takes several times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Others that would have a say over these.
for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_MODULES_CACHE", "HF_DATASETS_OFFLINE"):
    os.environ.pop(name, None)

import pytest

from impossible_lms import build_dataset, get_language, load_tokenizer, read_corpus
from impossible_lms.data.build import training_texts
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.models.run import Run
from impossible_lms.tokenizer import Tokenizer
from impossible_lms.training.recipe import Recipe, load_recipe
from impossible_lms.training.train import train

SHARED = Path(__file__).parents[1].parent / "shared"
CORPUS = "grammar:sentences=2000,seed=0"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora and golden vectors, where there is one."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder ../shared beside the project")
    return SHARED


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A small byte-level BPE trained on the built-in grammar."""
    return load_tokenizer("train:vocab=400", training_texts(read_corpus(CORPUS)))


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
