"""Which way one may look: a lower room never imports a higher one, and heavy libraries stay where they belong."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import impossible_lms

SOURCE = Path(impossible_lms.__file__).parent
# From low to high. Rooms that stand together do not import each other.
FLOORS = [
    {"errors"},
    {
        "documents",
        "files",
        "growing",
        "locks",
        "network",
        "unfinished",
        "ragged",
        "spec",
        "special_tokens",
        "tokenizer_files",
        "versions",
        "progress",
        "shown",
        "terminal",
        "words",
        "kernels",
        "scripts",
    },
    {"tokenizer"},
    {"corpora"},
    {"languages"},
    {"data"},
    {"models"},
    {"training", "evaluation"},
    {"publishing", "report"},
    {"experiment"},
    {"explorer", "notebook"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
TORCH_MODULES = {"gpt2_no_pos", "gelu"}
TORCH_ROOMS = {"models", "training", "evaluation"}
TORCH_FILES = {SOURCE / "corpora" / "with_stanza.py"}  # Stanza is a library of torch's
FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path != SOURCE / "__init__.py"]


def room_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path, top_level_only=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_looks_down_only(path):
    own = room_of(path)
    for module in imports(path):
        if module.startswith("impossible_lms."):
            other = module.split(".")[1]
            # The lowest two floors are the foundation and may use each other.
            assert other == own or FLOOR[other] < FLOOR[own] or FLOOR[other] == FLOOR[own] == 1, (
                f"{own} imports {other}"
            )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_torch_stays_in_its_rooms(path):
    if room_of(path) not in TORCH_ROOMS and path not in TORCH_FILES:
        assert not any(module.split(".")[0] == "torch" for module in imports(path))
    elif path.stem not in TORCH_MODULES and path.parent.name != "fast":  # these are imported by functions only
        top = set(imports(path, top_level_only=True))
        assert not {module.split(".")[0] for module in top} & {"torch", "transformers", "accelerate"}
        assert not any(module.split(".")[-1] in TORCH_MODULES or ".fast" in module for module in top)


@pytest.mark.parametrize("path", [*FILES, SOURCE / "__init__.py"], ids=lambda path: str(path.relative_to(SOURCE)))
def test_opens_with_what_it_is_for_and_stays_short(path):
    text = path.read_text(encoding="utf-8")
    assert (ast.get_docstring(ast.parse(text)) or "").split("\n")[0].endswith((".", ":"))
    assert text.count("\n") < 400


def loaded_by(code):
    heavy = "torch", "transformers", "pyarrow", "pandas", "matplotlib", "accelerate", "tokenizers"
    script = f"import sys\nsys.argv = ['impossible', '--help']\n{code}\nprint([m for m in {heavy} if m in sys.modules])"
    return subprocess.check_output([sys.executable, "-c", script], text=True).splitlines()[-1]


def test_importing_and_asking_for_help_load_nothing_heavy():
    assert loaded_by("import impossible_lms") == "[]"
    ask = "from impossible_lms import cli\ntry: cli.main()\nexcept SystemExit as done: assert not done.code"
    assert loaded_by(ask) == "[]"
    assert loaded_by("import impossible_lms.models.gpt2_no_pos") != "[]"  # the check can fail


def test_every_public_name_is_there():
    for name in [*impossible_lms.__all__, *impossible_lms.__all__]:  # rooms are imported by the second time
        assert getattr(impossible_lms, name) is not None
        assert not inspect.ismodule(getattr(impossible_lms, name))  # one of the name of a call would hide it
    assert set(dir(impossible_lms)) == set(impossible_lms.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = impossible_lms.nothing
