import pytest

from ketasim.config import Experiment

#: An infusion without a network, a twentieth of a second.
ALONE = {
    "format": 1,
    "name": "alone",
    "duration": "1 h",
    "network": "none",
    "doses": [{"drug": "ketamine", "route": "intravenous", "amount": "0.5 mg/kg", "duration": "40 min"}],
}


@pytest.fixture
def alone():
    """Make the experiment without a network, with other values by key."""
    return lambda **changes: Experiment.from_mapping({**ALONE, **changes})


ARMS = {"drug": {}, "vehicle": {"doses.0.drug": "saline"}}
