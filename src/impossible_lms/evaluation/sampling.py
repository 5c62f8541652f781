"""Sampling: sentences that a model says by itself, in its language and undone."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import AnyCheckpoint, context_of, scorer_of
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.languages import get_language
from impossible_lms.languages.language import Language
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

AT_ONCE = 64  # sampled in a batch
# Models whose step with a cache is wrong for several sequences in transformers 5: that of rwkv adds a state (b, hidden)
# to tokens (b, 1, hidden), which gives (b, b, hidden).
ONE_AT_A_TIME = frozenset({"rwkv"})
CACHES = ("past_key_values", "cache_params", "state")  # what models call what they keep of the tokens so far
LONGEST = 64  # tokens; a sentence that has not ended there is not well-formed


def generate(
    run: Run | PublishedRun, checkpoint: AnyCheckpoint, count: int = 10, seed: int = 0, longest: int = LONGEST
) -> pd.DataFrame:
    """Sentences sampled from a checkpoint of a model, one a row.

    Args:
        run: the model; its language is told by its name.
        checkpoint: one of its checkpoints.
        count: how many sentences.
        seed: the same gives the same sentences on the same device.
        longest: the most tokens of a sentence, and no more than the model's positions hold.

    Returns `text`, in the language; `token_ids`, with blanks between; `tokens`, their number; `ended`, whether it ended
    by itself; `well_formed`; and `undone`, what the language was made from, as far as it can be had back (None where it
    cannot). Of a model whose name says no language that is known here, whatever ended is well-formed.
    """
    language, tokenizer = language_known(run.language), checkpoint.tokenizer
    room = context_of(run)
    limit = longest if room is None else min(longest, room - 1)
    sentences, has_ended = sampled(scorer_of(checkpoint), count, limit, tokenizer.end_of_text, seed)
    undone = np.full(len(sentences), None, dtype=object)
    if language is None:
        is_whole = has_ended
        return written(sentences, tokenizer).assign(
            tokens=sentences.lengths(), ended=has_ended, well_formed=has_ended, undone=undone
        )
    is_whole = has_ended & is_well_formed(language, sentences, tokenizer)
    undone[is_whole] = texts_behind(language, sentences.take(is_whole), tokenizer)
    table = written(sentences, tokenizer)
    return table.assign(tokens=sentences.lengths(), ended=has_ended, well_formed=is_whole, undone=undone)


def language_known(name: str) -> Language | None:
    """The language of that name; None where there is none."""
    try:
        return get_language(name)
    except UserError:
        return None


def written(sentences: Ragged, tokenizer: Tokenizer) -> pd.DataFrame:
    """The `text` and the `token_ids` (with blanks between) of each sentence, a row each."""
    texts = [tokenizer.decode(sentence) for sentence in sentences]
    return pd.DataFrame({"text": texts, "token_ids": [" ".join(map(str, sentence.tolist())) for sentence in sentences]})


def texts_behind(language: Language, sentences: Ragged, tokenizer: Tokenizer) -> list[str | None]:
    """What each well-formed sentence of a language was made from, as text; None where that cannot be had back.

    Of the hop languages, whose verbs lost their inflection, it is the sentence in the control's form.
    """
    if language.inverse is not None:
        found = language.inverse(sentences, tokenizer)
    elif language.to_control is not None:
        found = language.to_control(sentences, tokenizer)
    elif language.is_control:
        found = sentences
    else:
        return [None] * len(sentences)
    return [tokenizer.decode(sentence) if len(sentence) else None for sentence in found]


def at_once_of(model: Any) -> int:
    """How many sentences of a model are sampled in a batch."""
    return 1 if getattr(model.config, "model_type", None) in ONE_AT_A_TIME else AT_ONCE


def sampled(scorer: Scorer, count: int, longest: int, end_of_text: int, seed: int) -> tuple[Ragged, NDArray[np.bool_]]:
    """`count` sentences that the model says after its start or `end_of_text`, and (count,) bool: whether they ended.

    Drawn from the model's own distribution (temperature 1, nothing cut off), in batches with a cache of keys and
    values, at most `longest` tokens. The same seed gives the same sentences on the same device.
    """
    import torch

    model, sentences, ended = scorer.model, [], []
    begin = end_of_text if scorer.start is None else scorer.start
    generator = torch.Generator(device=model.device).manual_seed(seed)  # its own: devices sample beside each other
    with torch.inference_mode():
        for start in range(0, count, at_once := at_once_of(model)):
            ids = torch.full((min(at_once, count - start), 1), begin, device=model.device)
            rows, is_over = [], torch.zeros(len(ids), dtype=torch.bool, device=model.device)
            kept: dict[str, Any] = {}
            for _ in range(longest + 1):
                output = model(input_ids=ids, use_cache=True, **kept)
                kept = {name: output[name] for name in CACHES if output.get(name) is not None}
                ids = torch.multinomial(torch.softmax(output.logits[:, -1].float(), dim=-1), 1, generator=generator)
                rows.append(ids[:, 0].cpu().numpy())
                is_over |= ids[:, 0] == end_of_text
                if bool(is_over.all()):
                    break
            drawn = np.column_stack(rows)
            for row in drawn:
                ends = np.flatnonzero(row == end_of_text)
                sentences.append(row[: ends[0]] if len(ends) else row[:longest])
                ended.append(bool(len(ends)))
    return Ragged.of(sentences), np.array(ended)


def is_well_formed(language: Language, sentences: Ragged, tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """(k,) bool: two tokens or more beside the markers, and what else the language asks for."""
    is_marker = np.isin(sentences.values, list(tokenizer.markers.values()))
    row = sentences.spread(np.arange(len(sentences)))
    ordinary = np.bincount(row[~is_marker], minlength=len(sentences))
    return np.asarray((ordinary >= 2) & language.well_formed(sentences, tokenizer))
