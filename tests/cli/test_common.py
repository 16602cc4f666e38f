"""Errors become one screen and an exit code; tables are aligned."""

import json
import sys

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


@pytest.fixture
def terminal(monkeypatch):
    """Make standard output a terminal of a width."""

    def make(columns):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setenv("COLUMNS", str(columns))

    return make


NAMES = ("firing_rate_in_all_classes", "what it is, in words", "unit")
LONG = [("nmda_block", "blocked fraction of [NMDA] conductance, over all subunits", "1"), ("firing_rate", "rate", "Hz")]


@pytest.mark.parametrize("columns", [40, 80, 400])
def test_a_table_fits_the_terminal(terminal, capsys, columns):
    """Catches lines that the terminal breaks anywhere, cells cut off, and brackets taken for markup."""
    terminal(columns)
    table(LONG, NAMES)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    words = ["blocked", "fraction", "of", "[NMDA]", "conductance,", "over", "all", "subunits"]
    assert set(words) <= set(out.split())
    assert "\x1b" not in out


def test_elsewhere_each_row_is_one_line(capsys, monkeypatch):
    """Catches a file or a pipe whose lines depend on the terminal that it was written from."""
    monkeypatch.setenv("COLUMNS", "40")
    table(LONG, NAMES)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_long_names_are_broken_at_underscores(terminal, capsys):
    """Catches names broken anywhere where a table of numbers has to fit."""
    terminal(31)
    table([("glutamate_perisynaptic", "PYR", 1.0)], ("quantity", "population", "value"), longest_word=12)
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["glutamate_", "PYR", "1"],
        ["perisynaptic"],
    ]


def test_json_has_no_nan(capsys):
    """Catches JSON that no parser but Python's reads."""
    table([(float("nan"), float("inf"), [1.5])], ("a", "b", "c"), as_json=True)
    assert capsys.readouterr().out == '[\n {\n  "a": null,\n  "b": null,\n  "c": [\n   1.5\n  ]\n }\n]\n'


def test_debug_shows_what_is_behind_a_refusal(capsys):
    """Catches --debug that shows nothing where a command itself caught the error."""

    @command
    def failing(debug=False):
        try:
            raise KeyError("cause")
        except KeyError:
            fail("wrong", 2)

    for debug in (False, True):
        with pytest.raises(typer.Exit):
            failing(debug=debug)
        assert ("KeyError: 'cause'" in capsys.readouterr().err) == debug


def test_an_empty_table_has_its_header(capsys):
    """Catches a maximum over nothing."""
    table([], ("name", "value"))
    assert capsys.readouterr().out == "NAME  VALUE\n"
