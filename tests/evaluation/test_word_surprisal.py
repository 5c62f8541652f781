"""Bits of words: their sum is the sentence's, a space counts where it belongs, and the words are those of the text."""

import io

import numpy as np
import pandas as pd
import pytest
import torch

from impossible_lms.corpora import corpus_of
from impossible_lms.errors import UserError
from impossible_lms.evaluation import word_surprisal as module
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.word_surprisal import begins_word, word_surprisal
from impossible_lms.ragged import Ragged
from impossible_lms.special_tokens import END_OF_TEXT
from impossible_lms.tokenizer import load_marked_tokenizer

ODD = [
    "The dog sleeps.",
    "  two  spaces\tand a tab \n",
    "it's “quoted”, isn't it?!",
    "naïve café – 雪 🙂 \u00a0non-breaking",
    "word",
    " ",
    "...",
    "a\u2028b \x1c c",
]


@pytest.fixture(scope="module")
def table(run):
    return word_surprisal(run, corpus_of(ODD), checkpoints="12")


def test_words_and_the_end_add_up_to_the_sentence(run, table):
    checkpoint = run.checkpoints()[-1]
    tokenizer = load_marked_tokenizer(checkpoint.folder)
    whole = Scorer(checkpoint.load()).sentence_bits(tokenizer.encode(ODD), tokenizer.end_of_text)
    for column in ("bits", "token_bits"):
        found = table.groupby("sentence")[column].sum()
        assert list(found.index) == list(range(len(ODD)))
        assert np.allclose(found, whole, rtol=1e-5), column
    assert table.groupby("sentence")["tokens"].sum().tolist() == tokenizer.encode(ODD).lengths().tolist()


def test_words_are_those_of_the_text(table):
    for sentence, of_sentence in table.groupby("sentence"):
        *words, end = of_sentence["word"]
        assert words == [word for word in ODD[sentence].replace("\t", " ").replace("\n", " ").split(" ") if word]
        assert end == END_OF_TEXT
        assert of_sentence["position"].tolist() == list(range(1, len(of_sentence) + 1))
        assert of_sentence["length"].tolist() == [*map(len, words), 0]


def test_a_word_is_charged_for_its_own_end(run, table):
    """The second word of "The dog sleeps.", by hand from the model's own distributions."""
    checkpoint = run.checkpoints()[-1]
    tokenizer, model = load_marked_tokenizer(checkpoint.folder), checkpoint.load()
    first, second = (len(tokenizer.encode([text])[0]) for text in ("The", "The dog"))
    ids = [tokenizer.end_of_text, *tokenizer.encode(["The dog sleeps."])[0].tolist()]
    with torch.inference_mode():
        distribution = model(torch.tensor([ids])).logits[0].double().softmax(-1)
    begins = torch.tensor(begins_word(tokenizer))
    ended = [float(distribution[place][begins].sum()) for place in (first, second)]
    own = np.prod([float(distribution[place - 1][ids[place]]) for place in range(first + 1, second + 1)])
    row = table[(table["sentence"] == 0) & (table["position"] == 2)].iloc[0]
    assert row["word"] == "dog" and row["tokens"] == second - first
    assert row["bits"] == pytest.approx(-np.log2(own * ended[1] / ended[0]), rel=1e-4)
    assert row["token_bits"] == pytest.approx(-np.log2(own), rel=1e-4)


def test_what_begins_a_word(dataset):
    tokenizer = dataset.tokenizer
    begins = begins_word(tokenizer)
    assert begins[tokenizer.end_of_text] and begins[tokenizer.markers["🅁"]]
    pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
    assert {piece[0] for piece, is_first in zip(pieces, begins, strict=True) if is_first} >= {" ", "\t", "\n"}
    assert not begins[pieces.index("a")] and not begins[pieces.index(".")]


def test_frequencies_are_of_a_million_words_in_small_letters_without_punctuation(run):
    counted = corpus_of(["The dog, the cat.", "dogs the"])
    found = word_surprisal(run, corpus_of(["The dog. elephant"]), checkpoints="12", frequencies=counted)
    assert found["frequency"].iloc[:3].tolist() == pytest.approx([3e6 / 6, 1e6 / 6, 0])
    assert np.isnan(found["frequency"].iloc[3])


def test_sentences_beyond_the_positions_are_counted(run, monkeypatch):
    short = "The dog sleeps."
    monkeypatch.setattr(module, "context_of", lambda run: 12)
    found = word_surprisal(run, corpus_of(["one two three " * 9, short]), checkpoints="12")
    assert found.attrs["too_long"] == 1 and set(found["sentence"]) == {1}
    with pytest.raises(UserError, match="no sentence that the positions"):
        word_surprisal(run, corpus_of(["one two three " * 9]), checkpoints="12")


def test_a_mass_over_all_ids_is_one(run):
    scorer = Scorer(run.checkpoints()[-1].load())
    size = scorer.model.config.vocab_size
    found = scorer.masses(Ragged.of([[5, 6, 7], [8]]), np.ones(size, dtype=bool))
    assert np.allclose(found.values, 0, atol=1e-5) and found.lengths().tolist() == [3, 1]
    none = scorer.masses(Ragged.of([[5]]), np.zeros(size, dtype=bool))
    assert none.values.tolist() == [-np.inf]


def test_the_verb_prints_a_table_or_writes_one(run, impossible, tmp_path):
    code, out, _ = impossible("words", run.folder, "--text", "The dog sleeps.", "--text", "Dogs sleep.")
    read = pd.read_csv(io.StringIO(out))
    assert code == 0 and read["word"].tolist() == ["The", "dog", "sleeps.", END_OF_TEXT, "Dogs", "sleep.", END_OF_TEXT]
    assert set(read["step"]) == {12}  # the last checkpoint
    assert read["genre"].isna().all() and read["frequency"].isna().all()  # nothing is counted in two sentences
    assert all(len(number.partition(".")[2]) == 3 for row in out.splitlines()[1:] for number in row.split(",")[9:11])
    code, out, _ = impossible(
        "words", run.folder, "--text", "The dog.", "--frequencies", "grammar:sentences=200,seed=0"
    )
    assert code == 0 and pd.read_csv(io.StringIO(out))["frequency"][0] > 1000
    code, out, _ = impossible(
        "words", run.folder, "--text", "A dog.", "--checkpoints", "all", "--output", tmp_path / "out"
    )
    name = run.folder.name
    assert code == 0 and (tmp_path / "out" / f"{name}.csv").is_file()
    assert set(pd.read_parquet(tmp_path / "out" / f"{name}.parquet")["step"]) == {4, 8, 12}


def test_what_the_verb_refuses(run, impossible, tmp_path):
    code, _, err = impossible("words", run.folder)
    assert code == 2 and err == "error: --corpus: a text is needed, from there or from --text, and not from both.\n"
    code, _, err = impossible("words", run.folder, run.folder, "--text", "A dog.", "--output", tmp_path)
    assert code == 2 and "is the name of two of the models" in err
    code, _, err = impossible("words", run.folder, "--text", "A dog.", "--checkpoints", "5")
    assert code == 2 and "no checkpoint 5" in err
