"""The command line as it is used half-remembered: help, several of a kind, another draw, mistyped names."""

import io
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from impossible_lms import evaluate
from impossible_lms.cli import BEGINNINGS, VERBS
from impossible_lms.languages.registry import FAMILIES, PAPER


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["hub"], ["hub", "-h"], ["build", "-h"]])
def test_help_is_help(impossible, words):
    code, out, err = impossible(*words)
    assert code == 0 and out.startswith("Usage: ") and err == ""


def test_the_list_of_verbs_is_in_whole_sentences(impossible):
    listed = impossible("-h")[1].partition("Commands:")[2]
    assert "..." not in listed and len(listed.strip().splitlines()) == len(VERBS) + 1


def test_what_takes_long_to_begin_says_so_at_once_in_a_log_too():
    """Before anything heavy is imported: what comes next takes its time on a busy machine."""
    words = ("train", "--data", "nowhere", "--output", "out")
    shown = f"""import sys
import impossible_lms.cli as cli
heavy = {{"torch", "pandas", "pyarrow", "numpy", "transformers"}}
cli.print = lambda line, **_: sys.stdout.write(f"{{line}} {{heavy & {{*sys.modules}}}}\\n")
sys.argv = {["impossible", *words]}
cli.main()"""
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[0] == "train: loading torch and the data ... set()", done.stderr
    command = [sys.executable, "-m", "impossible_lms", *words]
    for rank, lines in (("0", 2), ("1", 1)):  # of torchrun's processes, one speaks
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"RANK": rank})
        assert len(done.stderr.splitlines()) == lines and done.stderr.splitlines()[-1].startswith("error: nowhere")
    done = subprocess.run([*command[:3], "train", "-h"], capture_output=True, text=True, check=False)
    assert done.stderr == "" and {*BEGINNINGS} <= {verb.__name__ for verb in VERBS}


def test_several_languages_say_a_sentence(impossible):
    code, out, _ = impossible("speak", "no-reverse", "partial-reverse", "She sings a very old song.")
    assert code == 0 and [line.split()[0] for line in out.splitlines()] == ["language", "no-reverse", "partial-reverse"]
    said = json.loads(impossible("speak", "reverse", "word-hop", "She sings a very old song.", "--json")[1])
    assert list(said) == [*FAMILIES["reverse"], "word-hop"]


def test_another_draw(impossible):
    def ids(*more):
        return json.loads(impossible("speak", "full-reverse", "She sings a very old song.", "--json", *more)[1])["ids"]

    draws = [ids("--draw", number) for number in range(1, 8)]
    assert draws[0] == ids() and any(each != draws[0] for each in draws)
    assert all(sorted(each) == sorted(draws[0]) for each in draws)


def test_sentences_from_standard_input(impossible, monkeypatch):
    text = "She sings a song.\n\nHe cleans it.\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    code, out, _ = impossible("speak", "no-reverse", "-")
    assert code == 0 and [line.replace("🅁", "") for line in out.splitlines()] == ["She sings a song.", "He cleans it."]
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert [each["no-reverse"]["affected"] for each in json.loads(impossible("speak", "reverse", "-", "--json")[1])]


def test_an_annotator_finds_the_verbs_itself(impossible):
    code, _, err = impossible("speak", "token-hop", "She sings.", "--with", "spacy", "--singular", "sings=sing")
    assert code == 2 and err == "error: --with spacy: finds the verbs itself. Leave out --singular and --plural.\n"
    code, _, err = impossible("speak", "token-hop", "She sings.", "--with", "nltk")
    assert code == 2 and "--with nltk: no such annotator." in err


def test_the_languages_of_a_family(impossible):
    rows = json.loads(impossible("languages", "--family", "hop", "--json")[1])
    assert [row["name"] for row in rows] == [name for name, each in PAPER.items() if each.family.name == "hop"]
    code, _, err = impossible("languages", "--family", "hops")
    assert code == 2 and "--family hops: none of that name. There are paper, all, shuffle, reverse, hop, " in err


def test_fields_of_a_recipe_and_several_metrics(impossible, tmp_path):
    made = ("--corpus", "grammar:sentences=400", "--tokenizer", "train:vocab=300", "--context", 32)
    code, _, err = impossible("build", *made, "--language", "token-hop", "--output", tmp_path / "data")
    assert code == 0, err
    train = ("train", "--data", tmp_path / "data", "--size", "tiny", "--recipe", "demo", "--set", "context=32")
    code, _, err = impossible(*train, "--set", "stepps=4", "--output", tmp_path / "run")
    assert code == 2 and err.startswith(
        "error: --set stepps: a recipe has no field of that name. Did you mean steps?"
    ), err
    few = [word for change in ("steps=4", "warmup_steps=1", "checkpoint_every=4") for word in ("--set", change)]
    code, out, err = impossible(*train, *few, "--output", tmp_path / "run")
    assert code == 0 and ", 4 steps, loss" in out, err
    metrics = ("evaluate", "perplexity,surprisal", tmp_path / "run", "--sample", 5)
    code, out, err = impossible(*metrics, "--as-published", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert list(found) == ["perplexity", "surprisal"]
    assert all(row["step"] == 4 for rows in found.values() for row in rows)
    code, _, err = impossible(*metrics, "--control", tmp_path / "run")
    assert code == 2 and err == "error: --control: perplexity does not use it. Leave it out.\n"


def test_inspect_says_what_any_command_wrote(impossible, run, hop_run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    code, out, err = impossible("inspect", tmp_path / "run")
    assert code == 0 and "checkpoints  3, every file as its manifest says" in out, err
    assert "measured     nothing yet" in out and re.search("^finished     loss [0-9.]+ after", out, re.M)
    (tmp_path / "run" / "finished.json").unlink()
    assert (
        "not finished 12 steps done; the same `impossible train` goes on" in impossible("inspect", tmp_path / "run")[1]
    )
    evaluated = evaluate("perplexity", hop_run, sample=3)[0]
    code, out, _ = impossible("inspect", evaluated.folder)
    assert code == 0 and "of 3 checkpoints, every file as its manifest says" in out and "sample       3" in out
    parts = next((hop_run.folder / "evaluation" / "parts").glob("*/manifest.json")).parent
    code, out, err = impossible("inspect", parts)
    assert code == 0 and "every file as its manifest says" in out, err
    (tmp_path / "gold.trees").write_text("(S (NP (PRP She)) (VP (VBZ sings)))\n", encoding="utf-8")
    (tmp_path / "one.txt").write_text("She sings\n", encoding="utf-8")
    out = tmp_path / "x.conllu"
    impossible("annotate", tmp_path / "one.txt", "--with", f"trees:{tmp_path / 'gold.trees'}", "--output", out)
    code, said, _ = impossible("inspect", out)
    assert code == 0 and "1 read, 1 sentences, 2 words" in said and "annotator    annotator trees" in said
    assert json.loads(impossible("inspect", out, "--json")[1])["kind"] == "annotated corpus"
    out.write_bytes(out.read_bytes()[:-1])
    code, _, err = impossible("inspect", out)
    assert code == 2 and f"{out}: " in err and "expected" in err
    code, _, err = impossible("inspect", tmp_path)
    assert code == 2 and err == f"error: {tmp_path}: holds several. Name one of them: run.\n"


@pytest.mark.parametrize("to", ["nowhere:", "cach", "hub"])
def test_what_is_no_place_to_publish_to_becomes_no_folder(impossible, run, to, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = impossible("publish", run.folder.resolve(), "--to", to)
    assert code == 2 and f"--to {to}: neither 'cache', hub:NAMESPACE, nor a folder that exists." in err
    assert not list(tmp_path.iterdir())
