"""Stress as an exposure: how much of it there is when, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.config import Experiment
from ketasim.documents import DocumentError
from ketasim.exposures import STRESS

DAY = 86_400.0


def experiment(*stimuli):
    found = [{"kind": "stress", "start": "-21 d", "duration": "21 d"} | one for one in stimuli]
    return Experiment.from_mapping({"format": 1, "duration": "7 d", "network": "none", "stimuli": found})


def intensity(events, day):
    return STRESS.inputs(events, None, day * DAY, (day + 0.1) * DAY)["stress"]


def test_intensities_add_up_while_they_last():
    """Catches stress that begins or ends at another time, or of which the last entry only counts."""
    events = experiment({}, {"start": "-7 d", "duration": "10 d", "intensity": 0.5}).stimuli
    found = [float(intensity(events, day)) for day in (-22, -21, -8, -7, -0.1, 0, 2.9, 3)]
    assert_array_equal(found, [0.0, 1.0, 1.0, 1.5, 1.5, 0.5, 0.5, 0.0])
    assert intensity((), 0.0).shape == ()
    assert np.isfinite(intensity((), 0.0))


def test_a_run_begins_with_its_stress():
    """Catches stress before time zero of which only the part after it is run."""
    assert experiment({}).begin == -21 * DAY


@pytest.mark.parametrize("wrong", [-0.1, 5.1, "1 h"])
def test_an_intensity_that_means_nothing_is_refused(wrong):
    """Catches a negative stress, and one far beyond what any number here was measured at."""
    with pytest.raises(DocumentError, match=r"stimuli\.0\.intensity"):
        experiment({"intensity": wrong})
