"""The dependency tree of a sentence of the built-in English: each word's head and relation, from its constituents."""

from functools import cache

from impossible_lms.corpora.english.lexicon import Word, lexicon
from impossible_lms.corpora.english.speaker import (
    END,
    LABELS,
    NP,
    PP,
    SBAR,
    SBARQ,
    SQ,
    VP,
    WHNP,
    Codes,
    S,
)

# What the word or constituent is that its mother sees: a label, or one of these. NP/POSS is a possessor, NP/EX `there`,
# S/VP a clause without a subject, VP/VBN a participle, VP/PASS a passive, SBAR/THAT a complement.
NOMINAL = ("NOUN", "PROPN", "PRON", "NUM", "DET")
PHRASES = ("ADJP", "NP", "PP")  # that a copula may join to a subject
IN_VERB_PHRASE = {
    "TO": "mark",
    "AUX": "aux",
    "PP": "obl",
    "ADJP": "xcomp",
    "S/VP": "xcomp",
    "SBAR/THAT": "ccomp",
    "SBAR": "advcl",
}
IN_CLAUSE = {"PUNCT": "punct", "SBAR": "advcl", "PP": "obl", "INTJ": "discourse", "AUX": "aux"}
IN_CLAUSE |= {"THAT": "mark", "SCONJ": "mark"}
IN_NOUN_PHRASE = {
    "ADJ": "amod",
    "ADJP": "amod",
    "NUM": "nummod",
    "POSS": "nmod:poss",
    "NP/POSS": "nmod:poss",
    "POS": "case",
}

Attached = tuple[int, str]  # the child that is the head, and the relation to it; (-1, "") for the head itself


def dependencies(codes: Codes) -> tuple[list[int], list[str]]:
    """The head of each word, a number from 1 on or 0 for the root, and its relation, as in Universal Dependencies."""
    kinds = _kinds()
    heads: list[int] = []
    relations: list[str] = []
    children: list[tuple[str, int]] = []  # what each is, and the index of its head word
    open_labels: list[int] = []
    mothers: list[list[tuple[str, int]]] = []
    for code in codes:
        if code >= 0:
            children.append((kinds[code], len(heads)))
            heads.append(0)
            relations.append("root")
        elif code != END:
            open_labels.append(code)
            mothers.append(children)
            children = []
        else:
            head, attached, kind = _production(open_labels.pop(), tuple(child for child, _ in children))
            for (_, word), (target, relation) in zip(children, attached, strict=True):
                if target >= 0:
                    heads[word], relations[word] = children[target][1] + 1, relation
            word = children[head][1]
            children = mothers.pop()
            children.append((kind, word))
    return heads, relations


@cache
def _production(label: int, kinds: tuple[str, ...]) -> tuple[int, tuple[Attached, ...], str]:
    """Of a constituent: the child that is its head, how each child is attached, and what its mother sees."""
    if label in (S, SQ, SBARQ, SBAR):
        head, attached = _clause(label, kinds)
    elif label == VP:
        head, attached = _verb_phrase(kinds)
    elif label in (NP, WHNP):
        head, attached = _noun_phrase(kinds)
    elif label == PP:
        head, attached = kinds.index("NP") if "NP" in kinds else len(kinds) - 1, [(1, "case"), (-1, "")]
    else:  # ADJP, ADVP, WHADVP
        head = max(place for place, kind in enumerate(kinds) if kind in ("ADJ", "ADV"))
        after = {"PP": "obl", "S/VP": "xcomp"}
        attached = [(head, after.get(kind, "advmod")) for kind in kinds]
    attached[head] = (-1, "")
    return head, tuple(attached), _seen_as(label, kinds)


def _seen_as(label: int, kinds: tuple[str, ...]) -> str:
    name = LABELS[-2 - label]
    if label == NP and kinds[-1] in ("POS", "EX"):
        return "NP/POSS" if kinds[-1] == "POS" else "NP/EX"
    if label in (S, SQ) and kinds == ("VP",):
        return f"{name}/VP"
    if label == VP and kinds[0] == "VBN":
        return "VP/VBN"
    if label == VP and ("VP/PASS" in kinds or ("be" in kinds and "VP/VBN" in kinds)):
        return "VP/PASS"
    if label == SBAR and kinds[0] != "SCONJ" and kinds[0] != "WHNP":
        return "SBAR/THAT"
    return name


def _noun_phrase(kinds: tuple[str, ...]) -> tuple[int, list[Attached]]:
    if "CCONJ" in kinds:
        return 0, [(0, ""), (2, "cc"), (0, "conj")]
    if kinds[0] == "NP":
        return 0, [(0, "nmod" if kind == "PP" else "acl:relcl") for kind in kinds]
    head = max(place for place, kind in enumerate(kinds) if kind in NOMINAL or kind == "EX")
    return head, [(head, IN_NOUN_PHRASE.get(kind, "det")) for kind in kinds]


def _verb_phrase(kinds: tuple[str, ...]) -> tuple[int, list[Attached]]:
    inner = [place for place, kind in enumerate(kinds) if kind.startswith("VP")]
    predicates = [place for place, kind in enumerate(kinds) if kind in PHRASES]
    if inner:
        head = inner[0]
    elif "be" in kinds and not _exists(kinds):
        head = predicates[0]
    else:
        head = next(place for place, kind in enumerate(kinds) if kind in ("VERB", "VBN", "be"))
    objects = [place for place, kind in enumerate(kinds) if kind == "NP" and place > head]
    attached = []
    for place, kind in enumerate(kinds):
        found = IN_VERB_PHRASE.get(kind, "advmod")
        if kind == "be":
            found = "cop" if not inner else "aux:pass" if kinds[head] == "VP/VBN" else "aux"
        elif kind == "NP" and place in objects:
            found = "iobj" if len(objects) == 2 and place == objects[0] else "obj"
            found = "nsubj" if kinds[head] == "be" else found
        attached.append((head, found))
    return head, attached


def _exists(kinds: tuple[str, ...]) -> bool:
    """Whether a verb phrase is that of `there is`, where the verb has its subject after it."""
    return "NP" in kinds and "PP" in kinds


def _clause(label: int, kinds: tuple[str, ...]) -> tuple[int, list[Attached]]:
    clauses = [place for place, kind in enumerate(kinds) if kind.split("/")[0] in ("S", "SQ")]
    verbs = [place for place, kind in enumerate(kinds) if kind.startswith("VP")]
    if verbs:
        head = verbs[0]
    elif clauses:
        head = clauses[0]
    else:  # a question whose copula came before its subject
        head = max(place for place, kind in enumerate(kinds) if kind in PHRASES)
    nouns = [place for place, kind in enumerate(kinds) if kind.startswith("NP") and place < head]
    is_passive = kinds[head] == "VP/PASS" or ("be" in kinds and kinds[head] == "VP/VBN")
    attached = []
    for place, kind in enumerate(kinds):
        relation = IN_CLAUSE.get(kind, "advmod")
        if kind == "be":
            relation = "aux:pass" if is_passive else "aux" if verbs else "cop"
        elif kind == "WHNP":
            relation = "nsubj" if kinds[head] in ("S/VP", "SQ/VP") else "obj"
        target = head
        if place in nouns:
            relation = "expl" if kind == "NP/EX" else "nsubj:pass" if is_passive else "nsubj"
        elif len(clauses) == 2 and place == clauses[1]:
            relation = "conj"
        elif len(clauses) == 2 and head < place < clauses[1]:
            target, relation = clauses[1], "punct" if kind == "PUNCT" else "cc"
        attached.append((target, relation))
    return head, attached


@cache
def _kinds() -> list[str]:
    """What each code of a word is seen as; the words again, capitalised, after all of them."""
    kinds = [_kind(word) for word in lexicon().words]
    return [*kinds, *kinds]


def _kind(word: Word) -> str:
    by_tag = {"POS": "POS", "TO": "TO", "PRP$": "POSS", "EX": "EX"}
    if word.xpos in by_tag:
        return by_tag[word.xpos]
    if word.upos == "AUX":
        return "be" if word.lemma == "be" else "AUX"
    if word.upos == "SCONJ":
        return "THAT" if word.lemma in ("that", "whether") else "SCONJ"
    return "VBN" if word.xpos == "VBN" else word.upos
