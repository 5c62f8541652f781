"""Orders of training sentences: each seed's, and that of the published files, block for block."""

import json

import numpy as np
import pytest

from impossible_lms import build_dataset, get_language, read_corpus
from impossible_lms.data.build import build_in_orders
from impossible_lms.data.order import shuffled_as_published
from impossible_lms.training.held_out import held_out_blocks

HOP = get_language("no-hop")
FINITE = "Mood=Ind|Number=Sing|Person=3|Tense=Pres|VerbForm=Fin"


@pytest.fixture
def corpus(tmp_path):
    """Two annotated files a split, every third sentence with a marked verb."""
    for split, sentences in {"train": 30, "dev": 9, "test": 6}.items():
        for genre in ("talk", "books"):
            path = tmp_path / "corpus" / f"{genre}-{split}.conllu"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(conllu(f"{genre} {number}", number % 3 == 0) for number in range(sentences)))
    return read_corpus(str(tmp_path / "corpus"))


def conllu(said, is_affected):
    words = [*said.split(" "), "is" if is_affected else "and", "all", "there", "is", "now"]
    rows = [
        "\t".join([str(number), word, word, "X", "_", FINITE if number == 3 and is_affected else "_", *"____"])
        for number, word in enumerate(words, 1)
    ]
    return "\n".join([f"# text = {' '.join(words)}", *rows]) + "\n\n"


def as_published(corpus, split, seed, tokenizer):
    """The stream of a split: files by name, what is not affected first; shuffled; an end of text after each."""
    lines = []
    made = HOP.apply(corpus.part(split), tokenizer)
    genres = np.repeat([source.genre for source in corpus.part(split).sources], len(made.tokens) // 2)
    for genre in sorted(set(genres)):
        for affected in (False, True):
            mine = np.flatnonzero((genres == genre) & (made.affected == affected))
            lines += [made.tokens[int(row)] for row in mine]
    assert len(lines) == len(made.tokens) and 0 < made.affected.sum() < len(lines)
    np.random.default_rng(seed).shuffle(lines)
    return np.concatenate([[*line, tokenizer.end_of_text] for line in lines])


@pytest.mark.parametrize("seed", [0, 53])
def test_published_blocks(corpus, tokenizer, tmp_path, seed):
    data = build_dataset(corpus, HOP, tokenizer, tmp_path / "data", context=16, seed=seed, as_published=True)
    expected = as_published(corpus, "train", seed, tokenizer)
    blocks = data.blocks(np.arange(len(data)))
    assert len(blocks) == len(expected) // 16 > 10
    assert np.array_equal(blocks.ravel(), expected[: blocks.size])
    held_out = as_published(corpus, "dev", seed, tokenizer)
    assert np.array_equal(held_out_blocks(data).ravel(), held_out[: len(held_out) // 16 * 16])
    plain = build_dataset(corpus, HOP, tokenizer, tmp_path / "plain", context=16, seed=seed)
    assert not np.array_equal(plain.blocks(np.arange(len(plain))), blocks)
    assert not np.array_equal(held_out_blocks(plain), held_out_blocks(data))
    assert np.array_equal(plain.held_out("test").tokens.values, data.held_out("test").tokens.values)


def test_the_order_equals_the_reference(shared):
    found = json.loads((shared / "golden" / "published_draws.json").read_text(encoding="utf-8"))
    toy = found["training order by the run's seed"]
    names = sorted(toy["files"], reverse=True)  # another order of files, and sentences mixed within them
    rows = [
        (number, kind == "affected", line)
        for number, name in enumerate(names)
        for kind in ("affected", "unaffected")
        for line in toy["files"][name][kind]
    ]
    genre, affected, lines = (np.array(column) for column in zip(*rows, strict=True))
    assert len(toy["order"]) == 5
    for seed, expected in toy["order"].items():
        assert lines[shuffled_as_published(genre, names, affected, int(seed))].tolist() == expected


def test_files_go_by_their_names_endings_included():
    genre, affected = np.array([0, 1, 2]), np.zeros(3, bool)
    by_name = [
        sorted(["open2.train", "open.train", "a.train"]).index(f"{name}.train") for name in ("open2", "open", "a")
    ]
    order = shuffled_as_published(genre, ["open2", "open", "a"], affected, 0)
    assert [by_name[row] for row in order] == np.random.default_rng(0).permutation(3).tolist()


def test_several_orders_in_one_pass_are_those_of_several(corpus, tokenizer, tmp_path):
    languages = [HOP, get_language("word-hop")]
    outputs = {seed: tmp_path / f"seed-{seed}" for seed in (3, 4)}
    together = build_in_orders(corpus, languages, tokenizer, outputs, context=16)
    assert [data.folder for data in together] == [
        outputs[seed] / language.name for language in languages for seed in outputs
    ]
    for language in languages:
        for seed, output in outputs.items():
            alone = build_dataset(
                corpus, language, tokenizer, tmp_path / "alone" / f"{seed}-{language.name}", context=16, seed=seed
            )
            for name in alone.files:
                assert (alone.folder / name).read_bytes() == (output / language.name / name).read_bytes()
    assert len({data.files["train-00000.npy"]["sha256"] for data in together}) == 4
    assert not list(tmp_path.rglob("spool"))


def test_the_order_is_part_of_what_is_asked_for(corpus, tokenizer, tmp_path):
    from impossible_lms.errors import UserError

    build_dataset(corpus, HOP, tokenizer, tmp_path / "data", context=16)
    with pytest.raises(UserError, match="belongs to something else"):
        build_dataset(corpus, HOP, tokenizer, tmp_path / "data", context=16, as_published=True)
