"""What lies in a store, who needs it, and what goes when it is cleared up."""

import io
import json
import os
import shutil
from pathlib import Path

import pytest

from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.inventory import take_inventory
from impossible_lms.experiment.kinds import PUBLISHED, REPORT, RUN
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.run import run_experiment
from impossible_lms.experiment.work import FIELDS, RECORD, write_plan
from impossible_lms.files import folder_beside, read_record, write_record
from impossible_lms.locks import locked, writing
from impossible_lms.models.run import Run
from impossible_lms.publishing.repository import publish
from impossible_lms.report.made import FIGURES
from tests.experiment.conftest import SMALL

FEWER = ("recipe.steps=3", "evaluate=[]")  # of the experiment as it was run last


class Asked(io.StringIO):
    """A terminal at which somebody answers."""

    def isatty(self):
        return True


@pytest.fixture
def store(finished, tmp_path):
    """The store of that experiment, one's own to change, beside its file."""
    shutil.copytree(finished, tmp_path / "home")
    return tmp_path / "home" / "store"


def names(items):
    return sorted(item.path.name.rsplit("-", 1)[0] for item in items)


def whole(folder):
    """All files there with their content, but for locks."""
    files = (path for path in Path(folder).rglob("*") if path.is_file() and not path.name.endswith("lock"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_sizes_and_who_needs_what(store):
    found = take_inventory(store)
    assert found.size == sum(len(content) for content in whole(store).values()) and not found.unread
    runs = [item for item in found.items if item.kind == RUN]
    assert len(runs) == 4 and all(item.is_finished and 0 < item.states < item.size for item in runs)
    needed = [item for item in runs if item.needed_by == ("small",)]
    assert len(needed) == 2 and all(
        json.loads((item.path / "finished.json").read_text())["steps"] == 3 for item in needed
    )
    assert names(item for item in found.orphans if item.kind == RUN) == names(needed)
    datasets = [item for item in found.items if item.kind == "token dataset"]
    assert all(item.needed_by == ("small",) for item in datasets) and len(datasets) == 2
    assert take_inventory(store.parent).size == found.size + len((store.parent / "small.toml").read_bytes())


def test_a_file_of_two_names_is_counted_once_and_links_are_followed(store):
    before = take_inventory(store).size
    (weights,) = list(store.rglob("checkpoint-3/model.safetensors"))[:1]
    (store / "again").hardlink_to(weights)
    (store / "runs").rename(store.parent / "elsewhere")
    (store / "runs").symlink_to(store.parent / "elsewhere")
    (store / "circle").symlink_to(store)
    found = take_inventory(store)
    assert found.size == before and len([item for item in found.items if item.kind == RUN]) == 4


def published(store, cache, told=None):
    """Have the experiment publish the one run it needs to a cache, `told` in its plan; the run."""
    run = next(item.path for item in take_inventory(store).items if item.kind == RUN and item.needed_by)
    publish(Run.open(run), "cache", "me", cache=cache)
    record = store / "experiments" / "small" / RECORD
    asked = read_record(record, FIELDS, "")
    asked["experiment"]["publish"] = {"to": "cache", "namespace": "me", "cache": str(told or cache)}
    write_record(record, asked)
    return run


def test_checkpoints_that_a_cache_shares_are_their_runs(store, finished, impossible):
    before = take_inventory(store)
    run = published(store, store / "hub", finished / "store" / "hub")  # from where the store was moved since
    found = take_inventory(store)
    (cache,) = [item for item in found.items if item.kind == PUBLISHED]
    (mine,) = [item for item in found.items if item.path == run]
    assert cache.path == store / "hub" and cache.needed_by == ("small",) and not cache.is_orphan
    weights = sum(path.stat().st_size for path in run.glob("checkpoints/*/*.safetensors"))
    assert weights < mine.checkpoints < mine.size - mine.states
    assert found.size - before.size < cache.size + 1000 < weights  # the record of the plan has grown, too
    assert mine.size - mine.frees >= weights > mine.states - (mine.frees - mine.checkpoints)
    assert cache.frees == cache.size
    out = impossible("store", store)[1]
    assert "\npublished models " in out and "\n  checkpoints " in out and "\n  training states " in out
    row = next(row for row in json.loads(impossible("store", store, "--json")[1])["items"] if row["path"] == "hub")
    assert row["kind"] == "published models" and row["bytes"] == cache.size
    (alone,) = take_inventory(store / "hub").items
    assert alone.path == store / "hub" and alone.size > weights  # by itself it has all of it


def test_of_an_experiment_its_cache_beside_the_store_too(store, finished, impossible):
    published(store, store.parent / "hub", finished / "hub")
    code, out, err = impossible("store", store / "experiments" / "small", "--json")
    assert code == 0, err
    asked = json.loads(out)
    (row,) = [row for row in asked["items"] if row["kind"] == PUBLISHED]
    (run,) = [row for row in asked["items"] if row["kind"] == RUN and row["bytes_of_checkpoints"] > 0][:1]
    assert row["path"] == "../hub" and row["needed_by"] == ["small"]
    assert row["bytes"] < run["bytes_of_checkpoints"] and run["bytes_freed_by_removal"] <= run["bytes"]
    assert not [item for item in take_inventory(store).items if item.kind == PUBLISHED]


def test_a_page_in_the_store_is_its_experiments(store):
    for name, title in (("report", "small"), ("mine", "Of my own")):
        (store / f"{name}.html").write_text(f"<html><title>{title}</title>", encoding="utf-8")
        with folder_beside(store / f"{name}-figures", FIGURES, {"request": {}}) as part:
            (part / "loss.svg").write_bytes(b"1" * 1000)
    found = {item.path.name: item for item in take_inventory(store).items if item.kind in (REPORT, FIGURES)}
    assert found["report.html"].needed_by == ("small",) and found["mine.html"].needed_by == ()
    assert len(found) == 2 and found["report.html"].size > 1000 and not found["mine.html"].is_orphan


def test_what_cleaning_costs_is_told(store, impossible):
    out = impossible("store", store)[1]
    assert "--clean removes them. Only to go on with a run: finished ones lose nothing.\n" in out
    assert "--clean removes them. When an experiment asks for them again, runs are trained and measured anew" in out
    assert "datasets" not in out.partition("\nlargest first")[0].partition("asks for them again")[2]
    assert "  which metrics a dataset can be measured with" in out


MINE = """
def plain(tokens):
    return tokens

def mine(tokens):
    return tokens.scatter(tokens.spread(tokens.lengths()) - 1 - tokens.place())

plain.control = "plain"
mine.control = plain
"""


def test_checks_of_a_language_of_ones_own_in_a_relative_store_are_needed(
    tmp_path, monkeypatch, impossible, here, board
):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE, encoding="utf-8")
    asked = SMALL.replace('"no-reverse", "partial-reverse"', '"./mine.py"')
    Path("own.toml").write_text(f'store = "it"\n{asked}', encoding="utf-8")
    outcome = run_experiment(Plan.of(load_experiment("own.toml")), here, board)
    assert not outcome.failures
    for asked in ("it", tmp_path / "it", "own.toml"):
        items = json.loads(impossible("store", asked, "--json")[1])["items"]
        checks = [item for item in items if item["kind"] == "check"]
        assert len(checks) == 2 and all(item["needed_by"] == ["own"] for item in items)


def test_cleaning_takes_what_nothing_needs_and_the_rest_goes_on(store, impossible, here, board):
    (store / "runs" / ".x.part-elsewhere-1-abc").mkdir()
    (store / "runs" / ".x.part-elsewhere-1-abc" / "big").write_bytes(b"1" * 1000)
    os.utime(store / "runs" / ".x.part-elsewhere-1-abc", (0, 0))
    found = take_inventory(store)
    kept = [item for item in found.items if item.needed_by]
    before = {item.path: whole(item.path) if item.path.is_dir() else item.path.read_bytes() for item in kept}
    code, out, err = impossible("store", store, "--clean", "--yes")
    assert code == 0 and err == "", err
    assert "\ntraining states of finished runs: 4, " in out
    assert "\nwhat no experiment of the store needs: " in out and "half-written: 1, 1.0 kB" in out
    after = take_inventory(store)
    assert not (after.spent_states or after.orphans or after.left) and len(after.items) == len(kept)
    for path, content in before.items():
        if isinstance(content, dict):
            assert whole(path) == {name: each for name, each in content.items() if not name.startswith("state/")}
        else:
            assert path.read_bytes() == content
    assert not list(store.rglob("*.part-*"))
    plan = Plan.of(load_experiment(store.parent / "small.toml", FEWER))
    outcome = run_experiment(plan, here, board)
    assert (outcome.now, outcome.failures) == (0, {})
    assert impossible("store", store, "--clean")[1].endswith("\nnothing to remove\n")


def test_what_a_process_has_stays(store, impossible):
    found = take_inventory(store)
    orphan = next(item for item in found.orphans if item.kind == RUN)
    needed = next(item for item in found.items if item.kind == RUN and item.needed_by)
    with locked(orphan.path / ".lock", "in use"), locked(needed.path / ".lock", "in use"):
        assert impossible("store", store, "--clean", "--yes")[0] == 0
    assert (orphan.path / "state").is_dir() and (needed.path / "state").is_dir()
    with writing(orphan.path / "evaluation" / "perplexity"):  # it is being measured
        assert impossible("store", store, "--clean", "--yes")[0] == 0
    assert (orphan.path / "state").is_dir() and not (needed.path / "state").exists()


def test_what_came_to_be_needed_while_one_was_asked_stays(store, monkeypatch, impossible):
    orphan = next(item.path for item in take_inventory(store).orphans if item.kind == RUN)

    class Slow(Asked):
        """Answers yes to everything, and begins the first experiment again meanwhile."""

        def readline(self, *size):
            write_plan(Plan.of(load_experiment(store.parent / "small.toml")))
            return "y\n"

    monkeypatch.setattr("sys.stdin", Slow())
    code, _, err = impossible("store", store, "--clean")
    assert code == 0 and f"{orphan}: stays, for it is in use or needed by now." in err and orphan.is_dir()


def test_asking(store, monkeypatch, impossible):
    before = whole(store)
    code, _, err = impossible("store", store, "--clean")
    assert code == 2 and err == (
        "error: --clean: asks before it removes anything, and nobody can answer here. Pass --yes.\n"
    )
    monkeypatch.setattr("sys.stdin", Asked("n\n\n"))
    code, out, _ = impossible("store", store, "--clean")
    assert code == 0 and out.endswith("removed: 0.0 kB\n") and whole(store) == before
    assert impossible("store", store, "--yes")[2] == "error: --yes: only with --clean.\n"


def test_of_an_experiment_only_its_own(store, impossible):
    for asked in (store.parent / "small.toml", store / "experiments" / "small"):
        found = json.loads(impossible("store", asked, "--json")[1])
        assert all(item["needed_by"] == ["small"] for item in found["items"])
        assert [item["kind"] for item in found["items"]].count("run") == 2
    code, out, _ = impossible("store", store.parent / "small.toml", "--clean", "--yes")
    assert code == 0 and "training states of finished runs: 2, " in out and "no experiment" not in out
    assert len(list(store.glob("runs/*/state"))) == 2


def test_where_a_plan_cannot_be_read_nothing_is_an_orphan(store, impossible):
    record = store / "experiments" / "small" / RECORD
    record.write_text(record.read_text().replace("partial-reverse", "partial-reversed"), encoding="utf-8")
    found = take_inventory(store)
    assert list(found.unread) == ["small"] and not found.orphans and len(found.spent_states) == 4
    err = impossible("store", store)[2]
    assert err.startswith("small: what it needs is not known, so no thing counts as needed by none. ")


def test_runs_of_ones_own_in_any_folder(store, impossible, tmp_path):
    run = next(item.path for item in take_inventory(store).items if item.kind == RUN)
    shutil.copytree(run, tmp_path / "mine" / "first")
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    found = take_inventory(tmp_path / "mine")
    assert [item.kind for item in found.items] == [RUN] and found.other == 4 and not found.orphans
    (tmp_path / "mine" / "first" / "finished.json").unlink()
    assert not take_inventory(tmp_path / "mine").spent_states
    code, _, err = impossible("store", tmp_path / "nowhere")
    assert code == 2 and "nowhere: no such folder. A store, as an experiment file names it, is expected." in err
