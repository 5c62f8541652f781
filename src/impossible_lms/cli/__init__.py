"""`impossible`: one short function a verb, in this folder; what happens is in the packages."""

import codecs
import errno
import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from impossible_lms import __version__
from impossible_lms.cli import (
    comparison,
    data,
    evaluation,
    experiments,
    explorer,
    inspecting,
    languages,
    lengths,
    models,
    publishing,
    report,
    store,
)
from impossible_lms.errors import INTERRUPTED, Interrupted, UserError, UserErrors, in_one_line, stop

app = typer.Typer(
    help="Impossible languages: rewrite a corpus, train language models on it, measure what they learn.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS: tuple[Callable[..., None], ...] = (
    languages.languages,
    languages.speak,
    languages.check,
    data.annotate,
    data.build,
    inspecting.inspect,
    models.models,
    models.train,
    evaluation.evaluate,
    evaluation.metrics,
    evaluation.generate,
    evaluation.words,
    comparison.compare,
    comparison.separation,
    lengths.lengths,
    publishing.publish,
    publishing.card,
    experiments.init,
    experiments.run,
    experiments.status,
    store.store,
    report.report,
    explorer.explore,
    experiments.demo,
)
for verb in VERBS:
    app.command()(verb)
hub = typer.Typer(help="A Hugging Face Hub on this machine.", rich_markup_mode=None)
hub.command()(publishing.serve)
app.add_typer(hub, name="hub")

BEGINNINGS = {  # of verbs that take about a second, and more on a busy machine, before they say what was asked
    "annotate": "loading the annotator",
    "build": "reading the corpus",
    "check": "reading the corpus",
    "compare": "reading results",
    "demo": "opening the experiment",
    "evaluate": "loading torch and the models",
    "explore": "loading the page's libraries",
    "generate": "loading torch and the model",
    "languages": "training a small tokenizer for the examples",
    "lengths": "reading results",
    "models": "loading torch, which counts the parameters",
    "publish": "reading what is to be published",
    "report": "reading results",
    "run": "opening what the experiment names",
    "separation": "reading results",
    "speak": "loading the tokenizer",
    "train": "loading torch and the data",
    "words": "loading torch and the models",
}
# Python's collector of cycles looks at all of pandas and matplotlib each time that 700 new objects stay, which was a
# sixth of a report; with this many it costs nothing, and neither training nor evaluation holds more memory.
KEPT_BEFORE_COLLECTING = 50_000
ESCAPED = "impossible-escaped"  # a way to write signs that an encoding lacks

# The base of typer's errors (bad parameter, usage error, this), which it does not export.
CommandLineError: type[Any] = typer.BadParameter.__mro__[2]


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Impossible languages: rewrite a corpus, train language models on it, measure what they learn."""
    if version:
        print(f"impossible-lms {__version__}")
        raise typer.Exit
    _help(context)


@hub.callback(invoke_without_command=True)
def _help(context: typer.Context) -> None:
    """A Hugging Face Hub on this machine."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Run the command line; errors are one line on stderr: exit code 2 for bad input, 5 for disk and memory."""
    gc.set_threshold(KEPT_BEFORE_COLLECTING)
    _write_in_any_encoding()
    try:
        _refuse_bytes(sys.argv[1:])
        _begin(sys.argv[1:])
        code = app(standalone_mode=False)
    except UserErrors as errors:
        _fail_with(errors.faults, 2)
    except UserError as error:
        _fail(str(error), 2)
    except CommandLineError as error:
        _fail(error.format_message(), error.exit_code)
    except Interrupted as error:
        stop(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        code = 2 if error.errno == errno.ENAMETOOLONG else 5  # nobody's disk is at fault where a name is too long
        _fail(f"{error.filename or 'disk'}: {error.strerror or error}.", code)
    if code == INTERRUPTED:
        stop("interrupted. Nothing half-written is left; the same command begins again where it can.")
    sys.exit(code or 0)


def _write_in_any_encoding() -> None:
    """Have what a terminal's or pipe's encoding has no sign for written as JSON escapes it: what is JSON stays JSON."""
    codecs.register_error(ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=ESCAPED)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - nothing is read so
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _refuse_bytes(words: list[str]) -> None:
    """UserError for a word that is no text: what is not UTF-8 can neither be encoded nor written into a record."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            said = word.encode("utf-8", "backslashreplace").decode()
            place = f"character {error.start + 1}"
            raise UserError(f"{said}: not UTF-8 at {place}. Write it in UTF-8, or rename the file.") from None


def _begin(words: list[str]) -> None:
    """Say on stderr what takes the first seconds; of the processes of torchrun, the first one does."""
    verb = words[0] if words else ""
    if verb in BEGINNINGS and not {"-h", "--help"} & {*words} and os.environ.get("RANK", "0") == "0":
        print(f"{verb}: {BEGINNINGS[verb]} ...", file=sys.stderr, flush=True)


def _fail(message: str, code: int) -> None:
    _fail_with([message], code)


def _fail_with(messages: Sequence[str], code: int) -> None:
    for message in messages:
        print(f"error: {in_one_line(message)}", file=sys.stderr)
    sys.exit(code)
