"""The model card of a run: made from the run's own records, with the code to start."""

from importlib import resources
from typing import Any

import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.models.architectures import get_size
from impossible_lms.models.checkpoints import Checkpoint
from impossible_lms.models.run import Run

CITATION = """\
@inproceedings{kallini-etal-2024-mission,
  title = {Mission: Impossible Language Models},
  author = {Kallini, Julie and Papadimitriou, Isabel and Futrell, Richard and Mahowald, Kyle and Potts, Christopher},
  booktitle = {Proceedings of the 62nd Annual Meeting of the Association for Computational Linguistics},
  year = {2024},
  url = {https://aclanthology.org/2024.acl-long.787},
}"""
_START = """\
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel
model_id = "{model_id}"
model = AutoModelForCausalLM.from_pretrained(model_id{trust})
tokenizer = AutoTokenizer.from_pretrained(model_id)
inputs = tokenizer("He clean", return_tensors="pt")
print(tokenizer.decode(model.generate(inputs.input_ids, max_length=20)[0], skip_special_tokens=True))
early = GPT2LMHeadModel.from_pretrained(model_id, revision="{early}")"""


def start_code(run: Run, model_id: str) -> str:
    """The Python code that loads the published model, generates with it, and loads an early checkpoint."""
    trust = "" if run.architecture.has_positions else ", trust_remote_code=True"
    return _START.format(model_id=model_id, trust=trust, early=_early(run.checkpoints()).revision)


def model_card(run: Run, model_id: str) -> str:
    """The card of a finished run as Markdown. UserError where the run is not finished."""
    import jinja2

    finished = run.finished
    if finished is None:
        raise UserError(f"{run.folder}: not finished. Continue it with `impossible train` before publishing.")
    source = resources.files("impossible_lms.publishing").joinpath("card.md.j2").read_text(encoding="utf-8")
    # Markdown, not HTML: nothing is escaped for a browser here, the Hub sanitises what it renders.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    dataset, checkpoints = run.dataset(), run.checkpoints()
    hardware = ", ".join(f"{key} {value}" for key, value in finished["hardware"].items())
    return environment.from_string(source).render(
        run=run,
        model_id=model_id,
        language=dataset.record["described"],
        architecture=run.architecture,
        start_code=start_code(run, model_id),
        first=checkpoints[0].revision,
        last=checkpoints[-1].revision,
        count=len(checkpoints),
        context=dataset.context,
        data=dataset.record,
        recipe=run.record["request"]["recipe"],
        size=get_size(run.record["request"]["size"]),
        finished=finished,
        hardware=hardware,
        results=_results(run),
        citation=CITATION,
    )


def _early(checkpoints: list[Checkpoint]) -> Checkpoint:
    """A checkpoint a sixth of the way: 500 of the 3,000 published steps."""
    return checkpoints[max(0, len(checkpoints) // 6 - 1)]


def _results(run: Run) -> list[dict[str, Any]]:
    """About ten rows of the perplexity curve, the last among them; none where it was not measured."""
    path = run.folder / "evaluation" / "perplexity" / "curve.parquet"
    if not path.is_file():
        return []
    curve = pd.read_parquet(path).dropna(subset="perplexity")  # without checkpoints that could not be measured
    every = max(1, len(curve) // 10)
    return [dict(row) for row in curve.iloc[::-1].iloc[::every].iloc[::-1].to_dict("records")]
