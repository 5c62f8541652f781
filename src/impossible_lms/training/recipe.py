"""The recipe: the hyperparameters of a training run, as one frozen object read from a TOML file."""

import difflib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from impossible_lms.documents import parsed_toml, shown
from impossible_lms.errors import UserError
from impossible_lms.training.words import PATTERN, steps_by_words, words_apart

SHIPPED = ("paper", "demo")
WORDS_A_TOKEN = 0.75  # of English in GPT-2's vocabulary, where the data are not known yet


class Recipe(BaseModel):
    """What decides a run beside its data, model and seed. The shipped `paper` holds the published values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1, description="optimizer steps in all")
    sequences_per_step: int = Field(ge=1, description="blocks in a step; micro-batches only divide them")
    context: int = Field(ge=2, description="tokens in a block, which the dataset must have been built with")
    learning_rate: float = Field(gt=0, description="peak")
    warmup_steps: int = Field(ge=0, description="steps of linear rise to the peak")
    beta1: float = Field(ge=0, lt=1)
    beta2: float = Field(ge=0, lt=1)
    epsilon: float = Field(gt=0)
    weight_decay: float = Field(ge=0, description="AdamW's, on matrices and embeddings alone")
    gradient_clip: float = Field(gt=0, description="largest norm of the gradient")
    dropout: float = Field(ge=0, lt=1)
    checkpoint_every: (
        Annotated[int, Field(ge=1)]
        | Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
        | Annotated[str, Field(pattern=rf"^log:[1-9][0-9]*$|{PATTERN}")]
    ) = Field(
        description="steps between checkpoints, a list of steps, log:N for N in equal ratios, or words:1M for one each "
        "million words; and the last step"
    )
    held_out_every: int = Field(default=0, ge=0, description="steps between losses on the dev split; 0 for none")
    precision: Literal["bf16", "fp32"] = Field(description="of matrix products; weights stay float32")

    @model_validator(mode="after")
    def _fits_its_steps(self) -> "Recipe":
        if self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps ({self.warmup_steps}) must be fewer than steps ({self.steps})")
        if isinstance(self.checkpoint_every, list) and max(self.checkpoint_every) > self.steps:
            raise ValueError(f"checkpoint_every: {max(self.checkpoint_every)} is beyond the last step ({self.steps})")
        return self

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of step 0 .. steps - 1: linear from 0 to the peak, then linear to 0 at `steps`.

        Step 0 has the rate 0, as with the linear schedule of transformers.
        """
        if step < self.warmup_steps:
            return self.learning_rate * step / self.warmup_steps
        return self.learning_rate * (self.steps - step) / (self.steps - self.warmup_steps)

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The numbers of steps after which a checkpoint is kept, in order; the last is always among them.

        Of `words:N` they are a guess, by `WORDS_A_TOKEN`, until `counted` knows the data.
        """
        every = self.checkpoint_every
        if isinstance(every, int):
            chosen: Iterable[int] = range(every, self.steps, every)
        elif apart := words_apart(every):
            guess = WORDS_A_TOKEN * self.context * self.sequences_per_step
            chosen = steps_by_words(apart, guess, self.steps)
        elif isinstance(every, str):
            count = int(every.removeprefix("log:"))
            chosen = (round(self.steps ** (place / max(1, count - 1))) for place in range(count))
        else:
            chosen = every
        return tuple(sorted({*chosen, self.steps}))

    def counted(self, words_of_block: float) -> "Recipe":
        """The recipe for data with so many words in a block: `checkpoint_every` is a list of steps, if it was words."""
        apart = words_apart(self.checkpoint_every)
        if apart is None:
            return self
        steps = steps_by_words(apart, words_of_block * self.sequences_per_step, self.steps)
        return self.model_copy(update={"checkpoint_every": steps})

    def has_checkpoint(self, step: int) -> bool:
        """Whether a checkpoint is kept after this many steps."""
        return step in self.checkpoints

    def measures_held_out(self, step: int) -> bool:
        """Whether the loss on the dev split is measured after this many steps."""
        every = self.held_out_every
        return every > 0 and (step % every == 0 or step == self.steps)


def changed_recipe(recipe: Recipe | str | Path, changes: Mapping[str, Any], context: int) -> Recipe:
    """A recipe as a call from Python names it: with `changes`, and where it is not a Recipe, blocks of `context`."""
    try:
        if isinstance(recipe, Recipe):
            return with_changes(recipe.model_dump(), changes, "recipe")
        return load_recipe(str(recipe), {"context": context, **changes})
    except UserError as error:
        raise UserError(str(error).removeprefix("--set ")) from error


def load_recipe(name: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """The shipped recipe called `name`, or the TOML file there, with `changes` of its fields.

    Where the number of steps is changed, warm-up, checkpoints and held-out losses keep their share of the run, unless
    they are changed too. UserError names the field at fault.
    """
    if name in SHIPPED:
        text = resources.files("impossible_lms.training").joinpath(f"recipes/{name}.toml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            shipped = " or ".join(SHIPPED)
            raise UserError(f"--recipe {name}: neither {shipped} nor a file that can be read.") from error
    try:
        fields = parsed_toml(text)
    except ValueError as error:
        raise UserError(f"--recipe {name}: not TOML ({error}).") from error
    return with_changes(fields, changes or {}, f"--recipe {name}")


def with_changes(fields: Mapping[str, Any], changes: Mapping[str, Any], whose: str) -> Recipe:
    """The recipe of some fields with `changes`; UserError names the field at fault, and `whose` it is."""
    try:
        return Recipe.model_validate(in_proportion(fields, changes) | dict(changes), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "recipe"
        where = f"--set {field}" if first["loc"] and first["loc"][0] in changes else f"{whose}: {field}"
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(field, Recipe.model_fields, n=1, cutoff=0.4)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(Recipe.model_fields)}."
            raise UserError(f"{where}: a recipe has no field of that name. {hint}") from error
        raise UserError(f"{where}: {first['msg']} (found {shown(first['input'])}).") from error


def in_proportion(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with warm-up and checkpoints at their share of the run where `changes` are of its steps."""
    found, steps, before = dict(fields), changes.get("steps"), fields.get("steps")
    if isinstance(steps, int) and isinstance(before, int) and steps > 0 and before > 0:
        for key in ("warmup_steps", "checkpoint_every", "held_out_every"):
            if isinstance(value := found.get(key), int) and value:
                found[key] = max(0 if key == "warmup_steps" else 1, round(value * steps / before))
    return found  # what is no number of steps, pydantic says
