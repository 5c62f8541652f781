"""The command line: what it prints, and one line for each fault."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from impossible_lms.data.dataset import TokenDataset
from tests import layouts


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("".join(f"She sings song number {index} to the dogs.\n" for index in range(200)))
    return path


def test_version_and_help(impossible):
    assert impossible("--version")[:2] == (0, "impossible-lms 0.1.0\n")
    code, out, _ = impossible("--help")
    assert code == 0
    for verb in ("languages", "speak", "annotate", "build", "inspect", "train", "evaluate", "publish", "demo"):
        assert verb in out


def test_languages_lists_all_with_an_example(impossible):
    from impossible_lms import LANGUAGES

    code, out, _ = impossible("languages", "--json")
    rows = json.loads(out)
    assert code == 0 and [row["name"] for row in rows] == list(LANGUAGES)
    assert "🅁" in next(row for row in rows if row["name"] == "partial-reverse")["example"]
    table = impossible("languages")[1]
    assert all(name in table for name in LANGUAGES)


def test_speak_shows_text_and_tokens(impossible):
    code, out, _ = impossible("speak", "partial-reverse", "He cleans his very messy bookshelf.")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 3 and "🅁" in lines[0] and "·🅁" in lines[1]
    spoken = json.loads(impossible("speak", "full-reverse", "She sings.", "--json")[1])
    assert spoken["text"].startswith(".") and len(spoken["ids"]) == len(spoken["pieces"])


def test_the_road_from_the_command_line(impossible, text, tmp_path, recipe):
    toml = tmp_path / "small.toml"
    toml.write_text("".join(f"{key} = {value!r}\n" for key, value in recipe.model_dump().items()))
    data, run = tmp_path / "data", tmp_path / "run"
    build = ("build", "--corpus", text, "--language", "no-reverse", "--tokenizer", "train:vocab=300")
    code, out, err = impossible(*build, "--context", 32, "--output", data)
    assert code == 0, err
    dataset = TokenDataset.open(data)
    said = f"{data}: {len(dataset)} blocks of 32 tokens in no-reverse; {dataset.fertility}; 🅁 in 100.0% of sentences\n"
    assert out == said
    code, out, _ = impossible("inspect", data)
    assert code == 0 and "no-reverse, every file as its manifest says" in out and "She sings song number" in out
    assert json.loads(impossible("inspect", data, "--json")[1])["record"]["request"]["language"] == "no-reverse"
    train = ("train", "--data", data, "--recipe", toml, "--size", "tiny", "--output", run)
    code, out, _ = impossible(*train)
    assert code == 0 and out.startswith(f"{run}: no-reverse-gpt2-no-pos, 12 steps, loss ")
    assert impossible(*train)[:2] == (0, out)
    code, out, _ = impossible("evaluate", "perplexity", run, "--json")
    assert code == 0 and [row["step"] for row in json.loads(out)] == [4, 8, 12]
    assert (run / "evaluation" / "perplexity.png").read_bytes().startswith(b"\x89PNG")
    weights = run / "checkpoints" / "checkpoint-8" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    code, out, err = impossible("evaluate", "perplexity", run, "--sample", "3", "--output", tmp_path / "together")
    assert code == 3 and f"{run}: skipped checkpoint-8: {weights}: its content has changed" in err
    assert (tmp_path / "together" / "perplexity.png").is_file() and "perplexity" in impossible("metrics")[1]
    weights.write_bytes(whole)
    code, out, _ = impossible("publish", run, "--to", tmp_path / "hub", "--namespace", "me")
    assert (code, out) == (0, f"me/no-reverse-gpt2-no-pos: {tmp_path / 'hub' / 'me' / 'no-reverse-gpt2-no-pos'}\n")


FAULTS = [
    (["speak", "partial-revers", "x"], "unknown language 'partial-revers'. Did you mean partial-reverse"),
    (["speak", "word-order-vso", "She reads it."], "Annotate it: --with spacy, or --with stanza."),
    (["speak", "partial-reverse", ""], "partial-reverse drops this sentence (fewer than two tokens)."),
    (["build", "--corpus", "nowhere", "--language", "no-reverse", "--output", "x"], "--corpus nowhere: no such file"),
    (["build", "--corpus", "grammar:n=1", "--language", "no-reverse", "--output", "x"], "unknown key 'n'"),
    (["build", "--corpus", "grammar:", "--language", "nope", "--output", "x"], "unknown language 'nope'"),
    (["build", "--corpora", "x"], "No such option: --corpora"),
    (["build", "--language", "no-reverse", "--output", "x"], "Missing option '--corpus'"),
    (["inspect", "nowhere"], "nowhere: no such file or folder."),
    (["train", "--data", "nowhere", "--output", "x"], "nowhere: no such folder. A token dataset is expected here."),
    (["train", "--data", "nowhere", "--output", "x", "--recipe", "y"], "--recipe y: neither paper or demo nor a file"),
    (
        ["train", "--data", "nowhere", "--output", "x", "--track", "mlflow"],
        "--track mlflow: unknown. Known: trackio, wandb",
    ),
    (["evaluate", "perplexity", "nowhere"], "nowhere: no such folder. A run made by `impossible train` is expected"),
    (["evaluate", "perplexty", "nowhere"], "unknown metric 'perplexty'. Did you mean perplexity"),
    (["evaluate", "perplexity", "nowhere", "--precision", "fp8"], "--precision fp8: unknown. Known: fp32, tf32, bf16."),
    (["publish", "nowhere", "--to", "cache"], "nowhere: no such folder. A run made by `impossible train`"),
    (["dance"], "No such command 'dance'"),
]


@pytest.mark.parametrize(("words", "fault"), FAULTS, ids=lambda value: " ".join(value)[:40])
def test_a_fault_is_one_line_and_leaves_nothing(impossible, monkeypatch, tmp_path, words, fault):
    monkeypatch.chdir(tmp_path)
    code, out, err = impossible(*words)
    assert code == 2 and out == ""
    assert err.startswith("error: ") and fault in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_undecodable_corpus_names_file_and_line(impossible, text, tmp_path):
    text.write_bytes(b"fine\nbad \xff\n")
    words = ("build", "--corpus", text, "--language", "no-reverse", "--tokenizer", "train:vocab=300")
    code, _, err = impossible(*words, "--output", tmp_path / "data")
    assert code == 2 and f"{text} line 2: not UTF-8 (byte 0xFF at byte 5)" in err
    assert not (tmp_path / "data").exists()


def test_a_corpus_as_it_was_downloaded(impossible, tmp_path):
    home = layouts.babylm_2023(tmp_path)
    words = ("build", "--language", "no-reverse", "--tokenizer", "train:vocab=300", "--context", "32", "--output")
    code, _, err = impossible(*words, tmp_path / "data", "--corpus", home)
    assert code == 2 and err.endswith(f"side by side. Choose: {home}:10M or {home}:100M.\n") and err.count("\n") == 1
    layouts.write(home / "babylm_10M" / "childes.train", b"fine\nbad \xff\n" * 30)
    code, _, err = impossible(*words, tmp_path / "data", "--corpus", f"{home}:10M")
    assert code == 2 and " and 20 more: 30 bad lines (30 not UTF-8). Mend them" in err and err.count("\n") == 1
    assert not (tmp_path / "data").exists()
    options = ("--corpus", f"{home}:10M", "--bad-lines", "skip", "--sentences", "split")
    code, _, err = impossible(*words, tmp_path / "data", *options)
    assert code == 0, err
    assert err.startswith("babylm_data:10M,sentences=split,bad-lines=skip: 12 files, ")
    assert "  bad lines skipped: 30 not UTF-8\n" in err
    record = TokenDataset.open(tmp_path / "data").record["read"]
    assert record["parts"][0]["bad"] == {"not UTF-8": 30} and len(record["not_read"]) == 4
    code, out, _ = impossible("inspect", tmp_path / "data")
    assert code == 0 and "read         bad lines skipped: 30 not UTF-8\n" in out


NEVER_DONE = """
from pathlib import Path

def language(tokens):
    if Path("out").exists() and list(Path("out").iterdir()):
        Path("began").touch()
        exec("import time\\nfor _ in range(12000): time.sleep(0.01)")
    return tokens.scatter(tokens.place())
"""


def test_ctrl_c_while_building_leaves_nothing(tmp_path, tokenizer):
    """Also where the interrupt passes an `exec`, after which Python has an exit code of its own."""
    tokenizer.save(tmp_path / "tokenizer")
    (tmp_path / "never.py").write_text(NEVER_DONE)
    words = ["build", "--corpus", "grammar:sentences=300,seed=0", "--language", "never.py:language"]
    words += ["--tokenizer", "tokenizer", "--output", "out/data"]
    command = [sys.executable, "-m", "impossible_lms", *words]
    child = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "began").exists():
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 130 and err.strip().splitlines()[-1].startswith("interrupted."), err
    assert "Traceback" not in err and list((tmp_path / "out").iterdir()) == []


def test_ctrl_c_while_the_command_line_is_loaded(tmp_path):
    (tmp_path / "typer.py").write_text('exec("raise KeyboardInterrupt")')
    command, environment = [sys.executable, "-m", "impossible_lms"], {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted.\n")


def test_a_closed_pipe_is_no_fault():
    command = f"{sys.executable} -m impossible_lms languages | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr and "Error" not in done.stderr


def test_speak_all_says_every_language_and_why_one_is_silent(impossible):
    from impossible_lms import LANGUAGES

    sentence = "She cleans his very messy bookshelf again."
    code, out, _ = impossible("speak", "all", sentence)
    assert code == 0 and [line.split()[0] for line in out.splitlines()[1:]] == list(LANGUAGES)
    spoken = json.loads(impossible("speak", "all", sentence, "--json")[1])
    assert spoken["no-hop"]["text"] == "She clean🅂 his very messy bookshelf again ."
    assert spoken["word-hop"]["text"] == "She clean his very messy bookshelf🅂 again ."
    short = " ".join(impossible("speak", "all", "She cleans it.")[1].split())
    assert "word-hop (dropped: a marked verb without 4 words after it)" in short
    assert "word-order-sov (dropped: needs head, deprel)" in short


def test_speak_marks_the_verbs_it_is_told(impossible):
    words = ("speak", "no-hop", "They zorble a very old one.", "--plural", "zorble=zorble")
    assert impossible(*words)[1].startswith("They zorble🄿 a very old one .")
    code, out, err = impossible(*words[:3])
    assert (code, out.splitlines()[0]) == (0, "They zorble a very old one .")
    assert err == "no marked verb found; name one with --singular FORM=LEMMA or --plural FORM=LEMMA\n"


def test_build_several_languages_in_one_pass(impossible, text, tmp_path):
    build = ("build", "--corpus", text, "--tokenizer", "train:vocab=300", "--context", 32)
    code, out, err = impossible(
        *build, "--language", "no-reverse", "--language", "local-shuffle-w7", "--output", tmp_path
    )
    assert code == 0, err
    assert [line.split(":")[0] for line in out.splitlines()] == [
        str(tmp_path / "no-reverse"),
        str(tmp_path / "local-shuffle-w7"),
    ]
    assert TokenDataset.open(tmp_path / "local-shuffle-w7").language == "local-shuffle-w7"
    alone = tmp_path / "alone"
    assert impossible(*build, "--language", "no-reverse", "--output", alone)[0] == 0
    assert (alone / "train-00000.npy").read_bytes() == (tmp_path / "no-reverse" / "train-00000.npy").read_bytes()


def test_build_and_check_say_how_often_markers_occur(impossible, tmp_path):
    word = "{}\t{}\t{}\t{}\t_\t{}\t0\troot\t_\t_\n"
    number = "Number=Sing|Person=3|Tense=Pres|VerbForm=Fin"
    said = [("She", "she", "PRON", "_"), ("sees", "see", "VERB", number), *[(each, each, "X", "_") for each in "abcde"]]
    sentence = "# text = She sees a b c d e\n" + "".join(word.format(n, *each) for n, each in enumerate(said, 1))
    (tmp_path / "a.conllu").write_text(f"{sentence}\n" * 60, encoding="utf-8")
    common = ("--corpus", tmp_path / "a.conllu", "--tokenizer", "train:vocab=260")
    command = ("build", *common, "--language", "no-hop", "--context", "32", "--output")
    code, out, error = impossible(*command, tmp_path / "data")
    assert code == 0 and out.endswith(" tokens a word; 🅂 in 100.0%, 🄿 in 0.0% of sentences\n")
    fault = "a.conllu in no-hop: no sentence has 🄿. Markers stand for verbs whose features hold"
    assert error.splitlines()[1].startswith(fault)
    code, out, _ = impossible("inspect", tmp_path / "data")
    assert "(in 100.0% of training sentences), 🄿 = " in out
    code, out, error = impossible("check", "no-hop", *common)
    assert code == 0 and "markers: 🅂 in 100.0%, 🄿 in 0.0% of the sentences kept (no-hop)" in out and fault in error


def test_build_paper_needs_annotation(impossible, text, tmp_path):
    words = (
        "build",
        "--corpus",
        text,
        "--language",
        "paper",
        "--tokenizer",
        "train:vocab=300",
        "--output",
        tmp_path / "x",
    )
    code, _, err = impossible(*words)
    assert code == 2 and err.count("impossible annotate") == 1
    assert err.splitlines()[-1].startswith(
        "error: hop: the corpus has no words, for it is not annotated. Get a tagger:"
    )
    assert err.endswith("Of the corpus as it is there can be: shuffle, reverse.\n") and not (tmp_path / "x").exists()


def test_a_family_stands_for_its_languages_and_what_was_there_is_said(impossible, text, tmp_path):
    made = ("--corpus", text, "--tokenizer", "train:vocab=300", "--context", 16, "--output", tmp_path / "x")
    code, out, _ = impossible("build", "--language", "reverse", *made)
    assert "already" not in out
    again = impossible("build", "--language", "reverse", *made)[1]
    assert again == out.replace("of sentences\n", "of sentences, as it was there already\n")
    assert code == 0 and [line.split(":")[0].rpartition("/")[2] for line in out.splitlines()] == [
        "no-reverse",
        "partial-reverse",
        "full-reverse",
    ]


def test_check_says_what_a_language_does_beside_its_control(impossible):
    code, out, _ = impossible("check", "local-shuffle-w3", "--sample", 300)
    rows = [line.split() for line in out.splitlines()[1:3]]
    assert code == 0 and [row[0] for row in rows] == ["no-shuffle", "local-shuffle-w3"]
    lines = impossible("check", "paper", "--sample", 30)[1].splitlines()
    assert sum(line.startswith("  → ") for line in lines) == 2 * 15 and len(lines) == 1 + 15 + 10 + 2 + 15 * 6
    reports = json.loads(impossible("check", "full-reverse", "--sample", 300, "--json")[1])
    assert [report["language"] for report in reports] == ["no-reverse", "full-reverse"]
    assert reports[1]["recovered"] == 1 and reports[1]["sentences"] == 300


def test_annotate(impossible, tmp_path, text):
    (tmp_path / "gold.trees").write_text("(S (NP (PRP She)) (VP (VBZ sings) (NP (NN song))))\n")
    (tmp_path / "two.txt").write_text("She sings song\nShe sings\n")
    words = ("annotate", tmp_path / "two.txt", "--with", f"trees:{tmp_path / 'gold.trees'}", "--output")
    code, out, err = impossible(*words, tmp_path / "x.conllu")
    said = err.splitlines()
    assert (
        code == 0
        and said[0] == "two.txt: 1 file, 2 sentences, 5 words"
        and said[1].startswith("x.conllu in no-hop: no sentence has 🅂 or 🄿. Markers stand for verbs whose features")
    )
    counts = "2 read, 1 sentences, 3 words, 1 read without words, 3 words without lemma"
    marked = "marked in the hop languages: 🅂 in 0.0%, 🄿 in 0.0% of 1 sentences, the first of every file"
    assert out == f"{tmp_path / 'x.conllu'}: {counts}\n{marked}\n"
    again = out.replace("without lemma\n", "without lemma, as it was there already\n")
    assert impossible(*words, tmp_path / "x.conllu")[:2] == (0, again)
    code, _, err = impossible(*words, tmp_path / "x")
    assert code == 2 and err.startswith(f"error: --output {tmp_path / 'x'}: two.txt is not divided into splits")
    gold = ("grammar:sentences=200,seed=0", "--with", "trees:grammar:sentences=200,seed=0", "--processes", 2)
    code, out, err = impossible("annotate", *gold, "--output", tmp_path / "gold.conllu")
    assert (code, err) == (0, "grammar:sentences=200,seed=0: 200 sentences, 1,895 words\n")
    assert re.search(r"🅂 in \d\d\.\d%, 🄿 in \d\d\.\d% of 200 sentences", out)
    code, _, err = impossible("annotate", text, "--with", "nltk", "--output", tmp_path / "y.conllu")
    assert (code, err) == (2, "error: --with nltk: no such annotator. Known: spacy, stanza, trees.\n")
    code, _, err = impossible("annotate", text, "--with", "spacy:xx_none", "--output", tmp_path / "y.conllu")
    assert code == 2 and err.endswith("Install it: python -m spacy download xx_none\n")
    assert not (tmp_path / "y.conllu").exists() and not list(tmp_path.glob(".*"))


def test_a_word_that_is_no_text_is_refused(impossible):
    for words in (("speak", "partial-reverse", "\udcff"), ("speak", "\udcff"), ("build", "--corpus=a\udcffb.txt")):
        code, out, err = impossible(*words)
        assert code == 2 and out == "" and err.count("\n") == 1 and "\\udcff" in err and "not UTF-8" in err


def test_check_takes_what_ids_a_small_corpus_gives(impossible, text):
    code, out, _ = impossible("check", "partial-reverse", "--corpus", text)
    assert code == 0 and re.search(
        r"^200 sentences of corpus.txt, up to [0-9,]+ tokens, [0-9]{3} ids of train:", out, re.M
    )


def test_build_says_how_many_sentences_are_dropped(impossible, tmp_path):
    made = ("--corpus", "grammar:sentences=300", "--tokenizer", "train:vocab=300", "--context", 16)
    code, out, error = impossible("build", *made, "--language", "word-hop", "--output", tmp_path / "x")
    dropped = sum(sum(count["dropped"].values()) for count in counts_of(tmp_path / "x"))
    assert code == 0 and dropped and out.endswith(f"; {dropped} sentences dropped\n"), error


def counts_of(folder):
    counts = TokenDataset.open(folder).record["counts"]
    return [counts[split] for split in ("train", "dev", "test")]


def test_signs_that_an_encoding_lacks_are_escaped_as_in_json():
    """A pipe or terminal of ASCII or Latin-1 gets markers so, and JSON stays JSON."""
    words = [sys.executable, "-m", "impossible_lms", "speak", "partial-reverse", "He cleans it."]
    ascii_only = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    plain, said = (
        subprocess.run([*words, "--json"], env=environment, capture_output=True, check=True).stdout
        for environment in (os.environ | {"PYTHONIOENCODING": "utf-8"}, ascii_only)
    )
    assert not plain.isascii() and said.isascii() and json.loads(said) == json.loads(plain)
    assert b"\\ud83c" in subprocess.run(words, env=ascii_only, capture_output=True, check=True).stdout
