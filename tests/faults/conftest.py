"""Benches for the tests of faults, and the table that `python -m tests.faults.report` makes of their outcomes."""

import csv
import os
from pathlib import Path

import pytest

from tests.conftest import SMALL
from tests.faults.kills import WHOLE, Bench

#: Half a second of run, a checkpoint after each step, and a baseline that is always measured.
QUICK = SMALL | {
    "schedule": SMALL["schedule"] | {"checkpoint": "0 s"},
    "recording": {"node_signals": ["spine_density"], "spikes": [{"from": "-1 s", "to": "20 min"}]},
}


def pytest_collection_modifyitems(items):
    """Leave out what needs POSIX signals and process groups where there are none."""
    if os.name != "posix":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="kills, limits and signals are those of POSIX"))


@pytest.fixture(scope="session")
def quick(tmp_path_factory):
    """Bench with a run of half a second."""
    made = Bench(tmp_path_factory.mktemp("quick"), QUICK).measured()
    yield made
    made.close()


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    """Bench with the whole chain: three seconds of run."""
    made = Bench(tmp_path_factory.mktemp("whole"), WHOLE).measured()
    yield made
    made.close()


@pytest.fixture(scope="session")
def note():
    """Add a row to the table of outcomes, if one is asked for: ``note("kill", "flush", "flush:3", "resumed", ...)``."""
    place = os.environ.get("KETASIM_FAULT_RESULTS")

    def add(kind, stage, moment, outcome, number=""):
        if place:
            with open(place, "a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow((kind, stage, moment, outcome, number))

    return add
