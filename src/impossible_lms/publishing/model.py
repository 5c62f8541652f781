"""A run as a model's repository: a revision a checkpoint, each with the card and what was measured."""

from collections.abc import Mapping
from pathlib import Path

from impossible_lms.files import write_text
from impossible_lms.models.run import Run
from impossible_lms.publishing.card import model_card
from impossible_lms.publishing.measured import results_of
from impossible_lms.publishing.naming import USUAL, revision_names
from impossible_lms.publishing.revision import MAIN, Publication, Revision, hashed


def model_publication(run: Run, missing: Mapping[str, str] | None = None, revision_format: str = USUAL) -> Publication:
    """A finished run as `<language>-<architecture>`: one revision a checkpoint, `main` the last.

    Args:
        run: the run.
        missing: what was to be measured and is not, by name, with the reason; the card tells it.
        revision_format: what revisions are called, as `revision_names` takes it.
    """

    def revisions(repo_id: str, scratch: Path) -> list[Revision]:
        results = results_of(run, missing)
        names = revision_names(run, revision_format)
        write_text(scratch / "README.md", model_card(run, repo_id, results, names))
        shared = {"README.md": scratch / "README.md"} | results.files()
        digests, found = hashed(shared), []
        for checkpoint in run.checkpoints():
            files = {path.name: path for path in checkpoint.files()}
            found.append(Revision(names[checkpoint.step], files | shared, checkpoint.digests() | digests))
        return [*found, found[-1].renamed(MAIN)]

    return Publication("model", run.name, run.folder, revisions)
