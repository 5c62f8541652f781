"""A folder that is a Hugging Face Space: the page, this package and a copy of what was given; it needs no token."""

import os
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import impossible_lms
from impossible_lms.errors import UserError
from impossible_lms.explorer.given import Given
from impossible_lms.files import folder_beside, link_or_copy, read_manifest, write_text
from impossible_lms.models.cached import id_of_cached
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import CHECKPOINTS, FINISHED, METRICS, RECORD, Run

KIND = "Space"
HELD = "given"  # the folder of what was given
EVALUATION, PARTS = "evaluation", "parts"
NOTHING_OF = shutil.ignore_patterns("__pycache__", "*.pyc")
README = """---
title: Impossible languages
emoji: 🔀
colorFrom: blue
colorTo: yellow
sdk: gradio
sdk_version: {gradio}
app_file: app.py
pinned: false
---

A sentence in languages that no people speaks, and what models learn of them: `impossible explore` of
impossible-lms {version}.
"""
APP = '''"""The explorer of impossible-lms as a Space: the package and what it shows lie beside this file."""

import os
import threading
from pathlib import Path

from impossible_lms.explorer.given import given
from impossible_lms.explorer.serve import launch

HERE = Path(__file__).parent
LOCAL = {local}
ON_THE_HUB = {hub}
LANGUAGES = {languages}

if __name__ == "__main__":
    found = given(
        [*(str(HERE / each) for each in LOCAL), *ON_THE_HUB],
        languages=[str(HERE / each) for each in LANGUAGES],
        tokenizer={tokenizer},
        annotator={annotator},
    )
    host, port = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0"), os.environ.get("GRADIO_SERVER_PORT", "7860")
    _, url = launch(found, host=host, port=int(port))
    print(url, flush=True)
    threading.Event().wait()
'''


def write_space(
    given: Given,
    folder: Path,
    languages: Sequence[str] = (),
    annotator: str | None = None,
    tokenizer: str | None = None,
) -> None:
    """Write a Space of what was given: models with their data and results, languages, this package, its requirements.

    Models that are on the Hub are named, and fetched there; all else is copied, tokenizers and pipelines that are files
    or folders too. UserError where the folder holds something else.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            read_manifest(folder, KIND)
    except (UserError, OSError) as error:
        raise UserError(f"--space {folder}: holds something else. Name another folder.") from error
    with folder_beside(folder, KIND, {"request": {}}) as part:
        hub, local = [], []
        for run in given.findings.runs:
            if isinstance(run, PublishedRun) and not Path(run.source).is_dir() and not run.folder.is_dir():
                hub.append(run.source)
            else:
                local.append(_copied(run, part / HELD).relative_to(part).as_posix())
        for model in given.models.named.values():
            if isinstance(model.run, PublishedRun) and id_of_cached(model.run.folder):
                target = part / HELD / model.run.folder.name
                shutil.copytree(model.run.folder, target, symlinks=False, ignore=shutil.ignore_patterns("blobs"))
                local.append(target.relative_to(part).as_posix())
        own = []
        for number, spec in enumerate(languages, 1):
            path, _, name = spec.rpartition(":")
            file = part / "languages" / str(number) / Path(path).name
            file.parent.mkdir(parents=True)
            shutil.copyfile(path, file)
            own.append(f"{file.relative_to(part).as_posix()}:{name}")
        shutil.copytree(Path(impossible_lms.__file__).parent, part / "impossible_lms", ignore=NOTHING_OF)
        both = {"tokenizer": _carried(tokenizer, part), "annotator": _carried(annotator, part)}
        write_text(part / "app.py", APP.format(local=local, hub=hub, languages=own, **both))
        write_text(part / "requirements.txt", "".join(f"{each}\n" for each in _requirements(annotator)))
        write_text(part / "README.md", README.format(gradio=version("gradio"), version=impossible_lms.__version__))


def _carried(spec: str | None, part: Path) -> str:
    """The Python that names a tokenizer or annotator in the Space, whose file or folder, if it has one, is copied."""
    kind, colon, path = (spec or "").rpartition(":")
    if not path or not Path(path).exists():
        return repr(spec)
    target = part / HELD / Path(path).resolve().name
    if target.exists():
        target = target.with_name(f"{kind or 'tokenizer'}-{target.name}")
    target.parent.mkdir(exist_ok=True)
    if Path(path).is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copyfile(path, target)
    return f"{kind + colon!r} + str(HERE / {target.relative_to(part).as_posix()!r})"


def _copied(run: Run | PublishedRun, home: Path) -> Path:
    """Copy a run, without the state of its training, and its data, each as far from the other as they were."""
    if isinstance(run, PublishedRun):
        source = Path(run.source) if Path(run.source).is_dir() else run.folder
        return _tree(source, home / source.resolve().name)
    data = Path(run.record["data"])
    up = sum(part == ".." for part in data.parts)
    target = home.joinpath(*["runs"] * max(up - 1, 0), run.folder.resolve().name)
    target.mkdir(parents=True)
    for name in (RECORD, FINISHED, METRICS):
        if (run.folder / name).is_file():
            shutil.copyfile(run.folder / name, target / name)
    for name in (CHECKPOINTS, EVALUATION):
        if (run.folder / name).is_dir():
            _tree(run.folder / name, target / name)
    goal = Path(os.path.normpath(target / data))
    if not data.is_absolute() and goal.is_relative_to(home) and (run.folder / data).is_dir() and not goal.exists():
        _tree(run.folder / data, goal)
    return target


def _tree(source: Path, target: Path) -> Path:
    """A copy of a folder whose files are never changed in place; links where the disk allows them."""
    ignored = shutil.ignore_patterns(".*", PARTS)
    return Path(shutil.copytree(source, target, copy_function=_put, ignore=ignored, dirs_exist_ok=True))


def _put(source: str, target: str) -> None:
    link_or_copy(Path(source), Path(target))


def _requirements(annotator: str | None) -> list[str]:
    """What the package needs, the Gradio that is here, and the extra of the annotator."""
    try:
        all_of = requires("impossible-lms") or []
    except PackageNotFoundError as error:
        raise UserError("--space: impossible-lms is not installed; pip install -e . does it.") from error
    found = [f"gradio=={version('gradio')}"]
    for each in all_of:
        requirement, _, marker = each.partition(";")
        extra = marker.partition("extra ==")[2].strip().strip("'\"")
        if not marker.strip() or (annotator is not None and extra == annotator.partition(":")[0]):
            found.append(requirement.strip())
    return found
