"""How fast a model trains: this project, transformers' Trainer, and a plain loop, on one device with the same batch.

    python -m benchmarks.training [--model gpt2] [--size tiny] [--context 128] [--sequences 16] [--corpus SPEC]
                                  [--tokenizer SPEC] [--vocabulary N] [--device cpu] [--rounds 5] [--steps 10]
                                  [--micro-batch N] [--contestants NAME ...]

Every contestant is a process of its own that trains all the time, dropout on, from the same token dataset. Rounds are
interleaved: each trains `--steps` steps while the others wait, so that what else the machine does meets all alike. The
first round, in which things compile, is not counted. The rate of bf16 matrix products is measured between rounds. On a
GPU contestants run one after the other, for each takes the memory it finds. `--vocabulary` makes up a corpus and a
tokenizer of so many entries, where there is none at hand; `--micro-batch` is what the others compute at a time.
`--model` is a name of `impossible models`; the plain loop knows GPT-2 alone, and is left out for others.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from benchmarks.plain_loop import plain_loop
from impossible_lms import build_dataset, get_language, load_tokenizer, read_corpus
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.models.architectures import ARCHITECTURES, described_model, get_architecture, get_size, make_model
from impossible_lms.training.operations import matrix_rate, operations_per_token, product_rate, products_of_step
from impossible_lms.training.recipe import Recipe, load_recipe
from impossible_lms.versions import versions

STEPS = 100_000  # more than are ever taken
WARM_UP = 3  # steps of the first round
CONTESTANTS = {
    "ours": "impossible-lms, bf16",
    "ours-fp32": "impossible-lms, fp32",
    "ours-deterministic": "impossible-lms, bf16, deterministic",
    "trainer": "Trainer, defaults",
    "trainer-bf16": "Trainer, bf16",
    "trainer-best": "Trainer, bf16 and torch_compile",
    "plain": "plain loop, bf16",
    "plain-compiled": "plain loop, bf16 and torch.compile",
}


class Rounds:
    """How a contestant takes its turns: told on stdin how many steps to take, it answers with the seconds."""

    def __init__(self, answers: TextIO) -> None:
        self._answers, self._left, self._began = answers, 0, 0.0

    def start(self, what: str = "", total: int | None = None) -> None:
        self._wait()

    def at(self, done: int = 0, note: str = "") -> None:
        """A step is done."""
        self._left -= 1
        if self._left == 0:
            seconds = time.perf_counter() - self._began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            import torch

            if torch.cuda.is_available():
                torch.cuda.synchronize()
                peak = torch.cuda.max_memory_allocated()
            print(json.dumps({"seconds": seconds, "peak": peak}), file=self._answers, flush=True)
            self._wait()

    def end(self) -> None: ...

    def _wait(self) -> None:
        asked = sys.stdin.readline()
        if not asked:
            os._exit(0)  # the benchmark is over, in the midst of a run
        self._left, self._began = int(asked), time.perf_counter()


def main() -> None:
    """Measure all contestants, and print the table."""
    options = arguments()
    if options.contestant:
        compete(options)
        return
    import torch

    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        if options.vocabulary:
            options.corpus = str(made_up(Path(scratch) / "words.txt", options.vocabulary))
            options.tokenizer = f"train:vocab={options.vocabulary}"
        corpus = read_corpus(options.corpus)
        tokenizer = load_tokenizer(options.tokenizer, corpus)
        dataset = build_dataset(corpus, get_language("partial-reverse"), tokenizer, data, context=options.context)
        model = make_model(get_architecture(options.model), config_of(dataset, options), 0)
        per_token = operations_per_token(model, options.context)
        device = torch.device(options.device)
        named = torch.cuda.get_device_name() if options.device == "cuda" else platform.processor() or platform.machine()
        print(f"{named}, {os.cpu_count()} cores, {torch.get_num_threads()} threads; load {os.getloadavg()[0]:.1f}")
        print(", ".join(f"{name} {version}" for name, version in versions("torch", "transformers").items()))
        print(
            f"{options.size}: {sum(p.numel() for p in model.parameters()):,} parameters, vocabulary "
            f"{dataset.vocabulary_size:,}, {options.sequences} x {options.context} tokens a step, "
            f"{per_token / 1e6:.1f} million operations a token\n",
            flush=True,
        )
        products = products_of_step(model, min(options.sequences * options.context, 2**16))
        del model
        seconds: dict[str, list[float]] = {name: [] for name in options.contestants}
        peaks: dict[str, int] = {}
        rates = []
        each_alone = [[name] for name in options.contestants] if options.device == "cuda" else [options.contestants]
        for side_by_side in each_alone:
            entrants = {name: entrant(name, data, Path(scratch), options) for name in side_by_side}
            for round_ in range(options.rounds + 1):
                rates.append(matrix_rate(device, "bf16"))
                for name, process in list(entrants.items()):
                    answer = turn(process, options.steps if round_ else WARM_UP)
                    if answer is None:  # the others go on, and the table says so
                        process.wait()
                        print(
                            f"{CONTESTANTS[name]} ended early:{last_words(Path(scratch) / f'{name}.log')}\n", flush=True
                        )
                        seconds.pop(name)
                        entrants.pop(name)
                        continue
                    peaks[name] = int(answer["peak"])
                    if round_:
                        seconds[name].append(answer["seconds"])
            for process in entrants.values():
                process.communicate()
        for name, shape in products.items():
            print(f"bf16 product {name}, {shape[0]:,} rows: {product_rate(device, 'bf16', shape) / 1e9:,.0f} GFLOP/s")
    report(seconds, peaks, per_token, max(rates), options)


def report(
    seconds: dict[str, list[float]],
    peaks: dict[str, int],
    per_token: float,
    rate: float,
    options: argparse.Namespace,
) -> None:
    """The table: medians over rounds, and ratios of the medians."""
    tokens = options.steps * options.sequences * options.context
    speeds = {name: [tokens / each for each in times] for name, times in seconds.items()}
    middle = {name: statistics.median(each) for name, each in speeds.items()}
    base = middle.get("trainer", min(middle.values()))
    print(f"bf16 matrix products: {rate / 1e9:,.0f} GFLOP/s at best\n")
    print("| | tokens/s, median (lowest to highest round) | ratio | model-flops utilisation | peak memory |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, speed in middle.items():
        spread = f"{min(speeds[name]):,.0f} to {max(speeds[name]):,.0f}"
        print(
            f"| {CONTESTANTS[name]} | {speed:,.0f} ({spread}) | {speed / base:.2f} | {speed * per_token / rate:.0%} "
            f"| {peaks[name] / 1e6:,.0f} MB |"
        )
    others = {name: speed for name, speed in middle.items() if not name.startswith("ours")}
    if "ours" in middle and others:
        best = max(others, key=lambda name: others[name])
        print(f"\nimpossible-lms to the best of the others ({CONTESTANTS[best]}): {middle['ours'] / others[best]:.2f}")


def entrant(name: str, data: Path, scratch: Path, options: argparse.Namespace) -> "subprocess.Popen[str]":
    """A contestant's process."""
    command = [sys.executable, "-m", "benchmarks.training", "--contestant", name, "--data", str(data)]
    for flag in ("model", "size", "context", "sequences", "device"):
        command += [f"--{flag}", str(getattr(options, flag))]
    if options.micro_batch:
        command += ["--micro-batch", str(options.micro_batch)]
    command += ["--scratch", str(scratch / name)]
    with (scratch / f"{name}.log").open("w") as log:
        said = None if options.verbose else log
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True)  # noqa: S603


def last_words(log: Path) -> str:
    """What a process said at last."""
    lines = [line for line in log.read_text(errors="replace").split("\n") if line.strip()]
    return "".join(f"\n    {line}" for line in lines[-3:]) or " --verbose shows why."


def made_up(path: Path, vocabulary: int) -> Path:
    """A text of words that do not exist, as many as a tokenizer of that size learns, the n-th one 1 / n as often."""
    generator = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    words = list({"".join(generator.choice(letters, generator.integers(3, 10))) for _ in range(2 * vocabulary)})
    chance = 1 / np.arange(1, len(words) + 1)
    drawn = generator.choice(len(words), 12 * 60_000, p=chance / chance.sum())
    drawn[: 2 * len(words)] = np.tile(np.arange(len(words)), 2)  # all of them, or the tokenizer would not learn enough
    lines = (" ".join(words[index] for index in row) for row in drawn.reshape(-1, 12))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def turn(process: "subprocess.Popen[str]", steps: int) -> dict[str, Any] | None:
    """Have a contestant take some steps; None where it has ended."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(f"{steps}\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    answer: dict[str, Any] | None = json.loads(process.stdout.readline() or "null")
    return answer


def compete(options: argparse.Namespace) -> None:
    """Be a contestant."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    rounds = Rounds(answers)
    dataset = TokenDataset.open(options.data)
    kind, _, way = options.contestant.partition("-")
    if kind == "ours":
        ours(dataset, rounds, options, "fp32" if way == "fp32" else "bf16", way == "deterministic")
    elif kind == "trainer":
        trainer(dataset, rounds, options, way)
    else:
        plain_loop(
            dataset,
            get_size(options.size),
            recipe_of(options, "bf16"),
            options.device,
            compiled=way == "compiled",
            micro_batch=options.micro_batch or options.sequences,
            start=rounds.start,
            done=rounds.at,
        )


def recipe_of(options: argparse.Namespace, precision: str) -> Recipe:
    """The demo's recipe with the batch that was asked for."""
    return load_recipe("demo").model_copy(
        update={
            "steps": STEPS,
            "sequences_per_step": options.sequences,
            "context": options.context,
            "checkpoint_every": STEPS,
            "held_out_every": 0,
            "precision": precision,
        }
    )


def config_of(dataset: TokenDataset, options: argparse.Namespace) -> Any:
    """The configuration, the same for all but the plain loop, which has its own model of the same shape."""
    _, config, _ = described_model(
        options.model,
        options.size,
        vocabulary_size=dataset.vocabulary_size,
        context=dataset.context,
        end_of_text=dataset.tokenizer.end_of_text,
        dropout=0.1,
    )
    return config


def ours(
    dataset: TokenDataset, rounds: Rounds, options: argparse.Namespace, precision: str, deterministic: bool
) -> None:
    """This project as its command trains: metrics, checks and all."""
    from impossible_lms.training.fast import compiling
    from impossible_lms.training.train import Options, train

    compiling.STEPS_BEFORE_COMPILING = {}  # so that no contestant has more to warm up than another
    train(
        dataset.folder,
        options.scratch,
        recipe=recipe_of(options, precision),
        model=options.model,
        size=options.size,
        # As a long run would be: of recurrent models the command compiles none, whose scan torch unrolls for minutes.
        options=Options(
            compiled="recurrence" not in get_architecture(options.model).order, deterministic=deterministic
        ),
        say=lambda line: print(line, file=sys.stderr),
        progress=rounds,
    )


def trainer(dataset: TokenDataset, rounds: Rounds, options: argparse.Namespace, way: str) -> None:
    """transformers' Trainer with its defaults, or with the flags its documentation names for speed."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Turns(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *arguments: Any, **keywords: Any) -> None:
            rounds.start()

        def on_step_end(self, *arguments: Any, **keywords: Any) -> None:
            rounds.at()

    class Blocks(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
        def __len__(self) -> int:
            return len(dataset)

        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            ids = torch.from_numpy(dataset.blocks(np.array([index]))[0])
            return {"input_ids": ids, "labels": ids}

    chosen: dict[str, Any] = {"bf16": way != ""}
    if way == "best":
        chosen |= {"torch_compile": True, "dataloader_num_workers": 0}
    recipe, at_once = recipe_of(options, "bf16"), options.micro_batch or options.sequences
    arguments = TrainingArguments(
        output_dir=options.scratch,
        max_steps=STEPS,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=options.sequences // at_once,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.gradient_clip,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=options.device == "cpu",
        **chosen,
    )
    model = make_model(get_architecture(options.model), config_of(dataset, options), 0)
    Trainer(model=model, args=arguments, train_dataset=Blocks(), callbacks=[Turns()]).train()


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gpt2", choices=list(ARCHITECTURES))
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--corpus", default="grammar:sentences=20000,seed=0")
    parser.add_argument("--tokenizer", default="train:vocab=2048")
    parser.add_argument("--vocabulary", type=int)
    parser.add_argument("--micro-batch", type=int)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS)
    parser.add_argument("--verbose", action="store_true", help="show what contestants say")
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contestants is None:
        options.contestants = [name for name in CONTESTANTS if options.model == "gpt2" or "plain" not in name]
    return options


if __name__ == "__main__":
    main()
