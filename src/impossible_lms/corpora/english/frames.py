"""What can be said of a subject: one function a frame, each giving a verb with what follows it."""

from impossible_lms.corpora.english.lexicon import BASE, COMPARATIVE, GERUND, PASSIVE, THEY, THIRD, WE, lexicon
from impossible_lms.corpora.english.speaker import ADJP, END, NP, PP, SBAR, VP, WHADVP, Codes, Frame, S, Speaker
from impossible_lms.corpora.english.weights import SORTS

# Each takes the sort of the subject, whom its verb agrees with, and how deep the sentence may still go.


def act(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.pick("verb/act"), [])


def go(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    place, _ = speaker.phrase("place", depth)
    return Frame(speaker.pick("verb/move"), [PP, speaker.closed[speaker.pick("whither")], *place, END])


def handle(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    what = speaker.pick("object")
    return Frame(speaker.verb_of(what), speaker.object(what, depth))


def give(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    gift, _ = speaker.phrase("thing", depth)
    receiver = speaker.object("person", 0)
    if speaker.chance(50):
        return Frame(speaker.pick("verb/give"), [*receiver, *gift])
    return Frame(speaker.pick("verb/give"), [*gift, PP, speaker.closed["to"], *receiver, END])


def attach(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    verb, preposition = speaker.pick("verb/attach")
    return Frame(verb, [PP, preposition, *speaker.object(speaker.pick("subject"), depth), END])


def eats(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    mass = [NP, *speaker.pick("mass"), speaker.pick("noun/mass"), END]
    return Frame(speaker.pick("verb/eat"), mass if speaker.chance(50) else speaker.object("food", depth))


def sips(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.pick("verb/sip"), [NP, *speaker.pick("mass"), speaker.pick("noun/drink"), END])


def prowls(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.pick("verb/prowl"), [])


def chases(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.pick("verb/chase"), speaker.object("animal" if speaker.chance(60) else "person", depth))


def changes(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.pick("verb/change"), [])


def happens(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.pick("verb/happen"), [])


def pleases(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.pick("verb/please"), speaker.object("person", depth))


def has(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    what = "thing" if speaker.chance(70) else "animal"
    return Frame(speaker.pick("verb/have"), speaker.object(what, depth))


def seems(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.pick("verb/seem"), _adjectival(speaker, sort, depth), is_active=False)


def is_such(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.closed["be"], _adjectival(speaker, sort, depth), is_active=False)


def is_a(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    noun, _ = speaker.phrase("person", depth, is_plural=agreement in (WE, THEY), determiner="a")
    return Frame(speaker.closed["be"], noun, is_active=False)


def is_at(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.closed["be"], speaker.at_place(), is_active=False)


def is_done(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    by = [PP, speaker.closed["by"], *speaker.object("person", depth), END] if speaker.chance(55) else []
    return Frame(speaker.closed["be"], [VP, speaker.verb_of(sort) + PASSIVE, *by, END], is_active=False)


def is_ready(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    ready = [ADJP, speaker.pick("adjective/ready"), *_infinitive(speaker, sort, agreement, depth), END]
    return Frame(speaker.closed["be"], ready, is_active=False)


def is_afraid(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    adjective, preposition = speaker.pick("adjective/afraid")
    of_whom = [PP, preposition, *speaker.object(speaker.pick("subject"), depth), END]
    return Frame(speaker.closed["be"], [ADJP, adjective, *of_whom, END], is_active=False)


def says(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    that = [speaker.closed["that/Sub"]] if speaker.chance(60) else []
    return Frame(speaker.pick("verb/say"), [SBAR, *that, S, *speaker.clause(depth - 1), END, END])


def wonders(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    if speaker.chance(50):
        what = [speaker.closed["whether"]]
    else:
        what = [WHADVP, speaker.closed[speaker.pick("question")], END]
    return Frame(speaker.pick("verb/wonder"), [SBAR, *what, S, *speaker.clause(depth - 1), END, END])


def tells(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    that = [SBAR, speaker.closed["that/Sub"], S, *speaker.clause(depth - 1), END, END]
    return Frame(speaker.pick("verb/tell"), [*speaker.object("person", 0), *that])


def wants(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(speaker.pick("verb/want"), _infinitive(speaker, sort, agreement, depth))


def asks(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    return Frame(
        speaker.pick("verb/ask"), [*speaker.object("person", 0), *_infinitive(speaker, "person", THIRD, depth)]
    )


def enjoys(speaker: Speaker, sort: str, agreement: int, depth: int) -> Frame:
    frame = speaker.plain_frame(sort, agreement, depth - 1)
    return Frame(speaker.pick("verb/enjoy"), [S, VP, frame.verb + GERUND, *frame.rest, END, END])


def _infinitive(speaker: Speaker, sort: str, agreement: int, depth: int) -> Codes:
    frame = speaker.plain_frame(sort, agreement, max(depth - 1, 0))
    return [S, VP, speaker.closed["to/Inf"], VP, frame.verb + BASE, *frame.rest, END, END, END]


def _adjectival(speaker: Speaker, sort: str, depth: int) -> Codes:
    """What stands after a copula: old, very old, older than the tree."""
    adjective = speaker.pick(f"adjective/{SORTS[sort].adjective}")
    if speaker.chance(25):
        return [ADJP, speaker.pick("adverb/very"), adjective, END]
    if not speaker.chance(12):
        return [ADJP, adjective, END]
    is_synthetic = adjective in lexicon().synthetic
    more = [adjective + COMPARATIVE] if is_synthetic else [speaker.closed["more"], adjective]
    return [ADJP, *more, PP, speaker.closed["than"], *speaker.object(sort, depth), END, END]


FRAMES = {
    frame.__name__: frame
    for frame in (
        act,
        go,
        handle,
        give,
        attach,
        eats,
        sips,
        prowls,
        chases,
        changes,
        happens,
        pleases,
        has,
        seems,
        is_such,
        is_a,
        is_at,
        is_done,
        is_ready,
        is_afraid,
        says,
        wonders,
        tells,
        wants,
        asks,
        enjoys,
    )
}
