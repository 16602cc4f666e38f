"""Expectancy as an exposure: when sessions are, and what is refused."""

import pytest
from numpy.testing import assert_array_equal

from ketasim.config import Experiment
from ketasim.documents import DocumentError
from ketasim.exposures import EXPECTANCY

HOUR = 3600.0


def experiment(*stimuli):
    found = [{"kind": "expectancy", "start": "0 h", "duration": "1 h"} | one for one in stimuli]
    return Experiment.from_mapping({"format": 1, "duration": "7 d", "network": "none", "stimuli": found})


def test_sessions_begin_and_end():
    """Catches a session at another time, one of which the other is forgotten, and sessions that add up."""
    events = experiment({"intensity": 0.5}, {"start": "2 h"}, {"start": "2 h", "intensity": 0.3}).stimuli
    found = [
        float(EXPECTANCY.inputs(events, None, hour * HOUR, (hour + 0.1) * HOUR)["expectancy"]) for hour in range(4)
    ]
    assert_array_equal(found, [0.5, 0.0, 1.0, 0.0])


@pytest.mark.parametrize("wrong", [-0.1, 2.1, "8 points"])
def test_an_intensity_that_means_nothing_is_refused(wrong):
    """Catches points of a scale written as an intensity, and less than none."""
    with pytest.raises(DocumentError, match=r"stimuli\.0\.intensity"):
        experiment({"intensity": wrong})
