"""Interventions equal the plain way, one full forward a layer and position; pairs differ in number alone."""

import numpy as np
import pandas as pd
import pytest
import torch

from impossible_lms import get_language, read_corpus
from impossible_lms.data.build import build_dataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.agreement_pairs import agreement_pairs
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.interventions import INTERVENTIONS, interchange, what_moved
from impossible_lms.evaluation.metric import Request, Subject
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.models.architectures import ARCHITECTURES, get_size, make_config, make_model
from impossible_lms.models.heads import blocks_of
from impossible_lms.ragged import Ragged


def plainly(model, base, source, markers):
    """(layers, positions, 2): the logits of the markers, from one forward of the whole model for each."""
    with torch.inference_mode():
        states = model(torch.tensor([source]), output_hidden_states=True).hidden_states
        found = np.empty((len(blocks_of(model)), len(base), 2))
        for layer, block in enumerate(blocks_of(model)):
            # What the last block gives is not among the states before the final norm: taken by a hook.
            kept: list[torch.Tensor] = []
            hook = block.register_forward_hook(
                lambda module, inputs, output, kept=kept: kept.append(output if torch.is_tensor(output) else output[0])
            )
            model(torch.tensor([source]))
            hook.remove()
            assert layer + 1 == len(blocks_of(model)) or torch.equal(kept[0], states[layer + 1])
            for position in range(len(base)):

                def swap(module, inputs, output, kept=kept, position=position):
                    hidden = (output if torch.is_tensor(output) else output[0]).clone()
                    hidden[0, position] = kept[0][0, position]
                    return hidden if torch.is_tensor(output) else (hidden, *output[1:])

                hook = block.register_forward_hook(swap)
                found[layer, position] = model(torch.tensor([base])).logits[0, -1, markers].numpy()
                hook.remove()
    return found


@pytest.mark.parametrize("architecture", ["gpt2", "gpt2-no-pos"])
def test_equals_the_plain_way(architecture):
    config = make_config(get_size("tiny"), vocabulary_size=60, context=16, end_of_text=0, dropout=0.1)
    model = make_model(ARCHITECTURES[architecture], config, seed=1).eval()
    with torch.no_grad():  # fresh weights hardly tell one token from another
        model.transformer.wte.weight.mul_(20)
    base = [[1, 5, 9, 9], [1, 6, 9, 8], [2, 7, 3, 4, 4, 4], [7, 3, 4, 4, 4, 8]]
    source = [[1, 15, 9, 9], [1, 16, 9, 8], [2, 17, 3, 4, 4, 4], [17, 3, 4, 4, 4, 18]]
    markers = np.array([50, 51])
    found = interchange(Scorer(model), Ragged.of(base), Ragged.of(source), markers)
    assert len(found) == 4 * (4 + 4 + 6 + 6)
    for pair, (one, other) in enumerate(zip(base, source, strict=True)):
        expected = plainly(model, one, other, markers)
        mine = found[found["pair"] == pair].sort_values(["layer", "position"])
        logits = mine[["singular", "plural"]].to_numpy().reshape(expected.shape)
        assert np.allclose(logits, expected, rtol=1e-5, atol=1e-5)
        assert np.ptp(logits) > 1e-3  # they do differ
        with torch.inference_mode():
            own = model(torch.tensor([one])).logits[0, -1, markers].numpy()
        shift = (expected[..., 1] - expected[..., 0]) - (own[1] - own[0])
        assert np.allclose(mine["shift"].to_numpy().reshape(shift.shape), shift, atol=1e-4) and np.ptp(shift) > 1e-3


def test_a_source_equal_to_its_base_changes_nothing():
    config = make_config(get_size("tiny"), vocabulary_size=60, context=16, end_of_text=0, dropout=0.1)
    model = make_model(ARCHITECTURES["gpt2"], config, seed=1).eval()
    same = Ragged.of([[1, 5, 9]])
    found = interchange(Scorer(model), same, same, np.array([50, 51]))
    own = model(torch.tensor([[1, 5, 9]])).logits[0, -1, [50, 51]].detach().numpy()
    assert len(found) == 4 * 3 and np.allclose(found[["singular", "plural"]], own, atol=1e-6)
    assert (found["shift"] == 0).all()


def test_what_moved_is_said_also_where_no_pair_flips():
    curve = pd.DataFrame(
        {
            "step": [4, 4, 12, 12, 12, 16],
            "layer": [1, 2, 1, 1, 2, None],
            "position": [0, 0, 0, 1, 0, None],
            "items": [96, 96, 96, 96, 96, 0],
            "accuracy": [0.5, 0.0, 0.0, 0.0, 0.0, None],
            "shift": [9.0, 0.0, 0.1, 0.2, -0.31, None],
        }
    )
    said = "no pair flipped at any layer; 96 pairs, largest shift -0.31 nats at layer 2, position 0"
    assert what_moved(curve) == {"nothing_flipped": said} and INTERVENTIONS.statement(curve) is None
    curve.loc[0, "accuracy"] = 0.0
    assert INTERVENTIONS.statement(curve.iloc[2:]) == said
    everywhere = "no pair flipped at any layer; 96 pairs, largest shift +9 nats at layer 1, position 0, step 4"
    assert INTERVENTIONS.statement(curve) == everywhere and what_moved(curve) == {"nothing_flipped": everywhere}
    seeds = curve.assign(seeds=3)
    assert "; 96 pairs of each of 3 seeds, largest" in (INTERVENTIONS.statement(seeds) or "")
    curve.loc[3, "accuracy"] = 0.01
    assert what_moved(curve) == {"largest_shift": "-0.31 nats at layer 2, position 0"}
    assert what_moved(curve.iloc[-1:]) == {} and INTERVENTIONS.statement(curve.iloc[-1:]) is None


@pytest.mark.filterwarnings("ignore")  # pyvene's own
def test_equals_pyvene():
    """pyvene, which the published script used under its earlier name, needs `pip install impossible-lms[compare]`."""
    pyvene = pytest.importorskip("pyvene")
    config = make_config(get_size("tiny"), vocabulary_size=60, context=16, end_of_text=0, dropout=0.1)
    model = make_model(ARCHITECTURES["gpt2"], config, seed=1).eval()
    base, source, markers = [[1, 5, 9, 9], [1, 6, 9, 8]], [[1, 15, 9, 9], [1, 16, 9, 8]], [50, 51]
    table = interchange(Scorer(model), Ragged.of(base), Ragged.of(source), np.array(markers))
    for layer in range(4):
        at = {"layer": layer, "component": "block_output", "intervention_type": pyvene.VanillaIntervention}
        intervened = pyvene.IntervenableModel(pyvene.IntervenableConfig([at]), model=model)
        for position in range(4):
            with torch.inference_mode():
                _, output = intervened(
                    {"input_ids": torch.tensor(base)},
                    [{"input_ids": torch.tensor(source)}],
                    unit_locations={"sources->base": position},
                )
            mine = table[(table["layer"] == layer + 1) & (table["position"] == position)].sort_values("pair")
            expected = output.logits[:, -1, markers].numpy()
            assert np.allclose(mine[["singular", "plural"]].to_numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["no-hop", "token-hop", "word-hop"])
def test_pairs_differ_in_the_subject_alone(name, hop_run, tmp_path):
    tokenizer = hop_run.dataset().tokenizer.without_markers()
    corpus = read_corpus("grammar:sentences=1500,seed=3")
    dataset = build_dataset(corpus, get_language(name), tokenizer, tmp_path / name, context=32)
    subject = Subject(hop_run, Request(data=dataset.folder))
    pairs = agreement_pairs(subject, read_corpus("grammar:sentences=1500,seed=4"))  # another corpus: all sentences
    assert len(pairs.sentence) > 10 and np.array_equal(pairs.singular.offsets, pairs.plural.offsets)
    for singular, plural in zip(pairs.singular, pairs.plural, strict=True):
        said, other = (dataset.tokenizer.decode(each).split() for each in (singular, plural))
        differs = [place for place, (one, two) in enumerate(zip(said, other, strict=True)) if one != two]
        assert differs == [1] and said[0].lower() == "the"
        assert {"no-hop": len(singular) == 3, "token-hop": len(singular) == 7, "word-hop": len(said) >= 7}[name]
    own = agreement_pairs(subject, corpus)
    assert len(own.sentence) > 0 and set(own.sentence) <= set(subject.held_out.table["sentence"])


def test_as_published_ids_have_no_zero_and_the_words_hopped_over_are_a_token_each(hop_run):
    corpus = read_corpus("grammar:sentences=1500,seed=4")
    ours, published = (
        agreement_pairs(Subject(hop_run, Request(as_published=which)), corpus) for which in (False, True)
    )
    assert 0 < len(published.sentence) < len(ours.sentence)
    rows = [row for _, block in corpus.blocks() for row in block.to_pylist()]
    tokenizer = hop_run.dataset().tokenizer
    for singular, sentence in zip(published.singular, published.sentence, strict=True):
        assert len(singular) == 7 and not any("0" in str(token) for token in singular[1:])
        said = tokenizer.decode(singular).split()
        assert len(said) == 7 and said[1] in rows[sentence]["words"]  # the sentence itself is in the singular
    # All of ours that fit the pattern are there.
    fitting = 0
    for singular, sentence in zip(ours.singular, ours.sentence, strict=True):
        said = tokenizer.decode(singular).split()
        has_words = len(said) == 7 and all(word.isalnum() for word in said) and said[1] in rows[sentence]["words"]
        fitting += has_words and len(singular) == 7 and not any("0" in str(token) for token in singular[1:])
    assert len({each.tobytes() for each in published.singular}) == fitting


def test_tables(hop_run):
    found = evaluate(
        INTERVENTIONS, hop_run, Request(corpus="grammar:sentences=1500,seed=4", sample=10, checkpoints="12")
    )
    curve, items = found.curve, found.items()
    assert set(curve["layer"]) == {1, 2, 3, 4} and curve["position"].min() == 0 and items["pair"].nunique() == 10
    # At the last layer and the last position the whole answer is that of the plural run.
    field = items[(items["layer"] == 2) & (items["position"] == 1)]
    row = curve[(curve["layer"] == 2) & (curve["position"] == 1)].iloc[0]
    assert row["accuracy"] == pytest.approx(field["moved"].mean()) and row["low"] <= row["accuracy"] <= row["high"]


def test_what_does_not_serve_is_said(hop_run, run):
    with pytest.raises(
        UserError, match="language partial-reverse: has no number markers 🅂 🄿, which interventions are about"
    ):
        evaluate(INTERVENTIONS, run)
    asked = Request(corpus="grammar:sentences=300,seed=4", sample=100000)
    assert INTERVENTIONS.prepare(Subject(hop_run, asked)).notes["fewer_than_the_sample"]["pairs"] < 300
