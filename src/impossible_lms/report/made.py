"""What a report was made from, so that the same one is not made again."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import impossible_lms
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.files import MANIFEST, digest_of, read_manifest, sha256_of, verify_files
from impossible_lms.languages import get_language
from impossible_lms.models.run import FINISHED, METRICS, RECORD
from impossible_lms.report.findings import Findings
from impossible_lms.report.own import Described
from impossible_lms.versions import versions

FIGURES = "figures of a report"  # kind of artefact
SHOWING = ("matplotlib", "pandas", "numpy", "scipy", "jinja2", "tokenizers")  # packages whose work is on the page


def made_from(
    findings: Findings,
    own: Mapping[str, Described],
    published: bool | None,
    datasets: Mapping[str, TokenDataset | None],
) -> dict[str, str]:
    """The request of a report: a hash of all that decides its page and its figures: our own code, that of languages
    from elsewhere, and the packages that draw and count included.
    """
    runs = [
        [run.language, *(_hash(run.folder / name) for name in (RECORD, FINISHED, METRICS))] for run in findings.runs
    ]
    evaluations = [
        [_hash(each.folder / MANIFEST), sorted(set(each.curve["architecture"]))] for each in findings.evaluations
    ]
    data = {name: [_manifest_of(dataset), _code_of(name, dataset)] for name, dataset in datasets.items()}
    code = [
        sha256_of(path)
        for path in sorted(Path(impossible_lms.__file__).parent.rglob("*"))
        if path.suffix in (".py", ".j2", ".css", ".js", ".csv")
    ]
    said = [findings.title, findings.command, findings.asked, list(findings.failures), published]
    looks = {name: asdict(each) for name, each in own.items()}
    return {"made from": digest_of([runs, evaluations, data, code, said, looks, versions(*SHOWING)])}


def is_made(folder: Path, page: Path, request: Mapping[str, str]) -> bool:
    """Whether the page and the figures in `folder` are there as they were written, and answer the request."""
    try:
        manifest = read_manifest(folder, FIGURES)
        record: dict[str, Any] = manifest["record"]
        if record.get("request") != request or not page.is_file() or sha256_of(page) != record.get("page"):
            return False
        verify_files(folder, manifest, contents=False)
    except UserError:
        return False
    return True


def _manifest_of(dataset: TokenDataset | None) -> str | None:
    return _hash(dataset.folder / MANIFEST) if dataset is not None else None


def _code_of(name: str, dataset: TokenDataset | None) -> str | None:
    """The hash of a language's own file, which is not run here; the version of one that another package has."""
    spec = str(dataset.record["described"].get("spec") or name) if dataset is not None else name
    if ".py:" in spec:
        return _hash(Path(spec.rpartition(":")[0]))
    try:
        return get_language(spec).version
    except UserError:
        return None


def _hash(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None
