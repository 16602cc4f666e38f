"""Fault points stop a process where a test asks for it, and nowhere else."""

from collections import Counter

import pytest

from ketasim.storage import TrajectoryWriter, faults


class StoppedError(Exception):
    """In place of waiting for ever."""


@pytest.fixture
def passing(monkeypatch):
    """Count from nothing, and do not wait."""

    def stop(_):
        raise StoppedError

    monkeypatch.setattr(faults, "_passed", Counter())
    monkeypatch.setattr(faults.time, "sleep", stop)
    return lambda wanted: monkeypatch.setenv("KETASIM_FAULT", wanted)


def test_it_stops_at_the_passing_that_was_asked_for(passing, capsys):
    """Catches a count that starts at 0, or that takes other points for this one."""
    passing("flush:2")
    faults.fault_point("flush")
    faults.fault_point("rename")
    faults.fault_point("rename")
    with pytest.raises(StoppedError):
        faults.fault_point("flush")
    faults.fault_point("flush")
    assert capsys.readouterr().err == "fault point flush 2\n"


@pytest.mark.parametrize("wanted", ["", "flush", "flush:0", "elsewhere:1"])
def test_nothing_stops_unasked(passing, capsys, wanted):
    """Catches a user's run that hangs."""
    passing(wanted)
    for _ in range(3):
        faults.fault_point("flush")
    assert capsys.readouterr().err == ""


def test_a_commit_and_an_end_pass_their_points(passing, monkeypatch, tmp_path):
    """Catches points that lie outside what they are to cut in two: before, after the journal, between pages, after."""
    with TrajectoryWriter(tmp_path / "out.h5") as writer:
        writer.write_provenance({"random": "{}"})
        monkeypatch.setenv("KETASIM_FAULT", "none:1")
        writer.write_provenance({"parameters": "{}"})
        flushes = faults._passed["flush"]
        assert flushes >= 4
        assert faults._passed["rename"] == 0
        writer.finish()
    assert faults._passed["rename"] == 4  # before the mark, after it, before the name, after it
    assert faults._passed["flush"] > flushes
