"""Running: only what is missing is done, one failure stops no other run, and everything is told."""

import pytest

from impossible_lms.errors import Interrupted, UserError
from impossible_lms.experiment.reporting import findings_of_experiment
from impossible_lms.experiment.run import Outcome, failures_of, run_experiment
from impossible_lms.files import locked


@pytest.fixture
def run(here, board):
    """Run a plan in this process: the outcome and the names of the tasks that were done."""

    def ran(plan, before=lambda name: None):
        engines = []

        def engine(folder):
            engines.append(here(folder, before))
            return engines[0]

        outcome = run_experiment(plan, engine, board)
        return outcome, engines[0].asked if engines else []

    return ran


def lines(board):
    return board._console.file.getvalue().splitlines()


def test_everything_once(planned, run, board, small):
    plan = planned()
    outcome, asked = run(plan)
    assert outcome == Outcome(0, 7, {}) and asked == list(plan.tasks)
    assert lines(board)[0] == "small: 7 tasks, 0 done already"
    assert "tokenizer: begun" in lines(board) and lines(board)[-1].startswith(f"{asked[-1]}: done after ")
    assert (plan.folder / "experiment.json").is_file() and not list(plan.folder.glob("status/*"))

    assert run(planned()) == (Outcome(7, 0, {}), [])  # no engine is even made
    assert run(planned("name=other")) == (Outcome(7, 0, {}), [])  # another experiment finds it all

    outcome, asked = run(planned("seeds=[1, 2]"))
    assert outcome == Outcome(7, 5, {}) and all("-s2-" in name for name in asked)

    findings = findings_of_experiment(plan, "again")
    assert (len(findings.runs), len(findings.evaluations), findings.failures) == (2, 3, ())
    assert findings.asked is not None and findings.asked["seeds"] == [1]
    assert [evaluation.folder.name for evaluation in findings.evaluations].count("perplexity-sample-40") == 2


def test_a_failure_stops_what_needs_it_and_nothing_else(planned, run, board):
    plan = planned()
    control = next(name for name in plan.tasks if name.startswith("train.no-reverse"))
    outcome, asked = run(plan, lambda name: "on fire" if name == control else None)
    failed = dict(outcome.failures)
    assert failed.pop(control) == "on fire"
    assert {name.partition(".")[0] for name in failed} == {"evaluate"} and len(failed) == 2
    assert set(failed.values()) == {f"needs {control}, which failed."}
    assert outcome.now == 4 and not set(failed) & set(asked)
    assert f"{control}: failed: on fire" in lines(board)

    findings = findings_of_experiment(plan, "again")
    assert [run.language for run in findings.runs] == ["partial-reverse"]
    assert dict(findings.failures) == failures_of(plan) == dict(outcome.failures)

    outcome, asked = run(planned())  # what failed is tried again
    assert outcome == Outcome(4, 3, {}) and asked[0] == control and failures_of(plan) == {}
    assert dict(findings_of_experiment(plan, "again").failures) == {}


def test_faults_that_are_not_the_users_fail_their_task_alone(planned, run, monkeypatch, capfd):
    from impossible_lms.experiment import tasks

    monkeypatch.setattr(tasks, "evaluate", lambda *arguments, **options: 1 / 0)
    outcome, _ = run(planned())
    assert set(outcome.failures.values()) == {"ZeroDivisionError: division by zero"} and outcome.now == 4
    assert "Traceback" in capfd.readouterr().err  # in the log


def test_a_stop_is_passed_on_and_what_was_done_stays(planned, run, board, here):
    import os
    import signal

    def stop(name):
        if name.startswith("train.no-reverse"):
            os.kill(os.getpid(), signal.SIGINT)

    plan = planned()
    with pytest.raises(Interrupted, match=r"stopped with [45] of 7 tasks left. The same command continues"):
        run(plan, stop)
    assert any(line.startswith("stopping: what is being done is saved") for line in lines(board))
    outcome, _ = run(planned())
    assert outcome.before + outcome.now == 7 and outcome.before >= 2 and not outcome.failures


def test_one_experiment_is_run_once_at_a_time(planned, run):
    plan = planned()
    with locked(plan.folder / ".lock", "is being run"), pytest.raises(UserError, match="is being run by another"):
        run(plan)


def test_nothing_to_report(planned):
    with pytest.raises(UserError, match=r"no run of this experiment is finished. `impossible run` makes them"):
        findings_of_experiment(planned(), "again")


def test_a_changed_corpus_is_noticed(planned, run, tmp_path):
    text = tmp_path / "corpus.txt"
    text.write_text("The dog sleeps here.\nThe cat sees the dog.\n" * 400, encoding="utf-8")
    plan = planned(f"corpus={text}", "tokenizer=train:vocab=270", "evaluate=[]")
    text.write_text("The dog sleeps there.\n" * 800, encoding="utf-8")
    outcome, _ = run(plan)
    assert outcome.failures["tokenizer"].endswith("changed since the experiment began. Start it again.")


def test_damage_is_named(planned, run):
    plan = planned()
    run(plan)
    tables = next(task.tables for name, task in plan.tasks.items() if "learnability" in name)
    (tables / "curve.parquet").write_bytes(b"no table")
    findings = findings_of_experiment(plan, "again")
    ((name, why),) = findings.failures
    assert "learnability" in name and "curve.parquet" in why and len(findings.evaluations) == 2
