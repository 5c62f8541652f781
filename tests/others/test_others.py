"""Published models under the tools that others use: their numbers are ours. Each is skipped where its tool is not."""

import json

import numpy as np
import pytest
import torch

from impossible_lms import Scorer, load_published
from impossible_lms.publishing.repository import publish
from impossible_lms.ragged import Ragged

pytestmark = [
    pytest.mark.slow,
    # What their libraries do when they are imported or asked is not ours to mend.
    pytest.mark.filterwarnings("ignore"),
]
TEXTS = ["He cleans his shelf.", "The dog that sleeps sees a cat."]


@pytest.fixture(scope="module")
def published(run, tmp_path_factory):
    """The folder of a published GPT-2 without positions, as a plain one: the last checkpoint."""
    return publish(run, tmp_path_factory.mktemp("others"), "me")[1] / "main"


@pytest.fixture(scope="module")
def ours(published):
    """Its model and tokenizer, by this package."""
    return load_published(published)


def after_the_end(ours, texts):
    """The log-probability of each token of a text after `<|endoftext|>`, in nats."""
    tokens = ours.tokenizer.encode(texts)
    begun = tokens.insert(np.arange(len(tokens)), np.zeros(len(tokens), np.int64), ours.tokenizer.end_of_text)
    return list(Scorer(ours.model).token_logprobs(begun))


def test_minicons_scores_alike(published, ours):
    scorer = pytest.importorskip("minicons.scorer").IncrementalLMScorer(str(published), "cpu")
    theirs = scorer.token_score(TEXTS, bos_token=True)
    for text, mine, tokens in zip(TEXTS, after_the_end(ours, TEXTS), theirs, strict=True):
        assert np.allclose([score for _, score in tokens[1:]], mine, atol=1e-4), text
    sums = scorer.sequence_score(TEXTS, reduction=lambda scores: scores.sum(0).item(), bos_token=True)
    assert np.allclose(sums, [each.sum() for each in after_the_end(ours, TEXTS)], atol=1e-3)


def test_nnsight_traces_alike(published, ours):
    nnsight = pytest.importorskip("nnsight")
    model = nnsight.LanguageModel(str(published), device_map="cpu", dispatch=True)
    ids = ours.tokenizer.encode(TEXTS[:1])[0].tolist()
    with model.trace(torch.tensor([ids])):
        hidden = model.transformer.h[1].output.save()
        logits = model.lm_head.output.save()
    with torch.inference_mode():
        expected = ours.model(torch.tensor([ids])).logits
    assert torch.allclose(logits, expected, atol=1e-4)
    state = hidden[0] if isinstance(hidden, tuple) else hidden
    mine = next(Scorer(ours.model).states(Ragged.of([ids])))[1][2]
    assert torch.allclose(state.reshape(mine.shape), mine, atol=1e-4)


def test_the_harness_measures_alike(published, ours, tmp_path):
    evaluator = pytest.importorskip("lm_eval.evaluator")
    tasks = pytest.importorskip("lm_eval.tasks")
    pairs = [{"good": "The dog sleeps.", "bad": "The dog sleep."}, {"good": "He sees it.", "bad": "He see it."}]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (tmp_path / "pairs.yaml").write_text(
        "task: our_pairs\ndataset_path: json\n"
        f"dataset_kwargs:\n  data_files:\n    test: {tmp_path / 'pairs.jsonl'}\n"
        "test_split: test\noutput_type: multiple_choice\ndoc_to_text: ''\ndoc_to_target: 0\n"
        "doc_to_choice: '{{[good, bad]}}'\ntarget_delimiter: ''\nmetric_list:\n  - metric: acc\n"
    )
    found = evaluator.simple_evaluate(
        model="hf",
        model_args={"pretrained": str(published), "dtype": "float32"},
        tasks=["our_pairs"],
        task_manager=tasks.TaskManager(include_path=str(tmp_path), include_defaults=False),
        device="cpu",
        batch_size=1,
        log_samples=True,
        bootstrap_iters=0,
    )
    samples = sorted(found["samples"]["our_pairs"], key=lambda sample: sample["doc_id"])
    expected = [[each.sum() for each in after_the_end(ours, [pair["good"], pair["bad"]])] for pair in pairs]
    theirs = [[float(answer[0][0]) for answer in sample["resps"]] for sample in samples]
    assert np.allclose(theirs, expected, atol=1e-3)
    right = np.mean([good > bad for good, bad in expected])
    assert found["results"]["our_pairs"]["acc,none"] == pytest.approx(right)


def test_transformer_lens_gives_our_logits(published, ours):
    bridge = pytest.importorskip("transformer_lens.model_bridge").TransformerBridge
    theirs = bridge.boot_transformers(str(published), device="cpu", dtype=torch.float32)
    ids = torch.tensor([ours.tokenizer.encode(TEXTS[1:])[0].tolist()])
    with torch.inference_mode():
        logits, expected = theirs(ids, return_type="logits"), ours.model(ids).logits
    assert torch.allclose(logits, expected, atol=1e-4)
