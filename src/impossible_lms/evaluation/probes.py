"""Constituency probes: the category of a phrase, read off a model's hidden states (paper, appendix)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.evaluation.logistic import ITERATIONS, fit
from impossible_lms.evaluation.metric import HIGHER, LOADING, PLAIN, Metric, Request, Subject, Task
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.sentences import corpus_of, sample_notes
from impossible_lms.evaluation.spans import CATEGORIES, Spans, spans_of
from impossible_lms.evaluation.statistics import mean_over_seeds
from impossible_lms.languages.hop import marks_number
from impossible_lms.languages.language import Language
from impossible_lms.languages.reverse import MARKER
from impossible_lms.languages.word_reverse import WORD_REVERSE
from impossible_lms.languages.word_shuffle import WORD_SHUFFLE

if TYPE_CHECKING:
    import torch

SAMPLE = 500  # spans a category
LAYERS = (1, 3, 6, 9, 12)  # as published, those there are
LAST_FOUR = "last four"
SEEDS = 3  # of splits
TEST = 0.2  # of the sentences
PUBLISHED_ITERATIONS = 10
PUBLISHED_SAMPLE = 2_000  # spans a category


def serves(language: Language, request: Request = PLAIN) -> str | None:
    """Languages serve that move tokens, and hop languages, of which sentences without a marked verb are taken."""
    if marks_number(language):
        return None
    if language.needs or language.family in (WORD_SHUFFLE, WORD_REVERSE):
        return f"language {language.name}: does more than move tokens; probes cannot follow phrases in it."
    if request.as_published and MARKER not in language.family.markers:
        return f"language {language.name}: the published probes are of reverse and hop languages alone."
    return None


def prepare(subject: Subject) -> Task:
    """Phrases of the test sentences, or of `--corpus`, as many of each category.

    UserError where there are no trees, or fewer than two categories.
    """
    if reason := serves(subject.language, subject.request):
        raise UserError(reason)
    corpus = corpus_of(subject, "trees")
    found, left_out = spans_of(subject, corpus)
    sample = subject.sample(PUBLISHED_SAMPLE if subject.request.as_published else SAMPLE)
    spans, fewer = _balanced(found, sample, subject.seed, f"corpus {corpus.name}")
    iterations = PUBLISHED_ITERATIONS if subject.request.as_published else ITERATIONS
    seeds = range(subject.seed, subject.seed + SEEDS)
    untrained: dict[str, dict[tuple[str, str], NDArray[np.float64]]] = {}

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        trained = pooled(scorer, spans)
        if not untrained:
            untrained["states"] = pooled(_fresh(scorer, subject.seed), spans)
        rows = []
        for (layer, pooling), features in trained.items():
            for seed in seeds:
                probe = _probe(features, spans, seed, iterations, subject.request.as_published)
                baseline = _probe(
                    untrained["states"][layer, pooling], spans, seed, iterations, subject.request.as_published
                )
                row = {"layer": layer, "pooling": pooling, "probe_seed": seed, **probe}
                rows.append(row | {"untrained": baseline["accuracy"]})
        return pd.DataFrame(rows)

    counts = {
        CATEGORIES[key]: int(count) for key, count in zip(*np.unique(spans.category, return_counts=True), strict=True)
    }
    notes = {"spans": counts, "left_out": left_out, **sample_notes(sample, fewer)}
    return Task(score, {"corpus": corpus.fingerprint()}, notes)


def pooled(scorer: Scorer, spans: Spans) -> dict[tuple[str, str], NDArray[np.float64]]:
    """By layer and pooling, (s, hidden) float64: the states of each span's tokens, all layers from one pass."""
    import torch

    used, row_of = np.unique(spans.sentence, return_inverse=True)
    sentences = spans.tokens.take(used)
    found: dict[tuple[str, str], Any] = {}
    for batch, states in scorer.states(sentences):
        place = np.full(len(used), -1)
        place[batch] = np.arange(len(batch))
        mine = np.flatnonzero(place[row_of] >= 0)
        lengths = spans.end[mine] - spans.start[mine]
        span = np.repeat(np.arange(len(mine)), lengths)
        first = np.append(0, np.cumsum(lengths))[:-1]
        token = np.arange(len(span)) - first[span] + spans.start[mine][span]
        device = states[0].device
        row, at, of = (torch.from_numpy(each).to(device) for each in (place[row_of][mine][span], token, span))
        for layer, hidden in _layers(states):
            chosen = hidden[row, at].float()
            for pooling, reduction in (("mean", "mean"), ("max", "amax")):
                empty = torch.zeros(len(mine), chosen.shape[1], device=device)
                values = empty.scatter_reduce(0, of[:, None].expand_as(chosen), chosen, reduction, include_self=False)
                target = found.setdefault((layer, pooling), np.empty((len(spans.sentence), chosen.shape[1])))
                target[mine] = values.double().cpu().numpy()
    return found


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """The mean accuracy over splits by layer and pooling, with the interval of t, the control task and the baseline."""
    rows = []
    for (layer, pooling), group in items.groupby(["layer", "pooling"], sort=True):
        found = mean_over_seeds(group["accuracy"].to_numpy())
        row = {"layer": layer, "pooling": pooling, "items": len(group), "accuracy": found.estimate}
        row |= {"low": found.low, "high": found.high, "selectivity": (group["accuracy"] - group["control"]).mean()}
        row |= {name: group[name].mean() for name in ("control", "untrained")} | {"converged": group["converged"].all()}
        rows.append(row)
    return pd.DataFrame(rows)


def _layers(states: "tuple[torch.Tensor, ...]") -> "list[tuple[str, torch.Tensor]]":
    depth = len(states) - 1
    single = [(str(layer), states[layer]) for layer in LAYERS if layer <= depth]
    last = states[max(1, depth - 3) :]
    return [*single, (LAST_FOUR, sum(last[1:], last[0]) / len(last))]


def _probe(
    features: NDArray[np.float64], spans: Spans, seed: int, iterations: int, as_published: bool
) -> dict[str, Any]:
    """Accuracy on held-out sentences of a probe for categories, and of one for the control task.

    The control task (Hewitt & Liang 2019) gives each type of first token a category at random: what a probe learns of
    it, it has memorised. Features are standardised; as published, they are not, and spans are split, not sentences.
    """
    generator = np.random.default_rng(seed)
    group = np.arange(len(spans.sentence)) if as_published else spans.sentence
    names = np.unique(group)
    is_test = np.isin(group, generator.choice(names, max(1, round(TEST * len(names))), replace=False))
    if not as_published:
        deviation = features[~is_test].std(axis=0)
        features = (features - features[~is_test].mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    first = spans.tokens.values[spans.tokens.offsets[spans.sentence] + spans.start].astype(np.int64)
    at_random = generator.integers(0, len(CATEGORIES), int(first.max()) + 1)[first]
    accuracy: dict[str, Any] = {}
    for name, labels in (("accuracy", spans.category), ("control", at_random)):
        classifier = fit(features[~is_test], labels[~is_test], len(CATEGORIES), iterations)
        accuracy[name] = float((classifier.predict(features[is_test]) == labels[is_test]).mean())
        if name == "accuracy":
            accuracy["converged"] = classifier.converged
    return accuracy


def _balanced(spans: Spans, sample: int, seed: int, where: str) -> tuple[Spans, dict[str, int]]:
    """As many spans of each category, at most `sample`, drawn with `seed`; and the categories with fewer."""
    categories, counts = np.unique(spans.category, return_counts=True)
    if len(categories) < 2:
        raise UserError(f"{where}: has phrases of one category alone. Probes need two.")
    fewer = {
        f"spans of {CATEGORIES[category]}": int(count)
        for category, count in zip(categories, counts, strict=True)
        if count < sample
    }
    size = min(sample, int(counts.min()))
    generator = np.random.default_rng(seed)
    kept = [generator.choice(np.flatnonzero(spans.category == each), size, replace=False) for each in categories]
    rows = np.sort(np.concatenate(kept))
    return Spans(spans.tokens, *(column[rows] for column in spans[1:])), fewer


def _fresh(scorer: Scorer, seed: int) -> Scorer:
    """A model of the same configuration that has learnt nothing."""
    import torch

    with LOADING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return scorer.beside(type(scorer.model)(scorer.model.config).eval())


PROBES = Metric(
    name="probes",
    value="accuracy",
    unit="accuracy of the probe",
    share=True,
    direction=HIGHER,
    summary="Constituency probes, mean of the last four layers, mean pooling",
    item="probe (layer, pooling and split)",
    prepare=prepare,
    serves=serves,
    aggregate=aggregate,
    options=frozenset(["corpus", "as_published"]),
    groups=("layer", "pooling"),
    shown={"layer": LAST_FOUR, "pooling": "mean"},
)
