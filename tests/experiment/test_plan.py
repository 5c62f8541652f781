"""Plans: what depends on what, what is shared, and what is refused before anything begins."""

import pytest

from impossible_lms.errors import UserError, UserErrors
from impossible_lms.experiment.plan import Plan


def names(plan: Plan) -> list[str]:
    return [
        task.name if task.run is None else task.name.replace(task.run, task.run[:-9]) for task in plan.tasks.values()
    ]


def test_the_tasks_of_the_small_experiment(planned):
    plan = planned()
    control, mine = "no-reverse-gpt2-no-pos-s1", "partial-reverse-gpt2-no-pos-s1"
    assert names(plan) == [
        "tokenizer",
        "data.1-of-1",
        "check.no-reverse",
        "check.partial-reverse",
        f"train.{control}",
        f"evaluate.{control}.perplexity-sample-40",
        f"train.{mine}",
        f"evaluate.{mine}.perplexity-sample-40",
        f"evaluate.{mine}.learnability-sample-40",
    ]
    tasks = list(plan.tasks.values())
    assert tasks[1].needs == ("tokenizer",) and tasks[2].needs == tasks[4].needs == ("data.1-of-1",)
    assert set(tasks[8].needs) == {tasks[4].name, tasks[6].name}
    assert tasks[4].after == ("check.no-reverse", "check.partial-reverse")  # it is the other's control
    assert tasks[6].after == ("check.partial-reverse",)
    places = {name: place for place, name in enumerate(plan.tasks)}
    before = {name: (*task.needs, *task.after) for name, task in plan.tasks.items()}
    assert all(places[other] < places[name] for name, others in before.items() for other in others)


def test_a_task_that_needs_a_later_run_comes_all_the_same(planned):
    plan = planned('languages=["partial-reverse", "no-reverse"]')
    learnability = next(task for name, task in plan.tasks.items() if "learnability" in name)
    assert {need.split("-gpt2")[0] for need in learnability.needs} == {"train.partial-reverse", "train.no-reverse"}


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("seeds=[1, 2]", {"data", "runs"}),
        ('models=["gpt2-no-pos", "gpt2"]', {"data", "runs"}),
        ("evaluate.perplexity.sample=41", {"data", "runs"}),
        ("recipe.steps=9", {"data"}),
        ("recipe.context=16", set()),
        ('order="published"', set()),
        ("tokenizer=train:vocab=401", set()),
        ("corpus=grammar:sentences=2001,seed=0", set()),
    ],
)
def test_a_change_makes_only_what_it_changes(planned, change, kept):
    def made(plan):
        data = {task.data for name, task in plan.tasks.items() if name.startswith("train.")}
        runs = {task.folder for name, task in plan.tasks.items() if name.startswith("train.")}
        return {"data": data, "runs": runs}

    before, now = made(planned()), made(planned(change))
    for kind in ("data", "runs"):
        assert (before[kind] <= now[kind]) == (kind in kept), kind
        assert kind in kept or not before[kind] & now[kind]


def test_each_seed_has_its_own_order_unless_one_is_for_all(planned):
    def data(*changes):
        plan = planned("seeds=[1, 2]", *changes)
        trains = [task for name, task in plan.tasks.items() if name.startswith("train.partial-reverse")]
        (build,) = (task for name, task in plan.tasks.items() if name.startswith("data."))
        assert {task.data for task in plan.tasks.values() if hasattr(task, "recipe")} == set(build.folders)
        return [task.data for task in trains], build.seeds

    own, seeds = data()
    assert len(set(own)) == 2 and seeds == (1, 2)
    published, seeds = data('order="published"')
    assert len(set(published)) == 2 and not set(published) & set(own) and seeds == (1, 2)
    one, seeds = data('order="one"')
    assert len(set(one)) == 1 and seeds == (0,) and not set(one) & set(own)
    assert data('order="one"', "order_seed=1") == ([own[0]] * 2, (1,))  # the same data, the same folder
    with pytest.raises(UserError, match=r'order_seed: is of one order .* Set order = "one" too'):
        planned("order_seed=1")
    with pytest.raises(UserError, match="order: Input should be 'own', 'published' or 'one'"):
        planned('order="theirs"')


def test_a_cross_test_is_on_the_data_of_its_seed(planned):
    change = 'evaluate=[{metric="perplexity", languages=["partial-reverse"], on=["no-reverse"]}]'
    plan = planned("seeds=[1, 2]", change)
    crossed = [task for name, task in plan.tasks.items() if name.startswith("evaluate.")]
    trained = [task.data for name, task in plan.tasks.items() if name.startswith("train.no-reverse")]
    assert [task.request.data for task in crossed] == trained


def test_two_experiments_share_what_is_the_same(planned):
    one, other = planned("name=one"), planned("name=other")
    assert [task.name for task in one.tasks.values()] == [task.name for task in other.tasks.values()]
    assert one.source == other.source and one.folder != other.folder


def test_where_the_store_lies_decides_nothing(planned, tmp_path):
    here, there = planned(), planned(f"store={tmp_path / 'elsewhere'}")
    made = [
        [path.relative_to(plan.store.folder) for task in plan.tasks.values() for path in task.makes]
        for plan in (here, there)
    ]
    assert here.store.folder != there.store.folder and made[0] == made[1] and len(made[0]) >= len(here.tasks)


def test_data_in_chunks(planned):
    plan = planned('languages=["paper"]', chunks=4)
    builds = [task for name, task in plan.tasks.items() if name.startswith("data.")]
    assert [task.name for task in builds] == [f"data.{number}-of-4" for number in (1, 2, 3, 4)]
    assert sorted(name for task in builds for name in task.languages) == sorted(
        language.name for language in plan.languages
    )
    trains = [task for name, task in plan.tasks.items() if name.startswith("train.")]
    for train in trains:
        (build,) = (plan.tasks[need] for need in train.needs)
        assert train.data in build.folders


def test_a_language_of_ones_own_is_built_by_itself_and_known_by_its_code(planned, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def Mine(tokens):\n    return tokens\n", encoding="utf-8")
    changes = (
        'languages=["no-shuffle", "no-reverse", "./mine.py:Mine"]',
        'evaluate=[{metric="perplexity", languages=["no-shuffle"], on=["./mine.py:Mine"]}]',
    )
    plan = planned(*changes)
    builds = [task for name, task in plan.tasks.items() if name.startswith("data.")]
    assert [len(task.folders) for task in builds] == [2, 1] and builds[1].folders[0].name == "mine"
    measured = {name for name in plan.tasks if name.startswith("evaluate.")}
    file.write_text("def Mine(tokens):\n    return tokens  # as they are\n", encoding="utf-8")
    assert not measured & set(planned(*changes).tasks)


def test_cross_tests_need_the_other_data(planned):
    plan = planned(
        'languages=["deterministic-shuffle-s21", "deterministic-shuffle-s57"]',
        'evaluate=[{metric="perplexity", on=["deterministic-shuffle-s57"]}]',
        chunks=2,
    )
    measures = [task for name, task in plan.tasks.items() if name.startswith("evaluate.")]
    assert [task.request.name for task in measures] == ["perplexity-on-deterministic-shuffle-s57"] * 2
    assert [sum(need.startswith("data.") for need in task.needs) for task in measures] == [1, 1]
    assert {task.request.data.name for task in measures} == {"deterministic-shuffle-s57"}


def test_a_metric_goes_where_it_serves(planned):
    plan = planned('languages=["no-reverse", "no-hop"]', 'evaluate=[{metric="surprisal"}]')
    assert [name.split("-gpt2")[0] for name in plan.tasks if name.startswith("evaluate.")] == ["evaluate.no-hop"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (['languages=["no-revers"]'], "small: languages: unknown language 'no-revers'. Did you mean no-reverse"),
        (['models=["gtp2"]'], "small: model: gtp2: neither gpt2, gpt2-no-pos, "),
        (["size=huge"], "small: size: huge: unknown. Known: small, tiny."),
        (['evaluate=[{metric="perplexty"}]'], "unknown metric 'perplexty'. Did you mean perplexity"),
        (['evaluate=[{metric="surprisal"}]'], "small: evaluate surprisal: can measure none of the languages."),
        (
            ['evaluate=[{metric="surprisal", languages=["no-reverse"]}]'],
            "small: evaluate surprisal: language no-reverse",
        ),
        (
            ['evaluate=[{metric="perplexity", on=["no-hop"]}]'],
            "small: evaluate perplexity: on: no-hop is not among the experiment's languages. Add it to `languages`.",
        ),
        (
            ['languages=["partial-reverse"]', 'evaluate=[{metric="learnability", languages=["partial-reverse"]}]'],
            "small: evaluate learnability: no-reverse is not among the experiment's languages.",
        ),
        (
            ['evaluate=[{metric="learnability", corpus="grammar:sentences=10"}]'],
            "small: evaluate learnability: corpus: learnability does not use it. Leave it out.",
        ),
        (['evaluate=[{metric="minimal-pairs"}]'], "small: evaluate minimal-pairs: corpus: needed"),
        (
            ["evaluate.perplexity.checkpoints=banana"],
            "small: checkpoints: banana: expected all, last, every=200, or steps",
        ),
        (
            ["evaluate.perplexity.checkpoints=7"],
            "small: checkpoints: 7: no checkpoint 7. a run of this recipe has 3, 6.",
        ),
        (["keep=1", "evaluate.perplexity.checkpoints=3"], "small: checkpoints: 3: no checkpoint 3."),
        (["publish.namespace=me", "publish.seeds=[1, 9]"], "small: publish.seeds: 9 is not among the seeds (1)."),
        (
            ['languages=["no-reverse", "no-shuffle"]', 'evaluate=[{metric="perplexity", on=["no-shuffle"]}]'],
            "small: evaluate perplexity: on: no-shuffle has other markers than no-reverse, whose models",
        ),
        (["corpus=nowhere"], "small: corpus: nowhere: no such file or folder."),
        (['evaluate=[{metric="perplexity", precision="fp8"}]'], "small: precision: fp8: unknown."),
    ],
)
def test_what_cannot_be_is_refused_at_once(planned, changes, said):
    with pytest.raises(UserError) as error:
        planned(*changes)
    assert str(error.value).startswith(said)


def test_a_mistyped_model_is_told_the_nearest(planned):
    with pytest.raises(UserError, match=r"Did you mean gpt2\?$"):
        planned('models=["gtp2"]')


def test_a_corpus_without_what_a_language_needs_is_refused_at_once(planned, tmp_path):
    (tmp_path / "words.txt").write_text("The dog sleeps.\n" * 30, encoding="utf-8")
    with pytest.raises(
        UserError, match=r"^small: languages: hop: the corpus has no words.* there can be: no-shuffle.$"
    ):
        planned(f"corpus={tmp_path}/words.txt", 'languages=["no-shuffle", "hop"]', "evaluate=[]")


def test_a_run_is_published_once_it_is_measured(planned):
    plan = planned("seeds=[1, 2]", "publish.namespace=me")
    published = [task for name, task in plan.tasks.items() if name.startswith("publish.")]
    assert [task.run[:-9] for task in published] == ["no-reverse-gpt2-no-pos-s1", "partial-reverse-gpt2-no-pos-s1"]
    assert all(task.needs == (f"train.{task.run}",) and len(task.after) for task in published)


def test_other_seeds_are_published_beside_the_first(planned):
    plan = planned("seeds=[1, 2, 3]", "publish.namespace=me", "publish.seeds=[2, 1]", "evaluate=[]")
    published = [task for name, task in plan.tasks.items() if name.startswith("publish.")]
    assert [task.named("it") for task in published] == ["it-seed1", "it"] * 2


def test_all_that_cannot_be_had_is_said_in_one_list(planned, tmp_path):
    (tmp_path / "words.txt").write_text("The dog sleeps.\n" * 30, encoding="utf-8")
    with pytest.raises(UserErrors) as error:
        planned(
            f"corpus={tmp_path}/words.txt",
            "tokenizer=nowhere",
            'languages=["no-shuffle", "no-hop", "no-revers"]',
            'models=["gtp2", "gpt2"]',
            'evaluate=[{metric="perplexity"}, {metric="probes"}, {metric="minimal-pairs", corpus="blimp"}, '
            '{metric="perplexty"}, {metric="surprisal", languages=["no-shuffle"]}]',
        )
    found = list(error.value.faults)
    for begins in (
        "small: tokenizer: nowhere: ",
        "small: evaluate minimal-pairs: corpus blimp: no .jsonl files.",
        "small: languages: unknown language 'no-revers'.",
        "small: model: gtp2: neither",
        f"small: evaluate probes: corpus {tmp_path}/words.txt has no words, which its items are made of.",
        "small: languages: no-hop: the corpus has no words",
        "unknown metric 'perplexty'.",
        "small: evaluate surprisal: language no-shuffle: has no number markers",
    ):
        (said,) = [each for each in found if each.startswith(begins)]
        found.remove(said)
    assert found == []


def test_a_corpus_that_metrics_take_items_from_is_opened(planned, tmp_path):
    with pytest.raises(UserError, match=r"^small: evaluate probes: corpus .*nowhere: no such file or folder"):
        planned(f'evaluate=[{{metric="probes", corpus="{tmp_path}/nowhere"}}]')
    (tmp_path / "a.jsonl").write_text("{\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"^small: evaluate minimal-pairs: .*a.jsonl line 1: no pair of BLiMP"):
        planned(f'evaluate=[{{metric="minimal-pairs", corpus="{tmp_path}"}}]')
