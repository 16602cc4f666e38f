import pytest

from tests.simulation.sampling import SCHEDULE, new_sampler


@pytest.fixture(scope="session")
def resting(small):
    """Make an experiment of 40 neurons without doses, whose baseline is long enough to rest on."""

    def make(schedule=None, **changes):
        data = {"network": {"neurons": 40}, "doses": [], "recording": {}, "duration": "1 h"}
        return small(**data | {"schedule": SCHEDULE | (schedule or {})} | changes)

    return make


@pytest.fixture
def sampler(resting):
    """Make a sampler with a measured baseline, and the signals of rest."""
    return lambda **schedule: new_sampler(resting(schedule))
