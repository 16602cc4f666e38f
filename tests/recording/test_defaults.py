"""Digests of default numbers: one for each group, of numbers and not of words, stored in every file."""

import json

import pytest

import ketasim
from ketasim.mechanisms import ORDER
from ketasim.recording import defaults


def test_a_number_changes_the_digest_of_its_group_alone(monkeypatch):
    """Catches a group that is blind to its numbers, and one that another's numbers change."""
    before = dict(defaults.digests())
    kind = next(one for one in ORDER if one.name == "bdnf").Parameters
    values = [value + 1 if isinstance(value, float) else value for value in kind.__new__.__defaults__]
    monkeypatch.setattr(kind.__new__, "__defaults__", tuple(values))
    defaults.digests.cache_clear()
    try:
        after = defaults.digests()
        assert [name for name in before if before[name] != after[name]] == ["mechanisms.bdnf"]
    finally:
        monkeypatch.undo()
        defaults.digests.cache_clear()


def test_sources_and_names_are_no_numbers():
    """Catches a digest that a better source changes."""
    text = json.dumps(defaults.defaults())
    assert "Zanos" not in text
    assert "Spravato" not in text
    assert '"ic50_2a"' in text


def test_every_trajectory_says_with_which_defaults_it_was_made():
    """Catches a file whose defaults nobody can tell."""
    experiment = ketasim.load_experiment("human_infusion", ["network=none", "recording={}", "duration=1 h"])
    with ketasim.run(experiment) as trajectory:
        stored = json.loads(trajectory.provenance["environment"])["defaults"]
    assert stored == defaults.defaults_digest()
    assert len(stored) == pytest.approx(16)
