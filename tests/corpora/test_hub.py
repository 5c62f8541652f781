"""Hugging Face datasets: what a spec chooses, each fault with its place, and the same digest for the same content."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from impossible_lms import build_dataset, get_language, read_corpus
from impossible_lms.corpora import hub
from impossible_lms.errors import UserError

datasets = pytest.importorskip("datasets")


def write(folder, name, **columns):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return folder


def write_configs(folder, configs):
    """A card that says which files belong to which configuration; JSON is YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n", encoding="utf-8")


@pytest.fixture
def divided(tmp_path):
    folder = tmp_path / "divided"
    for split in ("test", "train", "validation"):
        write(folder, f"data/{split}-00000-of-00001.parquet", text=[f"{split} one", f"{split} two"], n=[1, 2])
    return folder


@pytest.fixture
def configured(tmp_path):
    folder = tmp_path / "configured"
    write(folder, "en/main.parquet", text=["hello"])
    write(folder, "en/rest.parquet", text=["rest"])
    write(folder, "de/main.parquet", text=["hallo"])
    en = [{"split": "train", "path": "en/main.parquet"}, {"split": "unsupervised", "path": "en/rest.parquet"}]
    write_configs(
        folder,
        [{"config_name": "en", "data_files": en}, {"config_name": "de", "data_files": "de/main.parquet"}],
    )
    return folder


def fault_of(spec):
    """The one line that reading the corpus to its end raises, without the path."""
    with pytest.raises(UserError) as error:
        list(read_corpus(spec).texts())
    message = str(error.value)
    assert "\n" not in message
    return message.removeprefix(f"--corpus {spec}: ")


def test_this_is_offline_and_in_a_temporary_folder():
    assert datasets.config.HF_HUB_OFFLINE
    for cache in (datasets.config.HF_DATASETS_CACHE, datasets.config.HF_MODULES_CACHE):
        assert Path(cache).is_relative_to(os.environ["HF_HOME"])
    assert Path(os.environ["HF_HOME"]).is_relative_to(tempfile.gettempdir())


def test_all_splits_are_read_under_our_names(divided):
    corpus = read_corpus(f"hub:{divided}")
    assert corpus.name == "hub:divided:default::text"
    assert corpus.splits == ("train", "dev", "test")
    assert {source.genre for source in corpus.sources} == {"divided"}
    assert list(corpus.part("dev").texts()) == ["validation one", "validation two"]
    assert [block.schema.names for _, block in corpus.blocks()] == [["text"]] * 3


def test_parts_may_be_named_or_left_empty(divided, configured):
    assert list(read_corpus(f"hub:{divided}::train").texts()) == ["train one", "train two"]
    assert read_corpus(f"hub:{divided}::validation").splits == ("dev",)
    assert list(read_corpus(f"hub:{configured}:de").texts()) == ["hallo"]
    assert list(read_corpus(f"hub:{configured}:de:train:text").texts()) == ["hallo"]
    assert list(read_corpus(f"hub:{divided}:::").texts()) == list(read_corpus(f"hub:{divided}").texts())


def test_a_split_of_another_name_is_read_when_named_or_alone(configured, tmp_path):
    assert list(read_corpus(f"hub:{configured}:en").texts()) == ["hello"]
    named = read_corpus(f"hub:{configured}:en:unsupervised")
    assert (named.splits, list(named.texts())) == (("all",), ["rest"])
    folder = write(tmp_path / "alone", "a.parquet", text=["alone"])
    write_configs(folder, [{"config_name": "x", "data_files": [{"split": "extra", "path": "a.parquet"}]}])
    alone = read_corpus(f"hub:{folder}")
    assert (alone.name, alone.splits, list(alone.texts())) == ("hub:alone:x::text", ("all",), ["alone"])


def test_a_default_config_needs_no_name(tmp_path):
    folder = write(write(tmp_path / "d", "a.parquet", text=["a"]), "b.parquet", text=["b"])
    write_configs(
        folder,
        [
            {"config_name": "a", "data_files": "a.parquet"},
            {"config_name": "b", "data_files": "b.parquet", "default": True},
        ],
    )
    assert list(read_corpus(f"hub:{folder}").texts()) == ["b"]


def test_the_column_is_text_or_the_only_one_of_strings(tmp_path):
    both = write(tmp_path / "both", "train.parquet", other=["o"], text=["t"], words=[["t"]])
    assert list(read_corpus(f"hub:{both}").texts()) == ["t"]
    assert list(read_corpus(f"hub:{both}:::other").texts()) == ["o"]
    only = write(tmp_path / "only", "train.parquet", n=[1], tokens=[["s"]], sentence=pa.array(["s"], pa.large_string()))
    corpus = read_corpus(f"hub:{only}")
    assert corpus.name == "hub:only:default::sentence"
    assert [block.schema for _, block in corpus.blocks()] == [pa.schema({"text": pa.string()})]


def test_json_and_text_files_are_datasets_too(tmp_path):
    for name in ("json", "text"):  # names of formats, but folders here
        (tmp_path / name).mkdir()
    (tmp_path / "json" / "train.jsonl").write_text('{"text": "one"}\n{"text": "tw\\u00f6\\u2028x"}\n', encoding="utf-8")
    (tmp_path / "text" / "test.txt").write_text("one\ntwö\u2028x\n", encoding="utf-8")
    assert list(read_corpus(f"hub:{tmp_path}/json").texts()) == ["one", "twö\u2028x"]
    assert list(read_corpus(f"hub:{tmp_path}/text").part("test").texts()) == ["one", "twö\u2028x"]


@pytest.mark.parametrize("rows", [1, 2, 5000])
def test_blocks_of_any_size_give_the_same(tmp_path, monkeypatch, rows):
    folder = write(tmp_path / "d", "train.parquet", text=["é", "two words", "🅁 x", " padded ", "one\rreturn"])
    expected = read_corpus(f"hub:{folder}").fingerprint()
    monkeypatch.setattr(hub, "ROWS", rows)
    corpus = read_corpus(f"hub:{folder}")
    assert list(corpus.texts()) == ["é", "two words", "🅁 x", " padded ", "one\rreturn"]
    assert corpus.fingerprint() == expected


def test_the_digest_follows_content_and_choices_not_place_or_time(divided, tmp_path):
    first = read_corpus(f"hub:{divided}")
    assert read_corpus(f"hub:{divided}").fingerprint() == first.fingerprint()
    moved = tmp_path / "elsewhere" / "divided"
    shutil.copytree(divided, moved)
    os.utime(moved / "data" / "train-00000-of-00001.parquet", (1, 1))
    assert read_corpus(f"hub:{moved}").fingerprint() == first.fingerprint()
    for row, split in ((0, "train"), (1, "validation")):
        texts = [f"{split} one", f"{split} two"]
        texts[row] += "!"
        write(moved, f"data/{split}-00000-of-00001.parquet", text=texts, n=[1, 2])
        changed = read_corpus(f"hub:{moved}")
        assert changed.part("train" if row == 0 else "dev").fingerprint() != first.part("train").fingerprint()
        assert changed.fingerprint() != first.fingerprint()
    digests = {source.digest() for source in first.sources}
    assert len(digests) == 3


def test_the_digest_tells_columns_and_cuts_apart(tmp_path):
    folder = write(tmp_path / "d", "train.parquet", text=["ab", "c"], same=["ab", "c"], other=["a", "bc"])
    assert len({read_corpus(f"hub:{folder}:::{column}").fingerprint() for column in ("text", "same", "other")}) == 3


def test_a_token_dataset_is_built_from_it(tmp_path, tokenizer):
    texts = [f"the cat sees dog number {number}" for number in range(200)]
    for split in ("train", "validation", "test"):
        write(tmp_path / "d", f"{split}.parquet", text=texts)
    corpus = read_corpus(f"hub:{tmp_path / 'd'}")
    dataset = build_dataset(corpus, get_language("full-reverse"), tokenizer, tmp_path / "out", context=32)
    counts = dataset.record["counts"]
    assert counts["train"]["sentences"] == 200 and counts["dev"]["sentences"] == 200
    assert dataset.record["corpus"] == "hub:d:default::text"


def test_a_corpus_of_one_split_is_built_too(tmp_path, tokenizer):
    folder = write(tmp_path / "d", "train.parquet", text=["the cat sees a dog"] * 200)
    corpus = read_corpus(f"hub:{folder}")
    build_dataset(corpus, get_language("full-reverse"), tokenizer, tmp_path / "out", context=32)


@pytest.mark.parametrize("rows", [1, 5000])
def test_rows_are_cleaned_as_lines_are(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(hub, "ROWS", rows)
    folder = write(tmp_path / "d", "train.parquet", text=["good", None, "", " \t\x85\u2003", "One.\nTwo.\n", "no\0"])
    advice = "Mend them, or go on without them: --bad-lines skip."
    assert fault_of(f"hub:{folder}") == f"hub:d split train (rows from 0) row 5: holds a NUL. {advice}"
    corpus = read_corpus(f"hub:{folder}:bad-lines=skip")
    assert list(corpus.texts()) == ["good", "One.", "Two."]
    assert corpus.name == "hub:d:default::text:bad-lines=skip"
    assert corpus.survey.total.blank == 3 and corpus.survey.total.bad.total() == 1


def test_bytes_that_are_no_text_are_named_with_their_row(tmp_path):
    offsets, content = pa.py_buffer(b"\0\0\0\0\x02\0\0\0\x04\0\0\0"), pa.py_buffer(b"ab\xe9b")
    folder = write(tmp_path / "d", "train.parquet", text=pa.StringArray.from_buffers(2, offsets, content))
    assert fault_of(f"hub:{folder}").startswith(
        "hub:d split train (rows from 0) row 1: not UTF-8 (byte 0xE9 at byte 1). "
    )


@pytest.mark.parametrize(
    ("choice", "fault"),
    [
        ("", "several configs. Name one: en, de."),
        (":fr", "no config 'fr'. Name one: en, de."),
        (":en:dev", "no split 'dev'. Name one: train, unsupervised."),
        (":en::body", "the column 'body' is not there. Name one: text."),
        (":en:train:text:x", "not of the form hub:NAME[:config][:split][:column]."),
        (
            ":en:::column=text,10M",
            "not of the form hub:NAME[:config][:split][:column], with sentences= and bad-lines= behind it.",
        ),
        (":en:nonsense=1", "unknown option 'nonsense'. Known: size, column, test, sentences, bad-lines, features."),
    ],
)
def test_a_choice_that_is_not_there(configured, choice, fault):
    assert fault_of(f"hub:{configured}{choice}") == fault


@pytest.mark.parametrize(
    ("columns", "choice", "fault"),
    [
        ({"a": ["x"], "b": ["x"], "n": [1]}, "", "no column 'text' of strings. Name one: a, b."),
        ({"text": [1], "n": [1]}, "", "no column 'text' of strings. Name one: there is none of strings among text, n."),
        ({"a": ["x"], "n": [1]}, ":::n", "the column 'n' is not of strings. Name one: a."),
    ],
)
def test_a_column_that_cannot_be_chosen(tmp_path, columns, choice, fault):
    folder = write(tmp_path / "d", "train.parquet", **columns)
    assert fault_of(f"hub:{folder}{choice}") == fault


def test_several_splits_of_other_names_take_a_choice(tmp_path):
    folder = write(write(tmp_path / "d", "a.parquet", text=["a"]), "b.parquet", text=["b"])
    files = [{"split": name, "path": f"{name}.parquet"} for name in "ab"]
    write_configs(folder, [{"config_name": "x", "data_files": files}])
    expected = "several splits, and none is train, validation or test. Name one: a, b."
    assert fault_of(f"hub:{folder}") == expected


def test_a_name_is_needed_and_a_file_format_is_none(monkeypatch, tmp_path):
    assert fault_of("hub:") == "not of the form hub:NAME[:config][:split][:column]."
    assert fault_of("hub::en") == "not of the form hub:NAME[:config][:split][:column]."
    monkeypatch.chdir(tmp_path)  # the library would read whatever JSON is here
    (tmp_path / "secrets.json").write_text('{"text": "x"}', encoding="utf-8")
    assert fault_of("hub:json") == "'json' is a file format. Name a dataset on the Hub or a folder of files (./json)."


@pytest.mark.parametrize("name", ["someone/something", "something"])
def test_offline_says_so(name):
    assert fault_of(f"hub:{name}") == (
        "no folder, and the Hub cannot be reached "
        f"(ConnectionError: Couldn't reach '{name}' on the Hub (OfflineModeIsEnabled)). "
        "Check the network and HF_HUB_OFFLINE, or name a local folder."
    )


@pytest.mark.parametrize(
    "reason",
    [
        "Dataset 'a/b' doesn't exist on the Hub or cannot be accessed.",
        "Dataset 'a/b' is a gated dataset on the Hub. You must be authenticated to access it.",
    ],
)
def test_missing_and_gated_datasets(monkeypatch, reason):
    def refuse(path, name):
        raise datasets.exceptions.DatasetNotFoundError(reason)

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    assert fault_of("hub:a/b") == (
        f"no folder, and no dataset to be had from the Hub (DatasetNotFoundError: {reason.rstrip('.')}). "
        "Check the name; for a private or gated one, ask for access on its page and run `hf auth login`."
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({}, "cannot be loaded (EmptyDatasetError: The directory at FOLDER doesn't contain any data files)."),
        ({"train.parquet": "PAR1"}, "cannot be loaded (ArrowInvalid: Parquet file size is 4 bytes, "),
        ({"train.jsonl": '{"text": "a"}\n{"text": \n'}, "cannot be loaded (ArrowInvalid: JSON parse error: "),
        ({"train.jsonl": '{"text": "a\\ud800"}\n'}, "cannot be loaded (ArrowInvalid: JSON parse error: The surrogate "),
        ({"README.md": "---\nconfigs: [\n---\n", "a.txt": "a"}, "cannot be loaded (ParserError: while parsing "),
        ({"d.py": "", "a.txt": "a"}, "cannot be loaded (RuntimeError: Dataset scripts are no longer supported, but "),
        (
            {"state.json": "{}", "a.txt": "a"},
            "cannot be loaded (ValueError: You are trying to load a dataset that was ",
        ),
        ({"a-1.jsonl": '{"a": "x"}', "a-2.jsonl": '{"b": 1}'}, "cannot be loaded (CastError: Couldn't cast b: int64 "),
        ({"train.txt": ""}, "cannot be loaded (SchemaInferenceError: "),
    ],
)
def test_a_folder_that_cannot_be_loaded(tmp_path, content, fault):
    folder = tmp_path / "d"
    folder.mkdir()
    for name, text in content.items():
        (folder / name).write_text(text, encoding="utf-8")
    assert fault_of(f"hub:{folder}").startswith(fault.replace("FOLDER", str(folder)))


def test_a_folder_that_is_not_there(tmp_path):
    assert fault_of(f"hub:{tmp_path}/nowhere") == (
        f"cannot be loaded (FileNotFoundError: Couldn't find any data file at {tmp_path}/nowhere)."
    )


def test_without_the_library_it_says_what_to_install(monkeypatch, divided):
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert fault_of(f"hub:{divided}") == (
        "needs the library `datasets` (import of datasets halted; None in sys.modules). "
        "Install it: pip install impossible-lms[hub]."
    )


def test_bars_are_for_terminals_and_left_as_they_were(divided, capfd):
    read_corpus(f"hub:{divided}")
    assert "Generating" not in capfd.readouterr().err
    assert not datasets.are_progress_bars_disabled()
