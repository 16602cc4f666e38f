"""Power cuts: nothing that was reported as safe is lost, whatever the disk kept of what it was told."""

import pytest

from ketasim.storage import disk
from tests.faults.power import replay

EVERY_STEP = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "5 min", "checkpoint": "0 s"}


def lost(outcomes):
    return [words for words in outcomes if words.startswith("lost")]


def test_some_power_cuts(small, tmp_path):
    """Catches pages that change before their journal is on the disk, and a checkpoint that is there before its file."""
    outcomes, log = replay(small(network="none", schedule=EVERY_STEP), tmp_path, 40, seed=1)
    assert lost(outcomes) == []
    assert outcomes["same digest"] > 20
    assert sum(entry.what == "sync" for entry in log) > 10


def test_the_replay_finds_what_is_not_ordered(small, tmp_path, monkeypatch):
    """Catches a replay that would pass anything: without the order of its writes, runs are lost."""
    monkeypatch.setattr(disk.Disk, "_order", lambda self: None)
    assert lost(replay(small(network="none", schedule=EVERY_STEP), tmp_path, 60, seed=1)[0])


@pytest.mark.faults
@pytest.mark.parametrize("network", ["none", {"neurons": 60}])
def test_power_cuts_everywhere(small, tmp_path, network, record_property):
    """Catches the rare order of writes in which a run is lost, in the body alone and with all tables of a network."""
    changes = {"recording": {}} if network == "none" else {}
    outcomes, log = replay(small(network=network, schedule=EVERY_STEP, **changes), tmp_path, 2000, seed=7)
    print(f"{network}: log of {len(log)} entries, {sum(e.what == 'sync' for e in log)} syncs: {outcomes}")
    record_property("outcomes", outcomes)
    assert lost(outcomes) == []
