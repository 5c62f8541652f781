"""Minimal pairs in the language itself: whether the grammatical sentence is the likelier (Janarthan et al. 2026)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.corpora import corpus_of
from impossible_lms.corpora.hub import HUB
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import HIGHER, Metric, Subject, Task
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.statistics import proportion
from impossible_lms.files import digest_of
from impossible_lms.languages.language import Language, sentences_for
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

FIELDS = {"field": "field", "UID": "paradigm", "sentence_good": "good", "sentence_bad": "bad"}  # BLiMP's, and ours
SAMPLE = 1000  # pairs a paradigm: all of BLiMP's
ALL = "all"
EQUAL, UNEQUAL = "equal", "unequal"  # whether both sentences have as many tokens before the change


def serves(language: Language) -> str | None:
    """Languages that need no annotation serve, for BLiMP has none."""
    if not language.needs:
        return None
    return f"language {language.name}: needs annotation ({', '.join(language.needs)}), which BLiMP has not."


def prepare(subject: Subject) -> Task:
    """BLiMP's pairs, both sentences rewritten by the language with the same draws.

    Raises:
        UserError: the language needs annotation, which BLiMP has not; no pairs at `--corpus`; none is kept.
    """
    language = subject.language
    if reason := serves(language):
        raise UserError(reason)
    if subject.request.corpus is None:
        raise UserError("--corpus: needed. Name a folder of BLiMP's .jsonl files, or hub:NAME.")
    pairs = _sampled(read_pairs(subject.request.corpus), subject.sample(SAMPLE), subject.request.seed)
    good, bad, is_equal = rewritten_pairs(pairs, language, subject.tokenizer.without_markers())
    lengths = np.column_stack([good.lengths(), bad.lengths()])
    is_kept = lengths.min(axis=1) > 0
    if subject.context is not None:
        is_kept &= lengths.max(axis=1) + 1 <= subject.context
    if not is_kept.any():
        raise UserError(f"--corpus {subject.request.corpus}: {language.name} keeps none of {len(pairs)} pairs.")
    good, bad = good.take(is_kept), bad.take(is_kept)
    items = pairs.drop(columns=["good", "bad"]).assign(tokens=np.where(is_equal, EQUAL, UNEQUAL))
    items = items[is_kept].reset_index(drop=True)
    end = subject.tokenizer.end_of_text

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        bits = [scorer.sentence_bits(sentences, end) for sentences in (good, bad)]
        return items.assign(good_bits=bits[0], bad_bits=bits[1], correct=bits[0] < bits[1])

    return Task(score, {"pairs": digest_of(pairs.to_dict("list"))}, {"pairs_not_kept": int((~is_kept).sum())})


def read_pairs(spec: str) -> pd.DataFrame:
    """BLiMP's pairs: `field`, `paradigm`, `good`, `bad`, one row a pair, paradigms in sorted order.

    `spec` is a folder of `.jsonl` files, or `hub:NAME[:config[:split]]` for a Hugging Face dataset with BLiMP's fields.
    UserError names what is missing.
    """
    rows = _from_hub(spec) if spec.startswith(f"{HUB}:") else _from_folder(Path(spec))
    table = pd.DataFrame(rows, columns=list(FIELDS.values()))
    if table.empty:
        raise UserError(f"--corpus {spec}: holds no pairs.")
    return table.sort_values("paradigm", kind="stable", ignore_index=True)


def rewritten_pairs(
    pairs: pd.DataFrame, language: Language, tokenizer: Tokenizer
) -> tuple[Ragged, Ragged, NDArray[np.bool_]]:
    """The good and the bad sentences in the language, and (k,) bool: whether both had as many tokens before.

    What the language drops is empty in both. Draws depend on lengths alone, so that pairs of equal length run through
    two generators in step; each other pair has two of its own, which begin alike.
    """
    sides = []
    for name in ("good", "bad"):
        block = next(corpus_of(pairs[name].tolist()).blocks())[1]
        sides.append(next(sentences_for([language.family], block, tokenizer, 0)))
    lengths = [side.tokens.lengths() for side in sides]
    is_equal = lengths[0] == lengths[1]
    groups = [np.flatnonzero(is_equal), *np.flatnonzero(~is_equal)[:, None]]
    if language.is_deterministic:
        groups = [np.arange(len(pairs))]
    made = []
    for name in ("good", "bad"):
        parts, order = [], []
        for group in groups:
            if len(group):
                block = next(corpus_of(pairs[name].iloc[group].tolist()).blocks())[1]
                seed = [language.seed, int(group[0])]
                sentences = next(sentences_for([language.family], block, tokenizer, 0))
                parts.append(_kept(language, sentences, np.random.default_rng(seed)))
                order.append(group)
        made.append(Ragged.join(parts).take(np.argsort(np.concatenate(order), kind="stable")))
    is_kept = (made[0].lengths() > 0) & (made[1].lengths() > 0)
    return _emptied(made[0], ~is_kept), _emptied(made[1], ~is_kept), is_equal


def _kept(language: Language, sentences: Any, generator: np.random.Generator) -> Ragged:
    result = language.rule(sentences, generator)
    drop = np.zeros(len(result.tokens), dtype=bool)
    for mask in result.dropped.values():
        drop |= mask
    return _emptied(result.tokens, drop)


def _emptied(tokens: Ragged, which: NDArray[np.bool_]) -> Ragged:
    """The sequences, those of `which` (k,) bool without elements."""
    return Ragged.of_lengths(tokens.values[~tokens.spread(which)], np.where(which, 0, tokens.lengths()))


def _sampled(pairs: pd.DataFrame, sample: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    rows = []
    for _, group in pairs.groupby("paradigm", sort=True):
        rows.append(np.sort(generator.choice(group.index.to_numpy(), min(sample, len(group)), replace=False)))
    return pairs.iloc[np.concatenate(rows)].reset_index(drop=True)


def _from_folder(folder: Path) -> Iterator[list[str]]:
    files = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    if not files:
        raise UserError(f"--corpus {folder}: no .jsonl files. A folder of BLiMP's files is expected.")
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if line:
                try:
                    row = json.loads(line)
                    yield [str(row[name]) for name in FIELDS]
                except (ValueError, KeyError, TypeError) as error:
                    raise UserError(f"{path} line {number}: no pair of BLiMP ({error!r}).") from error


def _from_hub(spec: str) -> Iterator[list[str]]:
    try:
        import datasets
    except ImportError as error:
        raise UserError(f'--corpus {spec}: needs the library datasets. `pip install "impossible-lms[hub]"`.') from error
    _, name, config, split = [*spec.split(":"), "", ""][:4]
    try:
        configs = [config] if config else datasets.get_dataset_config_names(name)
        for each in configs:
            for row in datasets.load_dataset(name, each, split=split or "train"):
                yield [str(row[field]) for field in FIELDS]
    except Exception as error:  # network, cache, name and field faults have no common class below Exception
        raise UserError(f"--corpus {spec}: cannot be read ({str(error).strip().split(chr(10))[0]}).") from error


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """The share of pairs in which the good sentence is the likelier, with Wilson's interval.

    Over all, by field and by paradigm; each of all pairs and of those with equal and with unequal numbers of tokens.
    """
    rows = []
    levels = [("", "", items)]
    levels += [(field, "", group) for field, group in items.groupby("field")]
    levels += [(group["field"].iloc[0], paradigm, group) for paradigm, group in items.groupby("paradigm")]
    for field, paradigm, group in levels:
        for tokens in (ALL, EQUAL, UNEQUAL):
            mine = group if tokens == ALL else group[group["tokens"] == tokens]
            if len(mine):
                found = proportion(int(mine["correct"].sum()), len(mine))
                row = {"field": field or ALL, "paradigm": paradigm or ALL, "tokens": tokens, "items": len(mine)}
                rows.append(row | {"accuracy": found.estimate, "low": found.low, "high": found.high})
    return pd.DataFrame(rows)


MINIMAL_PAIRS = Metric(
    name="minimal-pairs",
    value="accuracy",
    unit="share of pairs with the good sentence likelier",
    direction=HIGHER,
    summary="Minimal pairs of equal token count, rewritten in the language",
    item="pair",
    prepare=prepare,
    serves=serves,
    aggregate=aggregate,
    options=frozenset(["corpus"]),
    needs=frozenset(["corpus"]),
    groups=("field", "paradigm", "tokens"),
    shown={"field": ALL, "paradigm": ALL, "tokens": EQUAL},
)
