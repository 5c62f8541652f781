"""A few trials of the fault suite (`make faults` makes hundreds), and that it would see what it looks for."""

import os
import random

import pytest

from tests.faults.__main__ import SHARES, load_libraries, trials
from tests.faults.ends import Ends
from tests.faults.ground import Ground
from tests.faults.kinds import KINDS, failing, stages_of
from tests.faults.odd import ODDITIES, on_machine
from tests.faults.page import BEGIN, END, NAMES, table, write_page
from tests.faults.stages import STAGES

# huggingface_hub sends large files by a name that its own HTTP library has given up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")

SEED = int(os.environ.get("FIRST_SEED", "0"))


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    load_libraries()
    return Ground(tmp_path_factory.mktemp("ground"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "shared"])
def test_a_trial_of_each_kind(ground, kind):
    """On the stage that takes least, of those that it is for; one that takes a minute is left out."""
    stage = min(stages_of(kind), key=lambda name: (name != "annotate", name != "words"))
    assert KINDS[kind](ground, ground.made(stage), random.Random(SEED))


@pytest.mark.slow
@pytest.mark.parametrize("stage", [name for name in STAGES if name in stages_of("operation")])
@pytest.mark.parametrize("kind", ["write", "rename", "fsync"])
def test_every_single_operation(ground, stage, kind):
    """The N-th fails, for all N until none does: ten minutes, of which training takes three."""
    made = ground.made(stage)
    number = 1
    while failing(ground, made, kind, number) != "nothing: it does without" and number < 500:
        number += 1


@pytest.mark.slow
@pytest.mark.parametrize("stage", stages_of("odd"))
@pytest.mark.parametrize("name", ODDITIES)
def test_every_odd_machine(ground, stage, name):
    """Fifteen minutes."""
    assert on_machine(ground, ground.made(stage), name)


def test_every_stage_and_kind_comes_up():
    first = [trial for trial, _ in zip(trials(0), range(sum(SHARES.values()) * len(STAGES)), strict=False)]
    assert {kind for kind, _, _ in first} == set(KINDS) == set(SHARES) == set(NAMES)
    for kind in KINDS:
        assert {stage for each, stage, _ in first if each == kind} == set(stages_of(kind))
    assert len(set(first)) == len(first)


def test_ends_that_differ_are_seen(tmp_path):
    for name in ("one", "two", "other"):
        (tmp_path / name / "run").mkdir(parents=True)
        (tmp_path / name / "run" / "metrics.jsonl").write_text('{"loss": 1.5, "seconds": 3}\n')
        (tmp_path / name / "run" / "figure.png").write_bytes(b"x")
    ends = Ends.of(tmp_path / "one", tmp_path / "two")
    other = tmp_path / "other"
    ends.check(other, "all is well")
    (other / "run" / "metrics.jsonl").write_text('{"loss": 1.5, "seconds": 4}\n')
    ends.check(other, "times may differ")
    (other / "logs").mkdir()
    for name in ("one", "two", "other"):
        (tmp_path / name / "logs").mkdir(exist_ok=True)
        (tmp_path / name / "logs" / "train.log").write_text(f"begun{' again' * (name == 'other')}\n")
    Ends.of(tmp_path / "one", tmp_path / "two").check(other, "so may what was said on the way")
    for name in ("one", "two", "other"):
        (tmp_path / name / "logs" / "train.log").unlink()
        (tmp_path / name / "logs").rmdir()
    (other / "run" / "metrics.jsonl").write_text('{"loss": 1.6, "seconds": 3}\n')
    with pytest.raises(AssertionError, match=r"metrics.jsonl line 0.loss is 1.6, 1.5 expected"):
        ends.check(other, "another loss")
    (other / "run" / "metrics.jsonl").write_text('{"loss": 1.5, "seconds": 3}\n')
    (other / "run" / ".x.part-me-1-a").write_bytes(b"")
    with pytest.raises(AssertionError, match=r"run/.x.part- is left over"):
        ends.check(other, "something is left")
    (other / "run" / ".x.part-me-1-a").unlink()
    (other / "run" / "figure.png").unlink()
    with pytest.raises(AssertionError, match=r"run/figure.png is missing"):
        ends.check(other, "a figure is missing")


def test_a_cache_of_the_hub_is_compared_by_its_revisions(tmp_path):
    """Blobs and snapshots are named for what they hold, seconds included; one that nothing names is left over."""
    for name in ("one", "two", "other"):
        repository = tmp_path / name / "hub" / "models--me--one"
        (repository / "blobs").mkdir(parents=True)
        commit = f"commit-{len(name)}"
        (repository / "snapshots" / commit).mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(commit)
        card = f"# one\n| hours | {len(name)} |\n"  # two whole runs may take the same time, and have one commit
        for file, text in (("metrics.jsonl", f'{{"loss": 1.5, "seconds": "{name}"}}'), ("README.md", card)):
            (repository / "blobs" / f"{file}-{name}").write_text(text)
            link = repository / "snapshots" / commit / file
            link.symlink_to(f"../../blobs/{file}-{name}")
    ends = Ends.of(tmp_path / "one", tmp_path / "two")
    assert ends.files >= {
        f"hub/models--me--one/snapshots/of refs/main/{each}" for each in ("metrics.jsonl", "README.md")
    }
    other = tmp_path / "other" / "hub" / "models--me--one"
    ends.check(tmp_path / "other", "all is well")
    (other / "blobs" / "old").write_text("nobody's")
    with pytest.raises(AssertionError, match=r"models--me--one/blobs/old is left over"):
        ends.check(tmp_path / "other", "a blob is left")
    (other / "blobs" / "old").unlink()
    (other / "snapshots" / "before").mkdir()
    with pytest.raises(AssertionError, match=r"snapshots/before/ is left over"):
        ends.check(tmp_path / "other", "a snapshot is left")
    (other / "snapshots" / "before").rmdir()
    (other / "blobs" / "README.md-other").write_text("# other")
    with pytest.raises(AssertionError, match=r"of refs/main/README.md is "):
        ends.check(tmp_path / "other", "another card")


def test_the_table_counts_what_held(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n")
    lines = [
        {"kind": "kill", "stage": "build", "seed": 0, "seen": "nothing"},
        {"kind": "kill", "stage": "train", "seed": 1, "fault": "gone"},
        {"kind": "full", "stage": "build", "seed": 1, "seen": "error: /x/tried/build-1/data: No space left on device."},
        {
            "kind": "twice",
            "stage": "build",
            "seed": 1,
            "seen": "error: data: is being written by process 17 on vm since 07:49. Wait for it, or stop it.",
        },
        {"kind": "read-only", "stage": "build", "seed": 1, "seen": "not tried: it needs the right to mount a disk"},
    ]
    write_page(page, lines)
    text = page.read_text()
    assert text.startswith("# Title") and text.endswith("The end.\n") and table(lines) in text and "old" not in text
    assert "| build 1, train 1 | 2 | 1 | nothing |" in text and "`error: data: No space left on device.`" in text
    assert "by process … on … since …. Wait for it, or stop it.`" in text
    assert "only be read" not in text and "Seeds 0 to 1, 5 trials." in text
