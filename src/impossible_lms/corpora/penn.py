"""How the Penn Treebank writes words: its escapes, undone and made, and where ordinary writing has spaces."""

# Brackets (Penn Treebank bracketing guidelines), the slash and star of the Wall Street Journal files, and quotes.
ESCAPES = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
    "\\/": "/",
    "\\*": "*",
    "``": '"',
    "''": '"',
    "`": "'",
}
CLITICS = {"n't", "'s", "'re", "'ve", "'ll", "'d", "'m"}
SPLIT = {("gon", "na"), ("wan", "na"), ("got", "ta"), ("gim", "me"), ("lem", "me")}  # one word in ordinary writing
NO_SPACE_BEFORE = {",", ".", ";", ":", "?", "!", "...", "%", "-RRB-", "-RSB-", "-RCB-", "]", "}"}
NO_SPACE_AFTER = {"-LRB-", "-LSB-", "-LCB-", "[", "{"}
NO_SPACE_AFTER_TAGS = {"``", "$", "#", "HYPH"}
NO_SPACE_BEFORE_TAGS = {"''", "POS", "HYPH"}


def unescaped(word: str) -> str:
    """A word, or a text, as ordinary writing has it."""
    for escape, meant in ESCAPES.items():
        word = word.replace(escape, meant)
    return word


def escaped(word: str) -> str:
    """A word as a leaf of a bracketed tree: its brackets escaped."""
    return word.replace("(", "-LRB-").replace(")", "-RRB-")


def follows_space(left: tuple[str, str], right: tuple[str, str]) -> bool:
    """Whether ordinary writing has a space between two words, each with its tag and written as Penn writes it."""
    (word, tag), (following, following_tag) = left, right
    if word in NO_SPACE_AFTER or tag in NO_SPACE_AFTER_TAGS:
        return False
    if following in NO_SPACE_BEFORE or following_tag in NO_SPACE_BEFORE_TAGS:
        return False
    small = following.lower()
    return small not in CLITICS and (word.lower(), small) not in SPLIT
