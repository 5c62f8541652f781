"""No damage to what this package makes goes unseen: the same numbers, or one line that names the file."""

import os
from collections import Counter

import pytest

from tests.faults.annotations import annotated_scene
from tests.faults.experiments import experiment_scene
from tests.faults.inputs import inputs_scene
from tests.faults.mutations import Mutation
from tests.faults.publications import hub_scene, published_scene
from tests.faults.runs import runs_scene
from tests.faults.scene import EQUAL, Scene, table

FIRST = int(os.environ.get("FIRST_SEED", "0"))
# Of each kind of scene, how many mutations are tried each time, and how many of the 1,200 with `-m slow`.
SHARES = {
    "runs": (24, 420),
    "experiments": (6, 120),
    "published": (10, 120),
    "hub": (12, 120),
    "annotated": (12, 120),
    "inputs": (40, 300),
}
MANY = int(os.environ.get("MUTATIONS", str(sum(many for _, many in SHARES.values()))))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory, run, control_run, recipe):
    """A function that makes the scene of a name, once."""
    made: dict[str, Scene] = {}
    makers = {
        "runs": lambda root: runs_scene(root, run, control_run, recipe),
        "experiments": experiment_scene,
        "published": lambda root: published_scene(root, run, control_run),
        "hub": hub_scene,
        "annotated": annotated_scene,
        "inputs": inputs_scene,
    }

    def scene(name: str) -> Scene:
        if name not in made:
            made[name] = makers[name](tmp_path_factory.mktemp(name))
        return made[name]

    return scene


@pytest.mark.parametrize("name", SHARES)
def test_single_mutations(scenes, name):
    scene = scenes(name)
    for seed in range(SHARES[name][0]):
        scene.outcome(scene.drawn(seed))


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("removed", "run/run.json"),  # was taken for a published model that was measured
        ("removed", "cut/run.json"),
        ("removed", "cut/metrics.jsonl"),  # the steps before were missing in silence
        ("removed", "run/metrics.jsonl"),  # a report had no losses of the run, and said nothing
        ("appended", "run/checkpoints/checkpoint-12/config.json"),  # the card read it before it was compared
        ("hostile", "run/checkpoints/checkpoint-12/tokenizer.json"),
        ("truncation", "results/perplexity.runs.json"),  # were JSON without a hash
        ("removed", "results/perplexity.runs.json"),
        ("namesake", "results/sentence-bits.runs.json"),  # another folder's named one run twice
    ],
)
def test_what_went_wrong_once(scenes, kind, file):
    scene = scenes("runs")
    for seed in range(2):
        partner = scene.other / file if kind == "namesake" else None
        assert scene.outcome(Mutation(kind, scene.mine / file, seed, partner)) != EQUAL


def test_an_annotated_corpus_is_read_as_it_was_annotated(scenes):
    """A digit changed in a lemma was read in silence."""
    scene = scenes("annotated")
    for file in ("file/english.conllu", "folder/divided/a-train.conllu"):
        assert scene.outcome(Mutation("digit", scene.mine / file, 1)) != EQUAL


def test_a_blob_of_a_cache_is_put_back(scenes):
    """A damaged one stayed in the cache, and was said to be published."""
    scene = scenes("published")
    for blob in sorted((scene.mine / "cache").glob("*/blobs/*")):
        assert scene.outcome(Mutation("bit", blob, 1)) == EQUAL


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARES)
def test_many_mutations(scenes, name, capsys):
    """`MUTATIONS=10000 FIRST_SEED=900` tries others, shared out among the scenes."""
    outcomes: Counter[tuple[str, str]] = Counter()
    faults = []
    scene = scenes(name)
    share = round(MANY * SHARES[name][1] / sum(many for _, many in SHARES.values()))
    for seed in range(FIRST, FIRST + share):
        mutation = scene.drawn(seed)
        try:
            outcomes[mutation.kind, scene.outcome(mutation)] += 1
        except Exception as error:
            faults.append(f"{mutation}: {type(error).__name__}: {error}")
            with capsys.disabled():
                print(faults[-1][:400], flush=True)
    with capsys.disabled():
        print(f"\n{name}, {share} mutations from seed {FIRST}\n{table(outcomes)}")
    assert not faults, "\n".join(faults)
