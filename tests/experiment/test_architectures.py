"""The shipped comparison of architectures, small: all of them are trained, measured and compared."""

import pandas as pd
import pytest

from impossible_lms.models.architectures import ARCHITECTURES

SMALL = (
    "corpus=grammar:sentences=1500,seed=0",
    "tokenizer=train:vocab=300",
    "seeds=[0]",
    "recipe.steps=3",
    "recipe.warmup_steps=1",
    "recipe.sequences_per_step=4",
    "recipe.checkpoint_every=3",
    'evaluate=[{metric="learnability", sample=20}]',
)


@pytest.mark.slow
def test_every_architecture_has_a_gap(tmp_path, shipped):
    shipped("architectures", SMALL)
    tables = [pd.read_parquet(path) for path in (tmp_path / "store").rglob("learnability*/curve.parquet")]
    assert {table["architecture"].iloc[0] for table in tables} == set(ARCHITECTURES)
    assert pd.concat(tables)["gap_per_token"].notna().all()
    page = next((tmp_path / "store").rglob("report.html")).read_text(encoding="utf-8")
    assert all(name in page for name in ("llama", "bloom", "mamba", "rwkv"))
