"""Frozen defaults: none changes without an entry, and what was changed because of a finding makes it calibration."""

from ketasim.findings import load_findings
from ketasim.findings.frozen import Change, frozen
from ketasim.recording.defaults import digests


def test_no_default_has_changed_without_an_entry():
    """Catches a default that is tuned after looking: its group has another digest than the frozen one."""
    assert frozen().groups == digests(), "add an entry to ketasim/findings/frozen.yaml: make accept says which"


def test_a_finding_that_moved_a_default_is_calibration():
    """Catches a prediction that counts as one after the model was changed because of it."""
    roles = {name: finding.role for name, finding in load_findings().items()}
    moved = [name for change in frozen().changes for name in change.because_of]
    assert moved
    assert {name: roles[name] for name in moved} == dict.fromkeys(moved, "calibration")


def test_changes_name_groups_and_stand_newest_first():
    """Catches an entry for nothing, and a history out of order."""
    found = frozen()
    assert {name for change in found.changes for name in change.groups} <= found.groups.keys()
    assert found.explained(found.groups) == found.groups
    dates = [change.date for change in found.changes]
    assert dates == sorted(dates, reverse=True)


def test_only_the_newest_entry_of_a_group_explains_its_digest():
    """Catches a second change of a group that passes because the first had a reason."""
    before = frozen()
    changes = [
        Change(date="2030-01-02", groups={"steps": "22222222"}, reason="a good reason"),
        Change(date="2030-01-01", groups={"steps": "11111111"}, reason="another reason"),
    ]
    later = type(before).model_construct(format=1, changes=tuple(changes), groups=before.groups)
    for digest, explained in (("22222222", True), ("11111111", False), ("33333333", False)):
        assert ("steps" in later.explained(before.groups | {"steps": digest})) == explained
    assert "mechanisms.new" in later.explained(before.groups | {"mechanisms.new": "44444444"})
