"""Noun phrases: all orders of a phrase, by hand; which a model chooses; what is refused and left out."""

import numpy as np
import pandas as pd
import pytest

from impossible_lms import get_language, read_corpus
from impossible_lms.data.limits import TOO_LARGE
from impossible_lms.errors import UserError
from impossible_lms.evaluation import noun_phrases
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request, Subject
from impossible_lms.evaluation.noun_phrases import ALL, NOUN_PHRASES, SIDES, aggregate, chosen_orders
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.languages.language import sentences_for
from impossible_lms.languages.noun_phrase import NOUN_PHRASE
from impossible_lms.languages.phrase_orders import in_all_orders, largest_phrases

TREEBANK = """
1\tthese\t_\tDET\t_\tPronType=Dem\t4\tdet\t_\t_
2\ttwo\t_\tNUM\t_\t_\t4\tnummod\t_\t_
3\tbig\t_\tADJ\t_\t_\t4\tamod\t_\t_
4\tdogs\t_\tNOUN\t_\t_\t5\tnsubj\t_\t_
5\tsee\t_\tVERB\t_\t_\t0\troot\t_\t_
6\told\t_\tADJ\t_\t_\t7\tamod\t_\t_
7\tcats\t_\tNOUN\t_\t_\t5\tobj\t_\tSpaceAfter=No
8\t.\t_\tPUNCT\t_\t_\t5\tpunct\t_\t_

1\tred\t_\tADJ\t_\t_\t3\tamod\t_\t_
2\ttwo\t_\tNUM\t_\t_\t3\tnummod\t_\t_
3\thouses\t_\tNOUN\t_\t_\t4\tnsubj\t_\t_
4\tfell\t_\tVERB\t_\t_\t0\troot\t_\tSpaceAfter=No
5\t.\t_\tPUNCT\t_\t_\t4\tpunct\t_\t_

1\tthis\t_\tDET\t_\tPronType=Dem\t3\tdet\t_\t_
2\tfell\t_\tVERB\t_\t_\t0\troot\t_\t_
3\thouse\t_\tNOUN\t_\t_\t2\tnsubj\t_\t_
4\told\t_\tADJ\t_\t_\t3\tamod\t_\tSpaceAfter=No
5\t.\t_\tPUNCT\t_\t_\t2\tpunct\t_\t_

1\told\t_\tADJ\t_\t_\t2\tamod\t_\t_
2\tcats\t_\tNOUN\t_\t_\t3\tnsubj\t_\t_
3\tsleep\t_\tVERB\t_\t_\t0\troot\t_\t_
"""


@pytest.fixture
def block(tmp_path):
    (tmp_path / "by-hand.conllu").write_text(TREEBANK.lstrip().rstrip("\n") + "\n\n", encoding="utf-8")
    return next(iter(read_corpus(str(tmp_path / "by-hand.conllu")).blocks()))[1]


def ordered(block, name, tokenizer):
    """Of each phrase its sentences, as (text, order, whether it keeps the sides, whether it is by scope)."""
    rows, nouns = largest_phrases(next(sentences_for([NOUN_PHRASE], block, tokenizer, 0)))
    made = in_all_orders(block.take(rows), nouns, get_language(name), tokenizer)
    texts = [tokenizer.decode(tokens) for tokens in made.tokens]
    told = list(zip(texts, made.order, made.keeps_sides.tolist(), made.is_by_scope.tolist(), strict=True))
    return [[each for each, of in zip(told, made.phrase, strict=True) if of == number] for number in range(len(rows))]


def test_the_largest_phrase_of_each_sentence_that_can_be_written_out(block, tokenizer):
    rows, nouns = largest_phrases(next(sentences_for([NOUN_PHRASE], block, tokenizer, 0)))
    assert (rows.tolist(), nouns.tolist()) == ([0, 1], [3, 2])  # the third crosses, the fourth has one modifier


def test_all_orders_of_one_phrase_and_nothing_else_moves(block, tokenizer):
    three, two = ordered(block, "noun-phrase-N-Adj-Num-Dem", tokenizer)
    assert len(three) == 24 and len({text for text, *_ in three}) == 24
    assert three[0] == ("dogs big two these see cats old.", "N-Adj-Num-Dem", True, True)
    assert all(text.endswith(" see cats old.") for text, *_ in three)
    kept = {order: by_scope for _, order, keeps, by_scope in three if keeps}
    assert len(kept) == 6 and all(order.startswith("N-") for order in kept)
    assert [order for order, by_scope in kept.items() if by_scope] == ["N-Adj-Num-Dem"]
    by_scope = {order for _, order, _, is_so in three if is_so}
    assert len(by_scope) == 8  # each modifier before or after, nearer ones first
    assert two[0] == ("houses red two fell.", "N-Adj-Num", True, True) and len(two) == 6


def test_the_control_has_its_phrases_as_the_text_has_them(block, tokenizer):
    three, two = ordered(block, "no-noun-phrase", tokenizer)
    assert three[0] == ("these two big dogs see old cats.", "Dem-Num-Adj-N", True, True) and len(three) == 24
    assert two[0] == ("red two houses fell.", "Adj-Num-N", True, False) and len(two) == 6
    assert [order for _, order, keeps, _ in two if keeps] == ["Adj-Num-N", "Num-Adj-N"]
    mixed = ordered(block, "noun-phrase-Adj-N-Dem-Num", tokenizer)[1]
    assert [order for _, order, keeps, _ in mixed if keeps] == ["Adj-N-Num"]  # nothing is left to choose


def test_which_order_is_chosen_and_its_chance():
    tried = pd.DataFrame(
        [
            (7, "N-Adj-Num", True, True, True, 20.0),
            (7, "N-Num-Adj", False, True, False, 19.0),
            (7, "Num-Adj-N", False, False, True, 18.0),
            (9, "Adj-N-Num", True, True, True, 10.0),
            (9, "N-Adj-Num", False, False, True, 12.0),
        ],
        columns=["sentence", "order", "own", "keeps_sides", "by_scope", "bits"],
    )
    items = chosen_orders(tried)
    of_all, of_sides = (items[items["among"] == among] for among in (ALL, SIDES))
    assert of_all["likeliest"].tolist() == ["Num-Adj-N", "Adj-N-Num"] and of_all["correct"].tolist() == [False, True]
    assert of_all["margin"].tolist() == [-2.0, 2.0] and of_all["orders"].tolist() == [3, 2]
    assert (of_sides["sentence"].tolist(), of_sides["likeliest"].tolist()) == ([7], ["N-Num-Adj"])
    assert not of_sides["correct"].any() and not of_sides["by_scope"].any()
    curve = aggregate(items).set_index("among")
    assert curve.loc[ALL, "accuracy"] == 0.5 and curve.loc[ALL, "chance"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert curve.loc[SIDES, ["accuracy", "by_scope", "chance"]].tolist() == [0.0, 0.0, 0.5]


def test_a_run_is_measured_on_test_sentences_alone(noun_phrase_run):
    found = evaluate(NOUN_PHRASES, noun_phrase_run, Request(checkpoints="12"))
    items, held_out = found.items(), noun_phrase_run.dataset().held_out("test")
    assert set(items["sentence"]) <= set(held_out.table["sentence"])
    assert noun_phrase_run.dataset().record["counts"]["train"]["dropped"][TOO_LARGE] > 0
    assert set(items["own_order"]) <= {"N-Adj-Num-Dem", "N-Adj-Num", "N-Adj-Dem", "N-Num-Dem"}
    end, scorer = noun_phrase_run.dataset().tokenizer.end_of_text, Scorer(noun_phrase_run.checkpoints()[-1].load())
    row_of = {sentence: row for row, sentence in enumerate(held_out.table["sentence"])}
    subject = Subject(noun_phrase_run, Request(checkpoints="12"))
    tried = NOUN_PHRASES.prepare(subject).score(scorer, 12)
    assert tried["margin"].to_numpy() == pytest.approx(items["margin"].to_numpy(), abs=1e-3)
    sentence = int(items["sentence"].iloc[0])
    rows, nouns = largest_phrases(next(sentences_for([NOUN_PHRASE], _block(sentence), subject.tokenizer, 0)))
    made = in_all_orders(_block(sentence), nouns, subject.language, subject.tokenizer)
    assert made.tokens[0].tolist() == held_out.tokens[row_of[sentence]].tolist() and rows.tolist() == [0]
    bits = scorer.sentence_bits(made.tokens, end)
    assert np.delete(bits, 0).min() - bits[0] == pytest.approx(items["margin"].iloc[0], abs=1e-3)


def _block(sentence):
    first = 0
    for _, block in read_corpus("grammar:sentences=2000,seed=0").blocks():
        if sentence < first + len(block):
            return block.slice(sentence - first, 1)
        first += len(block)
    raise AssertionError


def test_what_cannot_be_measured_is_refused(run, noun_phrase_run, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"^language partial-reverse: is no order of noun phrases"):
        NOUN_PHRASES.prepare(Subject(run, Request()))
    plain = tmp_path / "plain.txt"
    plain.write_text("the dog sleeps\n" * 40, encoding="utf-8")
    with pytest.raises(UserError, match=r"has no words. Annotate it with `impossible annotate`"):
        NOUN_PHRASES.prepare(Subject(noun_phrase_run, Request(corpus=str(plain))))
    small = tmp_path / "small.conllu"
    small.write_text(TREEBANK.lstrip().rsplit("\n\n", 1)[1].rstrip("\n") + "\n\n", encoding="utf-8")
    with pytest.raises(UserError, match="no test sentence has a noun with two of demonstrative, numeral and adjective"):
        NOUN_PHRASES.prepare(Subject(noun_phrase_run, Request(corpus=str(small))))
    monkeypatch.setattr(Subject, "context", 3)
    with pytest.raises(UserError, match=f"all sentences with such phrases are {noun_phrases.TOO_LONG}, 3"):
        NOUN_PHRASES.prepare(Subject(noun_phrase_run, Request()))
