"""Layouts: what of a folder is read, as which split and genre, and what is not read and why."""

import pytest

from impossible_lms import UserError, read_corpus
from impossible_lms.corpora.layout import found
from tests.layouts import GENRES, babylm_2023, babylm_2024, plain, tables, write


def shape(corpus):
    return [(source.split, source.genre) for source in corpus.sources]


DIVIDED = [(split, genre) for split in ("train", "dev", "test") for genre in GENRES]


@pytest.mark.parametrize("ending", ["", ".txt"])
@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("make", [babylm_2023, babylm_2024])
def test_babylm_as_it_is_downloaded(tmp_path, make, ending, down):
    home = make(tmp_path / "babylm", ending=ending)
    spec = str(tmp_path / "babylm" if down else home)
    corpus = read_corpus(spec + ":100M" if make is babylm_2023 else spec)
    assert shape(corpus) == DIVIDED
    assert any("THE MILL" in text for text in corpus.part("train").texts())  # a heading is text
    assert "" not in set(corpus.texts())


def test_two_sizes_side_by_side_are_never_both_read(tmp_path):
    home = babylm_2023(tmp_path)
    with pytest.raises(UserError) as error:
        read_corpus(str(home))
    expected = f"--corpus {home}: training text of 10M and 100M side by side. Choose: {home}:10M or {home}:100M."
    assert str(error.value) == expected
    small, large = read_corpus(f"{home}:10m"), read_corpus(f"{home}:100M")
    assert (small.name, large.name) == ("babylm_data:10M", "babylm_data:100M")
    assert small.survey.total.sentences < large.survey.total.sentences
    assert small.fingerprint() != large.fingerprint()
    assert {each.reason for each in small.left_out} == {"not of 10M"} and len(small.left_out) == len(GENRES)
    with pytest.raises(UserError, match=r":1M: no such size; there is 10M, 100M\.$"):
        read_corpus(f"{home}:1M")
    with pytest.raises(UserError, match="it holds one size alone; leave it out"):
        read_corpus(f"{plain(tmp_path / 'plain')}:10M")


def test_a_training_folder_without_a_size_is_a_choice_too(tmp_path):
    babylm_2024(tmp_path, ("10M",))
    write(tmp_path / "train" / "childes.train", "one\n")
    with pytest.raises(UserError, match="training text of 10M and train side by side"):
        read_corpus(str(tmp_path))
    assert list(read_corpus(f"{tmp_path}:train").part("train").texts()) == ["one"]
    assert len(read_corpus(f"{tmp_path}:10M").part("train").sources) == len(GENRES)


def test_two_corpora_in_one_folder_are_refused(tmp_path):
    babylm_2023(tmp_path / "one")
    babylm_2024(tmp_path / "two")
    with pytest.raises(UserError, match=r"several corpora, .*one/babylm_data, .*two\. Name one of them"):
        read_corpus(str(tmp_path))


def test_a_folder_of_one_part_is_not_divided(tmp_path):
    home = babylm_2023(tmp_path)
    assert read_corpus(str(home / "babylm_dev")).splits == ("all",)
    assert read_corpus(str(home / "babylm_dev" / "childes.dev")).splits == ("all",)


def test_what_is_not_read_is_listed(tmp_path):
    babylm_2024(tmp_path)
    write(tmp_path / "train_100M" / "notes.txt", "a note\n")
    write(tmp_path / "train_100M" / "odd.dev", "a line\n")
    write(tmp_path / "extra.txt", "a line\n")
    write(tmp_path / "plot.py", "x = 1\n")
    write(tmp_path / "__MACOSX" / "x.train", "a line\n")
    corpus = read_corpus(str(tmp_path))
    assert shape(corpus) == DIVIDED
    assert {each.name: each.reason for each in corpus.left_out} == {
        "LICENSE.txt": "about the corpus",
        "README.md": "about the corpus",
        "plot.py": "no text by its name",
        "train_100M/odd.dev": "in a folder of train, and named .dev",
        "train_100M/notes.txt": "not named by its split as the others are",
        "extra.txt": "not in a folder of a split",
    }


def test_folders_are_genres(tmp_path):
    for name in ("books/b.txt", "books/a.txt", "talk/x/a.txt", "talk/y/a.txt", "alone.txt"):
        write(tmp_path / name, f"{name}\n")
    corpus = read_corpus(str(tmp_path))
    assert shape(corpus) == [("all", genre) for genre in ("alone", "books", "books", "talk-x", "talk-y")]
    assert list(corpus.texts()) == ["alone.txt", "books/a.txt", "books/b.txt", "talk/x/a.txt", "talk/y/a.txt"]
    # One folder that everything is in says nothing.
    write(tmp_path / "wrapped" / "once" / "a.txt", "a\n")
    write(tmp_path / "wrapped" / "once" / "b.txt", "b\n")
    assert shape(read_corpus(str(tmp_path / "wrapped"))) == [("all", "a"), ("all", "b")]
    for split in ("train", "test"):
        write(tmp_path / "both" / split / "books" / "1.txt", "a\n")
        write(tmp_path / "both" / split / "talk" / "1.txt", "a\n")
    assert shape(read_corpus(str(tmp_path / "both"))) == [
        (split, genre) for split in ("train", "test") for genre in ("books", "talk")
    ]


def test_names_say_the_split_if_all_do(tmp_path):
    for name in ("wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"):
        write(tmp_path / "wikitext" / name, f"{name}\n")
    corpus = read_corpus(str(tmp_path / "wikitext"))
    assert sorted(shape(corpus)) == [("dev", "wiki"), ("test", "wiki"), ("train", "wiki")]
    for name in ("train.txt", "dev.txt"):
        write(tmp_path / "mine" / name, f"{name}\n")
    assert sorted(shape(read_corpus(str(tmp_path / "mine")))) == [("dev", "mine"), ("train", "mine")]
    write(tmp_path / "mine" / "more.txt", "more\n")
    assert read_corpus(str(tmp_path / "mine")).splits == ("all",)


def test_the_endings_say_it_in_one_folder(tmp_path):
    for split in ("train", "dev"):
        write(tmp_path / f"childes.{split}", f"{split}\n")
    assert shape(read_corpus(str(tmp_path))) == [("train", "childes"), ("dev", "childes")]


def test_annotation_goes_before_the_same_text(tmp_path):
    write(tmp_path / "en-ud-test.conllu", "1\ta\ta\tX\t_\t_\t0\troot\t_\t_\n\n")
    write(tmp_path / "en-ud-test.txt", "a")
    write(tmp_path / "stats.xml", "<x/>")
    corpus = read_corpus(str(tmp_path))
    assert len(corpus.sources) == 1 and list(corpus.texts()) == ["a"]
    assert {each.name: each.reason for each in corpus.left_out} == {
        "en-ud-test.txt": "beside .conllu",
        "stats.xml": "no text by its name",
    }


def test_a_table_about_the_texts_is_none_of_them(tmp_path):
    write(tmp_path / "a.txt", "one\n")
    write(tmp_path / "metadata.csv", "id,title,author\na,T,A\n")
    write(tmp_path / "config.json", '{\n  "a": 1\n}\n')
    corpus = read_corpus(str(tmp_path))
    assert list(corpus.texts()) == ["one"]
    assert {each.name for each in corpus.left_out} == {"metadata.csv", "config.json"}
    assert sum(len(list(read_corpus(str(path)).texts())) for path in tables(tmp_path / "t").values()) == 24
    assert len(list(read_corpus(str(tmp_path / "t")).texts())) == 24


def test_links_are_followed_once(tmp_path):
    write(tmp_path / "real" / "a.txt", "one\n")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "train").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "again").symlink_to(tmp_path / "real")
    assert list(read_corpus(str(tmp_path / "corpus")).texts()) == ["one"]


def test_a_file_is_itself_whatever_it_is_called(tmp_path):
    path = write(tmp_path / "README.md", "one\ntwo\n")
    assert [file.genre for file in found(path).files] == ["README"]
    assert list(read_corpus(str(path)).texts()) == ["one", "two"]
    with pytest.raises(UserError, match="one file has no sizes to choose from"):
        read_corpus(f"{path}:10M")


def test_what_was_read_is_said(tmp_path):
    corpus = read_corpus(f"{babylm_2023(tmp_path)}:10M")
    total = corpus.survey.total
    assert total.sentences == len(list(corpus.texts())) and total.lines == total.sentences + total.blank
    assert total.words == sum(len(text.split()) for text in corpus.texts())
    said = list(corpus.survey.said())
    assert said[0] == (
        f"babylm_data:10M: 12 files, {total.lines:,} lines, {total.sentences:,} sentences, {total.words:,} words"
    )
    assert said[1].startswith("  train 4 files, ") and said[1].endswith(": childes, gutenberg, switchboard, wikipedia")
    assert said[4] == f"  blank lines skipped: {total.blank}"
    assert said[5].startswith("  not read: babylm_100M/childes.train, ") and said[5].endswith("(not of 10M)")
    assert type(corpus.survey).of_record(corpus.name, corpus.survey.record()) == corpus.survey


def test_a_part_that_is_missing_is_said(tmp_path):
    for split in ("train", "dev"):
        write(tmp_path / split / "a.txt", "one\n")
    assert list(read_corpus(str(tmp_path)).survey.notes()) == ["There is no test part: nothing can be measured on it."]


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        read_corpus(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="no text files here"):
        read_corpus(str(tmp_path))
    write(tmp_path / "README.md", "x\n")
    with pytest.raises(UserError, match=r"no text files here .* Not read: README.md \(about the corpus\)\.$"):
        read_corpus(str(tmp_path))
