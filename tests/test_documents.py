"""TOML and JSON: a byte order mark is no fault, and nesting is one that is said in a line."""

import json

import pytest

from impossible_lms.documents import parsed_json, parsed_toml, read_json, shown

DEEP = "[" * 100_000 + "]" * 100_000


def test_a_byte_order_mark_is_taken_off(tmp_path):
    assert parsed_toml('\ufeffname = "x"\n') == {"name": "x"} and parsed_json('\ufeff{"name": 1}') == {"name": 1}
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": "\xc3\xa9"}')
    assert read_json(tmp_path / "a.json") == {"a": "é"}


def test_what_is_nested_too_deeply_is_a_fault_like_any_other():
    for parse, text in ((parsed_toml, f"x = {DEEP}"), (parsed_json, DEEP)):
        with pytest.raises(ValueError, match=r"^nested too deeply$"):
            parse(text)
    with pytest.raises(json.JSONDecodeError):
        parsed_json("{")
    with pytest.raises(ValueError, match="Expected"):
        parsed_toml("x")


def test_a_value_in_a_message_is_short():
    assert shown([1, "a"]) == "[1, 'a']" and len(shown(list(range(1000)))) == 61
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(nested) == "a list nested too deeply"
