"""Languages of one's own, from files outside the package and from an installed package; what they do wrong is said."""

import subprocess
import sys
import textwrap

import pytest

from impossible_lms import UserError, corpus_of, get_language, read_corpus
from impossible_lms.data.build import build_dataset
from impossible_lms.languages.check import check

START = "import numpy as np\nfrom impossible_lms import Ragged\nfrom impossible_lms.languages import Rewritten\n"


@pytest.fixture
def own(tmp_path):
    """Write a file and give the language that it calls `Mine`."""

    def write(code):
        path = tmp_path / "mine.py"
        path.write_text(START + textwrap.dedent(code), encoding="utf-8")
        return f"{path}:Mine"

    return write


MIRROR = '''
class Mine:
    """The tokens from last to first."""

    def rewrite(self, tokens):
        return tokens.scatter(tokens.spread(tokens.lengths()) - 1 - tokens.place())

    inverse = rewrite
'''


def test_a_class_is_a_language(own, tokenizer):
    language = get_language(own(MIRROR))
    assert (language.name, language.control) == ("mine", "no-shuffle")
    assert language.summary == "The tokens from last to first"
    assert language.is_deterministic and language.is_recoverable
    corpus = corpus_of(["She sings to the dogs.", "a"])
    result = language.apply(corpus, tokenizer)
    original = tokenizer.encode(["She sings to the dogs."])[0]
    assert [tokens.tolist() for tokens in result.tokens] == [original[::-1].tolist()]
    assert result.affected.tolist() == [True] and result.dropped == {"fewer than two tokens": 1}
    assert language.inverse is not None and language.inverse(result.tokens, tokenizer)[0].tolist() == original.tolist()


def test_a_function_that_draws_and_marks(own, tokenizer):
    spec = own("""
        def Mine(tokens, generator):
            places = generator.integers(0, tokens.lengths() + 1)
            return tokens.insert(np.arange(len(tokens)), places, 300)
        Mine.markers = ("@@",)
        Mine.control = "no-reverse"
        Mine.added_bits = lambda tokens: np.log2(tokens.lengths() + 1)
    """)
    language = get_language(spec)
    report = check(language, read_corpus("grammar:sentences=300,seed=0"), tokenizer)
    assert not report.deterministic and report.control == "no-reverse" and (report.added_bits or 0) > 2


def test_bits_that_a_language_does_not_say_are_absent(own, tokenizer):
    spec = own("""
        def Mine(tokens, generator):
            return tokens.scatter((tokens.place() + generator.integers(1)) * 1)
    """)
    report = check(get_language(spec), read_corpus("grammar:sentences=300,seed=0"), tokenizer)
    assert report.added_bits is None and report.same_tokens == 1


def test_the_dataset_knows_the_version_of_the_code(own, tokenizer, tmp_path):
    corpus = read_corpus("grammar:sentences=500,seed=0")
    dataset = build_dataset(corpus, get_language(own(MIRROR)), tokenizer, tmp_path / "data", context=32)
    assert dataset.language == "mine" and dataset.record["described"]["spec"].endswith("mine.py:Mine")
    with pytest.raises(
        UserError,
        match=r"belongs to something else \(code of the language was [0-9a-f]{8}\.\.\., now [0-9a-f]{8}\.\.\.\)",
    ):
        build_dataset(corpus, get_language(own(MIRROR + "# changed\n")), tokenizer, tmp_path / "data", context=32)


FAULTS = {
    "no name": ("Other = 1", "has no Mine."),
    "near name": ("Mina = 1", "has no Mine. Did you mean Mina?"),
    "syntax": ("def Mine(:", "mine.py line 4: invalid syntax."),
    "import": ("import nowhere", "mine.py line 4: ModuleNotFoundError: No module named 'nowhere'."),
    "number": ("Mine = 3", "neither a Language, nor a function, nor a class with a method rewrite."),
    "arguments": ("def Mine(words): pass", "rewrite takes ['words']; it may take tokens, sentences, generator."),
    "raises": ("def Mine(tokens):\n    return 1 / 0", "mine.py line 5: ZeroDivisionError: division by zero."),
    "no annotation": (
        "def Mine(sentences): return sentences.columns.column('mood')",
        'The corpus has no such annotation. Say `needs = ("mood",)` in the language, and annotate it.',
    ),
    "sentences in a loop": (
        "def Mine(sentences): return list(sentences)",
        "`sentences.tokens` are its tokens, `sentences.columns` its text and annotation.",
    ),
    "list": ("def Mine(tokens): return [1]", "it returns a list; a Ragged (or a Rewritten) is expected."),
    "too few": (
        "def Mine(tokens): return tokens.take(np.arange(len(tokens) - 1))",
        "sequences for 500 sentences; one for each is expected.",
    ),
    "offsets": (
        "def Mine(tokens): return Ragged(tokens.values[1:], tokens.offsets)",
        "ValueError: offsets must rise from 0 to len(values).",
    ),
    "floats": ("def Mine(tokens): return Ragged(tokens.values * 1.0, tokens.offsets)", "its tokens are float64"),
    "ids": (
        "def Mine(tokens): return Ragged(tokens.values.astype(int) + 400, tokens.offsets)",
        "is not of the vocabulary (0 to 399), in the sentence",
    ),
    "affected": (
        "def Mine(tokens): return Rewritten(tokens, np.ones(3))",
        "`affected` is float64 of shape (3,); bool of (500,) is expected.",
    ),
    "in place": ("def Mine(tokens):\n    tokens.values[:] = 5\n    return tokens", "it changes the tokens it is given"),
    "state": (
        "import itertools\nCOUNT = itertools.count()\n"
        "def Mine(tokens): return Ragged(tokens.values * 0 + next(COUNT), tokens.offsets)",
        "the same sentences come out differently the second time.",
    ),
    "hidden draws": (
        "def Mine(tokens, generator):\n"
        "    return Ragged(tokens.values * 0 + generator.integers(300), tokens.offsets)\n"
        "from impossible_lms.languages.language import no_bits\nMine.added_bits = no_bits",
        "its draws change the result, but it says that it adds no randomness.",
    ),
    "blocks": (
        "def Mine(tokens): return Ragged(tokens.values * 0 + len(tokens) % 300, tokens.offsets)",
        "the result depends on how the sentences are cut into blocks.",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_line_before_any_output(fault, own, tokenizer, tmp_path):
    code, message = FAULTS[fault]
    spec = own(code)
    corpus = read_corpus("grammar:sentences=600,seed=0")
    with pytest.raises(UserError) as raised:
        build_dataset(corpus, get_language(spec), tokenizer, tmp_path / "out" / "data", context=32)
    assert message in str(raised.value) and "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"language {spec}")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError) as again:
        check(get_language(spec), corpus, tokenizer)
    assert message in str(again.value)


def test_a_missing_file():
    with pytest.raises(UserError, match=r"language nowhere\.py:Mine: nowhere\.py is no file\. Expected path"):
        get_language("nowhere.py:Mine")


def test_an_installed_package_brings_a_language(tmp_path):
    """A package as pip lays it out: a module, and its metadata with an entry point."""
    (tmp_path / "mirrors.py").write_text(START + MIRROR.replace("Mine", "Mirror"), encoding="utf-8")
    metadata = tmp_path / "mirrors-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mirrors\nVersion: 1.0\n", encoding="utf-8")
    entry = "[impossible_lms.languages]\nmirror = mirrors:Mirror\n"
    (metadata / "entry_points.txt").write_text(entry, encoding="utf-8")
    code = "from impossible_lms import get_language; print(get_language('mirror').summary)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "The tokens from last to first\n", done.stderr


def test_check_beside_the_control(tokenizer):
    corpus = read_corpus("grammar:sentences=2000,seed=0")
    reports = {
        name: check(get_language(name), corpus, tokenizer)
        for name in ("no-shuffle", "local-shuffle-w3", "local-shuffle-w10", "nondeterministic-shuffle", "full-reverse")
    }
    control, near, far, shuffled, reverse = reports.values()
    moved = [report.displacement or 0.0 for report in (control, near, far, shuffled)]
    assert moved[0] == 0 and moved == sorted(set(moved))
    entropies = [report.local_entropy or 0.0 for report in (control, near, shuffled)]
    assert entropies[0] > 0 and entropies == sorted(set(entropies))
    assert control.recovered == near.recovered == reverse.recovered == 1 and shuffled.recovered is None
    assert {report.same_tokens for report in reports.values()} == {1.0}
    assert [report.deterministic for report in reports.values()] == [True, True, True, False, False]
    assert (shuffled.added_bits or 0) > 20 and control.added_bits == 0
