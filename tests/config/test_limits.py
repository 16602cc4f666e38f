"""Experiments whose lists alone would fill the memory."""

import pytest

from ketasim.config import Experiment
from ketasim.documents import DocumentError

DOSE = {"drug": "ketamine", "route": "oral", "amount": "1 mg", "repeat": {"every": "1 s", "count": 10_000}}
STIMULUS = {"kind": "afferents", "population": "PYR", "start": "1 s", "duration": "1 s", "rate": "-1 Hz"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"duration": "3650 d", "schedule": {"settle": "0 s", "window": "1 ms", "step": "1 ms"}}, "slow steps"),
        ({"doses": [DOSE] * 11, "duration": "1 d"}, "110000 doses in all; at most 100000"),
        ({"stimuli": [STIMULUS] * 1001}, "1001 stimuli; at most 1000"),
        ({"schedule": {"baseline": "100 d", "window": "1 ms"}}, "schedule.baseline: 8.64e+09 windows; at most 5000000"),
        ({"recording": {"node_signals": ["firing_rate"] * 1000}}, "1000 names, more than there are signals"),
    ],
)
def test_too_many_are_refused(changes, words):
    """Catches a check that builds lists of millions, or compares thousands with thousands, before it refuses."""
    with pytest.raises(DocumentError) as caught:
        Experiment.from_mapping({"format": 1, "duration": "1 h", **changes})
    assert words in str(caught.value)


def test_ten_years_of_automatic_steps_are_possible():
    """Catches a bound on slow steps that forbids the longest run there may be."""
    experiment = Experiment.from_mapping({"format": 1, "duration": "3650 d", "network": "none"})
    assert experiment.duration == 3650 * 86_400.0
