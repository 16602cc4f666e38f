"""What is told of a run: lines that become rarer, a bar in notebooks, nothing else."""

import logging
import sys
from itertools import pairwise
from types import SimpleNamespace

import pytest

import ketasim
from ketasim import progress as module
from ketasim.progress import Lines, Progress, notebook_bar


def test_lines_come_now_and_then(monkeypatch, caplog):
    """Catches a batch job of hours without a word, and a log of thousands of lines."""
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    caplog.set_level(logging.INFO, "ketasim.progress")
    lines, at = Lines(), []
    for second in range(7200):
        clock[0] = float(second)
        lines(Progress("run", 10.0 * second, 72000.0, max(second, 1) / 7200))
        at += [second] * (len(caplog.records) - len(at))
    assert at[:4] == [15, 45, 105, 225]
    assert 12 < len(at) < 20
    assert max(after - before for before, after in pairwise(at)) == 600
    assert caplog.messages[0] == "running: 2.5 min of 20 h, 0 % of the work done"  # too early to tell the rest
    assert caplog.messages[3] == "running: 38 min of 20 h, 3 % of the work done, about 1.9 h left"


def test_a_script_shows_nothing(small, capfd):
    """Catches a library that prints."""
    assert notebook_bar() is None
    ketasim.run(small(network="none", recording={}))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_a_terminal_s_ipython_has_no_bar(monkeypatch, shell):
    """Catches HTML shown as text in a terminal."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert notebook_bar() is None


def test_a_notebook_has_a_bar(small, monkeypatch):
    """Catches a notebook that is silent for minutes, and a bar that ends before the run does."""
    shown = []
    handle = SimpleNamespace(update=shown.append)
    display = SimpleNamespace(HTML=str, display=lambda *_, **__: handle)
    kernel = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel, display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    ketasim.run(small(network="none", recording={}))
    assert shown[-1] == '<progress value="1.000" max="1"></progress> storing, 20 min of 20 min'
