"""What a run's checkpoints are called when they are published: `checkpoint-100`, `step1000`, or `chck_10M` by words."""

import re

from impossible_lms.documents import shown
from impossible_lms.errors import UserError
from impossible_lms.models.model_name import SEED
from impossible_lms.models.run import Run
from impossible_lms.publishing.revision import MAIN
from impossible_lms.training.words import words_apart, words_read

USUAL = "checkpoint-{step}"
_FIELDS = re.compile(r"\{(\w*)\}")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def with_seed(name: str, seed: int) -> str:
    """What another seed's model is published as, beside the one that has the name alone."""
    return f"{name}{SEED}{seed}"


def revision_names(run: Run, revision_format: str = USUAL) -> dict[int, str]:
    """The name of each checkpoint's revision, by its step.

    Args:
        run: a run with checkpoints.
        revision_format: with `{step}`, or with `{words}`: how many words were read by then, of a recipe whose
            `checkpoint_every` counts them.

    Raises:
        UserError: the format has neither or more, gives no names of branches, or two checkpoints one; or the recipe
            counts no words.
    """
    flag = f"--revision-format {revision_format}"
    fields = _FIELDS.findall(revision_format)
    if fields not in (["step"], ["words"]) or not _NAME.fullmatch(_FIELDS.sub("1", revision_format)):
        raise UserError(f"{flag}: letters, digits, - _ . and one {{step}} or {{words}} are expected: chck_{{words}}.")
    steps = [checkpoint.step for checkpoint in run.checkpoints()]
    said = {step: str(step) for step in steps}
    if fields == ["words"]:
        recipe = run.record["request"]["recipe"]
        apart = words_apart(recipe["checkpoint_every"])
        if apart is None:
            every = shown(recipe["checkpoint_every"])
            raise UserError(f"{flag}: the recipe's checkpoint_every is {every}; words are counted with words:1M there.")
        each = run.dataset().words_of_block * recipe["sequences_per_step"]
        said = {step: words_read(step, each, apart) for step in steps}
    names = {step: _FIELDS.sub(number, revision_format) for step, number in said.items()}
    if len(set(names.values())) < len(names) or MAIN in names.values():
        raise UserError(f"{flag}: gives several checkpoints one name. Take one with {{step}}.")
    return names
