"""Power cuts: nothing that was reported as safe is lost, whatever the disk kept of what it was told."""

import pytest

from ketasim.storage import disk
from tests.faults.power import replay, torn

EVERY_STEP = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "5 min", "checkpoint": "0 s"}


def lost(outcomes):
    return [words for words in outcomes if words.startswith("lost")]


def test_some_power_cuts(small, tmp_path):
    """Catches pages that change before their journal is on the disk, and a checkpoint that is there before its file."""
    outcomes, log = replay(small(network="none", schedule=EVERY_STEP), tmp_path, 20, seed=1)
    assert lost(outcomes) == []
    assert outcomes["same digest"] > 10
    assert sum(entry.what == "sync" for entry in log) > 10


def test_a_commit_is_whole_or_not_there(tmp_path):
    """Catches a file with pages of two commits, or one that has lost a commit that had returned."""
    assert torn(tmp_path, 1000, seed=3) == 0


def test_the_replay_finds_what_is_not_ordered(tmp_path, monkeypatch):
    """Catches a replay that would pass anything: without the syncs within a commit, files are torn."""
    monkeypatch.setattr(disk.Disk, "_order", lambda self: None)
    assert torn(tmp_path, 400, seed=3) > 20


@pytest.mark.faults
@pytest.mark.parametrize(
    ("network", "changes", "every", "count"),
    [("none", {"recording": {}}, 1, 200), ({"neurons": 60}, {}, 300, 10)],
)
def test_power_cuts_everywhere(small, tmp_path, network, changes, every, count, record_property):
    """Catches the rare order of writes in which a run is lost, in the body alone and with all tables of a network."""
    experiment = small(network=network, schedule=EVERY_STEP, **changes)
    outcomes, log = replay(experiment, tmp_path, count, seed=7, every=every)
    print(f"{network}: log of {len(log)} entries, {sum(e.what == 'sync' for e in log)} syncs: {outcomes}")
    record_property("outcomes", outcomes)
    assert lost(outcomes) == []
