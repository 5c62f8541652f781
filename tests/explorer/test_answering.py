"""What a page asks is answered, whatever it sends: one HTML, what is chosen, and what of an address is not there."""

import pytest

from impossible_lms import UserError
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.answering import answer
from impossible_lms.explorer.view import View


class Said(View):
    """A view that says what is chosen, of which there is one language alone."""

    name, names = "speak", ("languages",)

    def __init__(self):
        self.inputs = (None,)

    def missing(self, chosen):
        return [] if chosen.languages == "all" else [chosen.languages]

    def shown(self, chosen):
        if chosen.s == "bad":
            raise UserError("<no> such\nsentence")
        return f"{chosen.languages}: {chosen.s}"[: 1 // (chosen.s != "worse") * 99]


def ask(**asked):
    return answer([Said()], asked)


def test_what_was_chosen_what_is_there_and_what_clicks_ask_come_together():
    found = ask(kept={"draw": "3", "s": "old"}, values=["new", "hop"], asks=["next=draw", "next=draw&by=words"])
    assert found["kept"] == {"s": "new", "languages": "hop", "draw": "5", "by": "words"}
    assert found["html"] == "hop: new" and found["query"] == "s=new&languages=hop&draw=5&by=words"
    assert ask(kept={"draw": "999"}, asks=["next=draw"])["kept"] == {}
    assert Chosen(sample=998).after("next=sample").sample == 999
    assert Chosen().after("next=view&next=draws&s=").s == ""


def test_what_an_address_names_that_is_not_there_is_said_once():
    asked = {"kept": {"languages": "<b>x" + "y" * 200}, "values": ["new", "all"]}
    assert ask(**asked)["missing"] == "" and ask(**asked)["html"] == "all: new"
    missing = ask(**asked, begins=True)["missing"]
    assert "Not here, and left out: &lt;b&gt;xyy" in missing and "…" in missing and len(missing) < 200


@pytest.mark.parametrize(
    "asked", [None, 3, [], {}, {"kept": 3}, {"values": "x"}, {"values": [{}, []]}, {"asks": [3, None]}, {"begins": 1}]
)
def test_anything_may_be_sent(asked):
    found = answer([Said()], asked)
    assert set(found) == {"kept", "query", "html", "missing"} and ": He cleans" in found["html"]


def test_what_cannot_be_shown_is_one_line(capsys):
    assert ask(values=["bad", "all"])["html"] == '<p class="fault" role="alert">&lt;no&gt; such sentence</p>'
    assert "This cannot be shown (ZeroDivisionError" in ask(values=["worse", "all"])["html"]
    assert "s=worse: ZeroDivisionError" in capsys.readouterr().err
