"""Languages and what they say, as tables and coloured text for a terminal."""

from collections.abc import Mapping, Sequence

from rich.table import Column, Table
from rich.text import Text

from impossible_lms.languages.check import Report
from impossible_lms.languages.language import Language
from impossible_lms.languages.speak import Spoken

MARKED = "bold black on yellow"
CHECKED = {  # the columns that say what a language does to a corpus
    "draws": "whether it draws at random, so that another seed gives another text",
    "affected": "of the sentences kept, those that its rule applies to; perplexity is measured on these",
    "dropped": "of all sentences, those left out; --json gives the reasons",
    "same": "of those kept, with the tokens of the control (a control: of the text), in any order",
    "undone": "of those kept, given back by the language's inverse; - without one",
    "bits": "of randomness added to a sentence, on average",
    "moved": "mean distance in tokens between a token's place here and in the control",
    "entropy": "bits a token that the three before it leave open (cross-entropy of an interpolated 4-gram model of "
    "half the sentences on the rest): the higher, the less local order there is",
}
LEGEND = "\n".join(f"{column}: {said}" for column, said in CHECKED.items())


def language_table(languages: Mapping[str, Language], spoken: Mapping[str, Spoken]) -> Table:
    """The languages with what each does and says."""
    table = _table("language", "family", "what it does", "example")
    for name, language in languages.items():
        family = f"{language.family.name} (control)" if language.is_control else language.family.name
        table.add_row(name, family, language.summary, coloured(spoken[name]))
    return table


def spoken_table(languages: Mapping[str, Language], spoken: Mapping[str, Spoken]) -> Table:
    """What each language makes of one sentence, or why it drops it."""
    table = _table("language", "says")
    for name, language in languages.items():
        why = spoken[name].dropped
        said = Text(f"(dropped: {why})", style="dim") if why else coloured(spoken[name])
        table.add_row(Text(name, style=f"bold {language.style.colour}"), said)
    return table


def report_table(reports: Sequence[Report]) -> Table:
    """The properties of languages, one row each."""
    table = Table(Column("language", no_wrap=True), box=None, padding=(0, 1, 0, 0))
    for name in CHECKED:
        table.add_column(name, justify="left" if name == "draws" else "right", no_wrap=True)
    for report in reports:
        shares = [report.affected, report.dropped, report.same_tokens, report.recovered]
        cells = ["-" if share is None else f"{share:.1%}" for share in shares]
        means = [report.added_bits, report.displacement, report.local_entropy]
        cells += ["-" if mean is None else f"{mean:.2f}" for mean in means]
        table.add_row(report.language, "no" if report.deterministic else "yes", *cells)
    return table


def coloured(spoken: Spoken) -> Text:
    """The text with its markers in colour."""
    text = Text(spoken.text)
    text.highlight_words(spoken.markers, style=MARKED)
    return text


def pieces(spoken: Spoken) -> Text:
    """The tokens, with a dot between them and markers in colour."""
    marked = [Text(piece, style=MARKED if piece.strip() in spoken.markers else "") for piece in spoken.pieces]
    return Text("·", style="dim").join(marked)


def _table(first: str, *others: str) -> Table:
    return Table(Column(first, no_wrap=True), *others, box=None, padding=(0, 2, 0, 0))
