"""The pages of the documentation, cut into blocks: commands, Python, and files that a page shows."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
}
# What a test lacks, and all that `<!-- needs: ... -->` before a block may name.
NEEDS = {
    "network": "installs or fetches something",
    "the Hub": "talks to the Hugging Face Hub",
    "their files": "reads files that the published scripts wrote, which are not ours to give",
    "gpu": "computes what wants a GPU",
    "time": "takes minutes; run by `pytest -m slow`",
    "cluster": "needs more than one machine, or Slurm",
}
FENCES = {"sh", "python", "toml", "text", "bibtex"}
_FENCE = re.compile(r'( *)(`{3,})(\w*)(?: title="([^"]+)")?(.*)')
_NEED = re.compile(r"<!-- needs: (.*) -->")
_INLINE = re.compile(r"`(impossible [^`]+)`")


@dataclass(frozen=True)
class Block:
    """What stands between two fences: its language, the file it is shown as, what it needs, and where it is."""

    language: str
    text: str
    where: str
    title: str | None = None
    needs: str | None = None

    def commands(self) -> list[str]:
        """The commands of a shell block, continued lines joined, without comments at the beginning of a line."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


class PageError(AssertionError):
    """Something on a page that the tests cannot vouch for."""


def blocks_of(text: str, name: str) -> list[Block]:
    """The blocks of a page in order; PageError for one of an unknown kind, or that needs what tests do not lack."""
    blocks: list[Block] = []
    open_block: Block | None = None
    fence = needs = ""
    for number, line in enumerate(text.splitlines(), 1):
        if open_block is not None:
            if line.strip() == fence:
                blocks.append(open_block)
                open_block, needs = None, ""
            else:
                open_block = replace(open_block, text=f"{open_block.text}{line}\n")
        elif found := _FENCE.fullmatch(line):
            fence, where = found[2], f"{name}:{number}"
            if found[3] not in FENCES or found[5].strip():
                raise PageError(
                    f"{where}: a block of {line.strip('` ') or 'no kind'}. Known: {', '.join(sorted(FENCES))}."
                )
            open_block = Block(found[3], "", where, found[4], needs or None)
        elif found := _NEED.fullmatch(line.strip()):
            needs = found[1]
            if needs not in NEEDS:
                raise PageError(f"{name}:{number}: needs {needs!r}. A test can lack: {', '.join(NEEDS)}.")
        elif line.strip() and needs:
            raise PageError(f"{name}:{number}: what needs {needs} is no block.")
    if open_block is not None:
        raise PageError(f"{open_block.where}: the block has no end.")
    return blocks


def mentions_of(text: str) -> list[str]:
    """The command lines that a page mentions in running text."""
    return _INLINE.findall(re.sub(r"^( *)(`{3,}).*?^\1\2$", "", text, flags=re.DOTALL | re.MULTILINE))
