"""Annotation of the published tagging script: as it stands, its shift seen, memory flat, damage in one line."""

import gzip
import json
import tracemalloc

import pytest

from impossible_lms import get_language, load_tokenizer, read_corpus
from impossible_lms.corpora.corpus import Corpus
from impossible_lms.errors import UserError

FINITE = "Number=Sing|Person=3|Tense=Pres|VerbForm=Fin"
RIGHT = ["she/she", "knows/know/" + FINITE, "it/it", "is/be/" + FINITE, "late/late", "and/and", "cold/cold", "out/out"]


def sentence(words, tree=None, text=None, **changes):
    """A sentence of words form/lemma/features in the script's form; places are counted from 100."""
    entries, at = [], 100
    for number, word in enumerate(words, 1):
        form, lemma, features = [*word.split("/", 2), None, None][:3]
        entry = {"id": number, "text": form, "lemma": lemma, "upos": "X", "xpos": "_", "feats": features}
        entries.append(entry | {"start_char": at, "end_char": at + len(form)} | changes)
        at += len(form) + (form not in "glued")
    text = " ".join(word.split("/")[0] for word in words) if text is None else text
    return {"sent_text": text, "constituency_parse": tree, "word_annotations": entries}


def written(path, *sentences, batch=2):
    parts = [{"sent_annotations": list(sentences[at : at + batch])} for at in range(0, len(sentences), batch)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(parts))
    return path


def columns(corpus: Corpus):
    rows = []
    for _, block in corpus.blocks():
        rows += block.to_pylist()
    return rows


def test_words_lemmas_features_and_trees(tmp_path):
    three = sentence(RIGHT, "(ROOT (S x))"), sentence(["ok", "."]), sentence(["a/b/"])
    path = written(tmp_path / "talk_parsed.json", *three)
    corpus = read_corpus(str(path))
    first, second, third = columns(corpus)
    assert [source.genre for source in corpus.sources] == ["talk"]
    assert first["text"] == "she knows it is late and cold out" and first["tree"] == "(ROOT (S x))"
    assert first["words"] == first["text"].split() and first["lemmas"][1] == "know" and first["features"][3] == FINITE
    assert first["features"][0] is None and first["space_after"] == [True] * 8
    assert second["tree"] is None and second["lemmas"] == [None, None] and third["words"] == ["a"]
    assert corpus.survey.total.sentences == 3


def test_the_hop_languages_read_it(tmp_path, tokenizer):
    path = written(tmp_path / "talk_parsed.json", sentence(RIGHT))
    result = get_language("word-hop-k2").apply(read_corpus(str(path)), tokenizer)
    said = tokenizer.with_markers(get_language("word-hop").family.markers).decode(result.tokens[0])
    assert said == "she know it be🅂 late and🅂 cold out" and result.affected.tolist() == [True]


def test_splits_and_what_stands_beside(tmp_path):
    for split in ("babylm_100M", "babylm_dev", "babylm_test"):
        for name in ("talk_parsed.json", "books_parsed.json"):
            written(tmp_path / split / name, sentence([f"{split}-{name}"]))
        written(tmp_path / split / "talk.json", sentence(["without trees"]))
    corpus = read_corpus(str(tmp_path))
    assert corpus.splits == ("train", "dev", "test")
    assert [source.genre for source in corpus.part("dev").sources] == ["books", "talk"]
    assert len(columns(corpus)) == 6 and len(corpus.left_out) == 3
    assert columns(read_corpus(str(tmp_path / "babylm_dev" / "talk.json")))[0]["words"] == ["without trees"]


def test_packed(tmp_path):
    path = written(tmp_path / "talk_parsed.json", sentence(RIGHT))
    packed = tmp_path / "packed" / "talk_parsed.json.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert columns(read_corpus(str(packed))) == columns(read_corpus(str(path)))
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"talk_parsed\.json\.gz"):
        columns(read_corpus(str(packed)))


SHIFTED = {
    "a token of two words": (["she", "doesn't/do", "know/not"], "'doesn't' is several words"),
    "the same with another apostrophe": (["It’s/it", "late/be"], "'It’s' is several words"),
    "a pronoun and a verb": (["she", "knows", "they're/they", "out/be"], "'they're' is several words"),
    "cannot": (["she", "cannot/can", "go/not"], "'cannot' is several words"),
    "words that are not there": (["she", "goes"], "its words are not those of its text"),
}


@pytest.mark.parametrize("case", SHIFTED)
def test_a_shift_is_seen_and_asked_for_by_name(tmp_path, case):
    words, fault = SHIFTED[case]
    text = "she goes out" if "there" in case else None
    path = written(tmp_path / "talk_parsed.json", sentence(RIGHT), sentence(words, text=text))
    with pytest.raises(UserError) as error:
        columns(read_corpus(str(path)))
    assert str(error.value).startswith(f"{path}: sentence 2: {fault}") and "\n" not in str(error.value)
    assert "--features shifted" in str(error.value)
    taken = read_corpus(f"{path}:features=shifted")
    assert columns(taken)[1]["words"] == [word.split("/")[0] for word in words]
    assert taken.fingerprint() != read_corpus(str(path)).fingerprint()


@pytest.mark.parametrize("changes", [{"id": [1, 2]}, {"id": 7}, {"start_char": 3, "end_char": 4}])
def test_ids_and_places_that_do_not_fit(tmp_path, changes):
    path = written(tmp_path / "talk_parsed.json", sentence(["one", "two"], **changes))
    with pytest.raises(UserError, match=r"sentence 1: .*--features shifted"):
        columns(read_corpus(str(path)))
    assert len(columns(read_corpus(f"{path}:features=shifted"))) == 1


def test_clitics_that_are_words_are_no_shift(tmp_path):
    words = ["it", "'s", "n't", "'ve", "o'clock", "'", "rock'n'roll"]
    assert columns(read_corpus(str(written(tmp_path / "talk_parsed.json", sentence(words)))))[0]["words"] == words


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('[{"sent_annotations": [', "damaged JSON after sentence 0"),
        ('[{"sent_annotations": [{"sent_text": "a"', "damaged JSON after sentence 0"),
        ('[{"sent_annotations": [nonsense]}]', "damaged JSON after sentence 0"),
        ('[{"sent_annotations": [{"sent_text": "a"}]}]', "sentence 1: not as the tagging script writes them"),
        ('[{"sent_annotations": [{"sent_text": 3, "word_annotations": []}]}]', "sentence 1: not as the tagging"),
        ('[{"sent_annotations": [{"sent_text": "a", "word_annotations": [{"text": 1}]}]}]', "sentence 1: not as"),
        ('[{"sent_annotations": [7]}]', "sentence 1: not as"),
        ('[{"sent_annotations": []}]', "holds no sentences"),
        ("[]", "holds no sentences"),
    ],
)
def test_what_is_damaged_or_of_another_form(tmp_path, content, fault):
    path = tmp_path / "talk_parsed.json"
    path.write_text(content)
    with pytest.raises(UserError) as error:
        columns(read_corpus(str(path)))
    assert fault in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_damage_after_whole_sentences(tmp_path):
    path = written(tmp_path / "talk_parsed.json", *[sentence(RIGHT)] * 5)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="damaged JSON after sentence 4"):
        columns(read_corpus(str(path)))


def test_the_option_is_for_these_files(tmp_path):
    (tmp_path / "a.txt").write_text("one line\n")
    with pytest.raises(UserError, match="features=shifted is for files of the published tagging script"):
        read_corpus(f"{tmp_path / 'a.txt'}:features=shifted")
    path = written(tmp_path / "talk_parsed.json", sentence(RIGHT))
    with pytest.raises(UserError, match="bad-lines is for text"):
        read_corpus(f"{path}:bad-lines=skip")


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(sentences):
        path = written(tmp_path / f"{sentences}_parsed.json", *[sentence(RIGHT)] * sentences, batch=sentences)
        tracemalloc.start()
        for _ in read_corpus(str(path)).blocks():
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)  # imports
    small, large = peak(5000), peak(20000)
    assert large < 1.2 * small


def test_the_authors_file_gives_what_the_reference_gave(shared):
    """Their annotation of the sentences of the golden file."""
    tokenizer = load_tokenizer(str(shared / "data" / "gpt2-bpe"))
    found = read_corpus(str(shared / "cases" / "authors" / "babylm_dev"))
    same = read_corpus(str(shared / "golden" / "hop_clitics.conllu"))
    for name in ("no-hop", "token-hop", "word-hop"):
        ours, theirs = (get_language(name).apply(corpus, tokenizer) for corpus in (found, same))
        assert [tokens.tolist() for tokens in ours.tokens] == [tokens.tolist() for tokens in theirs.tokens]
