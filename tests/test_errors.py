"""Messages hold values of files and of other libraries, and are one line of what may be shown, whatever these are."""

from impossible_lms.errors import LONGEST, UserError, UserErrors, in_one_line


def test_a_message_is_one_line_of_what_can_be_shown():
    assert str(UserError("column 'a\r\n  b' of x\u2028y")) == "column 'a b' of x y"
    assert str(UserError("clear \x1b[2J, hide \u202e, half \ud800")) == r"clear \x1b[2J, hide \u202e, half \ud800"
    assert str(UserError("two  blanks/Größe/猫/\u0645\u200c\u0645")) == "two  blanks/Größe/猫/\u0645\u200c\u0645"


def test_a_message_is_short():
    said = in_one_line("start " + "x" * 10**6 + " end")
    assert said.startswith("start ") and said.endswith(" end") and len(said) <= LONGEST
    assert in_one_line("x" * LONGEST) == "x" * LONGEST


def test_each_of_several_is():
    found = UserErrors(["a\nb", "c\x07"])
    assert found.faults == ("a b", r"c\x07") and str(found) == r"a b c\x07"
