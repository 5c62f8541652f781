"""A run as a model's repository: a revision a checkpoint, each with the card and what was measured."""

from pathlib import Path

from impossible_lms.files import write_text
from impossible_lms.models.run import Run
from impossible_lms.publishing.card import FIGURE, figure_of, model_card
from impossible_lms.publishing.revision import MAIN, Publication, Revision, hashed

CURVE = "results/perplexity.csv"


def model_publication(run: Run) -> Publication:
    """A finished run as `<language>-<architecture>`: one revision a checkpoint, `main` the last."""

    def revisions(repo_id: str, scratch: Path) -> list[Revision]:
        write_text(scratch / "README.md", model_card(run, repo_id))
        shared = {"README.md": scratch / "README.md"}
        curve, figure = run.folder / "evaluation" / "perplexity" / "curve.csv", figure_of(run)
        if curve.is_file():
            shared[CURVE] = curve
        if figure is not None:
            shared[FIGURE] = figure
        digests, found = hashed(shared), []
        for checkpoint in run.checkpoints():
            files = {path.name: path for path in checkpoint.files()}
            found.append(Revision(checkpoint.revision, files | shared, checkpoint.digests() | digests))
        return [*found, found[-1].renamed(MAIN)]

    return Publication("model", run.name, run.folder, revisions)
