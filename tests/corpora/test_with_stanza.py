"""Stanza as an annotator: documents of its own making, with multiword tokens, and what is said where it is missing."""

import json
import re
import sys
from typing import Any

import pytest

from impossible_lms import annotate, constituents, corpus_of, load_annotator, read_corpus
from impossible_lms.corpora.penn import escaped
from impossible_lms.corpora.with_stanza import Stanza
from impossible_lms.errors import Interrupted, UserError

PIECE = re.compile(r"\w+'?\w*|[^\w\s]")
# Multiword tokens, as Stanza's English, French and German models expand them: not always into what stands in the text.
EXPANSIONS = {"don't": ("do", "n't"), "gonna": ("gon", "na"), "won't": ("will", "not"), "du": ("de", "le")}


def document(text, trees=False):
    """What a Stanza pipeline gives for a text, made with Stanza's own classes: a sentence ends at a full stop."""
    from stanza.models.common.doc import Document
    from stanza.models.constituency.tree_reader import read_trees

    sentences, number = [], 0
    entries: list[dict[str, Any]] = []
    for match in PIECE.finditer(text):
        place = f"start_char={match.start()}|end_char={match.end()}"
        words = EXPANSIONS.get(match[0], (match[0],))
        if len(words) > 1:
            entries.append({"id": (number + 1, number + len(words)), "text": match[0], "misc": place})
        for word in words:
            number += 1
            entry: dict[str, Any] = {
                "id": (number,),
                "text": word,
                "lemma": word.lower(),
                "upos": "X",
                "xpos": word[0].upper(),
            }
            entry |= {"feats": f"Word={word.title()}", "head": number - 1, "deprel": "dep" if number > 1 else "root"}
            entries.append(entry | ({"misc": place} if len(words) == 1 else {}))
        if match[0] == ".":
            sentences.append(entries)
            entries, number = [], 0
    made = Document([*sentences, *([entries] if entries else [])], text)
    for sentence in made.sentences if trees else ():
        leaves = " ".join(f"(X {escaped(word.text)})" for word in sentence.words)
        (sentence.constituency,) = read_trees(f"(ROOT (S {leaves}))")
    return made


def stanza(trees=False, make=document):
    return Stanza(lambda texts: [make(text, trees) for text in texts], {"model": "test"}, trees)


def made(tmp_path, *texts, **options):
    output = tmp_path / "x.conllu"
    record = annotate(corpus_of(list(texts)), stanza(**options), output)
    return [row for _, block in read_corpus(str(output)).blocks() for row in block.to_pylist()], record


TEXT = "I don't see  why we won't go, he's gonna sing du soir. You don't."


def test_multiword_tokens_keep_words_and_features_together(tmp_path):
    (one, two), record = made(tmp_path, TEXT)
    assert one["text"] == "I don't see  why we won't go, he's gonna sing du soir." and two["text"] == "You don't."
    assert " ".join(one["words"]) == "I do n't see why we will not go , he's gon na sing de le soir ."
    for row in (one, two):
        assert row["features"] == [f"Word={word.title()}" for word in row["words"]]
        assert row["lemmas"] == [word.lower() for word in row["words"]]
        assert row["head"] == list(range(len(row["words"])))
    ranges = [row.split("\t") for row in one["extra_rows"]]
    assert [(fields[0], fields[1]) for fields in ranges] == [
        ("2-3", "don't"),
        ("7-8", "won't"),
        ("12-13", "gonna"),
        ("15-16", "du"),
    ]
    assert two["extra_rows"][0].split("\t")[:2] == ["2-3", "don't"] and two["extra_rows"][0].endswith("SpaceAfter=No")
    assert one["misc"][3] == r"SpacesAfter=\s\s" and one["space_after"][8] is False  # see, go
    assert record["counts"]["words"] == len(one["words"]) + len(two["words"])


def test_pairing_tokens_and_words_by_position_would_lose_the_tail():
    (sentence, _) = document(TEXT).sentences
    # What the published tagging script does: `for token, word in zip(sentence.tokens, sentence.words)`.
    paired = [(token.text, word.feats) for token, word in zip(sentence.tokens, sentence.words, strict=False)]
    assert len(paired) == len(sentence.tokens) == len(sentence.words) - 4
    assert paired[2] == ("see", "Word=N'T") and paired[-1] == (".", "Word=Sing")
    lost = [word.text for word in sentence.words[len(paired) :]]
    assert lost == ["de", "le", "soir", "."]
    words = [word for row in _rows(TEXT)[:1] for word in zip(row["words"], row["features"], strict=True)]
    assert words[-4:] == [("de", "Word=De"), ("le", "Word=Le"), ("soir", "Word=Soir"), (".", "Word=.")]
    assert words[3] == ("see", "Word=See")


def _rows(text):
    batch = next(corpus_of([text]).blocks())[1]
    return next(iter(stanza().annotate(batch)))


def test_trees_come_along(tmp_path):
    (one, two), record = made(tmp_path, "He (don't) sing. No.", trees=True)
    assert one["tree"] == "(ROOT (S (X He) (X -LRB-) (X do) (X n't) (X -RRB-) (X sing) (X .)))"
    assert one["comments"][-1] == f"# constituency = {one['tree']}"
    assert constituents(one["tree"])[0] == ("S", 0, len(one["words"])) and two["tree"] is not None
    assert record["counts"]["sentences_without_tree"] == 0
    assert record["request"]["annotator"] == {"annotator": "stanza", "model": "test", "trees": True}


def test_a_sentence_without_a_tree_is_counted(tmp_path):
    def forgetful(text, trees):
        found = document(text, trees)
        found.sentences[0].constituency = None
        return found

    (one, two), record = made(tmp_path, "He sings. No.", trees=True, make=forgetful)
    assert one["tree"] is None and two["tree"] is not None
    assert record["counts"]["sentences_without_tree"] == 1


def test_a_token_too_long_for_stanza_is_kept_as_the_text_has_it(tmp_path):
    def shortening(text, trees):
        found = document(text, trees)
        found.sentences[0].tokens[0].text = found.sentences[0].words[0].text = "<UNK>"
        return found

    ((row,), _) = made(tmp_path, "x" * 2000 + " y.", make=shortening)
    assert row["words"] == ["x" * 2000, "y", "."]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda found: found.sentences[0].tokens.pop(), "the annotator's words are not those of the text"),
        (lambda found: found.sentences.pop(), "the annotator's words are not those of the text"),
        (
            lambda found: setattr(found.sentences[0].tokens[1], "text", "z"),
            "Stanza's token 'z' is 'b' in the text 'a b c.'",
        ),
    ],
)
def test_what_stanza_loses_is_a_fault_that_names_the_sentence(tmp_path, change, fault):
    def losing(text, trees):
        found = document(text, trees)
        if text == "a b c.":
            change(found)
        return found

    with pytest.raises(UserError, match=f"^memory sentence 2: {fault}"):
        made(tmp_path, "All well.", "a b c.", make=losing)
    assert not (tmp_path / "x.conllu").exists()


def test_cut_off_and_taken_up_again(tmp_path, monkeypatch):
    monkeypatch.setattr(Stanza, "batch", 3)
    texts = [f"They don't sing number {number}. He won't." for number in range(20)]
    whole, _ = made(tmp_path, *texts, trees=True)

    def dying(text, trees):
        if text == texts[13]:
            raise KeyboardInterrupt
        return document(text, trees)

    output = tmp_path / "y.conllu"
    with pytest.raises(Interrupted, match="words are annotated"):
        annotate(corpus_of(texts), stanza(trees=True, make=dying), output)
    assert not output.exists()
    annotate(corpus_of(texts), stanza(trees=True), output)
    assert output.read_bytes() == (tmp_path / "x.conllu").read_bytes() and len(whole) == 40


def nothing_there(language, **options):
    assert "dir" not in options
    raise FileNotFoundError("no resources.json")


def test_what_is_missing_is_said_with_the_command_that_installs_it(tmp_path, monkeypatch):
    corpus = corpus_of(["One."])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match=rf"^--with stanza:{empty}: no models of Stanza here \(FOLDER/en/tokenize/"):
        load_annotator(f"stanza:{empty}", corpus)
    folder = tmp_path / "models"
    (folder / "en" / "tokenize").mkdir(parents=True)
    command = rf"Install them: python -c \"import stanza; stanza.download\('en', model_dir='{folder}'\)\"$"
    with pytest.raises(UserError, match=rf"^--with stanza:{folder}: the models are not there \(.*\). {command}"):
        load_annotator(f"stanza:{folder}", corpus)
    processors = ("tokenize", "pos", "lemma", "depparse")
    listed: dict[str, Any] = {name: {"ewt": {}} for name in processors} | {
        "packages": {"default": dict.fromkeys(processors, "ewt")}
    }
    (folder / "resources.json").write_text(json.dumps({"en": {"lang_name": "English", **listed}}))
    with pytest.raises(UserError, match=command):
        load_annotator(f"stanza:{folder}", corpus)
    with monkeypatch.context() as patch:
        patch.setattr("stanza.Pipeline", nothing_there)
        with pytest.raises(
            UserError, match=r"^--with stanza: the models .* \"import stanza; stanza.download\('en'\)\"$"
        ):
            load_annotator("stanza", corpus)
    for language in ("fr", "de"):
        (tmp_path / "two" / language / "tokenize").mkdir(parents=True)
    with pytest.raises(UserError, match=r"models of de, fr. Keep one language in the folder.$"):
        load_annotator(f"stanza:{tmp_path / 'two'}", corpus)
    monkeypatch.setitem(sys.modules, "stanza", None)
    commands = 'pip install "impossible-lms[stanza]" && python -c "import stanza; stanza.download(\'en\')"'
    with pytest.raises(UserError, match=rf"is not installed .*\. Get it and its models: {re.escape(commands)}$"):
        load_annotator("stanza", corpus)


@pytest.mark.parametrize(("spec", "language"), [("stanza", "en"), ("stanza:de", "de")])
def test_a_language_is_loaded_from_where_stanza_keeps_its_models(spec, language, monkeypatch):
    import stanza as library

    asked = []

    def no_models(*arguments, **options):
        asked.append((arguments, options))
        raise FileNotFoundError("no resources.json")

    monkeypatch.setattr(library, "Pipeline", no_models)
    command = rf"python -c \"import stanza; stanza.download\('{language}'\)\"$"
    with pytest.raises(
        UserError, match=rf"^--with {spec}: the models are not there \(no resources.json\). .*{command}"
    ):
        load_annotator(spec, corpus_of(["One."]))
    ((arguments, options),) = asked
    assert arguments == (language,) and "dir" not in options and options["download_method"] is None


def test_a_device_that_is_not_there_is_said_before_models_are_looked_for():
    with pytest.raises(UserError, match=r"^--device cuda:99: PyTorch finds no such device here. Take --device cpu"):
        load_annotator("stanza:/nowhere/models", corpus_of(["One."]), device="cuda:99")


def test_sums_do_not_depend_on_how_many_processes_share_the_processor():
    import torch

    threads = torch.get_num_threads()
    found: list[int] = []

    def process(texts):
        found.append(torch.get_num_threads())
        return []

    assert list(Stanza(process, {"model": "test"}, False).annotate(next(corpus_of([]).blocks())[1])) == []
    assert found == [1] and torch.get_num_threads() == threads
