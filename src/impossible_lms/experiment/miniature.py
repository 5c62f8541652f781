"""A miniature of an experiment: a few of its sentences in its languages and fresh models, on which time is measured."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from impossible_lms.corpora import Corpus, read_corpus
from impossible_lms.corpora.corpus import GrammarSource, Source
from impossible_lms.corpora.layout import CONLLU, TEXTS, WHOLE
from impossible_lms.corpora.parquet import ParquetFile, write_parquet
from impossible_lms.data.build import build_datasets
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate, homes_here
from impossible_lms.evaluation.metric import Metric, Request, Subject, loaded, placed
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.sentences import FEWER
from impossible_lms.experiment.asked import Model, Wanted
from impossible_lms.experiment.config import Experiment
from impossible_lms.languages.language import Language
from impossible_lms.models.architectures import described_model, make_model
from impossible_lms.models.checkpoints import save_checkpoint
from impossible_lms.models.run import Run
from impossible_lms.report.metric_figures import write_metric_figure
from impossible_lms.spec import parse_options
from impossible_lms.tokenizer import TRAIN, Tokenizer, load_tokenizer
from impossible_lms.training.recipe import Recipe

SENTENCES = 6_000  # of the copy, at most
ITEMS = 64  # asked of a metric, at most
PAIRS = 2  # of each paradigm, of a metric that has its own corpus
STEP = 1
LINED = (".jsonl", ".ndjson", ".csv", ".tsv")  # a sentence a line, beside what else stands in it
SAMPLE_BYTES = 1 << 22  # of a file, on which its sentences are counted
SECONDS_TO_COUNT = 3.0


@dataclass(frozen=True)
class Head:
    """The first sentences of a source."""

    source: Source
    sentences: int

    @property
    def split(self) -> str:
        return self.source.split

    @property
    def genre(self) -> str:
        return self.source.genre

    def blocks(self) -> Iterator[pa.RecordBatch]:
        left = self.sentences
        for block in self.source.blocks():
            yield block.slice(0, left)
            left -= len(block)
            if left <= 0:
                return

    def digest(self) -> str:
        return f"{self.sentences} of {self.source.split} {self.source.genre}"


def head_of(corpus: Corpus, sentences: int) -> Corpus:
    """About so many sentences of a corpus, the first of each source alike."""
    each = max(1, sentences // len(corpus.sources))
    return Corpus(corpus.name, tuple(Head(source, each) for source in corpus.sources))


def sentences_in(corpus: Corpus) -> int | None:
    """About how many sentences a corpus has, from the sizes of its files; None where that cannot be known quickly."""
    counts = [_sentences_in(source) for source in corpus.sources]
    return None if None in counts else sum(count for count in counts if count is not None)


def _sentences_in(source: Source) -> int | None:
    if isinstance(source, GrammarSource):
        return source.sentences
    path = getattr(getattr(source, "reader", source), "path", None)
    if isinstance(source, ParquetFile):
        import pyarrow.parquet as pq

        return int(pq.read_metadata(source.path).num_rows)
    plain = path if isinstance(path, Path) and path.suffix in (*CONLLU, *LINED, *TEXTS) else None
    if plain is not None:
        size = plain.stat().st_size
        with plain.open("rb") as file:
            piece = file.read(SAMPLE_BYTES)
        if plain.suffix in CONLLU:
            return max(1, round(piece.count(b"\n\n") * size / max(1, len(piece))))
        if plain.suffix in LINED:
            return max(1, round(piece.count(b"\n") * size / max(1, len(piece))))
    count = characters = 0
    began = time.monotonic()
    for block in source.blocks():
        count += len(block)
        characters += len(block) + (pc.sum(pc.binary_length(block.column("text"))).as_py() or 0)
        if plain is not None and characters > SAMPLE_BYTES:
            return round(count * plain.stat().st_size / characters)
        if time.monotonic() - began > SECONDS_TO_COUNT:
            return None  # of a packed file nobody knows before it is read
    return count


@dataclass(frozen=True)
class MeasureTime:
    """What a metric takes: `once` seconds a run, and `each` for every checkpoint."""

    once: float
    each: float


class Miniature:
    """The miniature in `folder`, made as far as it is asked for.

    Args:
        experiment: whose.
        recipe: its recipe.
        languages: its languages.
        tokenizer: it, if it is there; else one is trained on the copy.
        folder: an empty one.
        say: is told what is being measured.
    """

    def __init__(
        self,
        experiment: Experiment,
        recipe: Recipe,
        languages: Sequence[Language],
        tokenizer: Tokenizer | None,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        self._experiment, self._recipe, self._folder, self._say = experiment, recipe, folder, say
        self._languages = languages
        self.corpus = read_corpus(experiment.corpus)
        self.sentences = sentences_in(self.corpus)
        self._head = head_of(self.corpus, SENTENCES)
        self._write(folder / "miniature")
        self.small = read_corpus(str(folder / "miniature"))
        self.size = sum(len(block) for _, block in self.small.blocks())
        self.tokenizer_seconds = 0.0
        if tokenizer is None:
            say("measuring: the tokenizer")
            tokenizer = self._trained()
        self.tokenizer = tokenizer
        self._runs: dict[tuple[str, str], Run] = {}

    @property
    def scale(self) -> float:
        """How many times as large the corpus is as the copy; 1 where it is not known."""
        return 1.0 if self.sentences is None else max(1.0, self.sentences / self.size)

    def sentences_of(self, split: str) -> int | None:
        """About how many sentences a split has."""
        return sentences_in(self.corpus.part(split))

    def marked(self, language: Language) -> dict[str, float]:
        """The share of the miniature's training sentences in which each marker stands."""
        return TokenDataset.open(self._data(language)).marked

    @property
    def test_scale(self) -> float:
        """The same of the test sentences."""
        if self.sentences is None or self.corpus.splits == (WHOLE,):
            return self.scale
        theirs = self.sentences_of("test") or 0
        return max(1.0, theirs / max(1, sum(len(block) for _, block in self.small.part("test").blocks())))

    def data_time(self, languages: Sequence[Language]) -> tuple[float, float]:
        """Seconds to build datasets of the whole corpus in some languages, in one pass, and their bytes."""
        self._say(f"measuring: data in {len(languages)} languages")
        quarter = head_of(self.corpus, SENTENCES // 4)
        self._built(quarter, languages, "warm")
        first = self._built(quarter, languages, "quarter")
        whole = self._built(self._head, languages, "data")
        made = [self._folder / "data" / each.name for each in languages]
        size = sum(file.stat().st_size for folder in made for file in folder.iterdir() if file.is_file())
        slope = (whole - first) / 0.75 if whole > first else whole
        return whole + slope * (self.scale - 1), size * self.scale

    def measure_time(self, wanted: Wanted, model: Model) -> MeasureTime:
        """What it takes to measure a run of the model under a metric; UserError where the copy does not serve it."""
        metric, asked = wanted.metric, wanted.request.sample or wanted.metric.sample
        few = min(asked, PAIRS if "corpus" in metric.needs else ITEMS)
        run = self._run(wanted.language, model)
        request = replace(
            wanted.request,
            data=None if wanted.other is None else self._data(wanted.other),
            control=None if wanted.control is None else self._run(wanted.control, model).folder,
            corpus=self._spec(wanted.request.corpus),
            checkpoints="all",
            sample=few,
        )
        self._say(f"measuring: {metric.name} of {model.name}")
        evaluate(metric, run, request)
        fixed = _seconds(lambda: self._evaluated(metric, run, request))
        subject = Subject(run, request)
        began = time.perf_counter()
        task = metric.prepare(subject)
        prepared = time.perf_counter() - began
        task.score(Scorer(self._loaded(run, request)), STEP)  # what is made once a run, as an untrained model
        began = time.perf_counter()
        scorer = Scorer(self._loaded(run, request))
        loading = time.perf_counter() - began
        began = time.perf_counter()
        items = task.score(scorer, STEP)
        scoring = time.perf_counter() - began
        aggregating = _seconds(lambda: metric.aggregate(items))
        there = min(task.notes.get(FEWER, {}).values(), default=few) or 1
        times = min(asked, there * self.test_scale if there < few else asked) / there
        if metric.item in items and self.sentences is not None:  # sentences of the test set: there may be too few
            times = min(times, max(1.0, len(subject.held_out.table) * self.test_scale / max(1, len(items))))
        larger = times if "corpus" in metric.needs else self.scale if "corpus" in metric.options else 1.0
        once = max(0.0, fixed - prepared - aggregating) + prepared * larger
        return MeasureTime(once, loading + (scoring + aggregating) * times)

    def _spec(self, corpus: str | None) -> str | None:
        """The corpus that a request names, or the miniature of the experiment's own."""
        return str(self._folder / "miniature") if corpus == self._experiment.corpus else corpus

    def _evaluated(self, metric: Metric, run: Run, request: Request) -> None:
        """All that an evaluation does beside scoring, which was done before."""
        found = evaluate(metric, run, replace(request, name="again"))
        write_metric_figure(metric, [found.tables], found.folder)

    def _loaded(self, run: Run, request: Request) -> Any:
        return placed(loaded(run.checkpoints()[-1]), homes_here()[0], request.precision)

    def _write(self, folder: Path) -> None:
        """The copy's sentences in Parquet, in the splits and genres that they have."""
        folder.mkdir(parents=True)
        for source in self._head.sources:
            home = folder if source.split == WHOLE else folder / source.split
            home.mkdir(exist_ok=True)
            write_parquet(source.blocks(), home / f"{source.genre}.parquet")

    def _trained(self) -> Tokenizer:
        """A tokenizer trained on the copy, with as many ids as its sentences give."""
        wanted = parse_options("tokenizer", self._experiment.tokenizer, {"vocab": 4096})["vocab"]
        texts = list(self.small.training_texts())
        while True:
            began = time.perf_counter()
            try:
                found = load_tokenizer(f"{TRAIN}vocab={wanted}", texts)
            except UserError:
                wanted = wanted * 3 // 4
                if wanted < 257:
                    raise
                continue
            self.tokenizer_seconds = (time.perf_counter() - began) * max(1.0, self.scale / 4)
            return found

    def _built(self, corpus: Corpus, languages: Sequence[Language], name: str) -> float:
        """Seconds of building the datasets of a corpus in `name`."""
        output = self._folder / name
        return _seconds(lambda: self._build(corpus, languages, output))

    def _build(self, corpus: Corpus, languages: Sequence[Language], output: Path) -> None:
        """Write datasets of a corpus as the experiment asks for them."""
        build_datasets(
            corpus,
            languages,
            self.tokenizer,
            output,
            context=self._recipe.context,
            longest_training_sentence=self._experiment.longest_training_sentence,
            most_training_modifiers=self._experiment.most_training_modifiers,
        )

    def _data(self, language: Language) -> Path:
        """The folder of a language's data in miniature; the first call makes those of all."""
        home = self._folder / "small"
        if not home.is_dir():
            self._build(self.small, self._languages, home)
        return home / language.name

    def _run(self, language: Language, model: Model) -> Run:
        """A run with one checkpoint, of a model that has learnt nothing."""
        key = language.name, model.name
        if key not in self._runs:
            dataset = TokenDataset.open(self._data(language))
            architecture, config, described = described_model(
                model.spec,
                model.size,
                vocabulary_size=dataset.vocabulary_size,
                context=dataset.context,
                end_of_text=dataset.tokenizer.end_of_text,
                dropout=self._recipe.dropout,
            )
            request = {
                "dataset": dataset.identity,
                **described,
                "recipe": self._recipe.model_dump(),
                "seed": 0,
            }
            run = Run.begin(self._folder / "runs" / "-".join(key), dataset.folder, request, {})
            save_checkpoint(
                make_model(architecture, config, 0),
                dataset.tokenizer,
                run.folder / "checkpoints" / f"checkpoint-{STEP}",
                STEP,
                context=dataset.context,
                run=run.identity,
            )
            self._runs[key] = run
        return self._runs[key]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
