"""The metrics by name."""

import difflib

from impossible_lms.errors import UserError
from impossible_lms.evaluation.generation import GENERATION
from impossible_lms.evaluation.interventions import INTERVENTIONS
from impossible_lms.evaluation.learnability import LEARNABILITY
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.minimal_pairs import MINIMAL_PAIRS
from impossible_lms.evaluation.noun_phrases import NOUN_PHRASES
from impossible_lms.evaluation.perplexity import PERPLEXITY
from impossible_lms.evaluation.probes import PROBES
from impossible_lms.evaluation.sentence_bits import SENTENCE_BITS
from impossible_lms.evaluation.surprisal import SURPRISAL

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        PERPLEXITY,
        SURPRISAL,
        SENTENCE_BITS,
        INTERVENTIONS,
        PROBES,
        LEARNABILITY,
        MINIMAL_PAIRS,
        NOUN_PHRASES,
        GENERATION,
    )
}


def get_metric(name: str) -> Metric:
    """The metric called `name`; UserError with the nearest names where there is none."""
    if name not in METRICS:
        near = difflib.get_close_matches(name, METRICS, n=2, cutoff=0.4) or list(METRICS)
        raise UserError(f"unknown metric '{name}'. Did you mean {' or '.join(near)}?")
    return METRICS[name]
