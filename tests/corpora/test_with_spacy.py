"""spaCy as an annotator: pipelines trained here, its white space, its heads, and what is said where it is missing."""

import sys

import pytest

from impossible_lms import annotate, corpus_of, load_annotator, read_corpus
from impossible_lms.corpora.with_spacy import Spacy
from impossible_lms.errors import UserError
from tests.corpora.conftest import trained_pipeline


def sentences(spec):
    return [row for _, block in read_corpus(str(spec)).blocks() for row in block.to_pylist()]


def accuracy(found, expected, column):
    """The share of words whose annotation is as expected, over sentences that were divided alike."""
    pairs = [
        pair
        for one, other in zip(found, expected, strict=True)
        if one["words"] == other["words"]
        for pair in zip(one[column], other[column], strict=True)
    ]
    assert len(pairs) > 500
    return sum(one == other for one, other in pairs) / len(pairs)


def test_a_trained_pipeline_annotates_a_corpus(pipeline, tmp_path):
    gold = sentences("grammar:sentences=200,seed=5")
    (tmp_path / "text.txt").write_text("".join(f"{row['text']}\n" for row in gold), encoding="utf-8")
    corpus = read_corpus(str(tmp_path / "text.txt"))
    annotator = load_annotator(f"spacy:{pipeline}", corpus)
    record = annotate(corpus, annotator, tmp_path / "x.conllu")
    assert record["counts"]["read"] == 200
    assert record["request"]["annotator"]["components"] == ["tagger", "morphologizer", "trainable_lemmatizer", "senter"]
    assert len(record["request"]["annotator"]["model_sha256"]) == 64 and "spacy" in record["request"]["packages"]
    made = sentences(tmp_path / "x.conllu")
    by_line = {row["comments"][0].split("-")[1]: row for row in made}
    found = [by_line[str(number)] for number in range(1, 201)]
    for column in ("lemmas", "upos", "xpos", "features"):
        assert accuracy(found, gold, column) > 0.8
    assert all(head is None for row in made for head in row["head"])


def test_batches_do_not_change_what_spacy_says(pipeline, tmp_path, monkeypatch):
    corpus = read_corpus("grammar:sentences=150,seed=6")
    annotate(corpus, load_annotator(f"spacy:{pipeline}", corpus), tmp_path / "x.conllu")
    monkeypatch.setattr(Spacy, "batch", 7)
    annotate(corpus, load_annotator(f"spacy:{pipeline}", corpus), tmp_path / "y.conllu")
    assert (tmp_path / "x.conllu").read_bytes() == (tmp_path / "y.conllu").read_bytes()


def test_the_hop_languages_run_on_what_it_wrote(pipeline, tmp_path, tokenizer):
    from impossible_lms import get_language

    corpus = read_corpus("grammar:sentences=200,seed=7")
    annotate(corpus, load_annotator(f"spacy:{pipeline}", corpus), tmp_path / "x.conllu")
    result = get_language("word-hop").apply(read_corpus(str(tmp_path / "x.conllu")), tokenizer)
    assert len(result.tokens) > 120 and result.affected.any()


def blank(*components):
    import spacy

    nlp = spacy.blank("en")
    for component in components:
        nlp.add_pipe(component)
    return nlp


def test_white_space_is_no_word_and_sentences_of_it_are_none(tmp_path):
    texts = ["  One\u00a0 two .\u2028 \t Three\r. ", " \t ", "Four", "a\u200bb \U0001f175\U0001f175"]
    record = annotate(corpus_of(texts), Spacy(blank("sentencizer")), tmp_path / "x.conllu")
    made = sentences(tmp_path / "x.conllu")
    assert [row["text"] for row in made] == ["One\u00a0 two .", "Three\r.", "Four", "a\u200bb \U0001f175\U0001f175"]
    assert made[0]["words"] == ["One", "two", "."] and made[1]["words"] == ["Three", "."]
    assert made[0]["misc"] == ["SpacesAfter=\u00a0\\s", None, None] and made[1]["misc"] == [r"SpacesAfter=\r", None]
    assert all(tag is None for row in made for tag in row["upos"] + row["xpos"] + row["features"])
    assert (
        record["counts"]["read_without_words"] == 1
        and record["counts"]["words_without_lemma"] == record["counts"]["words"] == 9
    )


def test_heads_skip_white_space(tmp_path):
    from spacy.language import Language

    @Language.component("each-on-the-next")
    def each_on_the_next(doc):
        for token in doc:
            token.head = doc[min(token.i + 1, len(doc) - 1)]
            token.dep_ = "dep" if token.i + 1 < len(doc) else "ROOT"
        return doc

    nlp = blank("each-on-the-next", "sentencizer")
    annotate(corpus_of(["one  two three ", "four\t"]), Spacy(nlp), tmp_path / "x.conllu")
    one, two = sentences(tmp_path / "x.conllu")
    # `three` and `four` hung on the white space after them, which was the root.
    assert one["head"] == [2, 3, 0] and one["deprel"] == ["dep", "dep", "root"]
    assert two["head"] == [0] and two["deprel"] == ["root"]

    @Language.component("each-on-the-white-space")
    def each_on_the_white_space(doc):
        for token in doc:
            token.head, token.dep_ = doc[1], "ROOT" if token.i == 1 else "nmod"
        return doc

    annotate(corpus_of(["one  two three"]), Spacy(blank("each-on-the-white-space")), tmp_path / "y.conllu")
    (row,) = sentences(tmp_path / "y.conllu")
    assert row["head"] == [0, 1, 1] and row["deprel"] == ["root", "nmod", "nmod"]


def test_what_is_missing_is_said_with_the_command_that_installs_it(tmp_path, monkeypatch):
    corpus = corpus_of(["One."])
    with pytest.raises(UserError) as error:
        load_annotator("spacy:en_core_web_xx", corpus)
    what = "no such pipeline is installed. Install it: python -m spacy download en_core_web_xx"
    assert str(error.value) == f"--with spacy:en_core_web_xx: {what}"
    with pytest.raises(UserError, match=r"^--with spacy:/nowhere/x: no pipeline of spaCy can be loaded from here \("):
        load_annotator("spacy:/nowhere/x", corpus)
    blank().to_disk(tmp_path / "blank")
    with pytest.raises(UserError, match=r"does not divide texts into sentences. Add a component"):
        load_annotator(f"spacy:{tmp_path / 'blank'}", corpus)
    with pytest.raises(UserError, match=r"^--trees: spaCy makes no bracketed trees. Use --with stanza"):
        load_annotator("spacy", corpus, trees=True)
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(
        UserError, match=r"is not installed .* pip install \"impossible-lms\[spacy\]\" && python -m spacy download \w+$"
    ):
        load_annotator("spacy", corpus)


def test_a_parser_trained_on_a_treebank(shared, tmp_path):
    rows = sentences(shared / "data" / "conllu" / "en_ewt-dev.conllu")[:400]
    folder = trained_pipeline(rows, tmp_path / "ewt", steps=2, with_parser=True)
    corpus = corpus_of([row["text"] for row in rows[:200]])
    record = annotate(corpus, load_annotator(f"spacy:{folder}", corpus), tmp_path / "x.conllu")
    made = sentences(tmp_path / "x.conllu")
    assert record["counts"]["read"] == 200 and record["counts"]["sentences"] == len(made) >= 200
    assert all(row["head"].count(0) == 1 and row["deprel"][row["head"].index(0)] == "root" for row in made)
    assert all(len(row["head"]) == len(row["words"]) and None not in row["head"] for row in made)


def test_several_processes_give_the_bytes_of_one_and_sentences_go_over_joined_lines(pipeline, tmp_path):
    texts = [row["text"] for row in sentences("grammar:sentences=60,seed=8")]
    lines = [text[:half] if even else text[half:] for text in texts for half in [len(text) // 2] for even in (1, 0)]
    for join_lines, most in ((None, 2), (40, 1)):
        for processes in range(1, most + 1):
            output = tmp_path / f"{join_lines}-{processes}.conllu"
            annotator = load_annotator(f"spacy:{pipeline}", corpus_of(lines))
            record = annotate(corpus_of(lines), annotator, output, processes=processes, join_lines=join_lines)
            assert record["counts"]["read"] == 120
    assert (tmp_path / "None-1.conllu").read_bytes() == (tmp_path / "None-2.conllu").read_bytes()
    halves, whole = (len(sentences(tmp_path / f"{join_lines}-1.conllu")) for join_lines in (None, 40))
    assert halves >= 120 and whole < 90  # a half line is a sentence, but where lines are joined it is none


def test_a_device_that_is_not_there_is_said(pipeline):
    corpus = corpus_of(["One."])
    with pytest.raises(UserError, match=r"^--device gpu: no such device. Name auto, cpu, cuda, cuda:1 \(the second"):
        load_annotator(f"spacy:{pipeline}", corpus, device="gpu")
    with pytest.raises(UserError, match=r"^--device cuda:7: spaCy finds no GPU it can use \(.*\). It asks for CuPy"):
        load_annotator(f"spacy:{pipeline}", corpus, device="cuda:7")
    assert load_annotator(f"spacy:{pipeline}", corpus, device="cpu").description["components"]
