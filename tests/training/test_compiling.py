"""Whether a run is compiled follows from its size and device alone, and is said; what was compiled is kept."""

import os
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from impossible_lms.training.fast.compiling import (
    TORCHS_CACHE,
    WORTH_COMPILING,
    keep_what_is_compiled,
    shall_compile,
    steps_before_compiling,
)

MODEL: Any = SimpleNamespace(_supports_sdpa=True)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_run_that_is_too_short_says_so(device, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/g++")
    said: list[str] = []
    least, where = WORTH_COMPILING[device], torch.device(device)
    assert shall_compile(MODEL, least, where, None, said.append) and said == []
    assert not shall_compile(MODEL, least / 100, where, None, said.append) and said == []
    assert not shall_compile(MODEL, least / 2, where, None, said.append)
    assert len(said) == 1 and "too short to gain by compiling" in said[0] and "--compile does it anyway" in said[0]
    assert shall_compile(MODEL, least / 2, where, True, said.append) and len(said) == 1


def test_a_gpu_compiles_at_once():
    assert steps_before_compiling(torch.device("cuda")) == 0 < steps_before_compiling(torch.device("cpu"))


def test_what_is_compiled_is_kept_among_the_users_caches(tmp_path, monkeypatch):
    monkeypatch.setenv(TORCHS_CACHE, "named")
    keep_what_is_compiled()
    assert os.environ[TORCHS_CACHE] == "named"
    monkeypatch.delenv(TORCHS_CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    keep_what_is_compiled()
    assert TORCHS_CACHE not in os.environ
    monkeypatch.undo()
    monkeypatch.delenv(TORCHS_CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    keep_what_is_compiled()
    assert os.environ[TORCHS_CACHE] == str(tmp_path / "cache" / "impossible-lms" / "torch")
