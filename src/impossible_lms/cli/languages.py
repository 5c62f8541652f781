"""The verbs of the languages: list them, say a sentence in them, check what they do."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impossible_lms.cli.data import asked, say_read
from impossible_lms.cli.options import BadLines, Column, CorpusSpec, Features, Json, SentencesFlag, TokenizerSpec
from impossible_lms.errors import UserError
from impossible_lms.spec import EXAMPLE_CORPUS, EXAMPLE_TOKENIZER

if TYPE_CHECKING:
    from impossible_lms.corpora import Corpus
    from impossible_lms.languages import Language
    from impossible_lms.languages.speak import Spoken
    from impossible_lms.tokenizer import Tokenizer

Verbs = Annotated[
    list[str] | None, typer.Option(metavar="FORM=LEMMA", help="A verb for the hop languages to mark; may be repeated.")
]


def languages(
    family: Annotated[str | None, typer.Option(help="Those of one family: shuffle, reverse, hop ...")] = None,
    as_json: Json = False,
) -> None:
    """List the languages, with an example each. The paper's fifteen stand first, then those from later work."""
    from impossible_lms.corpora.example import example
    from impossible_lms.languages import GROUPS, LANGUAGES
    from impossible_lms.languages.speak import speak as spoken_in
    from impossible_lms.report.terminal import language_table
    from impossible_lms.terminal import show

    if family is not None and family not in GROUPS:
        raise UserError(f"--family {family}: none of that name. There are {', '.join(GROUPS)}.")
    listed = LANGUAGES if family is None else GROUPS[family]
    tokenizer = _example_tokenizer(EXAMPLE_TOKENIZER)
    spoken = {
        name: spoken_in(language, example(language.family.sentence), tokenizer) for name, language in listed.items()
    }
    if not as_json:
        show(language_table(listed, spoken))
        return
    rows = [
        {
            "name": name,
            "family": language.family.name,
            "control": language.control,
            "does": language.summary,
            "example": spoken[name].text,
        }
        for name, language in listed.items()
    ]
    print(json.dumps(rows, ensure_ascii=False, indent=2))


def speak(
    language: Annotated[
        list[str], typer.Argument(help="Languages, as `impossible languages` lists them, families, paper, or all.")
    ],
    text: Annotated[str, typer.Argument(help="A sentence of English; - reads standard input, one a line.")],
    tokenizer: TokenizerSpec = EXAMPLE_TOKENIZER,
    singular: Verbs = None,
    plural: Verbs = None,
    annotator: Annotated[
        str | None,
        typer.Option(
            "--with", help="spacy[:pipeline or folder] or stanza[:language or folder] finds the verbs and the parse."
        ),
    ] = None,
    draw: Annotated[int, typer.Option(min=1, help="Of languages that draw: 1 is theirs, 2 another, and so on.")] = 1,
    as_json: Json = False,
) -> None:
    """Write TEXT in LANGUAGE, as text and as tokens. Markers are in colour.

    The hop languages mark finite verbs of the third person present. Name them with --singular and --plural, each with
    its lemma, or have them found --with an annotator; else those that the built-in lexicon is sure of are marked.
    """
    from impossible_lms.languages import GROUPS, get_languages
    from impossible_lms.languages.speak import another_draw
    from impossible_lms.languages.speak import speak as spoken_in
    from impossible_lms.report.terminal import spoken_table
    from impossible_lms.terminal import show

    chosen = {each.name: another_draw(each, draw) for each in get_languages(language)}
    texts = [line for line in sys.stdin.read().split("\n") if line.strip()] if text == "-" else [text]
    sentences = list(_sentences(texts, singular, plural, annotator))  # an unknown annotator is said at once
    loaded = _example_tokenizer(tokenizer)
    found = [{name: spoken_in(each, sentence, loaded) for name, each in chosen.items()} for sentence in sentences]
    alone = len(chosen) == 1 and language[0] not in GROUPS
    if as_json:
        rows: list[Any] = [{name: vars(said) for name, said in spoken.items()} for spoken in found]
        shown = [next(iter(row.values())) for row in rows] if alone else rows
        said = shown[0] if text != "-" and len(shown) == 1 else shown
        print(json.dumps(said, ensure_ascii=False, indent=None if alone else 2))
        return
    for spoken in found:
        if alone:
            _say(chosen[next(iter(spoken))], next(iter(spoken.values())), whole=text != "-")
        else:
            show(spoken_table(chosen, spoken))


def _say(language: "Language", said: "Spoken", *, whole: bool) -> None:
    """What one language makes of a sentence: its text, and as a `whole` its tokens and their ids."""
    from impossible_lms.languages.speak import NEEDS
    from impossible_lms.report.terminal import coloured, pieces
    from impossible_lms.terminal import stdout

    if said.dropped:
        annotate = " Annotate it: --with spacy, or --with stanza." if said.dropped.startswith(NEEDS) else ""
        raise UserError(f"{language.name} drops this sentence ({said.dropped}).{annotate}")
    if language.family.name == "hop" and not said.affected:
        print("no marked verb found; name one with --singular FORM=LEMMA or --plural FORM=LEMMA", file=sys.stderr)
    console = stdout()
    console.print(coloured(said), soft_wrap=True)
    if whole:
        console.print(pieces(said), soft_wrap=True)
        console.print(" ".join(str(token) for token in said.ids), style="dim", highlight=False, soft_wrap=True)


def _sentences(
    texts: Sequence[str], singular: list[str] | None, plural: list[str] | None, annotator: str | None
) -> "Iterator[Corpus]":
    """Each text as a corpus, with the verbs that were named, the annotator's annotation, or what the lexicon knows."""
    from impossible_lms.corpora.annotate import annotated_texts
    from impossible_lms.corpora.example import example

    if annotator is None:
        for text in texts:
            yield example(text, _verbs("--singular", singular, text), _verbs("--plural", plural, text))
        return
    if singular or plural:
        raise UserError(f"--with {annotator}: finds the verbs itself. Leave out --singular and --plural.")
    yield from annotated_texts(texts, annotator)


def check(
    language: Annotated[
        list[str], typer.Argument(help="Languages: names, path/to/file.py:Name, families, paper, or all.")
    ],
    corpus: CorpusSpec = EXAMPLE_CORPUS,
    tokenizer: TokenizerSpec = EXAMPLE_TOKENIZER,
    sample: Annotated[
        int, typer.Option(min=2, help="Sentences to rewrite, at most: the first of every file.")
    ] = 20_000,
    as_json: Json = False,
    sentences: SentencesFlag = None,
    bad_lines: BadLines = None,
    column: Column = None,
    features: Features = None,
) -> None:
    """Show what languages do to a corpus. All is measured, each language beside its control."""
    from impossible_lms.languages import get_language, get_languages
    from impossible_lms.languages.check import check as check_language
    from impossible_lms.languages.check import sampled
    from impossible_lms.languages.fertility import fertility
    from impossible_lms.languages.markers import marker_fault, shares_said
    from impossible_lms.report.terminal import LEGEND, report_table
    from impossible_lms.terminal import show
    from impossible_lms.tokenizer import load_tokenizer

    chosen = get_languages(language)
    compared = {each.name: each for one in chosen for each in (get_language(one.control), one)}
    _, source = asked(corpus, sentences, bad_lines, column, features)
    loaded = load_tokenizer(tokenizer, source, at_most=True)
    say_read(source)
    some = sampled(source, sample)
    reports = [check_language(each, some, loaded, sample) for each in compared.values()]
    if as_json:
        print(json.dumps([report.row() for report in reports], ensure_ascii=False, indent=2))
        return
    show(report_table(reports))
    count, size = reports[0].sentences, max(report.tokens for report in reports)
    ids = f"{loaded.vocabulary_size:,} ids of {loaded.name}, {fertility(some.beginnings(), loaded)}"
    print(f"\n{count:,} sentences of {source.name}, up to {size:,} tokens, {ids}\n{LEGEND}")
    of_share: dict[str, list[str]] = {}
    for report in reports:
        of_share.setdefault(shares_said(report.markers), []).append(report.language)
    for said, names in of_share.items():
        if said:
            print(f"markers: {said} of the sentences kept ({', '.join(names)})")
    for report in reports:
        if report.language in {one.name for one in chosen}:
            print(f"\n{report.language}:")
            for before, after in report.examples:
                print(f"  {before.strip()}\n  → {after.strip()}")
    for each, report in zip(compared.values(), reports, strict=True):
        if fault := marker_fault(each, source.name, report.markers, some.beginnings()):
            print(fault, file=sys.stderr)


def _example_tokenizer(spec: str) -> "Tokenizer":
    """The tokenizer of `spec`; one that is to be trained learns from the built-in English."""
    from impossible_lms.corpora import read_corpus
    from impossible_lms.tokenizer import load_tokenizer

    return load_tokenizer(spec, read_corpus(EXAMPLE_CORPUS).texts())


def _verbs(flag: str, pairs: list[str] | None, text: str) -> dict[str, str] | None:
    """The verbs of --singular or --plural with their lemmas."""
    if pairs is None:
        return None
    verbs = dict(pair.partition("=")[::2] for pair in pairs)
    for form, lemma in verbs.items():
        if not lemma or form.lower() not in text.lower():
            raise UserError(
                f"{flag} {form}={lemma}: a word of the sentence and its lemma are expected, as cleans=clean."
            )
    return verbs
