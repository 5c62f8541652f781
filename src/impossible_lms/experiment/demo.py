"""The demonstration: the whole road on the built-in grammar, in minutes on a laptop."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from impossible_lms.corpora import read_corpus
from impossible_lms.data.build import build_dataset, training_texts
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.perplexity import PERPLEXITY
from impossible_lms.languages import get_language
from impossible_lms.models.run import Run
from impossible_lms.progress import Progress
from impossible_lms.publishing.card import FIGURE, start_code
from impossible_lms.publishing.repository import CACHE, publish
from impossible_lms.report.figures import save_figure
from impossible_lms.report.metric_figures import metric_figure
from impossible_lms.tokenizer import load_tokenizer
from impossible_lms.training.recipe import load_recipe
from impossible_lms.training.train import train

LANGUAGES = ("no-reverse", "partial-reverse")
MODEL, SIZE, SEED = "gpt2-no-pos", "tiny", 53
NAMESPACE = "demo"


@dataclass(frozen=True)
class DemoSettings:
    """How much the demonstration does; the defaults are what `impossible demo` runs."""

    corpus: str = "grammar:sentences=60000,seed=0"
    tokenizer: str = "train:vocab=2048"
    recipe: str = "demo"


def run_demo(
    output: Path, say: Callable[[str], None], progress: Progress, settings: DemoSettings | None = None
) -> list[Path]:
    """Build, train, measure and publish NoReverse and PartialReverse below `output`; what is done stays done.

    Returns the paths of what was made: datasets, runs, the figure, the repositories.
    """
    settings = settings or DemoSettings()
    recipe = load_recipe(settings.recipe)
    corpus = read_corpus(settings.corpus)
    tokenizer = load_tokenizer(settings.tokenizer, training_texts(corpus))
    made: list[Path] = []
    runs: list[Run] = []
    for name in LANGUAGES:
        data, folder = output / "data" / name, output / "runs" / f"{name}-{MODEL}"
        said = "already built" if data.exists() else "built"
        dataset = build_dataset(corpus, get_language(name), tokenizer, data, context=recipe.context, progress=progress)
        say(f"{said}: {data} ({len(dataset):,} blocks of {dataset.context} tokens)")
        said = "already trained" if folder.is_dir() and Run.open(folder).finished else "trained"
        run = train(data, folder, recipe=recipe, model=MODEL, size=SIZE, seed=SEED, progress=progress)
        say(f"{said}: {folder} ({len(run.checkpoints())} checkpoints)")
        made += [data, folder]
        runs.append(run)
    curves: list[pd.DataFrame] = []
    for run in runs:
        said = "already measured: " if (run.folder / "evaluation" / "perplexity").is_dir() else ""
        curve = evaluate(PERPLEXITY, run, progress=progress).curve
        say(f"{said}perplexity of {run.name}: {curve['perplexity'].iloc[-1]:.2f} after {curve['step'].iloc[-1]} steps")
        save_figure(metric_figure(PERPLEXITY, [curve]), run.folder / "evaluation" / FIGURE)
        curves.append(curve)
    figure = save_figure(metric_figure(PERPLEXITY, curves), output / "perplexity.png")
    say(f"figure: {figure}")
    cache = output / "hub"
    for run in runs:
        said = "already published" if cache.is_dir() and any(cache.glob(f"*{run.name}")) else "published"
        model_id, repository = publish(run, CACHE, NAMESPACE, cache=cache)
        say(f"{said}: {model_id}, {len(run.checkpoints()) + 1} revisions in {repository}")
        say(f"loaded without this package, it says: {_said_by(start_code(run, model_id), cache)}")
        made.append(repository)
    return [*made, figure]


def _said_by(code: str, cache: Path) -> str:
    """What the model card's code prints in a fresh process that has only the cache and cannot import this package."""
    environment = os.environ | {
        "HF_HUB_CACHE": str(cache.resolve()),
        "HF_MODULES_CACHE": str(cache.resolve() / "modules"),
        "HF_HUB_OFFLINE": "1",
    }
    alone = f"import sys\nsys.modules['impossible_lms'] = None\n{code}\n"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", alone], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"{cache}: the published model does not load: {done.stderr.strip().rsplit(chr(10), 1)[-1]}")
    return done.stdout.strip()
