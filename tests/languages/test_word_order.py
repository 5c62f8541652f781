"""Word orders over dependency trees: clauses of treebank sentences by hand, spaces, and sentences without a tree."""

import pyarrow as pa
import pytest

from impossible_lms import UserError, corpus_of, get_language, read_corpus
from impossible_lms.corpora.corpus import Corpus, Memory

# Word, head and relation; `_` before a word where no space is.
SENTENCES = {
    "transitive": "She 2 nsubj, reads 0 root, books 2 obj, daily 2 advmod, _. 2 punct",
    "auxiliaries": "She 4 nsubj, has 4 aux, never 4 advmod, read 0 root, it 4 obj, _. 4 punct",
    "copula": "He 4 nsubj, is 4 cop, a 4 det, teacher 0 root, of 6 case, physics 4 nmod, _. 4 punct",
    "question": "Has 3 aux, she 3 nsubj, read 0 root, it 3 obj, _? 3 punct",
    "embedded": "I 2 nsubj, say 0 root, that 5 mark, you 5 nsubj, eat 2 ccomp, fish 5 obj, _. 2 punct",
    "clitics": "I 4 nsubj, do 4 aux, _n't 4 advmod, eat 0 root, Mary 7 nmod:poss, _'s 5 case, fish 4 obj, _. 4 punct",
    "brackets": "( 3 punct, _She 3 nsubj, reads 0 root, books 3 obj, _) 3 punct",
    "particle": "She 2 nsubj, picks 0 root, the 4 det, book 2 obj, up 2 compound:prt, _. 2 punct",
    "spacy": "It 4 nsubjpass, was 4 auxpass, _n't 4 neg, given 0 ROOT, her 4 dative, _. 4 punct",
    "spacy copula": "He 2 nsubj, is 0 ROOT, a 4 det, teacher 2 attr, of 4 prep, physics 5 pobj, _. 2 punct",
    "crossing": "A 2 det, hearing 4 nsubj, is 4 aux, scheduled 0 root, on 6 case, it 2 nmod, today 4 obl, _. 4 punct",
}


def corpus(*names, spaces=True):
    rows = [[entry.split() for entry in SENTENCES[name].split(", ")] for name in names]
    forms = [[form.removeprefix("_") if len(form) > 1 else form for form, *_ in row] for row in rows]
    after = [[not form.startswith("_") for form, *_ in row[1:]] + [True] for row in rows]
    columns = {
        "text": pa.array(
            ["".join(w + " " * s for w, s in zip(*row, strict=True)) for row in zip(forms, after, strict=True)]
        ),
        "words": pa.array(forms),
        "space_after": pa.array(after),
        "head": pa.array([[int(head) for _, head, _ in row] for row in rows], pa.list_(pa.int32())),
        "deprel": pa.array([[relation for *_, relation in row] for row in rows]),
    }
    if not spaces:
        del columns["space_after"]
    return Corpus("by hand", (Memory(pa.record_batch(columns)),))


def said(order, name, tokenizer, **options):
    result = get_language(f"word-order-{order}").apply(corpus(name, **options), tokenizer)
    return tokenizer.decode(result.tokens[0])


@pytest.mark.parametrize(
    ("name", "order", "expected"),
    [
        ("transitive", "svo", "She reads books daily."),
        ("transitive", "sov", "She books reads daily."),
        ("transitive", "vso", "reads She books daily."),
        ("transitive", "vos", "reads books She daily."),
        ("transitive", "ovs", "books reads She daily."),
        ("transitive", "osv", "books She reads daily."),
        ("auxiliaries", "sov", "She it has never read."),
        ("auxiliaries", "vso", "has never read She it."),
        ("copula", "sov", "He a teacher of physics is."),
        ("copula", "vso", "is He a teacher of physics."),
        ("question", "svo", "she Has read it?"),
        ("question", "sov", "she it Has read?"),
        ("embedded", "sov", "I say that you fish eat."),
        ("embedded", "vso", "say I that eat you fish."),
        ("clitics", "sov", "I Mary's fish don't eat."),
        ("clitics", "ovs", "Mary's fish don't eat I."),
        ("brackets", "osv", "( books She reads)"),
        ("particle", "sov", "She the book picks up."),
        ("spacy", "sov", "It her wasn't given."),
        ("spacy copula", "sov", "He a teacher of physics is."),
        ("crossing", "svo", "A hearing on it is scheduled today."),
    ],
)
def test_clauses_by_hand(name, order, expected, tokenizer):
    assert said(order, name, tokenizer) == expected


def test_the_control_is_the_text(tokenizer):
    sentences = corpus(*SENTENCES)
    result = get_language("no-reorder").apply(sentences, tokenizer)
    assert [tokenizer.decode(tokens) for tokens in result.tokens] == [text.strip() for text in sentences.texts()]
    assert result.affected.all()


def test_words_without_word_of_spaces_have_them_all(tokenizer):
    assert said("sov", "transitive", tokenizer, spaces=False) == "She books reads daily ."


@pytest.mark.parametrize("heads", [[2, 1, 0], [2, 3, 1], [None, 0, 2]])
def test_sentences_without_a_tree_are_dropped_and_counted(heads, tokenizer):
    columns = {
        "text": pa.array(["a b c"]),
        "words": pa.array([["a", "b", "c"]]),
        "head": pa.array([heads], pa.list_(pa.int32())),
        "deprel": pa.array([["nsubj", "obj", "root"]]),
    }
    broken = Corpus("broken", (Memory(pa.record_batch(columns)),))
    for name in ("no-reorder", "word-order-sov"):
        result = get_language(name).apply(broken, tokenizer)
        assert result.dropped["no dependency tree: heads missing, or in a circle"] == 1 and not len(result.tokens)


def test_a_corpus_without_heads_is_refused(tokenizer):
    with pytest.raises(UserError, match="the corpus has no words: annotate it with"):
        get_language("word-order-sov").apply(corpus_of(["She reads books."]), tokenizer)


def test_annotation_with_too_few_entries_names_the_sentence(tokenizer):
    columns = next(block for _, block in corpus("copula", "transitive").blocks())
    heads = pa.array([[4, 4, 4, 0, 6, 4, 4], [2, 0]], pa.list_(pa.int32()))
    columns = columns.set_column(columns.schema.get_field_index("head"), "head", heads)
    with pytest.raises(UserError) as error:
        get_language("word-order-sov").apply(Corpus("short", (Memory(columns),)), tokenizer)
    assert str(error.value) == "sentence 1 of the corpus: 2 entries in head for 5 words. Annotate it again."


def test_svo_leaves_statements_of_the_grammar_alone(tokenizer):
    """English has that order: what changes is questions, and relative clauses about an object."""
    grammar = read_corpus("grammar:sentences=2000,seed=4")
    result = get_language("word-order-svo").apply(grammar, tokenizer)
    rows = [row for _, block in grammar.blocks() for row in block.to_pylist()]
    for tokens, row in zip(result.tokens, rows, strict=True):
        if "(SQ" not in row["tree"] and "(SBAR" not in row["tree"] and "there" not in row["text"].lower():
            assert tokenizer.decode(tokens) == row["text"]
    assert sum(tokenizer.decode(tokens) != row["text"] for tokens, row in zip(result.tokens, rows, strict=True)) > 100


def test_a_treebank(shared, tokenizer):
    treebank = read_corpus(str(shared / "data" / "conllu" / "en_ewt-dev.conllu"))
    texts = list(treebank.texts())
    control = get_language("no-reorder").apply(treebank, tokenizer)
    assert [tokenizer.decode(tokens) for tokens in control.tokens] == [texts[number] for number in control.sentence]
    for order in ("sov", "vso", "osv"):
        result = get_language(f"word-order-{order}").apply(treebank, tokenizer)
        assert result.sentence.tolist() == control.sentence.tolist()
        said = [tokenizer.decode(tokens) for tokens in result.tokens]
        for mine, number in zip(said, result.sentence, strict=True):
            assert sorted(mine.replace(" ", "")) == sorted(texts[number].replace(" ", ""))
        changed = sum(mine != texts[number] for mine, number in zip(said, result.sentence, strict=True))
        assert 0.4 < changed / len(said) < 0.8
