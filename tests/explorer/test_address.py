"""What is chosen goes into the address and comes back; what an address says that cannot be is left out."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from impossible_lms.explorer.address import WHOLES, Chosen

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
chosen = st.builds(
    Chosen,
    view=st.sampled_from(["speak", "listen", "read", "results"]),
    s=texts.filter(bool),
    languages=texts.filter(bool),
    window=st.integers(*WHOLES["window"]),
    seed=st.integers(*WHOLES["seed"]),
    draw=st.integers(*WHOLES["draw"]),
    by=st.sampled_from(["tokens", "ids", "words"]),
    at=st.none() | st.integers(0, 500),
    step=st.integers(0, 10**6),
    among=st.lists(st.sampled_from(["no-shuffle", "token-hop-k2"]), max_size=2, unique=True).map(tuple),
    contrast=texts,
)


@given(chosen)
def test_an_address_leads_back(one):
    from urllib.parse import parse_qsl

    assert Chosen.read(dict(parse_qsl(one.query(), keep_blank_values=True))) == one
    assert Chosen.taken(vars(one)) == one


def test_what_is_as_always_is_not_in_the_address():
    assert Chosen().query() == "" and Chosen(seed=3, s="a b").query() == "s=a+b&seed=3"


@given(st.dictionaries(st.sampled_from([each.name for each in fields(Chosen)]), texts))
def test_any_address_is_read(query):
    found = Chosen.read(query)
    assert WHOLES["window"][0] <= found.window <= WHOLES["window"][1]
    assert found.view in ("speak", "listen", "read", "results") and found.step >= 0


def test_components_may_hold_anything():
    assert Chosen.taken({"window": 7.0, "s": None, "among": ["a", "b"], "seed": {}, "by": 3}) == Chosen(
        window=7, among=("a", "b")
    )
