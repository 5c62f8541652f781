"""What a word is to its head in a dependency tree, as numbers that compiled walks can read."""

ROOT, UNKNOWN = -1, -2  # in place of a head
# What a word is to its head, by its relation without a subtype (in Universal Dependencies, or in the scheme of spaCy's
# English pipelines, whose copula is a verb that has `attr` and `acomp`); adverbs by the whole relation.
REST, SUBJECT, OBJECT, AUXILIARY, COPULA, ADVERB, NOMINAL, CONJUNCT, APART = range(9)
# What a word is in the noun phrase of its head; with such kinds, phrases are what is walked over.
DEMONSTRATIVE, NUMERAL, ADJECTIVE, NAME = range(9, 13)
KINDS = {
    SUBJECT: "nsubj csubj nsubjpass csubjpass",
    OBJECT: "obj iobj dobj dative attr acomp",
    AUXILIARY: "aux auxpass",
    COPULA: "cop",
    CONJUNCT: "conj",
    APART: "advcl parataxis",
    NOMINAL: "nmod acl appos flat fixed compound amod nummod det case obl xcomp ccomp",
}
ADVERBS = ("advmod", "compound:prt", "neg", "prt")
