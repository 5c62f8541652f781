"""`impossible`: one short function a verb; what happens is in the packages."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impossible_lms import __version__
from impossible_lms.errors import Interrupted, UserError
from impossible_lms.experiment.evaluate_command import evaluate, metrics

if TYPE_CHECKING:
    from impossible_lms.tokenizer import Tokenizer

app = typer.Typer(
    help="Impossible languages: rewrite a corpus, train language models on it, measure what they learn.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

CorpusSpec = Annotated[
    str,
    typer.Option(
        help="A text file or folder (one sentence a line; BabyLM's layout), CoNLL-U, Parquet, bracketed trees, "
        "hub:NAME[:config][:split][:column] for a Hugging Face dataset, or grammar:sentences=N,seed=S."
    ),
]
TokenizerSpec = Annotated[
    str, typer.Option(help="A folder with vocab.json and merges.txt or tokenizer.json, train:vocab=N, or a Hub id.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Verbs = Annotated[
    list[str] | None, typer.Option(metavar="FORM=LEMMA", help="A verb for the hop languages to mark; may be repeated.")
]
RunFolder = Annotated[Path, typer.Argument(help="A folder made by `impossible train`.")]

INTERRUPTED = 130  # exit code, as after Ctrl-C in any shell; typer gives it back too

# The base of typer's errors (bad parameter, usage error, this), which it does not export.
CommandLineError: type[Any] = typer.BadParameter.__mro__[2]

# Where no tokenizer is asked for, examples use one trained on the built-in grammar: it needs neither files nor network.
EXAMPLE_TOKENIZER, EXAMPLE_CORPUS = "train:vocab=2048", "grammar:sentences=10000,seed=0"
EXAMPLE = "He cleans his very messy bookshelf."
EXAMPLE_PARSE = [(2, "nsubj"), (0, "root"), (6, "nmod:poss"), (5, "advmod"), (6, "amod"), (2, "obj"), (2, "punct")]


@app.callback(invoke_without_command=True)
def options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Impossible languages: rewrite a corpus, train language models on it, measure what they learn."""
    if version:
        print(f"impossible-lms {__version__}")
        raise typer.Exit


@app.command()
def languages(as_json: Json = False) -> None:
    """List the languages, with an example each: the paper's fifteen, then those from later work."""
    from rich.console import Console

    from impossible_lms.corpora.example import example
    from impossible_lms.languages import LANGUAGES
    from impossible_lms.languages.speak import speak as spoken_in
    from impossible_lms.report.terminal import language_table

    tokenizer = _example_tokenizer(EXAMPLE_TOKENIZER)
    sentence = example(EXAMPLE, parse=EXAMPLE_PARSE)
    spoken = {name: spoken_in(language, sentence, tokenizer) for name, language in LANGUAGES.items()}
    if not as_json:
        Console().print(language_table(LANGUAGES, spoken))
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


@app.command()
def speak(
    language: Annotated[
        str, typer.Argument(help="A language, as `impossible languages` lists them, or paper, or all.")
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
    from rich.console import Console

    from impossible_lms.corpora.example import example
    from impossible_lms.languages import GROUPS, get_language
    from impossible_lms.languages.speak import speak as spoken_in
    from impossible_lms.report.terminal import coloured, pieces, spoken_table

    chosen = GROUPS.get(language) or {language: get_language(language)}  # an unknown name is said at once
    marked, plurals = _verbs("--singular", singular, text), _verbs("--plural", plural, text)
    sentence, loaded = example(text, marked, plurals), _example_tokenizer(tokenizer)
    spoken = {name: spoken_in(each, sentence, loaded) for name, each in chosen.items()}
    if language in GROUPS:
        if as_json:
            print(json.dumps({name: vars(said) for name, said in spoken.items()}, ensure_ascii=False, indent=2))
        else:
            Console().print(spoken_table(chosen, spoken))
        return
    said = spoken[language]
    if said.dropped:
        raise UserError(f"{language} drops this sentence ({said.dropped}).")
    if chosen[language].family.name == "hop" and not said.affected:
        print("no marked verb found; name one with --singular FORM=LEMMA or --plural FORM=LEMMA", file=sys.stderr)
    if as_json:
        print(json.dumps(vars(said), ensure_ascii=False))
        return
    console = Console(soft_wrap=True)
    console.print(coloured(said))
    console.print(pieces(said))
    console.print(" ".join(str(token) for token in said.ids), style="dim", highlight=False)


@app.command()
def check(
    language: Annotated[list[str], typer.Argument(help="Languages: names, path/to/file.py:Name, paper, or all.")],
    corpus: CorpusSpec = EXAMPLE_CORPUS,
    tokenizer: TokenizerSpec = EXAMPLE_TOKENIZER,
    sample: Annotated[
        int, typer.Option(min=2, help="Sentences to rewrite, at most: the first of every file.")
    ] = 20_000,
    as_json: Json = False,
) -> None:
    """Say what languages do, with evidence from a corpus, each beside its control."""
    from rich.console import Console

    from impossible_lms.corpora import read_corpus
    from impossible_lms.data.build import training_texts
    from impossible_lms.languages import get_language, get_languages
    from impossible_lms.languages.check import check as check_language
    from impossible_lms.languages.check import sampled
    from impossible_lms.report.terminal import LEGEND, report_table
    from impossible_lms.tokenizer import load_tokenizer

    asked = get_languages(language)
    compared = {each.name: each for one in asked for each in (get_language(one.control), one)}
    source = read_corpus(corpus)
    loaded = load_tokenizer(tokenizer, training_texts(source))
    sentences = sampled(source, sample)
    reports = [check_language(each, sentences, loaded, sample) for each in compared.values()]
    if as_json:
        print(json.dumps([report.row() for report in reports], ensure_ascii=False, indent=2))
        return
    Console().print(report_table(reports))
    count, size = reports[0].sentences, max(report.tokens for report in reports)
    print(f"\n{count:,} sentences of {source.name}, up to {size:,} tokens\n{LEGEND}")


@app.command()
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
) -> None:
    """Annotate a corpus: sentences, lemmas, features, dependencies and trees, as CoNLL-U."""
    from impossible_lms.corpora import read_corpus
    from impossible_lms.corpora.annotate import annotate as annotate_corpus
    from impossible_lms.corpora.annotate import load_annotator, summary
    from impossible_lms.progress import Console

    source = read_corpus(corpus)
    record = annotate_corpus(source, load_annotator(annotator, source, trees), output, progress=Console())
    print(f"{output}: {summary(record)}")


@app.command()
def build(
    corpus: CorpusSpec,
    language: Annotated[
        list[str],
        typer.Option(
            help="A language, as `impossible languages` lists them; repeat it for several. paper: the fifteen."
        ),
    ],
    output: Annotated[Path, typer.Option(help="The folder to write; of several languages, each gets one in it.")],
    tokenizer: TokenizerSpec = "gpt2",
    context: Annotated[int, typer.Option(help="Tokens in a training block.")] = 1024,
    seed: Annotated[int, typer.Option(help="Order of the training sentences.")] = 0,
) -> None:
    """Write a corpus in one language, or in many in one pass, as token datasets."""
    from impossible_lms.corpora import read_corpus
    from impossible_lms.data.build import build_dataset, build_datasets, training_texts
    from impossible_lms.languages import get_languages
    from impossible_lms.progress import Console
    from impossible_lms.tokenizer import load_tokenizer

    chosen = get_languages(language)
    source = read_corpus(corpus)
    loaded = load_tokenizer(tokenizer, training_texts(source))
    options: dict[str, Any] = {"context": context, "seed": seed, "progress": Console()}
    if len(chosen) == 1:
        datasets = [build_dataset(source, chosen[0], loaded, output, **options)]
    else:
        datasets = build_datasets(source, chosen, loaded, output, **options)
    for dataset in datasets:
        print(f"{dataset.folder}: {len(dataset):,} blocks of {dataset.context} tokens in {dataset.language}")


@app.command()
def inspect(
    data: Annotated[Path, typer.Argument(help="A folder made by `impossible build`.")],
    sentences: Annotated[int, typer.Option(min=0, help="How many test sentences to show.")] = 5,
    as_json: Json = False,
) -> None:
    """Say what is inside a token dataset, check every file, and show decoded sentences."""
    from impossible_lms.data.dataset import TokenDataset

    dataset = TokenDataset.open(data)
    dataset.verify()
    held_out = dataset.held_out("test")
    shown = [dataset.tokenizer.decode(tokens) for _, tokens in zip(range(sentences), held_out.tokens, strict=False)]
    if as_json:
        print(json.dumps({"record": dataset.record, "sentences": shown}, ensure_ascii=False, indent=2))
        return
    request, counts = dataset.record["request"], dataset.record["counts"]
    print(f"{data}: {request['language']}, every file as its manifest says")
    print(f"corpus     {dataset.record['corpus']}  sha256 {request['corpus'][:16]}…")
    print(f"tokenizer  {dataset.record['tokenizer']}  {dataset.vocabulary_size:,} ids as {dataset.record['dtype']}")
    print(f"markers    {' '.join(f'{marker} = {id_}' for marker, id_ in dataset.record['markers'].items()) or 'none'}")
    tail = counts["tail_tokens"]
    print(
        f"blocks     {counts['blocks']:,} of {dataset.context} tokens, order seed {request['seed']}, {tail} tokens left"
    )
    for split in ("train", "dev", "test"):
        count = counts[split]
        dropped = "".join(f", {number:,} dropped: {reason}" for reason, number in count["dropped"].items())
        numbers = f"{count['sentences']:,} sentences, {count['affected']:,} affected, {count['tokens']:,} tokens"
        print(f"{split:<10} {numbers}{dropped}")
    for text in shown:
        print(f"  {text}")


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="A folder made by `impossible build`.")],
    output: Annotated[Path, typer.Option(help="The run folder; a run in it that was stopped goes on.")],
    model: Annotated[str, typer.Option(help="gpt2 or gpt2-no-pos.")] = "gpt2-no-pos",
    size: Annotated[str, typer.Option(help="small (the published size) or tiny.")] = "small",
    recipe: Annotated[str, typer.Option(help="paper, demo, or a TOML file.")] = "paper",
    seed: Annotated[int, typer.Option(min=0, help="Weights, data order and dropout.")] = 53,
    micro_batch: Annotated[
        int | None, typer.Option(min=1, help="Sequences computed at a time: memory and speed, not the result.")
    ] = None,
) -> None:
    """Train a model from scratch on a token dataset."""
    from impossible_lms.progress import Console
    from impossible_lms.training.recipe import load_recipe
    from impossible_lms.training.train import train as train_model

    run = train_model(
        data,
        output,
        recipe=load_recipe(recipe),
        model=model,
        size=size,
        seed=seed,
        micro_batch=micro_batch,
        progress=Console(),
    )
    finished = run.finished or {}
    print(
        f"{output}: {run.name}, {finished['steps']:,} steps, loss {finished['loss']:.3f}, {finished['seconds']:,.0f} s"
    )


@app.command()
def publish(
    run: RunFolder,
    to: Annotated[str, typer.Option(help="'cache' for this machine's Hugging Face cache, or a folder.")],
    namespace: Annotated[str, typer.Option(help="The user or organisation in the model's id.")] = "local",
    overwrite: Annotated[bool, typer.Option(help="Replace revisions that hold other weights.")] = False,
) -> None:
    """Publish a run: one revision a checkpoint, main the last, with a model card."""
    from impossible_lms.models.run import Run
    from impossible_lms.publishing.repository import publish as publish_run

    model_id, repository = publish_run(Run.open(run), to, namespace, overwrite=overwrite)
    print(f"{model_id}: {repository}")


@app.command()
def demo(output: Annotated[Path, typer.Option(help="The folder for everything.")] = Path("demo")) -> None:
    """Build, train, measure and publish two languages on the built-in grammar, in minutes."""
    from impossible_lms.experiment.demo import run_demo
    from impossible_lms.progress import Console

    for path in run_demo(output, lambda line: print(line, file=sys.stderr), Console()):
        print(path)


app.command()(evaluate)
app.command()(metrics)


def main() -> None:
    """Run the command line; errors are one line on stderr: exit code 2 for bad input, 5 for disk and memory."""
    try:
        code = app(standalone_mode=False)
    except UserError as error:
        _fail(str(error), 2)
    except CommandLineError as error:
        _fail(error.format_message(), error.exit_code)
    except Interrupted as error:
        _fail(str(error), INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        _fail(f"{error.filename or 'disk'}: {error.strerror or error}.", 5)
    if code == INTERRUPTED:
        _fail("interrupted. Nothing half-written is left; the same command begins again where it can.", INTERRUPTED)
    sys.exit(code or 0)


def _fail(message: str, code: int) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


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


if __name__ == "__main__":
    main()
