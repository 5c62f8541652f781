"""Running: only what is missing is done, one failure stops no other run, and everything is told."""

import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from impossible_lms.errors import Interrupted, UserError
from impossible_lms.experiment.engines.engine import Ended
from impossible_lms.experiment.reporting import findings_of_experiment
from impossible_lms.experiment.run import Outcome, failures_of, run_experiment, states_of
from impossible_lms.experiment.store import FAULTS, keep_fault
from impossible_lms.experiment.work import Reported, ended, status_file, status_of, write_plan
from impossible_lms.locks import locked
from impossible_lms.unfinished import machine


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
    assert outcome == Outcome(0, 9, {}) and asked == list(plan.tasks)
    assert lines(board)[0] == "small: 9 tasks, 0 done already"
    assert "tokenizer: begun" in lines(board) and lines(board)[-1].startswith(f"{asked[-1]}: done after ")
    assert (plan.folder / "experiment.json").is_file() and not list(plan.folder.glob("status/*"))

    assert run(planned()) == (Outcome(9, 0, {}), [])  # no engine is even made
    assert run(planned("name=other")) == (Outcome(9, 0, {}), [])  # another experiment finds it all

    outcome, asked = run(planned("seeds=[1, 2]"))
    assert outcome == Outcome(8, 6, {}) and asked[0] == "data.1-of-1"  # each seed has its own order
    assert all("-s2-" in name for name in asked[1:])

    findings = findings_of_experiment(plan, "again")
    assert (len(findings.runs), len(findings.evaluations), findings.failures) == (2, 3, ())
    assert findings.asked is not None and findings.asked["seeds"] == [1]
    assert [evaluation.folder.name for evaluation in findings.evaluations].count("perplexity-sample-40") == 2


def test_a_figure_that_is_missing_is_drawn_again_and_what_the_killed_left_goes(planned, run, monkeypatch):
    from impossible_lms.experiment import tasks

    changes = 'languages=["no-reverse"]', 'evaluate=[{metric="perplexity", sample=40}]'
    plan = planned(*changes)
    run(plan)
    ((name, measure),) = ((name, task) for name, task in plan.tasks.items() if name.startswith("evaluate."))
    figure = measure.tables.with_name(f"{measure.tables.name}.png")
    before, tables = figure.read_bytes(), (measure.tables / "manifest.json").read_bytes()
    figure.unlink()  # as after a kill between tables and figure
    left = [figure.with_name(f".{figure.name}.part-{machine()}-999999999-x")]
    for done in plan.tasks.values():  # as after one at the very end of a task
        left += [*done.locks, status_file(plan.folder, done.name)]
    for each in left:
        each.parent.mkdir(exist_ok=True)
        each.write_text("{}")
    monkeypatch.setattr(tasks, "evaluate", lambda *arguments, **options: 1 / 0)
    assert not measure.is_done() and dict(findings_of_experiment(plan, "").failures).keys() == {name}
    outcome, asked = run(planned(*changes))
    assert asked == [name] and not outcome.failures and measure.is_done()
    assert figure.read_bytes() == before and (measure.tables / "manifest.json").read_bytes() == tables
    assert not [each for each in left if each.exists()]


def test_a_failure_stops_what_needs_it_and_nothing_else(planned, run, board):
    plan = planned()
    control = next(name for name in plan.tasks if name.startswith("train.no-reverse"))
    outcome, asked = run(plan, lambda name: "on fire" if name == control else None)
    failed = dict(outcome.failures)
    assert failed.pop(control) == "on fire"
    assert {name.partition(".")[0] for name in failed} == {"evaluate"} and len(failed) == 2
    assert set(failed.values()) == {f"needs {control}, which failed."}
    assert outcome.now == 6 and not set(failed) & set(asked)
    assert f"{control}: failed: on fire" in lines(board)

    findings = findings_of_experiment(plan, "again")
    assert [run.language for run in findings.runs] == ["partial-reverse"]
    assert dict(findings.failures) == failures_of(plan) == dict(outcome.failures)

    keep_fault(plan.folder / FAULTS, control, "on fire")  # as it does in a process of its own
    outcome, asked = run(planned())  # what failed is tried again
    assert outcome == Outcome(6, 3, {}) and asked[0] == control and failures_of(plan) == {}
    assert not (plan.folder / FAULTS).exists()
    assert dict(findings_of_experiment(plan, "again").failures) == {}


def test_faults_that_are_not_the_users_fail_their_task_alone(planned, run, monkeypatch, capfd):
    from impossible_lms.experiment import tasks

    monkeypatch.setattr(tasks, "evaluate", lambda *arguments, **options: 1 / 0)
    outcome, _ = run(planned())
    assert set(outcome.failures.values()) == {"ZeroDivisionError: division by zero"} and outcome.now == 6
    assert "Traceback" in capfd.readouterr().err  # in the log


def test_a_damaged_checkpoint_is_named_each_time_until_it_is_whole(planned, run):
    plan = planned('languages=["no-reverse"]', 'evaluate=[{metric="perplexity", sample=40}]')
    (train,) = (task for name, task in plan.tasks.items() if name.startswith("train."))
    weights = train.folder / "checkpoints/checkpoint-3/model.safetensors"

    def damage(name):
        if name.startswith("evaluate."):
            weights.write_bytes(whole[:-1])

    run(planned('languages=["no-reverse"]', "evaluate=[]"))
    whole = weights.read_bytes()
    outcome, _ = run(plan, damage)
    ((name, why),) = outcome.failures.items()
    assert name.startswith("evaluate.") and why.startswith("checkpoint-3 skipped: ") and "model.safetensors" in why
    findings = findings_of_experiment(plan, "again")  # the other checkpoint is measured and shown
    assert len(findings.evaluations) == 1 and dict(findings.failures) == outcome.failures
    assert run(plan, damage)[0].failures == outcome.failures
    weights.write_bytes(whole)
    assert run(plan)[0] == Outcome(4, 1, {}) and not findings_of_experiment(plan, "again").evaluations[0].skipped


def test_a_language_of_ones_own_that_fails_stops_no_other(planned, run, tmp_path):
    text = "def Bad(tokens):\n    return 1 / 0 if len(tokens) > 500 else tokens  # not at first\n"
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    plan = planned('languages=["no-reverse", "./mine.py:Bad"]', 'evaluate=[{metric="perplexity", sample=40}]')
    outcome, _ = run(plan)
    assert outcome.now == 5 and "mine.py line 2: ZeroDivisionError" in outcome.failures["data.2-of-2"]
    assert all(name in ("data.2-of-2", "check.bad") or "bad-gpt2" in name for name in outcome.failures)


def test_a_damaged_manifest_fails_its_task_alone(planned, run):
    plan = planned()
    run(plan)
    tables = next(task.tables for name, task in plan.tasks.items() if "learnability" in name)
    (tables / "manifest.json").write_text("{", encoding="utf-8")
    outcome, asked = run(planned("seeds=[1, 2]"))
    ((name, why),) = outcome.failures.items()
    assert "learnability" in name and why.endswith(f"Remove {tables} and make the evaluation tables again.")
    assert "learnability" in name and why.endswith(f"Remove {tables} and make the evaluation tables again.")
    assert len(asked) == outcome.now == 6 and dict(findings_of_experiment(plan, "again").failures) == {name: why}


def test_what_failed_before_a_stop_is_known_and_stated(planned, run, small, impossible):
    import signal

    def stop(name):
        if name.startswith("train.partial-reverse"):
            os.kill(os.getpid(), signal.SIGINT)
        return "on fire" if name.startswith("train.no-reverse") else None

    code, _, err = impossible("status", small)
    assert code == 2 and err.endswith("experiments/small. `impossible run` begins it.\n")
    plan = planned()
    with pytest.raises(Interrupted):
        run(plan, stop)
    assert "on fire" in failures_of(plan).values()
    code, out, err = impossible("status", small)
    stated = json.loads(impossible("status", plan.folder, "--json")[1])
    counted = Counter(each["state"] for each in stated.values())
    assert code == 0 and out.endswith(f"tasks: {', '.join(f'{n} {kind}' for kind, n in counted.items())}\n")
    failed = [name for name, each in stated.items() if each["state"] == "failed"]
    assert "train.no-reverse" in failed[0] and f"{failed[0]}: on fire\n" in err and counted["done"] >= 2
    waiting = next(name for name, each in stated.items() if each["state"] == "waiting")
    progress = Reported(status_file(plan.folder, waiting))
    progress.start("steps", 10)
    stated = json.loads(impossible("status", small, "--json")[1])
    assert stated[waiting]["state"] == "running" and stated[waiting]["progress"]["total"] == 10


def test_at_the_end_it_says_what_was_found_also_of_what_was_done_before(planned, run, small, impossible):
    plan = planned()
    run(plan)
    code, out, _ = impossible("run", small)
    *found, report, tasks = out.splitlines()
    assert code == 0
    assert (report, tasks) == (f"report: {plan.folder / 'report.html'}", "tasks: 9 done before, 0 now, 0 failed")
    assert "partial-reverse" in found[0] and "no-reverse" in found[0] and "perplexity " in found[0]
    assert found[-1].startswith("There is one seed of each model")
    page = (plan.folder / "report.html").read_text(encoding="utf-8")
    assert all(f">{line}<" in page for line in found)
    assert (plan.folder / "report-figures" / "headline.txt").read_text(encoding="utf-8").splitlines() == found
    assert impossible("run", small)[1] == out  # whose report is not made again


def test_without_a_token_for_the_hub_nothing_begins(planned, run, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    plan = planned("publish.namespace=me", "publish.to=hub")
    with pytest.raises(UserError, match=r"me/no-reverse-gpt2-no-pos.*: no token for .*Log in with `hf auth login`"):
        run(plan)
    assert not any(task.is_done() for task in plan.tasks.values())


def test_a_stop_is_passed_on_and_what_was_done_stays(planned, run, board, here):
    import signal

    def stop(name):
        if name.startswith("train.no-reverse"):
            os.kill(os.getpid(), signal.SIGINT)

    plan = planned()
    with pytest.raises(Interrupted, match=r"stopped with [45] of 9 tasks left. The same command continues"):
        run(plan, stop)
    assert any(line.startswith("stopping: what is being done is saved") for line in lines(board))
    outcome, _ = run(planned())
    assert outcome.before + outcome.now == 9 and outcome.before >= 2 and not outcome.failures


def test_one_experiment_is_run_once_at_a_time(planned, run):
    plan = planned()
    with locked(plan.folder / ".lock", "is being run"), pytest.raises(UserError, match="is being run by process"):
        run(plan)


def test_what_another_process_makes_is_waited_for(planned, capfd):
    """Two experiments on one store ask for the same data, or an attempt of the same that was given up still lives."""
    plan = planned()
    write_plan(plan)
    for name in list(plan.tasks)[:2]:
        (lock,) = plan.tasks[name].locks[:1]
        with ThreadPoolExecutor() as threads:
            with locked(lock, "is being written"):
                waiting = threads.submit(ended, plan.folder, name)
                holder = f"process {os.getpid()} on {machine()} since "
                until = time.monotonic() + 60
                while f"waits for {holder}" not in (status_of(plan.folder, name) or {"note": ""})["note"]:
                    assert not waiting.done() and time.monotonic() < until
                    time.sleep(0.05)
                assert f"{lock}: waits for {holder}" in capfd.readouterr().err
                assert states_of(plan)[name].kind == "running"
            assert waiting.result(60) == Ended(name)
        assert plan.tasks[name].is_done() and not lock.exists() and not status_file(plan.folder, name).exists()


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


def test_a_failed_evaluation_does_not_stop_publishing_and_the_card_says_what_is_missing(planned, run, tmp_path):
    changes = ("publish.namespace=me", f"publish.to={tmp_path / 'out'}")
    plan = planned(*changes)
    failing = next(name for name in plan.tasks if "learnability" in name)
    outcome, _ = run(plan, lambda name: "on fire" if name == failing else None)
    assert dict(outcome.failures) == {failing: "on fire"} and outcome.now == 10
    card = tmp_path / "out/me/partial-reverse-gpt2-no-pos/main/README.md"
    text = card.read_text(encoding="utf-8")
    assert "- `learnability-sample-40`: not measured yet" in text and "| perplexity: " in text
    assert "Not evaluated yet" not in text
    other = (tmp_path / "out/me/no-reverse-gpt2-no-pos/main/README.md").read_text(encoding="utf-8")
    assert "Not measured" not in other

    outcome, asked = run(planned(*changes))  # what failed is tried again, and published with it
    assert [name.partition(".")[0] for name in asked] == ["evaluate", "publish"] and not outcome.failures
    assert "| learnability: " in card.read_text(encoding="utf-8") and "Not measured" not in card.read_text()
    assert run(planned(*changes)) == (Outcome(11, 0, {}), [])


def test_what_serves_no_metric_is_not_trained_and_the_rest_is(planned, run, board, unmarked):
    plan = planned(
        f"corpus={unmarked}",
        "tokenizer=train:vocab=260",
        'languages=["no-reverse", "partial-reverse", "no-hop"]',
        'evaluate=[{metric="perplexity"}, {metric="surprisal"}]',
    )
    outcome, asked = run(plan)
    assert [name for name in asked if name.startswith("train.no-hop")] == []
    assert sum(name.startswith("train.") for name in asked) == 2  # the other languages go on
    failures = {name.split("-gpt2")[0]: why for name, why in outcome.failures.items()}
    assert failures["check.no-hop"].startswith("perplexity cannot be measured: no affected test sentence")
    assert "surprisal cannot be measured: " in failures["check.no-hop"]
    assert failures["train.no-hop"].startswith("nothing can be measured on it. No affected test sentence")
    begun = lines(board).index(next(line for line in lines(board) if line.startswith("train.no-reverse")))
    known = [number for number, line in enumerate(lines(board)) if line.startswith("train.no-hop")]
    assert known and known[0] < begun and "not begun: nothing can be measured" in lines(board)[known[0]]
    assert not any(name.startswith("evaluate.no-hop") for name in asked)
    assert run(plan)[0].failures == outcome.failures  # looked at again, and the same
