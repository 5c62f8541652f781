"""Every command and every piece of Python on a page runs, in order, or is marked as needing what a test lacks."""

import pytest

from tests.docs.pages import PAGES, Block, PageError, blocks_of, mentions_of
from tests.docs.shell import Shell
from tests.docs.spelling import refuse_misspelt, refuse_unknown

BLOCKS = {name: blocks_of(path.read_text(encoding="utf-8"), name) for name, path in PAGES.items()}
SLOW = [name for name, blocks in BLOCKS.items() if any(block.needs == "time" for block in blocks)]


def follow(shell: Shell, blocks: list[Block], lacking: set[str]) -> None:
    """Do what a page says: write its files, run its commands and its Python, all but the blocks that need `lacking`."""
    for block in blocks:
        if block.title is not None:
            shell.write(block)
        elif block.language == "sh":
            for command in block.commands():
                refuse_misspelt(command, block.where)
            if block.needs not in lacking:
                shell.run(block)
        elif block.language == "python" and block.needs not in lacking:
            shell.python(block)


@pytest.mark.parametrize("name", BLOCKS)
def test_page(name, shell):
    follow(shell, BLOCKS[name], {"network", "the Hub", "their files", "gpu", "time", "cluster"})


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_page_with_what_takes_time(name, shell):
    follow(shell, BLOCKS[name], {"network", "the Hub", "their files", "gpu", "cluster"})


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_mentions_is_there(name):
    text = PAGES[name].read_text(encoding="utf-8")
    for mention in mentions_of(text):
        refuse_unknown(mention, name)
    for block in BLOCKS[name]:
        if block.language != "sh" and any(line.startswith(("impossible ", "$ ")) for line in block.text.splitlines()):
            raise PageError(f"{block.where}: a command in a block that is not sh.")
