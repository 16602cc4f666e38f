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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('writes=("my_hours",)', 'scales=("bdnf",)'), "hours: 'bdnf' is a state, not a port; see"),
        (('"hours", Parameters', '"glutamate", Parameters'), "two mechanisms are named glutamate; rename yours"),
        (("parameters, clock):", "parameters):"), "hours: `advance` must take 3 arguments"),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_wrong_declaration_is_one_line(call, own, folder, command, change, words):
    """Catches a page of traceback and exit code 1 for a slip in a declaration."""
    (folder / own).write_text(OWN.replace(*change), encoding="utf-8")
    refused = call(command, "quick", *PLAIN, "--mechanism", own)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(words) and refused.stderr.count("\n") == 1
    assert "Traceback" in call(command, "quick", *PLAIN, "--mechanism", own, "--debug").stderr


def test_a_file_given_twice_counts_once(call, own):
    """Catches two mechanisms of one name from one file."""
    assert call("check", "quick", *PLAIN, "--mechanism", own, "--mechanism", f"./{own}").exit_code == 0


def test_an_error_in_the_users_code_is_shown_where_it_is(call, own, folder):
    """Catches a page of traceback through ketasim in which the user's line is lost."""
    (folder / own).write_text(OWN.replace("    my_hours +=", "    1 / clock.duration\n    my_hours +="), "utf-8")
    failed = call("run", "quick", *PLAIN, "--mechanism", own)
    line = 1 + OWN.splitlines().index("    my_hours += parameters.factor * clock.duration / 3600.0")
    assert failed.exit_code == 1
    assert failed.stderr.splitlines()[-2:] == [
        f"in the mechanism 'hours' at t = 0 s: {own}, line {line}: 1 / clock.duration",
        "ZeroDivisionError: float division by zero; --debug shows the traceback",
    ]
    assert "Traceback" not in failed.stderr


def test_the_command_that_resumes_names_the_file(call, own, monkeypatch):
    """Catches a printed command that is refused when it is pasted, and a refusal that says only what Python needs."""
    original = ketasim.Simulation.step

    def step(self, until=None):
        if self.time >= 3600.0:
            raise KeyboardInterrupt
        original(self, until)

    with monkeypatch.context() as patch:
        patch.setattr(ketasim.Simulation, "step", step)
        stopped = call("run", "quick", *PLAIN, "--mechanism", own, "-o", "r.h5")
    assert stopped.exit_code == 130
    assert stopped.stderr.endswith("interrupted; continue with: ketasim resume r.h5 --mechanism own.py\n")
    refused = call("resume", "r.h5")
    assert (refused.exit_code, "--mechanism FILE.py" in refused.stderr) == (2, True)
    assert call("resume", "r.h5", "--mechanism", own).exit_code == 0
