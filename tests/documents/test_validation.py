# ruff: noqa: E501 - a table of messages
"""Pydantic models of documents: every complaint in our words, at its place."""

from typing import Annotated, Literal

import pytest
from annotated_types import Gt, Le
from pydantic import Field, StrictBool, StrictInt, StrictStr

from ketasim.documents import DocumentError, DoseAmount, parse_document
from ketasim.documents.validation import Amount, Quantity, Record, validate


class Inner(Record):
    time: Annotated[float, Gt(0), Le(3600), Quantity("s")] = Field(description="how long")
    amount: Annotated[DoseAmount, Amount()] = DoseAmount(1.0, "mg")


class Outer(Record):
    kind: Literal["first", "second"] = "first"
    inner: Inner
    many: tuple[Inner, ...] = ()
    number: StrictInt = Field(default=1, ge=1, lt=5)
    word: StrictStr = "w"
    flag: StrictBool = True
    auto: Annotated[float | None, Quantity("s", word="auto")] = None


@pytest.mark.parametrize(
    ("text", "line_column", "path", "message"),
    [
        ("inner: {tme: 1 s, time: 1 s}", (1, 9), "inner.tme", "unknown key 'tme'; allowed: time, amount; did you mean time?"),
        ("inner: {}", (1, 1), "inner.time", "the key 'time' is missing (how long)"),
        ("inner: {time: 1 s}\nmany: [{amount: 1 mg}]", (2, 8), "many.0.time", "the key 'time' is missing (how long)"),
        ("kind: frist\ninner: {time: 1 s}", (1, 7), "kind", "unknown value 'frist'; allowed: first, second; did you mean first?"),
        ("inner: {time: 2 h}", (1, 15), "inner.time", "'2 h' is out of range; it must be at most 3600 s"),
        ("inner: {time: 0 h}", (1, 15), "inner.time", "'0 h' is out of range; it must be more than 0 s"),
        ("inner: 3", (1, 8), "inner", "expected a mapping, got 3"),
        ("inner: {time: 1 s}\nmany: 3 s", (2, 7), "many", "expected a list, got '3 s'"),
        ("inner: {time: 1 s}\nnumber: '3'", (2, 9), "number", "expected a whole number, got '3'; remove the quotation marks"),
        ("inner: {time: 1 s}\nnumber: 5", (2, 9), "number", "5 is out of range; it must be less than 5"),
        ("inner: {time: 1 s}\nnumber: true", (2, 9), "number", "expected a whole number, got true"),
        ("inner: {time: 1 s}\nword: 3", (2, 7), "word", "expected text, got 3"),
        ("inner: {time: 1 s}\nflag: off", (2, 7), "flag", "expected true or false, got 'off'; write false"),
        ("inner: {time: 1 s}\nauto: atuo", (2, 7), "auto", "'atuo' is not a finite number with a unit; expected a time (s, min, h, d), or auto"),
    ],
)  # fmt: skip
def test_complaints_are_in_our_words_at_the_right_place(text, line_column, path, message):
    """Catches pydantic's own words, a path with union tags in it, and a place of the wrong key."""
    with pytest.raises(DocumentError) as caught:
        validate(Outer, parse_document(text))
    (problem,) = caught.value.problems
    assert problem.path == path
    assert problem.message == message
    assert problem.place[1:3] == line_column


def test_all_problems_come_at_once():
    """Catches a stop at the first wrong value."""
    with pytest.raises(DocumentError) as caught:
        validate(Outer, parse_document("kind: x\ninner: {time: 1}\nmany: [{tim: 2 s}]\nextra: 1\n"))
    assert [problem.path for problem in caught.value.problems] == [
        "kind", "inner.time", "many.0.time", "many.0.tim", "extra",
    ]  # fmt: skip


def test_values_are_in_internal_units_and_go_back_to_text():
    """Catches a dump that cannot be read again."""
    outer = validate(Outer, parse_document("inner: {time: 30 min, amount: 2 ug/kg}\nauto: 1 min"))
    assert (outer.inner.time, outer.inner.amount, outer.auto) == (
        1800.0,
        DoseAmount(0.002, "mg/kg"),
        60.0,
    )
    dump = outer.model_dump(mode="json")
    assert dump["inner"] == {"time": "1800 s", "amount": "0.002 mg/kg"}
    assert Outer.model_validate(dump) == outer
    assert Outer(inner={"time": "1 s"}).model_dump(mode="json")["auto"] == "auto"
