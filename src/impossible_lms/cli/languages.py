"""The verbs of the languages: list them, say a sentence in them, check what they do."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from impossible_lms.cli.data import asked, say_read
from impossible_lms.cli.options import BadLines, Column, CorpusSpec, Features, Json, SentencesFlag, TokenizerSpec
from impossible_lms.errors import UserError
from impossible_lms.spec import EXAMPLE_CORPUS, EXAMPLE_TOKENIZER

if TYPE_CHECKING:
    from impossible_lms.tokenizer import Tokenizer

Verbs = Annotated[
    list[str] | None, typer.Option(metavar="FORM=LEMMA", help="A verb for the hop languages to mark; may be repeated.")
]


def languages(as_json: Json = False) -> None:
    """List the languages, with an example each: the paper's fifteen, then those from later work."""
    from impossible_lms.corpora.example import PARSE, SENTENCE, example
    from impossible_lms.languages import LANGUAGES
    from impossible_lms.languages.speak import speak as spoken_in
    from impossible_lms.report.terminal import language_table
    from impossible_lms.terminal import show

    tokenizer = _example_tokenizer(EXAMPLE_TOKENIZER)
    sentence = example(SENTENCE, parse=PARSE)
    spoken = {name: spoken_in(language, sentence, tokenizer) for name, language in LANGUAGES.items()}
    if not as_json:
        show(language_table(LANGUAGES, spoken))
        return
    rows = [
        {
            "name": name,
            "family": language.family.name,
            "control": language.control,
            "does": language.summary,
            "example": spoken[name].text,
        }
        for name, language in LANGUAGES.items()
    ]
    print(json.dumps(rows, ensure_ascii=False, indent=2))


def speak(
    language: Annotated[
        str, typer.Argument(help="A language, as `impossible languages` lists them, a family, paper, or all.")
    ],
    text: Annotated[str, typer.Argument(help="A sentence of English.")],
    tokenizer: TokenizerSpec = EXAMPLE_TOKENIZER,
    singular: Verbs = None,
    plural: Verbs = None,
    as_json: Json = False,
) -> None:
    """Say TEXT in LANGUAGE: as text and as tokens, markers in colour.

    The hop languages mark finite verbs of the third person present. Name them with --singular and --plural, each with
    its lemma; with neither, those that the built-in lexicon is sure of are marked.
    """
    from impossible_lms.corpora.example import example
    from impossible_lms.languages import GROUPS, get_language
    from impossible_lms.languages.speak import speak as spoken_in
    from impossible_lms.report.terminal import coloured, pieces, spoken_table
    from impossible_lms.terminal import show, stdout

    chosen = GROUPS.get(language) or {language: get_language(language)}  # an unknown name is said at once
    marked, plurals = _verbs("--singular", singular, text), _verbs("--plural", plural, text)
    sentence, loaded = example(text, marked, plurals), _example_tokenizer(tokenizer)
    spoken = {name: spoken_in(each, sentence, loaded) for name, each in chosen.items()}
    if language in GROUPS:
        if as_json:
            print(json.dumps({name: vars(said) for name, said in spoken.items()}, ensure_ascii=False, indent=2))
        else:
            show(spoken_table(chosen, spoken))
        return
    said = spoken[language]
    if said.dropped:
        raise UserError(f"{language} drops this sentence ({said.dropped}).")
    if chosen[language].family.name == "hop" and not said.affected:
        print("no marked verb found; name one with --singular FORM=LEMMA or --plural FORM=LEMMA", file=sys.stderr)
    if as_json:
        print(json.dumps(vars(said), ensure_ascii=False))
        return
    console = stdout()
    console.print(coloured(said), soft_wrap=True)
    console.print(pieces(said), soft_wrap=True)
    console.print(" ".join(str(token) for token in said.ids), style="dim", highlight=False, soft_wrap=True)


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
    """Say what languages do, with evidence from a corpus, each beside its control."""
    from impossible_lms.data.build import training_texts
    from impossible_lms.languages import get_language, get_languages
    from impossible_lms.languages.check import check as check_language
    from impossible_lms.languages.check import sampled
    from impossible_lms.languages.markers import marker_fault, shares_said
    from impossible_lms.report.terminal import LEGEND, report_table
    from impossible_lms.terminal import show
    from impossible_lms.tokenizer import load_tokenizer

    chosen = get_languages(language)
    compared = {each.name: each for one in chosen for each in (get_language(one.control), one)}
    _, source = asked(corpus, sentences, bad_lines, column, features)
    loaded = load_tokenizer(tokenizer, training_texts(source), at_most=True)
    say_read(source)
    some = sampled(source, sample)
    reports = [check_language(each, some, loaded, sample) for each in compared.values()]
    if as_json:
        print(json.dumps([report.row() for report in reports], ensure_ascii=False, indent=2))
        return
    show(report_table(reports))
    count, size = reports[0].sentences, max(report.tokens for report in reports)
    ids = f"{loaded.vocabulary_size:,} ids of {loaded.name}"
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
        if fault := marker_fault(each, source.name, report.markers):
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
