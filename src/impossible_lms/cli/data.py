"""The verbs of corpora and datasets: annotate, build."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impossible_lms.cli.options import SPLITS, BadLines, Column, CorpusSpec, Features, SentencesFlag, TokenizerSpec
from impossible_lms.errors import UserError

if TYPE_CHECKING:
    from impossible_lms.corpora import Corpus
    from impossible_lms.data.dataset import TokenDataset
    from impossible_lms.languages import Language


def annotate(
    corpus: Annotated[str, typer.Argument(help="The corpus to annotate, as --corpus names one elsewhere.")],
    annotator: Annotated[
        str,
        typer.Option(
            "--with",
            help="spacy[:pipeline or folder], stanza[:language or folder], or trees:FILE-or-FOLDER of bracketed trees.",
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="A file ending in .conllu; of a corpus divided into splits, a folder of them.")
    ],
    trees: Annotated[bool, typer.Option("--trees", help="Constituency trees too (Stanza).")] = False,
    processes: Annotated[
        int, typer.Option(min=1, help="How many annotate beside each other; the result is the same to the byte.")
    ] = 1,
    device: Annotated[str, typer.Option(help="auto: a GPU where there is one; or cpu, cuda, cuda:1, mps.")] = "auto",
    join_lines: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Join N lines with spaces and let the annotator find the sentences, as the published procedure does "
            "with 5000.",
        ),
    ] = None,
    sentences: SentencesFlag = None,
    bad_lines: BadLines = None,
    column: Column = None,
    features: Features = None,
) -> None:
    """Annotate a corpus, as CoNLL-U. It gets sentences, lemmas, features, dependencies and trees."""
    from impossible_lms.corpora.annotate import annotate as annotate_corpus
    from impossible_lms.corpora.annotate import load_annotator, outputs, summary
    from impossible_lms.progress import Console

    _, source = asked(corpus, sentences, bad_lines, column, features)
    outputs(source, output)  # a wrong one is said before models are loaded
    loaded = load_annotator(annotator, source, trees, device)
    say_read(source)
    was_there = output.exists()
    record = annotate_corpus(
        source, loaded, output, processes=processes, join_lines=join_lines, progress=Console(), say=_said
    )
    print(f"{output}: {summary(record)}{', as it was there already' if was_there else ''}")
    _say_what_is_marked(output)


def _say_what_is_marked(output: Path) -> None:
    """How many sentences of an annotated corpus the hop languages mark, in a part of it: its features may not serve."""
    from impossible_lms.corpora import read_corpus
    from impossible_lms.languages import get_language
    from impossible_lms.languages.check import sampled
    from impossible_lms.languages.markers import marker_fault, shares, shares_said
    from impossible_lms.languages.marks import PAPER_MARK

    _, columns = next(sampled(read_corpus(str(output))).blocks())
    marked = shares(PAPER_MARK.in_sentences(columns), len(columns))
    print(f"marked in the hop languages: {shares_said(marked)} of {len(columns):,} sentences, the first of every file")
    if fault := marker_fault(get_language("no-hop"), output.name, marked):
        _said(f"{fault} spaCy's own English pipelines give no verb Number=Plur; Stanza does.")


def build(
    corpus: CorpusSpec,
    language: Annotated[
        list[str],
        typer.Option(
            help="A language, as `impossible languages` lists them; repeat it for several. paper: the fifteen; "
            "shuffle, reverse, hop or another family: its languages."
        ),
    ],
    output: Annotated[Path, typer.Option(help="The folder to write; of several languages, each gets one in it.")],
    tokenizer: TokenizerSpec = "gpt2",
    context: Annotated[int, typer.Option(help="Tokens in a training block.")] = 1024,
    seed: Annotated[int, typer.Option(min=0, help="Order of the training sentences.")] = 0,
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published",
            help="Shuffle from the order of the published files: blocks are those of the published run of --seed.",
        ),
    ] = False,
    longest: Annotated[
        int | None,
        typer.Option(
            "--longest-training-sentence",
            metavar="TOKENS",
            help="Leave longer sentences out of training; test and dev keep all lengths.",
        ),
    ] = None,
    modifiers: Annotated[
        int | None,
        typer.Option(
            "--most-training-modifiers",
            metavar="COUNT",
            help="Leave sentences out of training with more of demonstrative, numeral and adjective in a noun phrase.",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local; of several languages also local:N for N processes, ray, or ray:ADDRESS.")
    ] = "local",
    sentences: SentencesFlag = None,
    bad_lines: BadLines = None,
    column: Column = None,
    features: Features = None,
) -> None:
    """Write a corpus in languages, as token datasets. Many languages take one pass."""
    from impossible_lms.data.build import build_dataset, build_datasets
    from impossible_lms.data.dataset import TokenDataset
    from impossible_lms.data.token_files import build_from_token_files, token_files
    from impossible_lms.experiment.engines.choice import LOCAL, RAY, Choice
    from impossible_lms.experiment.in_parts import build_in_parts
    from impossible_lms.files import MANIFEST
    from impossible_lms.languages import get_languages
    from impossible_lms.progress import Console
    from impossible_lms.tokenizer import load_tokenizer

    choice = Choice.of(engine, (LOCAL, RAY))
    chosen = get_languages(language)
    if token_files(corpus, chosen[0]):
        for flag, value in (("longest-training-sentence", longest), ("most-training-modifiers", modifiers)):
            if value is not None:
                raise UserError(f"--{flag} {value}: the ids at {corpus} are of sentences as they are.")
        loaded = load_tokenizer(tokenizer)
        for each in chosen:
            if files := token_files(corpus, each):
                home = output if len(chosen) == 1 else output / each.name
                was_there = (home / MANIFEST).exists()
                dataset = build_from_token_files(
                    files, each, loaded, home, context=context, seed=seed, progress=Console()
                )
                _say_dataset(dataset, each, corpus, was_there)
        return
    corpus, source = asked(corpus, sentences, bad_lines, column, features)
    loaded = load_tokenizer(tokenizer, source)
    say_read(source)
    folders = [output] if len(chosen) == 1 else [output / each.name for each in chosen]
    before = [(folder / MANIFEST).exists() for folder in folders]
    options: dict[str, Any] = {"context": context, "seed": seed, "as_published": as_published}
    options |= {"longest_training_sentence": longest, "most_training_modifiers": modifiers}
    if len(chosen) == 1:
        datasets = [build_dataset(source, chosen[0], loaded, output, progress=Console(), **options)]
    elif choice.name == RAY or choice.count is not None:
        build_in_parts(choice, corpus, chosen, loaded, output, say=_said, **options)
        datasets = [TokenDataset.open(folder) for folder in folders]
    else:
        built = build_datasets(source, chosen, loaded, output, progress=Console(), **options)
        datasets = list(built.values())
    for each, dataset, was_there in zip(chosen, datasets, before, strict=True):
        _say_dataset(dataset, each, source.name, was_there, source)


def _say_dataset(
    dataset: "TokenDataset", language: "Language", corpus: str, was_there: bool, source: "Corpus | None" = None
) -> None:
    """Say what was built or was there, what of it the language drops, and on stderr what is wrong with its markers."""
    from impossible_lms.languages.markers import marker_fault, shares_said

    if not len(dataset):
        print(f"{dataset.folder}: no training blocks, for there is no training part; sentences to measure")
        return
    marked = "".join(f"; {said} of sentences" for said in [shares_said(dataset.marked)] if said)
    dropped = sum(sum(dataset.record["counts"][split]["dropped"].values()) for split in SPLITS)
    left = f"; {dropped:,} sentences dropped" if dropped else ""
    fertile = f"; {dataset.fertility}" if dataset.fertility else ""
    said = f"{len(dataset):,} blocks of {dataset.context} tokens in {dataset.language}{fertile}{marked}{left}"
    print(f"{dataset.folder}: {said}{', as it was there already' if was_there else ''}")
    if fault := marker_fault(language, corpus, dataset.marked):
        _said(marker_fault(language, corpus, dataset.marked, source.beginnings() if source else ()) or fault)


def asked(
    spec: str, sentences: str | None, bad_lines: str | None, column: str | None, features: str | None = None
) -> "tuple[str, Corpus]":
    """The corpus that a spec and flags name, read once for what is wrong in it; and its spec with these."""
    from impossible_lms.corpora import read_corpus
    from impossible_lms.corpora.options import with_flags

    spec = with_flags(spec, {"sentences": sentences, "bad-lines": bad_lines, "column": column, "features": features})
    corpus = read_corpus(spec)
    _ = corpus.survey
    return spec, corpus


def say_read(corpus: "Corpus") -> None:
    """Say on stderr what was read of a corpus, and what was not."""
    for line in corpus.survey.said():
        _said(line)


def _said(line: str) -> None:
    print(line, file=sys.stderr)
