"""Errors become one screen and an exit code; tables are aligned."""

import json

import pytest
import typer

from ketasim.cli.common import command, fail, table
from ketasim.documents import DocumentError, KetasimError, Problem


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (DocumentError([Problem(None, "doses", "wrong")]), 2, "doses: wrong"),
        (KetasimError("it failed"), 1, "it failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "out of memory"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_errors_become_exit_codes(capsys, error, code, words, debug):
    """Catches a traceback without --debug, none with it, another code, and words on standard output."""

    @command
    def failing(debug=False):
        raise error

    with pytest.raises(typer.Exit) as caught:
        failing(debug=debug)
    out, err = capsys.readouterr()
    assert caught.value.exit_code == code
    assert out == ""
    assert words in err
    assert ("Traceback" in err) == debug


def test_a_mistake_of_ours_is_not_hidden():
    """Catches bugs reported as if they were the user's."""

    @command
    def failing():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()


def test_fail_writes_to_standard_error(capsys):
    """Catches an error that ends up among the results."""
    with pytest.raises(typer.Exit):
        fail("wrong", 2)
    assert capsys.readouterr() == ("", "wrong\n")


def test_table_is_aligned_and_json_is_records(capsys):
    """Catches columns that do not line up, numbers with sixteen digits, tuples in Python's brackets."""
    rows = [("a", 1 / 3, ("x", "y")), ("longer", 12345678.0, ())]
    table(rows, ("name", "value", "parts"))
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["NAME    VALUE        PARTS", "a       0.333333     x, y", "longer  1.23457e+07"]
    table(rows, ("name", "value", "parts"), as_json=True)
    assert json.loads(capsys.readouterr().out)[0] == {"name": "a", "value": 1 / 3, "parts": ["x", "y"]}


def test_an_empty_table_has_its_header(capsys):
    """Catches a maximum over nothing."""
    table([], ("name", "value"))
    assert capsys.readouterr().out == "NAME  VALUE\n"
