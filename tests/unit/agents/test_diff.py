"""What differs between two configurations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.agents.diff import Change, diff

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": 1}, {"a": 2}, [Change("/a", "changed", 1, 2)]),
        ({"a": 1}, {}, [Change("/a", "removed", before=1)]),
        ({}, {"a/b~": {"c": 1}}, [Change("/a~1b~0", "added", after={"c": 1})]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}}, [
            Change("/a/b/1", "changed", 2, 3), Change("/a/b/2", "added", after=4),
        ]),
        ({"a": True}, {"a": 1}, [Change("/a", "changed", True, 1)]),
        ({"a": None}, {"a": []}, [Change("/a", "changed", None, [])]),
    ],
)  # fmt: skip
def test_each_change_has_its_place_and_both_values(before, after, changes):
    assert diff(before, after) == changes


def test_named_items_stand_by_their_name_wherever_they_moved():
    one, two = {"name": "one", "x": 1}, {"name": "two", "x": 1}
    before = {"states": [one, two]}
    new = {"name": "new", "x": 1}
    assert diff(before, {"states": [one, new, {**two, "x": 2}]}) == [
        Change("/states/two/x", "changed", 1, 2),
        Change("/states/new", "added", after=new),
    ]
    assert diff(before, {"states": [two, one]}) == [Change("/states", "changed", ["one", "two"], ["two", "one"])]


@given(JSON)
def test_equal_things_have_no_changes(value):
    assert diff(value, value) == []


@given(JSON, JSON)
def test_different_things_have_changes(before, after):
    assert bool(diff(before, after)) == (repr(before) != repr(after) and _canon(before) != _canon(after))


def _canon(value):
    """Equal for equal JSON: Python's 1 == True is not."""
    if isinstance(value, dict):
        return ("object", tuple(sorted((key, _canon(item)) for key, item in value.items())))
    if isinstance(value, list):
        return ("array", tuple(map(_canon, value)))
    return (type(value).__name__, value)
