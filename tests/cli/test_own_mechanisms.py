"""Mechanisms from a file: run, its parameters from the command line, checked, and refused with a reason."""

import pytest

import ketasim

OWN = """
from typing import Annotated, NamedTuple
from annotated_types import Ge
from ketasim import Mechanism, Signal
from ketasim.sources import Source


class Parameters(NamedTuple):
    "Hours that have gone by, times a factor."

    factor: Annotated[float, Ge(0), "1", Source("assumed", "a test")] = 1.0


def advance(my_hours, parameters, clock):
    my_hours += parameters.factor * clock.duration / 3600.0


HOURS = Mechanism("hours", Parameters, advance, writes=("my_hours",), signals=(
    Signal("my_hours", "h", (), "state", 0.0, "time that has gone by", recorded=True),))
"""
PLAIN = ["network=none", "recording={}", "duration=2 h"]


@pytest.fixture
def own(folder):
    (folder / "own.py").write_text(OWN, encoding="utf-8")
    return "own.py"


def test_a_run_with_a_mechanism_from_a_file(call, own):
    """Catches a file that is not executed, parameters that the command line can't set, a mechanism left out."""
    done = call("run", "quick", *PLAIN, "mechanisms.hours.factor=3", "--mechanism", own, "-o", "a.h5")
    assert done.exit_code == 0, done.output
    with ketasim.open_trajectory("a.h5") as trajectory:
        assert trajectory["my_hours"].values[-1] == pytest.approx(6.0)
    assert call("check", "quick", *PLAIN, "mechanisms.hours.factor=3", "--mechanism", own).exit_code == 0
    refused = call("run", "quick", *PLAIN, "mechanisms.hours.factor=3", "-o", "b.h5")
    assert (refused.exit_code, "hours" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no such file"),
        ("x = 1", "declares no ketasim.Mechanism"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_file_without_mechanism_is_refused(call, folder, text, words):
    """Catches a traceback, and a run without the mechanism that was asked for."""
    if text is not None:
        (folder / "own.py").write_text(text, encoding="utf-8")
    refused = call("run", "quick", *PLAIN, "--mechanism", "own.py")
    assert refused.exit_code == 2
    assert "own.py: " in refused.stderr and words in refused.stderr
    assert "Traceback" not in refused.stderr
