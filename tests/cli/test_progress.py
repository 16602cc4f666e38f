"""A bar for people, nothing for files."""

import io

import pytest

import ketasim
from ketasim.cli.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run_with_bar(small, quiet, stream, monkeypatch, **changes):
    monkeypatch.setattr("sys.stderr", stream)
    with ProgressBar(quiet) as bar:
        ketasim.run(small(**changes), progress=bar)
    return stream.getvalue()


def test_no_bar_without_a_terminal(small, monkeypatch):
    """Catches control characters in log files, and half-times that are not said."""
    text = run_with_bar(small, False, io.StringIO(), monkeypatch)
    assert "\x1b" not in text
    lines = [line for line in text.splitlines() if "usual" not in line]  # small networks are livelier than usual
    assert lines[0].startswith("half-times of block by ")
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["PYR", "PV", "SST"]


def test_quiet_draws_and_says_nothing(small, monkeypatch):
    """Catches --quiet that silences half of it."""
    assert run_with_bar(small, True, Terminal(), monkeypatch) == ""


@pytest.mark.parametrize(
    ("compiled", "words"), [(True, "measuring the baseline"), (False, "compiling kernels, first run only")]
)
def test_the_bar_says_what_is_going_on(small, monkeypatch, compiled, words):
    """Catches a wait of ten seconds without a word, and a bar that stays at its start."""
    monkeypatch.setattr("ketasim.kernels.jit.compiled_before", lambda: compiled)
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = []
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with ProgressBar(False) as bar:

        def see(progress):
            bar(progress)
            shown.append(
                (bar._bar.tasks[0].description, bar._bar.tasks[0].fields["clock"], bar._bar.tasks[0].completed)
            )

        ketasim.run(small(), progress=see)
    assert words in [description for description, *_ in shown]
    assert shown[-1][1] == "20 min of 20 min"
    assert shown[-1][2] == 1.0
    assert "half-times of block" in stream.getvalue()
