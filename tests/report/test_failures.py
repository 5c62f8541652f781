"""The same failure of many things is told once."""

from impossible_lms.report.failures import Failure, grouped


def test_what_is_said_of_many_is_said_once_and_names_them_all():
    found = grouped([("a/tables", "a/tables: damaged."), ("b", "not measured"), ("c/tables", "c/tables: damaged.")])
    assert found == [Failure("…: damaged.", ["a/tables", "c/tables"]), Failure("not measured", ["b"])]
    assert [each.count for each in found] == [2, 1]
    assert grouped([("a", "a: damaged.")]) == [Failure("a: damaged.", ["a"])]
