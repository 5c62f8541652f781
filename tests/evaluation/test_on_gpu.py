"""What is measured on a GPU is what is measured on a processor; each test runs on both, so that it is known to work."""

import shutil
import threading
from typing import Any

import numpy as np
import pytest
import torch

from impossible_lms.errors import UserError
from impossible_lms.evaluation import scoring
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.interventions import interchange
from impossible_lms.evaluation.metric import Request, loaded
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.models.gpu import tf32
from impossible_lms.models.run import Run
from impossible_lms.ragged import Ragged

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def sentences(count=200):
    generator = np.random.default_rng(0)
    return Ragged.of([generator.integers(1, 400, generator.integers(2, 30)).tolist() for _ in range(count)])


def scorer_on(run, device, dtype=torch.float32):
    return Scorer(loaded(run.checkpoints()[-1]).to(device, dtype))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "nats"), [(torch.float32, 1e-3), (torch.bfloat16, 0.2)])
def test_log_probabilities_are_the_processors(run, device, dtype, nats):
    found = scorer_on(run, device, dtype).token_logprobs(sentences())
    expected = scorer_on(run, "cpu").token_logprobs(sentences())
    assert np.array_equal(found.offsets, expected.offsets) and np.isfinite(found.values).all()
    assert np.abs(found.values - expected.values).max() < nats
    assert abs((found.values - expected.values).mean()) < nats / 20


@pytest.mark.parametrize("device", DEVICES)
def test_interventions_are_the_processors(run, device):
    generator = np.random.default_rng(1)
    base = generator.integers(1, 400, (5, 6))
    source = base.copy()
    source[:, 1] = generator.integers(1, 400, 5)
    found, expected = (
        interchange(scorer_on(run, each), Ragged.of(base), Ragged.of(source), np.array([3, 4]))
        for each in (device, "cpu")
    )
    assert found[["pair", "layer", "position"]].equals(expected[["pair", "layer", "position"]])
    assert np.allclose(found["shift"], expected["shift"], atol=1e-3)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["perplexity", "probes", "generation"])
def test_metrics_are_the_processors(run, control_run, tmp_path, device, name):
    """Probes too: their states are read, and their regressions computed, on the device."""
    request = Request(checkpoints="12", sample=20, control=control_run.folder if name == "generation" else None)
    curves: list[Any] = []
    for each in (device, "cpu"):
        copied = Run(shutil.copytree(run.folder, tmp_path / f"{len(curves)}-{each}"), run.record)
        curves.append(evaluate(METRICS[name], copied, request, devices=[each]).curve)
    found, expected = (curve[METRICS[name].value] for curve in curves)
    # What is generated is drawn otherwise on another device, and a rounding can turn a prediction of a probe.
    tolerance = {"perplexity": 1e-3, "probes": 0.1, "generation": 0.5}[name]
    assert len(found) == len(expected) > 0 and np.allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("device", DEVICES)
def test_two_models_side_by_side_disturb_each_other_not(run, device):
    """As two of an experiment's on one GPU, here in two threads."""
    alone = [
        scorer_on(run, device, dtype).token_logprobs(sentences()).values for dtype in (torch.float32, torch.bfloat16)
    ]
    found: dict[int, np.ndarray] = {}

    def score(index, dtype):
        found[index] = scorer_on(run, device, dtype).token_logprobs(sentences()).values

    threads = [threading.Thread(target=score, args=each) for each in enumerate((torch.float32, torch.bfloat16))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.allclose(found[0], alone[0], atol=1e-4) and np.allclose(found[1], alone[1], atol=0.1)


@pytest.mark.gpu
def test_rounded_products_are_nearly_those_of_fp32(run, tmp_path):
    curves = []
    for precision in ("tf32", "fp32"):
        copied = Run(shutil.copytree(run.folder, tmp_path / precision), run.record)
        request = Request(checkpoints="12", sample=40, precision=precision)
        curves.append(evaluate(METRICS["perplexity"], copied, request, devices=["cuda"]).curve["perplexity"])
    assert np.allclose(curves[0], curves[1], rtol=1e-2) and torch.backends.cuda.matmul.fp32_precision != "tf32"


def test_rounded_products_are_for_a_gpu_alone(copied_run):
    with pytest.raises(UserError, match=r"--precision tf32: a GPU's, and there is none[.] Use fp32, or bf16[.]"):
        evaluate(METRICS["perplexity"], copied_run, Request(precision="tf32"), devices=["cpu"])
    before = torch.backends.cuda.matmul.fp32_precision
    with tf32(True):
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    assert torch.backends.cuda.matmul.fp32_precision == before


def test_batches_on_a_gpu_go_by_its_memory(run, monkeypatch):
    scorer = scorer_on(run, "cpu")
    found = []
    for free in (0.5e9, 4e9, 80e9):
        monkeypatch.setattr(scoring, "free_bytes", lambda device, free=free: free)
        found.append(Scorer(scorer.model)._tokens_by_memory)
    assert found == sorted(found) and found[0] == 8192 < found[1] < found[2] == 65536
