"""Rows of tokens are read as their script is, whatever markers stand in them."""

import pytest

from impossible_lms.explorer.html import direction_of, toolbar
from impossible_lms.explorer.listen_html import bars
from impossible_lms.report.examples import Token

MARKER = Token("R", True, None, None, True)


def tokens(*texts):
    return [Token(text, True, place, 0, False) for place, text in enumerate(texts, 1)]


@pytest.mark.parametrize(
    ("texts", "direction"),
    [
        (("הכלב", "ישן", "2"), "rtl"),
        (("1", "!", "كل", "x"), "rtl"),
        (("the", "كل"), "ltr"),
        (("1", "."), "ltr"),
        ((), "ltr"),
    ],
)
def test_the_first_letter_says_it_and_no_marker(texts, direction):
    for row in (tokens(*texts), [MARKER, *tokens(*texts)]):
        assert direction_of(row) == direction
        assert f'dir="{direction}"' in toolbar("a row", row)
        assert f'dir="{direction}"' in bars("a row", row, [1.0] * len(row), 8.0)
