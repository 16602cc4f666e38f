"""What moves when a signal is moved: who reads it by its declaration, and nobody else."""

import copy

import numpy as np
import pytest

import ketasim
from ketasim.mechanisms import ORDER
from ketasim.signals import SLOPE
from tests.simulation.everything import DRUGS, everything


@pytest.fixture(scope="module")
def moved(small):
    """Whether people's and rats' runs move a signal: a list of (mechanisms, signal moved, names that moved)."""
    found = []
    for species in DRUGS:
        simulation = ketasim.Simulation(everything(small, species, duration="3 h"))
        simulation.advance("2 h")
        state = copy.deepcopy(simulation.state)
        base = _after(simulation, state, None)
        for name in [name for name in base if not name.endswith(SLOPE)]:
            ends = _after(simulation, state, name)
            names = {one for one in base if not np.array_equal(base[one], ends[one], equal_nan=True)}
            found.append((simulation.mechanisms, name, {one.removesuffix(SLOPE) for one in names} - {name}))
    return found


def _after(simulation, state, name):
    """Signals after ten minutes of all mechanisms, with one signal a little different at the start."""
    simulation.state = copy.deepcopy(state)
    if name is not None:
        simulation.signals[name] = np.asarray(0.95 * simulation.signals[name] + 0.001)
    simulation.advance_mechanisms(600.0)
    return {one: array.copy() for one, array in simulation.signals.items()}


def _changes(mechanism):
    return {*mechanism.writes, *mechanism.scales}


def test_nothing_moves_by_a_wire_that_is_not_declared(moved):
    """Catches a mechanism that reaches for a signal beside its declaration, or writes what it does not own."""
    for mechanisms, name, names in moved:
        touched = [one for one in mechanisms if name in (*one.reads, *_changes(one))]
        assert names <= set().union(*map(_changes, touched)), name


def test_whoever_declares_a_signal_is_moved_by_it(moved):
    """Catches a declaration of what is not read: the wiring that is shown would have an edge that does nothing."""
    declared = {(one.name, name) for one in ORDER for name in one.reads if not name.endswith(SLOPE)}
    found = {
        (one.name, name)
        for mechanisms, name, names in moved
        for one in mechanisms
        if name in one.reads and names & _changes(one)
    }
    assert declared - found == set()
