"""Interchange interventions: the number of a subject moved from one run into another, at a layer and position (4.3)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.evaluation.agreement_pairs import COLUMNS, agreement_pairs
from impossible_lms.evaluation.metric import HIGHER, PLAIN, Beside, Metric, Prepared, Request, Sampled, Subject
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.sentences import corpus_of, sample_notes
from impossible_lms.evaluation.statistics import mean_over_items, share_over_items
from impossible_lms.languages.hop import marks_number
from impossible_lms.languages.language import Language
from impossible_lms.languages.marks import PLURAL, SINGULAR
from impossible_lms.models.heads import blocks_name, blocks_of, final_norm, trunk_of
from impossible_lms.ragged import Ragged

if TYPE_CHECKING:
    import torch

SAMPLE = 200  # pairs


def serves(language: Language, request: Request = PLAIN) -> str | None:
    """Languages with number markers serve."""
    if marks_number(language):
        return None
    return f"language {language.name}: has no number markers {SINGULAR} {PLURAL}, which interventions are about."


def prepare(subject: Subject) -> Prepared:
    """Pairs of prefixes from the annotated sentences behind the test set, or of `--corpus`."""
    if reason := serves(subject.language):
        raise UserError(reason)
    corpus = corpus_of(subject, "annotation")
    pairs = agreement_pairs(subject, corpus)
    markers = np.array([subject.tokenizer.markers[SINGULAR], subject.tokenizer.markers[PLURAL]])
    sample = subject.sample(len(pairs.sentence) if subject.request.as_published else SAMPLE)
    size = min(sample, len(pairs.sentence))
    fewer = {"pairs": size} if size < sample else {}
    kept = np.sort(np.random.default_rng(subject.seed).choice(len(pairs.sentence), size, replace=False))
    base, source, sentence = pairs.singular.take(kept), pairs.plural.take(kept), pairs.sentence[kept]

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        found = interchange(scorer, base, source, markers)
        return found.assign(sentence=sentence[found["pair"]], moved=found["plural"] > found["singular"])

    return Prepared(score, identity={"corpus": corpus.fingerprint()}, notes=sample_notes(sample, fewer))


def interchange(scorer: Scorer, base: Ragged, source: Ragged, markers: "np.ndarray") -> pd.DataFrame:
    """What the model says after each prefix of `base` once one place of its residual stream is that of `source`.

    Every block's output is replaced at every position, one at a time. What the intervention cannot change is not run
    again: each layer goes on from its own kept output, with all positions of many pairs in one batch; places before the
    first where the two prefixes differ, and all but the last after the last block, leave the base's own answer. Of the
    vocabulary only the two markers are asked for.

    Args:
        scorer: the model.
        base: k prefixes.
        source: k prefixes, each as long as its base.
        markers: (2,) int64, the ids of the singular and the plural marker.

    Returns one row a pair, layer (from 1) and position: `singular` and `plural`, the markers' logits after it, and
    `shift`: how much the log-odds of the plural against the singular grew by the intervention, in nats.
    """
    import torch

    if scorer.start is not None:
        raise UserError("interventions: of a model that expects a token before every text, they are not supported.")
    blocks = blocks_of(scorer.model)
    rows = []
    lengths = base.lengths()
    for length in np.unique(lengths):
        group = np.flatnonzero(lengths == length)
        at_once = max(1, scorer.tokens_in_batch // int(length * length))
        for start in range(0, len(group), at_once):
            chosen = group[start : start + at_once]
            ids, other = (each.take(chosen).values.reshape(-1, length).astype(np.int64) for each in (base, source))
            with torch.inference_mode():
                for layer, (logits, own) in enumerate(_layers(scorer, blocks, ids, other, markers), 1):
                    odds, before = (each[:, 1] - each[:, 0] for each in (logits, own))
                    rows.append(
                        pd.DataFrame(
                            {
                                "pair": np.repeat(chosen, length),
                                "layer": layer,
                                "position": np.tile(np.arange(length), len(chosen)),
                                "singular": logits[:, 0],
                                "plural": logits[:, 1],
                                "shift": odds - np.repeat(before, length),
                            }
                        )
                    )
    table = pd.concat(rows, ignore_index=True)
    return table.sort_values(["pair", "layer", "position"], ignore_index=True)


def _layers(scorer: Scorer, blocks: Any, ids: Any, other: Any, markers: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each layer, (pairs * length, 2) float64: logits of the markers, a row for each pair and position.

    Beside them those of each pair (pairs, 2) without an intervention.
    """
    import torch

    model, (count, length) = scorer.model, ids.shape
    base, source = (torch.from_numpy(each).to(model.device) for each in (ids, other))
    outputs, taken = (_outputs(model, blocks, each) for each in (base, source))
    differ = (base != source).cumsum(1) > 0  # from the first place where they do
    own = _logits(model, final_norm(model)(outputs[-1][:, -1]), markers)
    for layer in range(len(blocks)):
        changed = differ.clone()
        if layer + 1 == len(blocks):
            changed[:, :-1] = False
        pair, position = changed.nonzero(as_tuple=True)
        found = own[:, None].repeat(1, length, 1)
        if len(pair):
            mixed = outputs[layer][pair]
            mixed[torch.arange(len(pair), device=pair.device), position] = taken[layer][pair, position]
            found[pair, position] = _logits(model, _from_layer(model, blocks, layer, mixed, base[pair]), markers)
        yield found.view(count * length, 2).double().cpu().numpy(), own.double().cpu().numpy()


def _logits(model: Any, last: "torch.Tensor", markers: Any) -> "torch.Tensor":
    """(rows, 2): the logits of the markers for last hidden states (rows, hidden)."""
    import torch

    head, wanted = model.get_output_embeddings(), torch.from_numpy(markers).to(last.device)
    bias = None if head.bias is None else head.bias[wanted]
    return torch.nn.functional.linear(last, head.weight[wanted], bias)


def _outputs(model: Any, blocks: Any, ids: "torch.Tensor") -> "list[torch.Tensor]":
    """The output of each block, (pairs, length, hidden)."""
    kept: list[torch.Tensor] = []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        kept.append(output[0] if isinstance(output, tuple) else output)

    hooks = [block.register_forward_hook(keep) for block in blocks]
    try:
        model.base_model(input_ids=ids, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return kept


def _from_layer(model: Any, blocks: Any, layer: int, hidden: "torch.Tensor", ids: "torch.Tensor") -> "torch.Tensor":
    """(rows, hidden) of the last position when the output of block `layer` is `hidden`.

    The model itself runs what is left, with its own masks and norms: the blocks up to `layer` are out of its list
    meanwhile, and the first one left is given `hidden`.
    """
    rest = blocks[layer + 1 :]
    owner, name = trunk_of(model), blocks_name(model)

    def give(module: Any, inputs: Any, keywords: Any) -> Any:
        if inputs:
            return (hidden, *inputs[1:]), keywords
        return inputs, keywords | {"hidden_states": hidden}

    import torch

    if not len(rest):
        normed: torch.Tensor = final_norm(model)(hidden[:, -1])
        return normed
    hook = rest[0].register_forward_pre_hook(give, with_kwargs=True)
    setattr(owner, name, rest)
    try:
        last: torch.Tensor = model.base_model(input_ids=ids, use_cache=False).last_hidden_state[:, -1]
        return last
    finally:
        setattr(owner, name, blocks)
        hook.remove()


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """The share of pairs in which the plural marker became the likelier, for each layer and position, with Wilson's.

    Beside it the mean `shift` of the log-odds between the two markers, with its interval: it shows that something was
    moved long before a pair flips.
    """
    rows = []
    for (layer, position), group in items.groupby(["layer", "position"], sort=True):
        found = share_over_items(group["moved"].to_numpy(dtype=bool))
        shift = mean_over_items(group["shift"].to_numpy())
        row = {"layer": layer, "position": position, "items": len(group)}
        row |= {"accuracy": found.estimate, "low": found.low, "high": found.high}
        rows.append(row | {"shift": shift.estimate, "shift_low": shift.low, "shift_high": shift.high})
    return pd.DataFrame(rows).astype({"shift_low": float, "shift_high": float})


def nothing_flipped(rows: pd.DataFrame) -> str | None:
    """That no pair flipped at any of these rows of a curve (or of `over_seeds`), and the largest shift there was.

    None where one did flip, or nothing was measured.
    """
    measured = rows.dropna(subset="accuracy")
    if measured.empty or (measured["accuracy"] > 0).any():
        return None
    seeds = f" of each of {measured['seeds'].max():.0f} seeds" if measured.get("seeds", pd.Series(1)).max() > 1 else ""
    largest = _largest_shift(measured)
    return f"no pair flipped at any layer; {measured['items'].max():.0f} pairs{seeds}, largest shift {largest}"


def what_moved(curve: pd.DataFrame) -> dict[str, Any]:
    """That no pair flipped, at any step or at the last one; or the largest shift of the log-odds at the last step."""
    measured = curve.dropna(subset="accuracy")
    if measured.empty:
        return {}
    last = measured[measured["step"] == measured["step"].max()]
    statement = nothing_flipped(measured) or nothing_flipped(last)
    return {"largest_shift": _largest_shift(last)} if statement is None else {"nothing_flipped": statement}


def _largest_shift(rows: pd.DataFrame) -> str:
    """How much, and where; also when, if the rows are of several steps."""
    most = rows.loc[rows["shift"].abs().idxmax()]
    when = f", step {most['step']:,.0f}" if rows["step"].nunique() > 1 else ""
    return f"{most['shift']:+.2g} nats at layer {most['layer']:.0f}, position {most['position']:.0f}{when}"


INTERVENTIONS = Metric(
    name="interventions",
    value="accuracy",
    unit="share of pairs whose marker becomes plural",
    share=True,
    direction=HIGHER,
    summary="Interchange interventions on the number of the subject",
    item="pair, layer and position",
    heading="Where the number of the subject is kept",
    reading=(
        "A part of the model's state is exchanged for that of the same sentence with a plural subject; each "
        "cell gives the share of sentences in which the model then prefers the plural marker."
    ),
    prepare=prepare,
    serves=serves,
    aggregate=aggregate,
    sample=SAMPLE,
    columns=COLUMNS,
    sampled=Sampled(lambda items: items["moved"], key=("sentence",)),
    options=frozenset(["corpus", "as_published"]),
    groups=("layer", "position"),
    beside={"shift": Beside("shift of the log-odds of the plural marker, nats", least=1.0)},
    statement=nothing_flipped,
    figure="heat maps",
    conclude=what_moved,
)
