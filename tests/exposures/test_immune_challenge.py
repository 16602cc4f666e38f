"""An immune challenge as an exposure: how much of it there is when, and what is refused."""

import pytest
from numpy.testing import assert_array_equal

from ketasim.config import Experiment
from ketasim.documents import DocumentError
from ketasim.exposures import IMMUNE_CHALLENGE

HOUR = 3600.0


def experiment(*stimuli):
    found = [{"kind": "immune_challenge", "start": "1 h", "duration": "3 h"} | one for one in stimuli]
    return Experiment.from_mapping({"format": 1, "duration": "1 d", "network": "none", "stimuli": found})


def test_intensities_add_up_while_they_last():
    """Catches a challenge that begins or ends at another time, or of which the last entry only counts."""
    events = experiment({}, {"start": "3 h", "duration": "3 d", "intensity": 0.1}).stimuli
    found = [
        float(IMMUNE_CHALLENGE.inputs(events, None, hour * HOUR, (hour + 0.1) * HOUR)["immune_challenge"])
        for hour in (0, 1, 2.9, 3, 4, 20)
    ]
    assert_array_equal(found, [0.0, 1.0, 1.0, 1.1, 0.1, 0.1])
    assert IMMUNE_CHALLENGE.inputs((), None, 0.0, 1.0)["immune_challenge"].shape == ()


@pytest.mark.parametrize("wrong", [-1.0, 101.0, "2 ng/kg"])
def test_an_intensity_that_means_nothing_is_refused(wrong):
    """Catches a dose written as an intensity, and one at which nobody would be alive."""
    with pytest.raises(DocumentError, match=r"stimuli\.0\.intensity"):
        experiment({"intensity": wrong})
