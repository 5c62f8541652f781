"""The tests of the pages can fail: for commands, options and reasons there are not, and for what goes wrong."""

import pytest

from tests.docs.pages import PageError, blocks_of, mentions_of
from tests.docs.spelling import refuse_misspelt, refuse_unknown
from tests.docs.test_pages import follow


def page(*lines):
    return blocks_of("\n".join(lines), "page.md")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("impossible fly", "there is no command fly"),
        ("impossible train --data d --output r --quickly", "No such option: --quickly"),
        ("impossible train --data d", "Missing option '--output'"),
        ("impossible hub fly", "there is no command fly"),
        ("torchrun --nproc-per-node 2 -m impossible_lms train --data d", "Missing option '--output'"),
        ("impossible train --data d --output r --seed many", "Invalid value for '--seed'"),
        ("make coffee", "the Makefile has no coffee"),
        ('pip install "impossible-lms[sugar]"', "there is no extra sugar"),
    ],
)
@pytest.mark.parametrize("mark", ["", "<!-- needs: network -->"])
def test_a_misspelt_command_is_a_fault_marked_or_not(command, said, mark, shell):
    with pytest.raises(PageError) as fault:
        follow(shell, page(mark, "```sh", command, "```"), {"network"})
    assert said in str(fault.value) and "page.md:2" in str(fault.value)


def test_a_command_that_fails_is_a_fault_unless_it_is_marked(shell):
    block = "```sh", "impossible inspect nothing", "```"
    with pytest.raises(
        PageError, match=r"page\.md:1: impossible inspect nothing\nexit code 2\nerror: nothing: no such"
    ):
        follow(shell, page(*block), {"network"})
    follow(shell, page("<!-- needs: network -->", *block), {"network"})


@pytest.mark.parametrize("command", ["false", "export A=1\nimpossible inspect nothing", "sleep 0 &"])
def test_so_is_one_of_another_process(command, shell):
    with pytest.raises(PageError):
        follow(shell, page("```sh", *command.split("\n"), "```"), set())


@pytest.mark.parametrize("before", ["", "```sh\nexport A=1\n```"])
def test_so_is_python_that_fails(before, shell):
    with pytest.raises((PageError, ZeroDivisionError)):
        follow(shell, page(*before.split("\n"), "```python", "1 / 0", "```"), set())


def test_files_stand_where_the_page_shows_them_and_commands_share_a_folder(shell):
    lines = ["```text", "impossible", "```", '```toml title="a.toml"', "a = 1", "```", "```sh", "# why"]
    follow(shell, page(*lines, "cat a.toml \\", "    > b.toml   # twice", "test -s b.toml", "```"), set())
    assert (shell.folder / "b.toml").read_text() == "a = 1\n"


def test_what_a_page_takes_for_granted_is_put_there_and_what_it_writes_is_not(shell):
    command = "impossible build --corpus babylm --language no-reverse --tokenizer gpt2-bpe --output data/no-reverse"
    follow(shell, page("```sh", command, "```"), set())
    assert "babylm" in (shell.folder / "data" / "no-reverse" / "manifest.json").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- needs: luck -->\n```sh\nls\n```", "page.md:1: needs 'luck'"),
        ("<!-- needs: gpu -->\nText.\n", "page.md:2: what needs gpu is no block"),
        ("```bash\nls\n```", "page.md:1: a block of bash"),
        ("```\nls\n```", "page.md:1: a block of no kind"),
        ("```sh\nls\n", "page.md:1: the block has no end"),
    ],
)
def test_a_page_that_the_tests_cannot_read_is_a_fault(text, said):
    with pytest.raises(PageError) as fault:
        blocks_of(text, "page.md")
    assert said in str(fault.value)


def test_a_mention_is_of_what_there_is():
    text = "`impossible train --keep N` and `impossible hub serve`\n```sh\nls `impossible fly`\n```\n"
    assert mentions_of(text) == ["impossible train --keep N", "impossible hub serve"]
    for mention in mentions_of(text):
        refuse_unknown(mention, "page.md")
    with pytest.raises(PageError, match="no option --leap"):
        refuse_unknown("impossible train --leap N", "page.md")
    with pytest.raises(PageError, match="no command fly"):
        refuse_unknown("impossible fly", "page.md")


def test_well_spelt_commands_pass():
    for command in ("impossible --version", "impossible train --help", "make docs", "pip install -e .[dev]", "ls"):
        refuse_misspelt(command, "page.md")
