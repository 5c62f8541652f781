"""Constituency probes: the category of a phrase, read off a model's hidden states (paper, appendix)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.evaluation.logistic import fit, fit_together
from impossible_lms.evaluation.metric import HIGHER, LOADING, PLAIN, Beside, Metric, Prepared, Request, Sampled, Subject
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.sentences import corpus_of, sample_notes
from impossible_lms.evaluation.spans import CATEGORIES, COLUMNS, Spans, spans_of
from impossible_lms.evaluation.statistics import share_over_splits
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
BESIDE = {  # the accuracy
    "chance": Beside("chance", of_model=False),
    "largest": Beside("largest class", of_model=False),
    "untrained": Beside("untrained model"),
    "control": Beside("control task"),
}


def serves(language: Language, request: Request = PLAIN) -> str | None:
    """Languages serve that move tokens, and hop languages, of which sentences without a marked verb are taken."""
    if marks_number(language):
        return None
    if language.needs or language.family in (WORD_SHUFFLE, WORD_REVERSE):
        return f"language {language.name}: does more than move tokens; probes cannot follow phrases in it."
    if request.as_published and MARKER not in language.family.markers:
        return f"language {language.name}: the published probes are of reverse and hop languages alone."
    return None


def prepare(subject: Subject) -> Prepared:
    """Phrases of the test sentences, or of `--corpus`, as many of each category.

    UserError where there are no trees, or fewer than two categories.
    """
    if reason := serves(subject.language, subject.request):
        raise UserError(reason)
    corpus = corpus_of(subject, "trees")
    found, left_out = spans_of(subject, corpus)
    sample = subject.sample(PUBLISHED_SAMPLE if subject.request.as_published else SAMPLE)
    spans, fewer = _balanced(found, sample, subject.seed, f"corpus {corpus.name}")
    seeds = range(subject.seed, subject.seed + SEEDS)
    tested = round(TEST * len(spans.sentence))  # spans of a split, about
    untrained: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def probed(states: dict[tuple[str, str], NDArray[np.float64]], device: Any) -> dict[tuple[str, str], Any]:
        as_published = subject.request.as_published
        return {key: _probes(features, spans, seeds, as_published, device) for key, features in states.items()}

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        device = scorer.model.device
        if not untrained:
            untrained.update(probed(pooled(_fresh(scorer, subject.seed), spans), device))
        rows = []
        for (layer, pooling), found in probed(pooled(scorer, spans), device).items():
            for seed, probe, baseline in zip(seeds, found, untrained[layer, pooling], strict=True):
                row = {"layer": layer, "pooling": pooling, "probe_seed": seed, "tested": tested, **probe}
                rows.append(row | {"untrained": baseline["accuracy"]})
        return pd.DataFrame(rows)

    counts = {
        CATEGORIES[key]: int(count) for key, count in zip(*np.unique(spans.category, return_counts=True), strict=True)
    }
    notes = {"spans": counts, "left_out": left_out, **sample_notes(sample, fewer)}
    return Prepared(score, {"corpus": corpus.fingerprint()}, notes)


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
    """The mean accuracy over splits by layer and pooling, with its interval and what it is to be compared with.

    That is `chance`, one in the number of categories; `largest`, the share of the tested spans that are of their most
    frequent category, which no constant answer beats; the accuracy on the `control` task, which `selectivity` is above;
    and that of the same probe on an `untrained` model.
    """
    rows = []
    for (layer, pooling), group in items.groupby(["layer", "pooling"], sort=True):
        found = share_over_splits(
            group["accuracy"].to_numpy(), group["tested"].to_numpy(dtype=float), TEST / (1 - TEST)
        )
        row = {"layer": layer, "pooling": pooling, "items": len(group), "accuracy": found.estimate}
        row |= {"low": found.low, "high": found.high, "selectivity": (group["accuracy"] - group["control"]).mean()}
        row |= {name: group[name].mean() for name in BESIDE} | {"converged": group["converged"].all()}
        rows.append(row)
    return pd.DataFrame(rows)


def _layers(states: "tuple[torch.Tensor, ...]") -> "list[tuple[str, torch.Tensor]]":
    depth = len(states) - 1
    single = [(str(layer), states[layer]) for layer in LAYERS if layer <= depth]
    last = states[max(1, depth - 3) :]
    return [*single, (LAST_FOUR, sum(last[1:], last[0]) / len(last))]


def _probes(
    features: NDArray[np.float64], spans: Spans, seeds: Sequence[int], as_published: bool, device: Any
) -> list[dict[str, Any]]:
    """By seed, the accuracy on held-out sentences of a probe for categories, and of one for the control task.

    The control task (Hewitt & Liang 2019) gives each type of first token a category at random: what a probe learns of
    it, it has memorised. Features are standardised; as published, they are not, and spans are split, not sentences.
    """
    group = np.arange(len(spans.sentence)) if as_published else spans.sentence
    names = np.unique(group)
    first = spans.tokens.values[spans.tokens.offsets[spans.sentence] + spans.start].astype(np.int64)
    is_train = np.empty((len(seeds), len(group)), dtype=bool)
    classes = np.empty((len(seeds), 2, len(group)), dtype=np.int64)  # of categories, and of the control task
    for split, seed in enumerate(seeds):
        generator = np.random.default_rng(seed)
        is_train[split] = ~np.isin(group, generator.choice(names, max(1, round(TEST * len(names))), replace=False))
        classes[split] = spans.category, generator.integers(0, len(CATEGORIES), int(first.max()) + 1)[first]
    predicted, converged = (_as_published if as_published else _to_the_end)(features, classes, is_train, device)
    is_right = predicted == classes
    categories = len(np.unique(spans.category))
    tested = [np.bincount(spans.category[~rows]) for rows in is_train]
    return [
        {
            "accuracy": float(is_right[split, 0, ~is_train[split]].mean()),
            "converged": bool(converged[split, 0]),
            "control": float(is_right[split, 1, ~is_train[split]].mean()),
            "chance": 1 / categories,
            "largest": float(tested[split].max() / tested[split].sum()),
        }
        for split in range(len(seeds))
    ]


Predicted = tuple[NDArray[np.int64], NDArray[np.bool_]]  # (s, 2, n) classes, and (s, 2) whether fits converged


def _to_the_end(
    features: NDArray[np.float64], classes: NDArray[np.int64], is_train: NDArray[np.bool_], device: Any
) -> Predicted:
    """All fits of all splits at once, where the states are."""
    import torch

    states = torch.from_numpy(features).to(device)
    standard = []
    for rows in torch.from_numpy(is_train).to(device):
        deviation = states[rows].std(0, correction=0)
        standard.append((states - states[rows].mean(0)) / torch.where(deviation > 0, deviation, 1.0))
    labels, rows_of_training = (torch.from_numpy(each).to(device) for each in (classes, is_train))
    predicted, converged = fit_together(torch.stack(standard), labels, rows_of_training, len(CATEGORIES))
    return predicted.cpu().numpy(), converged.cpu().numpy()


def _as_published(
    features: NDArray[np.float64], classes: NDArray[np.int64], is_train: NDArray[np.bool_], device: Any
) -> Predicted:
    """Ten iterations of each, as scikit-learn takes them."""
    predicted, converged = np.empty_like(classes), np.empty(classes.shape[:2], dtype=bool)
    for split, task in np.ndindex(*converged.shape):
        rows = is_train[split]
        found = fit(features[rows], classes[split, task, rows], len(CATEGORIES), PUBLISHED_ITERATIONS)
        predicted[split, task], converged[split, task] = found.predict(features), found.converged
    return predicted, converged


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
    heading="Whether phrases can be read off the model",
    reading=(
        "A simple classifier is trained to tell noun phrases from verb phrases and so on by the model's inner states:"
        " the more it gets right above what it is compared with, the more the model knows of phrases."
    ),
    prepare=prepare,
    serves=serves,
    aggregate=aggregate,
    sample=SAMPLE,
    columns=COLUMNS,
    sampled=Sampled(lambda items: items["accuracy"], key=("probe_seed",), weights="tested", overlap=TEST / (1 - TEST)),
    options=frozenset(["corpus", "as_published"]),
    groups=("layer", "pooling"),
    shown={"layer": LAST_FOUR, "pooling": "mean"},
    beside=BESIDE,
)
