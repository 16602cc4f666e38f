"""Targets as rows: who acts where, and what their concentrations amount to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ketasim.documents import parse_document
from ketasim.documents.validation import validate
from ketasim.drugs import Drug, Ligands, ligands_of, load_catalogue
from tests.drugs.drug_files import OWN_DRUG

KETAMINE = load_catalogue()["ketamine"]
ROWS = "\n".join(
    f"  - {{target: {target}, action: {action}, of: [{of}], value: {value}, status: assumed, source: made up}}"
    for target, action, of, value in (
        ("sert", "inhibitor", "product, parent", "20 nM, hill: 1.6"),
        ("sert", "block", "product", "1 uM"),
        ("gaba_a", "inhibitor", "parent", "2 uM"),
    )
)
OWN = validate(Drug, parse_document(OWN_DRUG.replace("targets:\n", f"targets:\n{ROWS}\n")))
CONCENTRATIONS = st.floats(0.0, 1e3)


def ligands(*rows):
    """Ligands by (half, hill), on an axis of their own."""
    half, hill = np.array(rows, dtype=float).reshape(-1, 2).T
    return Ligands(np.arange(len(rows)), half, hill)


@given(st.lists(st.tuples(CONCENTRATIONS, st.floats(1e-3, 1e3), st.floats(0.3, 5.0)), max_size=4))
def test_a_relative_concentration_is_the_sum_of_powers(rows):
    """Catches a power of the sum, a ratio upside down, and ligands that mix up their coefficients."""
    found = ligands(*(row[1:] for row in rows)).relative_concentration(np.array([row[0] for row in rows]))
    assert found == pytest.approx(sum((c / half) ** hill for c, half, hill in rows), rel=1e-12)


@given(st.lists(st.tuples(CONCENTRATIONS, st.floats(1e-3, 1e3)), max_size=9))
def test_without_a_coefficient_it_is_the_plain_ratio_to_the_last_bit(rows):
    """Catches a power of 1 that rounds on some processor."""
    concentrations, halves = np.array(rows, dtype=float).reshape(-1, 2).T
    found = ligands(*((half, 1.0) for half in halves)).relative_concentration(concentrations)
    assert found == float(np.sum(concentrations / halves))


def test_concentrations_below_zero_by_rounding():
    """Catches NaN from the root of what a matrix exponential left at -1e-20 uM."""
    assert ligands((1.0, 0.5)).relative_concentration(np.array([-1e-20])) == 0.0
    assert ligands((1.0, 1.0)).relative_concentration(np.array([-1e-20])) == -1e-20


def test_ligands_are_those_of_the_target_and_the_action():
    """Catches a row taken for another target or action, and positions that forget the drugs before."""
    found = ligands_of((KETAMINE, OWN), "sert", "inhibitor")
    assert_array_equal(found.compound, [6, 7])  # parent and product, after six compounds of ketamine
    assert_array_equal(found.half, [0.02, 0.02])
    assert_array_equal(found.hill, [1.6, 1.6])
    assert_array_equal(ligands_of((OWN, KETAMINE), "sert", "block").compound, [1])
    assert_array_equal(ligands_of((KETAMINE, OWN), "ampa", "potentiator").compound, [5, 7])
    nobody = ligands_of((OWN, KETAMINE), "sert", "agonist")
    assert nobody.compound.size == nobody.relative_concentration(np.ones(8)) == 0


def test_an_unknown_action_is_refused():
    """Catches a mechanism that misspells what it asks for and is told that no drug does it."""
    with pytest.raises(ValueError, match="unknown action 'agonst'; allowed: agonist, antagonist"):
        ligands_of((KETAMINE,), "sert", "agonst")
