"""Runs that were never trained: real data and records, drawn losses and measurements, to try any report in seconds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from impossible_lms import METRICS, build_dataset, get_language, load_tokenizer, read_corpus
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.evaluation.driver import TABLES
from impossible_lms.evaluation.metric import language_of
from impossible_lms.files import folder_beside, write_record
from impossible_lms.models.metric_lines import line_of
from impossible_lms.models.run import Run
from impossible_lms.training.recipe import load_recipe

CORPUS = "grammar:sentences=1000,seed=0"
STEPS = tuple(range(20, 201, 20))
SENTENCES = 60  # of a test set
HARDER = {  # the logarithm of perplexity above the control's
    "partial-reverse": 0.25,
    "full-reverse": 0.02,
    "token-hop": 0.08,
    "word-hop": 0.06,
    "even-odd-shuffle": 0.5,
    "local-shuffle-w3": 0.3,
    "local-shuffle-w5": 0.45,
    "local-shuffle-w10": 0.6,
}


def make_runs(
    home: Path,
    languages: Sequence[str],
    architectures: Sequence[str] = ("gpt2", "gpt2-no-pos"),
    seeds: Sequence[int] = (53,),
    *,
    metrics: Sequence[str] = ("perplexity", "surprisal", "interventions", "probes", "learnability", "generation"),
    steps: Sequence[int] = STEPS,
    size: str = "tiny",
    vocabulary: int = 400,
    level: float = 0.0,
) -> list[Run]:
    """A run of each language, architecture and seed below `home`, measured under `metrics`, as far as they apply.

    `level` is added to the logarithm of every perplexity.
    """
    corpus = read_corpus(CORPUS)
    tokenizer = load_tokenizer(f"train:vocab={vocabulary}", corpus)
    runs = []
    for name in languages:
        dataset = build_dataset(
            corpus, get_language(name), tokenizer, home / "data" / name.rpartition(":")[2], context=64
        )
        for architecture in architectures:
            for seed in seeds:
                runs.append(_made(home, dataset, architecture, seed, steps, metrics, size, level))
    return runs


def _made(
    home: Path,
    dataset: TokenDataset,
    architecture: str,
    seed: int,
    steps: Sequence[int],
    metrics: Sequence[str],
    size: str,
    level: float,
) -> Run:
    recipe = load_recipe("demo").model_copy(update={"steps": steps[-1], "context": 64, "checkpoint_every": steps[0]})
    request = {
        "dataset": dataset.identity,
        "model": architecture,
        "size": size,
        "recipe": recipe.model_dump(),
        "seed": seed,
    }
    folder = home / "runs" / f"{dataset.language}-{architecture}-s{seed}"
    folder.mkdir(parents=True)
    run = Run.begin(folder, dataset.folder, request, {"versions": {"torch": "2.13.0"}})
    drawn = np.random.default_rng(crc32(f"{folder.name} {level}".encode()))
    own = level + drawn.normal(0, 0.03)  # of this seed
    check, text = run.identity, ""
    for step in range(1, steps[-1] + 1):
        loss = 2.3 + _harder(dataset.language, architecture) + 5 * float(np.exp(-step / 30)) + drawn.normal(0, 0.05)
        held = {"held_out_loss": loss + 0.03} if step == steps[-1] else {}
        line, check = line_of({"step": step, "loss": loss, **held}, check)
        text += line
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    totals = {"steps": steps[-1], "seconds": 240.0, "hours": 0.067, "loss": 2.4, "kilowatt_hours": None}
    write_record(folder / "finished.json", totals | {"run": run.identity, "hardware": {}, "versions": {}})
    (folder / "checkpoints").mkdir()
    for name in metrics:
        rows = ITEMS[name](run, dataset, own, steps, drawn)
        if rows is not None:
            write_tables(run, dataset, name, rows)
    return run


def write_tables(
    run: Run, dataset: TokenDataset, name: str, items: pd.DataFrame, *, skipped: dict[str, str] | None = None
) -> None:
    """Write the tables of an evaluation whose `items` these are, as `evaluate` does."""
    metric, skipped = METRICS[name], skipped or {}
    parts = [
        metric.aggregate(mine.reset_index(drop=True)).assign(step=step, fault=None)
        for step, mine in items.groupby("step")
    ]
    parts += [
        pd.DataFrame({"step": [int(what.rpartition("-")[2])], "items": [0], "fault": [why]})
        for what, why in skipped.items()
    ]
    said = {"language": run.language, "architecture": run.architecture.name, "seed": run.seed, "data": dataset.language}
    curve = pd.concat([part.astype({"fault": object}) for part in parts], ignore_index=True)
    curve = curve.assign(**said, note=pd.Series([None] * len(curve), dtype=object))
    asked: dict[str, Any] = {
        "metric": name,
        "data": dataset.identity,
        "sample": None,
        "precision": "fp32",
        "as_published": False,
    }
    request = asked | {"checkpoints": {f"checkpoint-{step}": "" for step in set(items["step"])}, "skipped": skipped}
    record = {"run": run.identity, "name": name, "request": request, "notes": metric.conclude(curve), "versions": {}}
    record["control"] = language_of(dataset).control
    with folder_beside(run.folder / "evaluation" / name, TABLES, record) as part:
        items.to_parquet(part / "items.parquet", index=False)
        curve.to_parquet(part / "curve.parquet", index=False)


def _harder(language: str, architecture: str) -> float:
    return HARDER.get(language, 0.0 if language.startswith("no-") else 0.15) + 0.05 * (architecture != "gpt2")


def _bits(run: Run, own: float, step: int, drawn: np.random.Generator) -> np.ndarray:
    """(SENTENCES,) the logarithm of perplexity of each sentence, alike over runs but for language and seed."""
    of_items = np.random.default_rng(0).normal(0, 0.3, SENTENCES)
    level = 1.6 + _harder(run.language, run.architecture.name) + 3 * np.exp(-step / 40)
    return level + of_items + own + drawn.normal(0, 0.05, SENTENCES)  # type: ignore[no-any-return]


def _perplexity(
    run: Run, dataset: TokenDataset, own: float, steps: Sequence[int], drawn: np.random.Generator
) -> pd.DataFrame:
    fixed = {"sentence": range(SENTENCES), "genre": "grammar", "affected": True, "tokens": 9}
    return pd.concat(
        [pd.DataFrame(fixed | {"step": step, "perplexity": np.exp(_bits(run, own, step, drawn))}) for step in steps]
    )


def _surprisal(
    run: Run, dataset: TokenDataset, own: float, steps: Sequence[int], drawn: np.random.Generator
) -> pd.DataFrame | None:
    if not dataset.language.endswith("-hop"):
        return None
    fixed = {"sentence": range(SENTENCES), "genre": "grammar", "place": 3}
    rows = []
    for step in steps[len(steps) // 2 - 1 :: len(steps) // 2]:
        marker = np.abs(drawn.normal(2, 0.4, SENTENCES)) + _harder(run.language, run.architecture.name)
        left = marker + 6 * (1 - np.exp(-step / 60)) - 8 * _harder(run.language, run.architecture.name) + own
        rows.append(
            pd.DataFrame(fixed | {"step": step, "marker": marker, "left_out": left, "difference": left - marker})
        )
    return pd.concat(rows)


def _interventions(
    run: Run, dataset: TokenDataset, own: float, steps: Sequence[int], drawn: np.random.Generator
) -> pd.DataFrame | None:
    if not dataset.language.endswith("-hop"):
        return None
    rows = []
    for layer in range(3):
        for position in range(6):
            share = 0.9 if run.architecture.name == "gpt2" and position == 1 + layer else 0.0
            shift = drawn.normal(2.0 if share else 0.1, 0.2, 40)
            moved = drawn.random(40) < share
            rows.append(
                pd.DataFrame(
                    {
                        "step": steps[-1],
                        "layer": layer,
                        "position": position,
                        "sentence": range(40),
                        "pair": range(40),
                        "moved": moved,
                        "shift": shift,
                    }
                )
            )
    return pd.concat(rows)


def _probes(
    run: Run, dataset: TokenDataset, own: float, steps: Sequence[int], drawn: np.random.Generator
) -> pd.DataFrame | None:
    if "reverse" not in dataset.language:
        return None
    rows = []
    for layer, level in (("1", 0.8), ("2", 0.86), ("last four", 0.84)):
        for split in range(3):
            accuracy = level - 0.2 * _harder(run.language, run.architecture.name) + own / 3 + drawn.normal(0, 0.005)
            rows.append(
                {
                    "step": steps[-1],
                    "layer": layer,
                    "pooling": "mean",
                    "probe_seed": split,
                    "tested": 400,
                    "accuracy": accuracy,
                    "converged": True,
                    "control": 0.31,
                    "untrained": 0.66,
                    "chance": 0.2,
                    "largest": 0.45,
                }
            )
    return pd.DataFrame(rows)


def _learnability(
    run: Run, dataset: TokenDataset, own: float, steps: Sequence[int], drawn: np.random.Generator
) -> pd.DataFrame | None:
    if language_of(dataset).is_control:
        return None
    rows = []
    for step in (steps[len(steps) // 2 - 1], steps[-1]):
        gap = 9 * (
            _harder(run.language, run.architecture.name)
            + own
            + drawn.normal(0, 0.1, SENTENCES)
            + 0.3 * np.exp(-step / 60)
        )
        fixed = {
            "sentence": range(SENTENCES),
            "genre": "grammar",
            "original_tokens": 9,
            "added": 0.0,
            "control_added": 0.0,
        }
        rows.append(pd.DataFrame(fixed | {"step": step, "bits": 40 + gap, "control_bits": 40.0, "gap": gap}))
    return pd.concat(rows)


def _generation(
    run: Run, dataset: TokenDataset, own: float, steps: Sequence[int], drawn: np.random.Generator
) -> pd.DataFrame | None:
    if language_of(dataset).is_control:
        return None
    tokens, tokenizer = dataset.held_out("test").tokens, dataset.tokenizer
    rows = []
    for who in ("model", "control", "held-out"):
        for number in range(20):
            said = tokens[int(drawn.integers(len(tokens)))]
            good = bool(drawn.random() < 0.85) or who == "held-out"
            row: dict[str, Any] = {
                "step": steps[-1],
                "who": who,
                "text": tokenizer.decode(said),
                "token_ids": " ".join(map(str, said.tolist())),
            }
            row |= {"tokens": len(said), "length": "1-10" if len(said) <= 10 else "11-20", "well_formed": good}
            row |= {"undone": f"What was said, number {number}." if good else None, "bits": 40.0 if good else np.nan}
            row |= {"bits_a_token": drawn.normal(3.0, 0.4) if good else np.nan, "below_median": good, "below_90": good}
            rows.append(row)
    return pd.DataFrame(rows)


def _sentence_bits(
    run: Run, dataset: TokenDataset, own: float, steps: Sequence[int], drawn: np.random.Generator
) -> pd.DataFrame | None:
    has_markers = bool(language_of(dataset).family.markers)
    fixed = {
        "sentence": range(SENTENCES),
        "genre": "grammar",
        "tokens_sha256": [f"{each:016x}" for each in range(SENTENCES)],
    }
    counts = {"marker_tokens": int(has_markers), "after-marker_tokens": int(has_markers), "others_tokens": 8}
    costs = {
        "marker": has_markers * np.abs(drawn.normal(2 + 10 * own, 0.5, SENTENCES)),
        "after-marker": has_markers * np.abs(drawn.normal(4, 0.8, SENTENCES)),
        "others": drawn.normal(24 + 9 * _harder(run.language, run.architecture.name) + 20 * own, 2, SENTENCES),
    }
    return pd.DataFrame(fixed | {"step": steps[-1]} | counts | costs | {"whole": sum(costs.values())})


def _minimal_pairs(
    run: Run, dataset: TokenDataset, own: float, steps: Sequence[int], drawn: np.random.Generator
) -> pd.DataFrame | None:
    rows = []
    for field, level in (("morphology", 0.8), ("semantics", 0.55), ("syntax", 0.65), ("syntax_semantics", 0.6)):
        share = level - 0.3 * _harder(run.language, run.architecture.name) + own
        of_field = {"field": field, "paradigm": f"{field}_1", "tokens": "equal", "pair": range(40), "step": steps[-1]}
        rows.append(pd.DataFrame(of_field | {"correct": drawn.random(40) < share}))
    return pd.concat(rows)


Made = Callable[[Run, TokenDataset, float, Sequence[int], np.random.Generator], pd.DataFrame | None]
ITEMS: dict[str, Made] = {
    "perplexity": _perplexity,
    "surprisal": _surprisal,
    "interventions": _interventions,
    "probes": _probes,
    "learnability": _learnability,
    "generation": _generation,
    "sentence-bits": _sentence_bits,
    "minimal-pairs": _minimal_pairs,
}
