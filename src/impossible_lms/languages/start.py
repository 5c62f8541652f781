"""A commented start for a language of one's own, with its control and its test (`impossible init language`)."""

import keyword
import re
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.files import write_text

LANGUAGE = '''"""A language: say here in one sentence what it does, and why one would want to know whether it is learnt.

    impossible speak ./{file} "He cleans his very messy bookshelf."    writes a sentence in it
    impossible check ./{file}:{name}                                   shows what it does, beside its control
    impossible build --corpus TEXT --language ./{file}:{name} ...      makes data of it
"""

import numpy as np


class {name}:
    """Neighbouring tokens change places."""  # the first line stands in tables

    # What it is compared with: a name that `impossible languages` lists, or a function or class of yours that is its
    # own control (`control = "plain"` in a class Plain). `no-shuffle` leaves sentences as they are.
    control = "no-shuffle"

    # Annotation that the corpus must have, if any: needs = ("words", "upos"). A rule over words asks for `sentences`
    # and gives as many words back; full stops, commas and endings such as 's are words there, which `upos` tells:
    #
    #     def rewrite(self, sentences):
    #         return with_words(sentences, [row[::-1] for row in sentences.columns.column("words").to_pylist()])
    #
    # (from impossible_lms import with_words). A control over words is the same with the words as they are.
    needs = ()

    # Signs of its own that go into the vocabulary, if any: markers = ("🅁",). Their ids: sentences.tokenizer.markers.
    markers = ()

    def rewrite(self, tokens):
        """The tokens of k sentences in the language.

        `tokens.values` are all their ids, `tokens.offsets` say where each sentence begins. `place()` is each token's
        index in its sentence, `spread` repeats a number per sentence for each of its tokens, `scatter` moves tokens.
        Who asks for `generator` too draws from it, and from nothing else.
        """
        place, last = tokens.place(), tokens.spread(tokens.lengths()) - 1
        return tokens.scatter(np.where((place % 2 == 0) & (place == last), place, place ^ 1))

    # What gives back the tokens before the change, where that is possible; leave it out where it is not.
    def inverse(self, tokens):
        """The tokens of English."""
        return self.rewrite(tokens)
'''
TEST = '''"""What {name} does, and that its inverse undoes it: `pip install pytest`, then `pytest {test}`."""

from pathlib import Path

import impossible_lms as il

MINE = f"{{Path(__file__).with_name('{file}')}}:{name}"
SENTENCE = "He cleans his very messy bookshelf."


def test_what_it_says():
    said = il.speak(MINE, SENTENCE).table["tokens"][0]
    english = il.speak("no-shuffle", SENTENCE).table["tokens"][0]
    assert sorted(said) == sorted(english) and said != english
    assert said[:2] == [english[1], english[0]]


def test_the_inverse_undoes_it():
    tokenizer = il.load_tokenizer("train:vocab=400", il.read_corpus("grammar:sentences=600"))
    corpus, language = il.corpus_of([SENTENCE, "She sings."]), il.get_language(MINE)
    tokens, before = language.apply(corpus, tokenizer).tokens, tokenizer.encode([SENTENCE, "She sings."])
    marked = tokenizer.with_markers(language.family.markers)
    assert language.inverse(tokens, marked).values.tolist() == before.values.tolist()
'''


def write_language(path: Path) -> list[Path]:
    """Write the start of a language to `path`, and its test beside it; returns both.

    The class is called after the file. UserError where one of them is there already, or the file is no Python file.
    """
    words = re.findall("[A-Za-z0-9]+", path.stem)
    name = "".join(word[0].upper() + word[1:] for word in words)
    if path.suffix != ".py" or not name.isidentifier() or keyword.iskeyword(name):
        raise UserError(f"{path}: the name of a Python file is expected, such as mine.py.")
    test = path.with_name(f"test_{path.name}")
    for each in (path, test):
        if each.exists():
            raise UserError(f"{each}: is there already. Choose another name, or remove it.")
    for each, text in ((path, LANGUAGE), (test, TEST)):
        write_text(each, text.format(name=name, file=path.name, test=test.name))
    return [path, test]
