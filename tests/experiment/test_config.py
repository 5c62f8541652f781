"""Experiment files: what they may say, what becomes of it, and how faults are told."""

import json
from pathlib import Path

import pytest

from impossible_lms.cli.experiments import Shipped
from impossible_lms.errors import UserError
from impossible_lms.experiment.config import SEEDS, Experiment, load_experiment
from impossible_lms.experiment.files import SHIPPED, schema, shipped, write_experiment
from impossible_lms.experiment.plan import Plan
from impossible_lms.languages import LANGUAGES, get_languages
from impossible_lms.training.recipe import Recipe, load_recipe


@pytest.fixture
def fault(tmp_path):
    """What is said of a file with this content."""

    def said(text, *changes):
        path = tmp_path / "odd.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError) as error:
            load_experiment(path, changes)
        return str(error.value).replace(str(tmp_path), "")

    return said


def test_all_defaults_are_the_papers(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('corpus = "babylm"\n', encoding="utf-8")
    found = load_experiment(path)
    assert (found.name, found.corpus, found.tokenizer, found.seeds) == ("mine", "babylm", "gpt2", SEEDS)
    assert (found.languages, found.models, found.size) == (["paper"], ["gpt2", "gpt2-no-pos"], "small")
    assert found.recipe == load_recipe("paper").model_dump() and found.store == str(tmp_path / "store")


def test_paths_are_relative_to_the_file(tmp_path):
    for name in ("corpus.txt", "mine.py", "recipe.toml"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "recipe.toml").write_text(
        "".join(f"{key} = {value!r}\n" for key, value in load_recipe("demo").model_dump().items()), encoding="utf-8"
    )
    path = tmp_path / "mine.toml"
    path.write_text(
        'corpus = "corpus.txt"\nlanguages = ["no-hop", "./mine.py:Own"]\nrecipe = "recipe.toml"\nstore = "../shared"\n'
        '[publish]\nnamespace = "me"\nto = "hub"\ncache = "hub"\n',
        encoding="utf-8",
    )
    found = load_experiment(path)
    assert found.corpus == str(tmp_path / "corpus.txt") and found.recipe == load_recipe("demo").model_dump()
    assert found.languages == ["no-hop", f"{tmp_path}/mine.py:Own"] and found.store == f"{tmp_path}/../shared"
    assert found.publish is not None
    assert (found.publish.to, found.publish.cache) == ("hub", str(tmp_path / "hub"))


def test_a_path_that_is_not_beside_the_file_may_be_here(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here/corpus.txt").write_text("", encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text("corpus = 'corpus.txt'\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "here")
    assert load_experiment(path).corpus == str(tmp_path / "here/corpus.txt")


def test_names_are_no_paths_whatever_is_beside_the_file(tmp_path):
    for name in ("no-hop", "gpt2"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine.py").write_text("", encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(
        "corpus = 'a'\nlanguages = ['no-hop', 'mine.py:Own']\nmodels = ['gpt2']\n"
        "[[evaluate]]\nmetric = 'perplexity'\nlanguages = ['no-hop']\non = ['./mine.py:Own']\n",
        encoding="utf-8",
    )
    found = load_experiment(path)
    assert found.languages == ["no-hop", f"{tmp_path}/mine.py:Own"] and found.models == ["gpt2"]
    assert (found.evaluate[0].languages, found.evaluate[0].on) == (["no-hop"], [f"{tmp_path}/mine.py:Own"])


def test_a_recipe_with_other_steps_keeps_its_proportions(small):
    found = load_experiment(small, ["recipe.base=paper", "recipe.steps=300", "recipe.held_out_every=7"]).recipe
    assert (found["steps"], found["warmup_steps"], found["checkpoint_every"], found["held_out_every"]) == (
        300,
        30,
        3,
        7,
    )
    assert load_experiment(small, ["recipe=demo"]).recipe == load_recipe("demo").model_dump()
    assert load_experiment(small, ["recipe.base=paper", "recipe.held_out_every=0"]).recipe["held_out_every"] == 0


def test_changes(small):
    changes = ["seeds=[7, 8]", "tokenizer=gpt2-bpe", "recipe.learning_rate=1e-4", "evaluate.perplexity.sample=9"]
    found = load_experiment(small, changes)
    assert found.seeds == [7, 8] and found.tokenizer == "gpt2-bpe" and found.recipe["learning_rate"] == 1e-4
    assert [entry.sample for entry in found.evaluate] == [9, 40]
    assert load_experiment(small, ["publish.namespace=me"]).publish is not None


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        ("corpus = ", (), "/odd.toml: not TOML (Invalid value (at end of document))."),
        ("", (), "/odd.toml: corpus: needed, or several as [[corpora]]."),
        ("corpus = 'a'\nlanguage = ['no-hop']", (), "/odd.toml: language: unknown key. Did you mean languages?"),
        ("corpus = 'a'\n[[evaluate]]\nmetrics = 'x'", (), "/odd.toml: evaluate.0.metric: Field required"),
        (
            "corpus = 'a'\n[[evaluate]]\nmetric = 'x'\nsampel = 3",
            (),
            "/odd.toml: evaluate.0.sampel: unknown key. Did you mean sample?",
        ),
        ("corpus = 'a'\n[recipe]\nstep = 3", (), "/odd.toml: recipe.step: unknown key. Did you mean steps?"),
        (
            "corpus = 'a'\n[recipe]\nsteps = 0",
            (),
            "/odd.toml: recipe.steps: Input should be greater than or equal to 1",
        ),
        ("corpus = 'a'\nrecipe = 'none'", (), "/odd.toml: recipe.base: none: neither paper or demo nor a file"),
        ("corpus = 'a'\nseeds = [1, 1]", (), "/odd.toml: seeds: 1 more than once (found [1, 1])."),
        ("corpus = 'a'\nseeds = ['1']", (), "/odd.toml: seeds.0: Input should be a valid integer (found '1')."),
        ("corpus = 'a'\nseeds = [-1]", (), "/odd.toml: seeds.0: Input should be greater than or equal to 0"),
        ("corpus = 'a'\nname = '../b'", (), "/odd.toml: name: String should match pattern"),
        ("corpus = 'a'", ("seeds",), "--set seeds: expected key=value, as in --set recipe.steps=100."),
        ("corpus = 'a'", ("corpus.x=1",), "--set corpus.x=1: corpus has no keys below it."),
        ("corpus = 'a'", ("evaluate.probes.sample=1",), "--set evaluate.probes.sample=1: no entry of [[evaluate]]"),
        ("corpus = 'a'", ("sizes=tiny",), "/odd.toml: sizes: unknown key. Did you mean size?"),
    ],
)
def test_faults_name_the_key(fault, text, changes, said):
    assert fault(text, *changes).startswith(said)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match=r"none.toml: no experiment file that can be read. `impossible init`"):
        load_experiment(tmp_path / "none.toml")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files(name, tmp_path):
    """Each is a whole experiment that can be planned, on a corpus that is here."""
    path, beside = write_experiment(name, tmp_path / f"{name}.toml")
    assert path.read_text(encoding="utf-8") == shipped(name)
    assert json.loads(beside.read_text(encoding="utf-8")) == json.loads(schema())
    corpora = [
        f"corpora.{human}.corpus=grammar:sentences=100,seed={seed}" for seed, human in enumerate(("en", "es", "pt"))
    ]
    one = ["corpus=grammar:sentences=100,seed=0"]
    changes = ["tokenizer=train:vocab=300", *(corpora if name == "languages" else one)]
    plan = Plan.of(load_experiment(path, changes))
    assert {language.name for language in plan.languages} <= set(LANGUAGES)
    assert len(plan.tasks) > 2 * len(plan.languages)
    write_experiment(name, path)  # again: the same
    path.write_text("corpus = 'mine'\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"exists and is something else. Choose another --output"):
        write_experiment(name, path)


def test_the_paper_is_the_paper(tmp_path):
    """Fifteen languages, two architectures, five seeds; the published recipe."""
    path, _ = write_experiment("paper", tmp_path / "paper.toml")
    found = load_experiment(path)
    assert found.recipe == load_recipe("paper").model_dump() and len(found.seeds) == 5
    plan = Plan.of(load_experiment(path, ["corpus=grammar:sentences=100", "tokenizer=train:vocab=300"]))
    assert len([name for name in plan.tasks if name.startswith("train.")]) == 15 * 2 * 5


def test_the_command_line_names_all_that_is_shipped():
    assert [each.value for each in Shipped] == [*SHIPPED, "language"]


def test_the_schema_has_a_line_for_every_key():
    found = json.loads(schema())
    assert set(found["properties"]) == set(Experiment.model_fields)
    tables = [found, *found["$defs"].values()]
    for table in tables:
        for key, value in table["properties"].items():
            assert value.get("description") or "anyOf" in value, key
    recipe = found["properties"]["recipe"]["anyOf"][1]
    assert set(recipe["properties"]) == {"base", *Recipe.model_fields} and recipe["additionalProperties"] is False
    assert "perplexity" in found["$defs"]["Evaluate"]["properties"]["metric"]["enum"]


def test_what_editors_and_pranksters_leave(fault, tmp_path):
    path = tmp_path / "mark.toml"
    path.write_bytes(b'\xef\xbb\xbfcorpus = "babylm"\n')
    assert load_experiment(path).corpus == "babylm"
    assert fault(f"corpus = {'[' * 5000}{']' * 5000}\n") == "/odd.toml: not TOML (nested too deeply)."
    assert fault(f"corpus = {'[' * 50}{']' * 50}\n").endswith(
        "(found [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]…)."
    )
    assert fault("size = 3\n", f"corpus={'[' * 5000}").startswith("/odd.toml: size: ")


def test_a_corpus_with_options_is_beside_the_file_too(tmp_path):
    (tmp_path / "babylm").mkdir()
    path = tmp_path / "mine.toml"
    text = 'corpus = "babylm:10M,sentences=split"\n[[evaluate]]\nmetric = "probes"\ncorpus = "babylm:bad-lines=skip"\n'
    path.write_text(text, encoding="utf-8")
    found = load_experiment(path)
    assert found.corpus == f"{tmp_path}/babylm:10M,sentences=split"
    assert found.evaluate[0].corpus == f"{tmp_path}/babylm:bad-lines=skip"


def test_a_file_of_languages_is_found_beside_the_experiment(small, tmp_path, monkeypatch):
    (small.parent / "mine.py").write_text("def mine(tokens):\n    return tokens\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path.parent)
    found = load_experiment(small, ['languages=["./mine.py", "./mine.py:mine"]'])
    assert found.languages == [f"{small.parent}/mine.py", f"{small.parent}/mine.py:mine"]


BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.toml"))


@pytest.mark.parametrize("file", BENCHMARKS, ids=lambda file: file.name)
def test_the_experiments_of_benchmarks_are_read(file):
    experiment = load_experiment(file)
    assert experiment.evaluate and get_languages(experiment.languages)
