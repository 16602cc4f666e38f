"""``key.path=value`` strings: what they change, and where they say they are wrong."""

import numpy as np
import pytest

from ketasim.documents import DocumentError, from_mapping, override, parse_document, with_values

TEXT = "a: 1\nlist: [{x: 1 s}, {x: 2 s}]\noff: off\n"


def test_values_are_set_added_and_replaced():
    """Catches an override that loses its neighbours or takes a value for text that YAML has as a number."""
    document = parse_document(TEXT)
    changed = override(
        document, ["a=2", "list.1.x=3 s", "list.2.x=4 s", "new.deep.key=[1, 2]", "off.inner=true", "b={c: d}"]
    )
    assert changed.data == {
        "a": 2,
        "list": [{"x": "1 s"}, {"x": "3 s"}, {"x": "4 s"}],
        "off": {"inner": True},
        "new": {"deep": {"key": [1, 2]}},
        "b": {"c": "d"},
    }
    assert document.data["a"] == 1


def test_later_overrides_win_and_lists_can_be_started():
    """Catches overrides applied in another order, and an empty list that cannot be filled."""
    assert override(parse_document("a: 1"), ["a=2", "a=3", "l.0.k=1", "l.1.k=2"]).data == {
        "a": 3,
        "l": [{"k": 1}, {"k": 2}],
    }


def test_equals_sign_in_the_value_belongs_to_it():
    """Catches a split at the wrong sign."""
    assert override(parse_document("a: 1"), ["a=x=y"]).data == {"a": "x=y"}


def test_places_are_in_the_override():
    """Catches errors in an override that point into the file."""
    document = override(parse_document(TEXT), ["a=2", "list.1.x= {y: 5}"])
    assert document.place(("list", 1, "x"))[:3] == ("override", 2, 11)
    assert document.place(("list", 1, "x"), "key")[:3] == ("override", 2, 8)
    assert document.place(("list", 1, "x", "y"))[:3] == ("override", 2, 15)
    assert document.place(("list", 0, "x"))[:3] == ("text", 2, 12)


@pytest.mark.parametrize(
    ("text", "column", "path", "message"),
    [
        ("seed", 1, "", "an override is one line `key.path=value`"),
        ("=3", 1, "", "an override is one line `key.path=value`"),
        ("a=1\nb=2", 1, "", "an override is one line `key.path=value`"),
        ("a..b=3", 3, "a..b", "a key is missing between the dots"),
        ("list.5.x=3", 6, "list.5", "there is no item 5; list has 2 (the first is 0)"),
        ("list.-1.x=3", 6, "list.-1", "expected the number of a list item, got '-1'; the first is list.0"),
        ("list.x=3", 6, "list.x", "expected the number of a list item, got 'x'; the first is list.0"),
        ("a=[1, 2", 8, "a", "not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a=&x 1", 3, "a", "the anchor &x is not allowed; write the value out where it is used"),
        ("a={b: 1, b: 2}", 10, "a.b", "duplicate key 'b' (first defined on line 1)"),
    ],
)
def test_wrong_overrides_are_named_with_their_place(text, column, path, message):
    """Catches an override that is silently ignored, and a place that is not in it."""
    with pytest.raises(DocumentError) as caught:
        override(parse_document(TEXT), ["a=2", text])
    (problem,) = caught.value.problems
    assert problem.place[:3] == ("override", 2, column)
    assert (problem.path, problem.message) == (path, message)


def test_all_wrong_overrides_are_reported_at_once():
    """Catches a stop at the first."""
    with pytest.raises(DocumentError) as caught:
        override(parse_document(TEXT), ["x", "list.9=1"])
    assert len(caught.value.problems) == 2


def test_python_values_become_plain_data():
    """Catches numpy numbers and tuples that would reach the models, and data shared with the caller."""
    inner = {"x": [1]}
    document = with_values(from_mapping({"a": inner, "t": (1, 2)}), {"seed": np.int64(7), "f": np.float64(0.5)})
    inner["x"].append(2)
    assert document.data == {"a": {"x": [1]}, "t": [1, 2], "seed": 7, "f": 0.5}
    assert type(document.data["seed"]) is int


def test_python_objects_are_refused():
    """Catches arbitrary objects, keys that are not text, and endless nesting in a mapping."""
    endless: dict = {}
    endless["a"] = endless
    for data, message in [
        ({"a": object()}, "a Python object"),
        ({1: 2}, "the key 1"),
        (endless, "nested deeper"),
    ]:
        with pytest.raises(DocumentError) as caught:
            from_mapping(data)
        assert message in str(caught.value)
    with pytest.raises(TypeError):
        from_mapping([1])
