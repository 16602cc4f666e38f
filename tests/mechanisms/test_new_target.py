"""A drug with a target that ketasim has never heard of: one file, and a mechanism that asks for it by name."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ketasim
from ketasim.drugs import Ligands, describe_drug, load_catalogue
from ketasim.mechanisms import Mechanism
from ketasim.signals import Signal
from tests.drugs.drug_files import OWN_DRUG
from tests.mechanisms.subjects import KETAMINE, setting
from tests.reference.pharmacokinetics import Subject

ROWS = """\
  - {target: nk1, action: agonist, of: [parent], value: 0.4 uM, hill: 2, status: assumed, source: made up}
  - {target: nk1, action: agonist, of: [product], value: 30 nM, hill: 0.7, status: assumed, source: made up}
  - {target: nk1, action: antagonist, of: [product], value: 100 nM, status: assumed, source: made up}
"""
WITH_NK1 = OWN_DRUG.replace("species:\n", f"{ROWS}species:\n")


class Parameters(NamedTuple):
    """Occupancy of a receptor by agonists."""


class Prepared(NamedTuple):
    """Who acts on the receptor."""

    agonists: Ligands
    antagonists: Ligands


def prepare(parameters, place):
    return Prepared(place.ligands("nk1", "agonist"), place.ligands("nk1", "antagonist"))


def advance(brain_concentration, nk1_occupancy, nk1_seen, prepared, clock):
    bound, rival = (one.relative_concentration(brain_concentration) for one in prepared)
    nk1_occupancy[...] = bound / (1.0 + bound + rival)
    nk1_seen[:] = brain_concentration


NK1 = Mechanism(
    "nk1",
    Parameters,
    advance,
    reads=("brain_concentration",),
    writes=("nk1_occupancy", "nk1_seen"),
    prepare=prepare,
    targets=(("nk1", "agonist"), ("nk1", "antagonist")),
    signals=(
        Signal("nk1_occupancy", "1", (), "state", 0.0, "share of NK1 receptors with an agonist", recorded=True),
        Signal("nk1_seen", "uM", ("compound",), "state", 0.0, "concentrations that they saw", recorded=True),
    ),
)


def competition(parent, product):
    """Share of receptors with an agonist: two agonists by their Hill laws, one of which is an antagonist, too."""
    bound = (parent / 0.4) ** 2 + (product / 0.03) ** 0.7
    return bound / (1.0 + bound + product / 0.1)


@pytest.fixture
def file(tmp_path):
    """Write a drug file and return its path."""

    def write(text):
        path = tmp_path / "own.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_file_loads_and_shows_its_rows(file):
    """Catches a target that needs code before a drug may have it."""
    own = load_catalogue([file(WITH_NK1)])["own_drug"]
    shown = {row.name: (row.value, row.unit, row.source) for row in describe_drug(own)}
    assert shown["targets.nk1.agonist (parent)"] == ("0.4", "uM", "made up")
    assert shown["targets.nk1.agonist.hill (parent)"] == ("2", "", "made up")
    assert shown["targets.nk1.antagonist (product)"] == ("0.1", "uM", "made up")


def test_occupancy_is_that_of_competing_ligands(file):
    """Catches ligands that add up without competing, lost coefficients, and rows of another drug's compounds."""
    own = load_catalogue([file(WITH_NK1)])["own_drug"]
    occupancy, seen = np.zeros(()), np.zeros(8)
    for parent, product in ((0.0, 0.0), (0.4, 0.0), (0.0, 0.03), (0.3, 0.2), (50.0, 1e-3)):
        brain = np.append(np.full(6, 9.0), (parent, product))  # ketamine's compounds do nothing there
        place = setting(KETAMINE, own, subject=Subject("rat", 0.3))
        advance(brain, occupancy, seen, NK1.prepared(Parameters(), place), None)
        assert_allclose(occupancy, competition(parent, product), rtol=1e-12)


@pytest.mark.parametrize("text", [WITH_NK1, OWN_DRUG], ids=["with rows", "without rows"])
def test_a_run_with_the_drug_and_the_mechanism(small, file, text):
    """Catches rows that do not reach a run, and occupancy that stays when the rows are gone."""
    dose = {"drug": "own_drug", "route": "intravenous", "amount": "0.5 mg/kg"}
    experiment = small(network="none", subject={"species": "rat"}, doses=[dose], drugs=[str(file(text))])
    run = ketasim.run(experiment, mechanisms=[NK1])
    parent, product = run["nk1_seen"].values.T
    assert parent.max() > 0.05 and product.max() > 1e-4
    expected = competition(parent, product) if text == WITH_NK1 else np.zeros(parent.size)
    assert_allclose(run["nk1_occupancy"].values, expected, rtol=1e-12)
    assert run["nk1_occupancy"].values.any() == (text == WITH_NK1)
