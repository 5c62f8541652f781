"""Languages of one's own, further: controls of one's own, what they need, words in a text, a commented start."""

import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

import impossible_lms as il
from impossible_lms.corpora.example import example

FILE = '''
import numpy as np
from impossible_lms import Ragged, with_words
from impossible_lms.languages import Rewritten


def _reversed(tokens):
    return tokens.scatter(tokens.spread(tokens.lengths()) - 1 - tokens.place())


def marked(tokens, sentences):
    """Ends in a marker."""
    marker = sentences.tokenizer.markers["@@"]
    return tokens.insert(np.arange(len(tokens)), tokens.lengths(), marker)


marked.markers = ("@@",)
marked.control = "marked"


def mirror(tokens, sentences):
    """Backwards, after a marker."""
    return _reversed(marked(tokens, sentences))


def _to_control(tokens, tokenizer):
    assert tokenizer.markers
    return _reversed(tokens)


mirror.markers = ("@@",)
mirror.control = CONTROL
mirror.to_control = _to_control


def shouted(sentences):
    """Nouns in capitals."""
    rows = sentences.columns.select(["words", "upos"]).to_pylist()
    return with_words(
        sentences,
        [[w.upper() if u == "NOUN" else w for w, u in zip(r["words"], r["upos"])] for r in rows],
    )


shouted.needs = ("words", "upos")
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Write the file with a control of `mirror`, and give its path."""
    monkeypatch.chdir(tmp_path)

    def write(control="marked"):
        (tmp_path / "mine.py").write_text(FILE.replace("CONTROL", control), encoding="utf-8")
        return "./mine.py"

    return write


@pytest.mark.parametrize("control", ["marked", '"mine.py:marked"', '"./mine.py:marked"'])
def test_a_control_of_ones_own(mine, control, tokenizer):
    language = il.get_language(f"{mine(control)}:mirror")
    assert language.control == "marked" and not language.is_control
    own = il.get_language(language.control)  # known by its name, since the language is
    assert own.is_control and own.spec.endswith("mine.py:marked")
    corpus = il.corpus_of(["She sings.", "He sees the dog."])
    tokens, expected = (each.apply(corpus, tokenizer).tokens for each in (language, own))
    assert language.gives_its_control and language.to_control is not None
    with_markers = tokenizer.with_markers(("@@",))
    assert language.to_control(tokens, with_markers).values.tolist() == expected.values.tolist()


def test_a_control_is_its_own(mine):
    mine('"no-such.py:x"')
    with pytest.raises(il.UserError, match=r"its control no-such.py:x is not there"):
        il.get_language("./mine.py:mirror")
    mine("lambda tokens: tokens")
    with pytest.raises(il.UserError, match=r"is no control. Write"):
        il.get_language("./mine.py:mirror")


def test_beside_its_control_on_the_command_line(mine, impossible):
    code, out, _ = impossible("check", f"{mine()}:mirror", "full-reverse", "--sample", 300)
    named = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert code == 0 and {"marked", "mirror", "no-reverse", "full-reverse"} <= set(named)
    assert "mirror:\n" in out and "→" in out  # sentences


def test_all_languages_of_a_file(mine, impossible):
    assert [each.name for each in il.get_languages(mine())] == ["marked", "mirror", "shouted"]
    code, out, _ = impossible("speak", "./mine.py", "She sings.")
    assert code == 0 and [line.split()[0] for line in out.splitlines() if line][-3:] == ["marked", "mirror", "shouted"]
    with pytest.raises(il.UserError, match=r"several are in it. Name one: mine.py:marked, mine.py:mirror"):
        il.get_language("./mine.py")
    with pytest.raises(il.UserError, match=r"nothing.py: no such file"):
        il.get_languages("./nothing.py")


def test_an_empty_file(tmp_path):
    (tmp_path / "empty.py").write_text("from impossible_lms import get_language\n", encoding="utf-8")
    with pytest.raises(il.UserError, match=r"no language in it. One is a function of tokens, sentences, generator"):
        il.get_languages(str(tmp_path / "empty.py"))


def test_what_it_needs_is_said(mine, impossible, tmp_path):
    language = il.get_language(f"{mine()}:shouted")
    assert language.needs == ("words", "upos")
    (tmp_path / "text.txt").write_text("She sings.\n" * 40, encoding="utf-8")
    build = ("build", "--corpus", "text.txt", "--language", "./mine.py:shouted", "--output", "x")
    code, _, err = impossible(*build, "--tokenizer", "train:vocab=257", "--context", 8)
    assert code == 2 and "the corpus has no words" in err


def test_words_stay_in_their_text(mine, tokenizer):
    language = il.get_language(f"{mine()}:shouted")
    columns: dict[str, Any] = {
        "text": ["Dogs  see the dog.", "Du vin."],
        "words": [["Dogs", "see", "the", "dog", "."], ["De", "le", "vin", "."]],
    }
    upos = [["NOUN", "VERB", "DET", "NOUN", "PUNCT"], ["ADP", "DET", "NOUN", "PUNCT"]]
    result = language.apply(_corpus({**columns, "upos": upos}), tokenizer)
    assert [tokenizer.decode(tokens) for tokens in result.tokens] == ["DOGS  see the DOG."]
    assert result.dropped["its words are not those of its text"] == 1
    same = language.apply(_corpus({**columns, "upos": [["X"] * 5, ["X"] * 4]}), tokenizer)
    assert same.tokens[0].tolist() == tokenizer.encode(columns["text"][:1])[0].tolist() and not same.affected.any()


def test_words_are_counted(tokenizer):
    def fewer(sentences):
        return il.with_words(sentences, [["one"]])

    with pytest.raises(il.UserError, match=r"1 words for the 3 of .She sings"):
        il.get_language(fewer).apply(example("She sings."), tokenizer)


def _corpus(columns):
    import pyarrow as pa

    from impossible_lms.corpora.corpus import Corpus, Memory

    return Corpus("mine", (Memory(pa.record_batch(columns)),))


def test_functions_of_other_arguments_are_refused(tmp_path):
    code = """
        def mine(tokens):
            return tokens
        mine.inverse = lambda ids: ids
    """
    (tmp_path / "mine.py").write_text(textwrap.dedent(code), encoding="utf-8")
    with pytest.raises(il.UserError, match=r"inverse takes \['ids'\]; it takes tokens, and may take the tokenizer"):
        il.get_language(f"{tmp_path / 'mine.py'}:mine")


def test_a_start_that_works(tmp_path, impossible, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = impossible("init", "language", "my-own.py")
    assert code == 0 and out.splitlines() == ["my-own.py", "test_my-own.py"]
    code, out, _ = impossible("speak", "./my-own.py:MyOwn", "She sings to the dogs.")
    assert code == 0 and out
    code, _, err = impossible("init", "language", "my-own.py")
    assert code == 2 and "my-own.py: is there already" in err
    code, _, err = impossible("init", "language", "mine.txt")
    assert code == 2 and "the name of a Python file is expected" in err
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my-own.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


def test_all_sentences_of_a_control_are_affected_whether_it_changes_them_or_not():
    def plain(tokens):
        return tokens

    tokenizer = il.load_tokenizer("train:vocab=270", ["He sings.", "She cleans it."])
    corpus = il.corpus_of(["He sings.", "She cleans it."])
    (language,) = il.get_languages([plain])
    assert not language.apply(corpus, tokenizer).affected.any()
    plain.control = "plain"  # type: ignore[attr-defined]
    (control,) = il.get_languages([plain])
    assert control.is_control and control.apply(corpus, tokenizer).affected.all()


def test_so_are_those_of_a_control_over_words_but_not_where_it_says_which():
    def by_words(sentences):
        return il.with_words(sentences, sentences.columns.column("words").to_pylist())

    def by_itself(tokens):
        return il.Rewritten(tokens, np.array([True, False]))

    tokenizer = il.load_tokenizer("train:vocab=270", ["He sings.", "She cleans it."])
    corpus = il.read_corpus("grammar:sentences=2,seed=0")
    by_words.needs = ("words",)  # type: ignore[attr-defined]
    (language,) = il.get_languages([by_words])
    assert not language.apply(corpus, tokenizer).affected.any()
    for function, expected in ((by_words, [True, True]), (by_itself, [True, False])):
        function.control = function  # type: ignore[attr-defined]
        (control,) = il.get_languages([function])
        assert control.is_control and control.apply(corpus, tokenizer).affected.tolist() == expected
