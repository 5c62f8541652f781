"""No damage to a run, its data or its results goes unseen: the same numbers, or one line that names the file."""

import os
from collections import Counter

import pytest

from tests.faults.mutations import Mutation, drawn
from tests.faults.scene import EQUAL, Scene, table

QUICK, MANY = 24, int(os.environ.get("MUTATIONS", "900"))
FIRST = int(os.environ.get("FIRST_SEED", "0"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory, run, control_run, recipe):
    return Scene.of(tmp_path_factory.mktemp("scene"), run, control_run, recipe)


def test_single_mutations(scene):
    for seed in range(QUICK):
        scene.outcome(drawn(scene.mine, scene.other, seed))


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("removed", "run/run.json"),  # was taken for a published model that was measured
        ("removed", "cut/run.json"),
        ("removed", "cut/metrics.jsonl"),  # the steps before were missing in silence
        ("appended", "run/checkpoints/checkpoint-12/config.json"),  # the card read it before it was compared
        ("hostile", "run/checkpoints/checkpoint-12/tokenizer.json"),
    ],
)
def test_what_went_wrong_once(scene, kind, file):
    for seed in range(2):
        assert scene.outcome(Mutation(kind, scene.mine / file, seed)) != EQUAL


@pytest.mark.slow
def test_many_mutations(scene, capsys):
    """`MUTATIONS=10000 FIRST_SEED=900` tries others."""
    outcomes: Counter[tuple[str, str]] = Counter()
    faults = []
    for seed in range(FIRST, FIRST + MANY):
        mutation = drawn(scene.mine, scene.other, seed)
        try:
            outcomes[mutation.kind, scene.outcome(mutation)] += 1
        except Exception as error:
            faults.append(f"{mutation}: {type(error).__name__}: {error}")
            with capsys.disabled():
                print(faults[-1][:400], flush=True)
    with capsys.disabled():
        print(f"\n{table(outcomes)}")
    assert not faults, "\n".join(faults)
