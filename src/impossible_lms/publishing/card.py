"""The model card of a run: what happened, from the run's own records, with the code to start."""

import re
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.models.checkpoints import Checkpoint
from impossible_lms.models.model_name import TAG
from impossible_lms.models.run import Run
from impossible_lms.publishing.measured import Measured, Results, results_of

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

CITATION = """\
@inproceedings{kallini-etal-2024-mission,
  title = {Mission: Impossible Language Models},
  author = {Kallini, Julie and Papadimitriou, Isabel and Futrell, Richard and Mahowald, Kyle and Potts, Christopher},
  booktitle = {Proceedings of the 62nd Annual Meeting of the Association for Computational Linguistics},
  year = {2024},
  url = {https://aclanthology.org/2024.acl-long.787},
}"""
_START = """\
from transformers import {classes}
model_id = "{model_id}"
model = AutoModelForCausalLM.from_pretrained(model_id{trust})
tokenizer = AutoTokenizer.from_pretrained(model_id)
inputs = tokenizer("He clean", return_tensors="pt")
print(tokenizer.decode(model.generate(inputs.input_ids, max_length=20)[0], skip_special_tokens=True))
early = {early_class}.from_pretrained(model_id, revision="{early}")"""


def start_code(run: Run, model_id: str, names: Mapping[int, str] | None = None) -> str:
    """The Python code that loads the published model, generates with it, and loads an early checkpoint.

    `names` are those of the revisions, by step, where they are not as usual.
    """
    trust = "" if run.architecture.has_positions else ", trust_remote_code=True"
    classes = ["AutoModelForCausalLM", "AutoTokenizer"]
    if not run.architecture.is_of_transformers:
        classes.append("GPT2LMHeadModel")
    return _START.format(
        classes=", ".join(classes),
        model_id=model_id,
        trust=trust,
        early_class=classes[-1] if len(classes) == 3 else classes[0],
        early=_named(_early(run.checkpoints()), names),
    )


def _named(checkpoint: Checkpoint, names: Mapping[int, str] | None) -> str:
    return checkpoint.revision if names is None else names[checkpoint.step]


def model_card(run: Run, model_id: str, results: Results | None = None, names: Mapping[int, str] | None = None) -> str:
    """The card of a finished run as Markdown, with `results`, or what stands in its folder.

    `names` are those of its revisions, by step, where they are not as usual. UserError where the run is not finished.
    """
    finished = run.finished
    if finished is None:
        raise UserError(f"{run.folder}: not finished. Continue it with `impossible train` before publishing.")
    dataset, checkpoints, results = run.dataset(), run.checkpoints(), results or results_of(run)
    perplexity = results.perplexity
    recipe = run.record["request"]["recipe"]
    steps_tokens = finished["steps"] * recipe["sequences_per_step"] * recipe["context"]
    card = rendered(
        "card.md.j2",
        metadata=_metadata(run, model_id, dataset.record["corpus"], results),
        run=run,
        model_id=model_id,
        language=dataset.record["described"],
        architecture=run.architecture,
        start_code=start_code(run, model_id, names),
        first=_named(checkpoints[0], names),
        last=_named(checkpoints[-1], names),
        count=len(checkpoints),
        context=dataset.context,
        data=dataset.record,
        fertility=dataset.fertility,
        recipe=recipe,
        shape=_shape(checkpoints[-1]),
        finished=finished,
        tokens=steps_tokens,
        epochs=steps_tokens / (dataset.record["counts"]["blocks"] * dataset.context),
        hardware=", ".join(f"{key} {value}" for key, value in finished["hardware"].items()),
        results=results,
        perplexity=perplexity,
        curve=_thinned(perplexity.evaluation.curve).to_dict("records") if perplexity else [],
        citation=CITATION,
    )
    return re.sub(r"\n{3,}", "\n\n", card)


def _shape(checkpoint: Checkpoint) -> str:
    """Layers, heads and width, as far as the configuration knows them."""
    config = checkpoint.config
    names = {
        "layers": ("n_layer", "num_hidden_layers"),
        "heads": ("n_head", "num_attention_heads"),
        "width": ("n_embd", "hidden_size"),
    }
    found = {what: config[key] for what, keys in names.items() for key in keys if key in config}
    said = [f"{found[what]} {what}" for what in ("layers", "heads") if what in found]
    return ", ".join(said + [f"width {found['width']}" for _ in range("width" in found)])


def rendered(template: str, **values: Any) -> str:
    """A template of this folder, filled in. Markdown, not HTML: the Hub sanitises what it renders."""
    import jinja2

    source = resources.files("impossible_lms.publishing").joinpath(template).read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    return environment.from_string(source).render(**values)


def _metadata(run: Run, model_id: str, corpus: str, results: Results) -> str:
    """The card's head in YAML, with the last value of all that was measured as the Hub's `model-index`."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        language="en",
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=[TAG, run.language, run.architecture.name],
        model_name=model_id.split("/")[1],
        eval_results=[_eval_result(corpus, run, each) for each in results.measured] or None,
    )
    return str(data.to_yaml())


def _eval_result(corpus: str, run: Run, measured: Measured) -> "EvalResult":
    """One value as the Hub has it: interval, items, seeds and step stand among its arguments."""
    from huggingface_hub import EvalResult

    where = f", {measured.where}" if measured.where else ""
    facts = {
        "interval": None if measured.low is None else [_rounded(measured.low), _rounded(measured.high)],
        "items": measured.items,
        "seeds": [run.seed],
        "step": measured.step,
        "compared_with": measured.against or None,
        **measured.asked,
    }
    return EvalResult(
        task_type="text-generation",
        dataset_type=corpus,
        dataset_name=f"{corpus} in {measured.data}",
        dataset_split="test",
        metric_type=measured.metric.name,
        metric_name=f"{measured.metric.unit}{where}",
        metric_value=_rounded(measured.value),
        metric_config=measured.name,
        metric_args={name: value for name, value in facts.items() if value is not None},
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.8g}")


def _early(checkpoints: list[Checkpoint]) -> Checkpoint:
    """A checkpoint a sixth of the way: 500 of the 3,000 published steps."""
    return checkpoints[max(0, len(checkpoints) // 6 - 1)]


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """About ten rows that could be measured, the last among them."""
    curve = curve.dropna(subset="perplexity")
    return curve.iloc[::-1].iloc[:: max(1, len(curve) // 10)].iloc[::-1]
