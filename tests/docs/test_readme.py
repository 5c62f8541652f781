"""The README names every language, and the pages between them every command, option and public name there is."""

import re
from typing import Any

import typer.main

import impossible_lms
from impossible_lms import LANGUAGES, cli
from tests.docs.pages import PAGES, ROOT, blocks_of

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_language_is_named():
    for name in LANGUAGES:
        assert f"`{name}`" in README or f"`-{name.rpartition('-')[2]}`" in README


def test_every_page_is_led_to():
    for name in PAGES:
        if re.fullmatch(r"docs/[a-z-]+\.md", name) and name not in ("docs/benchmarks.md", "docs/log.md"):
            assert f"]({name})" in README, name


def test_links_to_files_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", PAGES[name].read_text(encoding="utf-8")):
            assert (ROOT / link).exists(), f"{name}: {link}"


def test_every_verb_is_run_or_marked():
    """The site's page of commands has every verb, but examples teach: each is in a block of some page."""
    shown = " ".join(
        command
        for name, path in PAGES.items()
        for block in blocks_of(path.read_text(encoding="utf-8"), name)
        if block.language == "sh"
        for command in block.commands()
    )
    program: Any = typer.main.get_command(cli.app)
    for verb, command in program.commands.items():
        for name in (f"{verb} {each}" for each in command.commands) if hasattr(command, "commands") else [verb]:
            assert f"impossible {name}" in shown, name


def test_every_public_name_has_its_reference():
    reference = "".join(path.read_text(encoding="utf-8") for name, path in PAGES.items() if "reference/" in name)
    documented = set(re.findall(r"^::: impossible_lms\.[\w.]+\.(\w+)$", reference, re.MULTILINE))
    assert set(impossible_lms.__all__) - {"__version__"} <= documented
