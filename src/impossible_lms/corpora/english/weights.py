"""How often what is said: the sorts of nouns with what goes with them, and the weights of all alternatives."""

from typing import NamedTuple


class Sort(NamedTuple):
    """A sort of noun: what goes with it, each a list of weighted alternatives."""

    adjective: str
    verb: str  # of which it can be the object
    modifier: str  # a preposition and the sort that follows it
    frame: str  # what it can be the subject of
    clausal: str = ""  # frames with clauses in them


SORTS = {
    "person": Sort(
        "human",
        "meet 3, like 2",
        "with+thing 5, from+place 3, in+place 2, near+thing 2, behind+person 2, with+animal 1, beside+person 1",
        "act 13, go 8, handle 26, give 6, attach 7, is_such 9, is_a 4, is_at 3, has 5, seems 3, is_done 3, is_ready 2, "
        "is_afraid 2, eats 6, sips 2",
        "says 8, wonders 3, tells 2, wants 8, asks 3, enjoys 3",
    ),
    "animal": Sort(
        "beast",
        "chase 3, like 2",
        "in+place 3, near+person 2, behind+thing 2, of+person 1, beside+animal 2, with+person 1",
        "prowls 11, go 3, chases 9, is_such 5, is_at 3, eats 3, is_done 2, seems 1",
    ),
    "thing": Sort(
        "solid",
        "handle 1",
        "near+thing 3, on+thing 3, behind+thing 2, in+place 2, of+person 3, beside+thing 2, from+place 1",
        "changes 8, is_such 8, is_at 4, is_done 7, pleases 3, seems 1",
    ),
    "food": Sort(
        "tasty",
        "eat 1",
        "on+thing 3, from+place 2, in+place 1, near+thing 1",
        "is_such 5, is_done 5, pleases 2, is_at 2",
    ),
    "place": Sort(
        "local",
        "enter 1",
        "near+place 3, behind+place 1, of+person 1, with+thing 1",
        "is_such 5, is_done 3, is_at 2, pleases 2, seems 1",
    ),
    "text": Sort(
        "abstract",
        "read 1",
        "about+person 4, about+animal 2, from+person 3, about+place 1, on+thing 2, by+person 2",
        "is_such 5, is_done 5, pleases 6, seems 1",
    ),
    "idea": Sort(
        "abstract",
        "weigh 1",
        "of+person 4, about+person 2, about+thing 1, about+event 1",
        "is_such 6, is_done 4, pleases 6, seems 2",
    ),
    "event": Sort(
        "eventful",
        "attend 1",
        "in+place 4, for+person 2, with+person 1, near+place 1",
        "happens 6, is_such 5, pleases 5, is_done 3",
    ),
}
CHOICES = {
    "sentence": "states 56, joins 8, depends 10, polar 8, asks_object 4, asks_subject 3, asks_adverb 4, commands 4, "
    "exists 4",
    "subject": "person 62, animal 13, thing 10, text 4, idea 4, event 3, place 2, food 2",
    "object": "person 30, thing 32, animal 7, food 7, text 10, place 5, idea 6, event 4",
    "person": "pronoun 40, name 16, pair 3, phrase 41",  # how a person is referred to, as subject or object
    "nominative": "I 20, you 10, he 20, she 20, we 9, they 14, it 7",
    "accusative": "me 4, you/Acc 3, him 5, her/Acc 5, it/Acc 4, us 2, them 5",
    "tense": "present 46, past 36, modal 8, future 4, progressive 3, perfect 3, pluperfect 2",
    "be_tense": "present 56, past 36, modal 4, future 2, perfect 2",
    "modal": "can 5, may 1, must 2, should 3, could 3, would 4, might 1",
    "singular": "the 46, a 24, this 4, that 4, every 3, my 4, her 3, his 3, their 2, our 2, your 2, another 2, each 1, "
    "no 1, some 1",
    "plural": "the 42, - 18, these 4, those 4, some 6, many 3, few 1, several 2, my 4, his 3, her 3, our 2, your 2, "
    "their 3, all+the 2, no 1, all 1",
    "mass": "the 3, some 3, - 4, my 1, this 1",
    "indefinite": "someone 3, everyone 3, nobody 2",
    "adjunct": "at_place 5, in_manner 4, in_period 2, on_day 1, here 1",
    "whither": "to 8, into 4, across 2, through 2",
    "command": "act 3, handle 10, go 3, give 2, attach 2",
    "where": "in 6, near 2, behind 1, at 2",
    "why": "because 4, although 2, while 2, before/Sub 2, after/Sub 2, if 2, unless 1, until 1",
    "joint": "and 6, but 3, so 1, or 1",
    "question": "where 3, when 2, why 3, how 2",
}
