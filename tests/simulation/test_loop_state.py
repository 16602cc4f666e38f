"""A simulation that is given another's state goes on bit for bit."""

import copy
import io
from typing import NamedTuple

import numpy as np
import pytest

from ketasim.kernels.spiking_network import Activity
from ketasim.mechanisms import Mechanism
from ketasim.signals import Signal
from ketasim.simulation import Simulation
from tests.simulation.sampling import differing


def through_a_file(state):
    """State as a checkpoint brings it back."""
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_state_names_all_that_the_future_depends_on(small):
    """Catches an array that `state` leaves out."""
    simulation = Simulation(small())
    simulation.advance("10 min")
    state = set(simulation.state)
    assert {f"network/engine/{name}" for name in (*Activity._fields, "age")} < state
    named = {f"signals/{name}" for name in simulation.signal_table}
    named |= {f"slopes/{name}" for name, signal in simulation.signal_table.items() if signal.smooth}
    for edges in simulation.plastic_edges:
        named |= {f"plastic/{edges.mechanism.name}/{name}" for name in edges.state}
    named |= {f"network/{name}" for name in simulation.sampler.state}
    assert state == named | {"time", "last_step", "doses", "baseline_done"}


@pytest.mark.parametrize("minutes", [0, 5, 7.5, 15, 20])
def test_it_goes_on_bit_for_bit(small, minutes):
    """Catches state that is lost, or rounded, on the way through a file: at time zero, within a step, at the end."""
    first, second = Simulation(small()), Simulation(small())
    first.advance(60.0 * minutes)
    second.state = through_a_file(first.state)
    assert differing(first.state, second.state) == []
    assert (second.time, second.baseline_done, second.steps_done) == (60.0 * minutes, True, first.steps_done)
    assert second.engine is second.sampler.engine
    for simulation in (first, second):
        simulation.advance("20 min")
    assert first.time == 1200.0
    assert differing(first.state, second.state) == []
    assert first.topology_now().sha256 == second.topology_now().sha256


def test_a_state_serves_again_and_backwards(small):
    """Catches a simulation that keeps something of its own when it is given an earlier state."""
    first, second = Simulation(small()), Simulation(small())
    first.advance("5 min")
    early = copy.deepcopy(first.state)
    first.advance("15 min")
    second.advance("20 min")
    for _ in range(2):
        second.state = early
        assert differing(second.state, early) == []
        second.advance("15 min")
        assert differing(second.state, first.state) == []


@pytest.mark.parametrize("network", ["none", {"neurons": 40}])
def test_doses_given_meanwhile_go_on(small, network):
    """Catches an infusion by hand that ends with the interruption, and a drug that is new to a new simulation."""
    first, second = (Simulation(small(network=network, doses=[], recording={})) for _ in range(2))
    first.advance("5 min")
    without = copy.deepcopy(first.state)
    first.dose("ketamine", "0.5 mg/kg", duration="10 min")
    first.advance("3 min")
    second.state = through_a_file(first.state)
    assert second.setting.compounds == first.setting.compounds
    assert second.schedule.tolist() == first.schedule.tolist()
    for simulation in (first, second):
        simulation.advance("20 min")
    assert differing(first.state, second.state) == []
    assert first.signals["plasma_concentration"].max() > 10.0
    second.state = without  # before that dose
    second.advance("15 min")
    assert second.signals["plasma_concentration"].size == 0


class Leak(NamedTuple):
    """Parameters of an own mechanism."""

    rate: float = 1e-3


def test_own_mechanisms_go_on(small):
    """Catches signals of an own mechanism, or their slopes, that a state leaves out."""

    def advance(x, parameters, clock):
        x += parameters.rate * clock.duration

    def follow(x, y, parameters, clock):
        y += x * clock.duration

    rows = [Signal(name, "1", (), "state", 0.0, "of a test", smooth=name == "x") for name in ("x", "y")]
    own = [
        Mechanism("leak", Leak, advance, writes=("x",), signals=rows[:1]),
        Mechanism("follow", Leak, follow, ("x",), ("y",), signals=rows[1:]),
    ]
    first, second = (Simulation(small(network="none"), mechanisms=own) for _ in range(2))
    first.advance("10 min")
    second.state = through_a_file(first.state)
    for simulation in (first, second):
        simulation.advance("10 min")
    assert differing(first.state, second.state) == []
    assert float(second.signals["y"]) > 0.0


@pytest.mark.parametrize("start", ["5 min", "-5 min"])
def test_stimuli_go_on(small, start):
    """Catches a stimulus that is not on, or not at the same inputs, after an interruption within it."""
    stimulus = {"kind": "afferents", "population": "PYR", "start": start, "duration": "10 min", "rate": "20 Hz"}
    first, second = (Simulation(small(stimuli=[stimulus], recording={})) for _ in range(2))
    first.advance(1.0 if start == "-5 min" else 600.0)
    second.state = through_a_file(first.state)
    assert second.time == first.time == (-299.0 if start == "-5 min" else 600.0)
    for simulation in (first, second):
        simulation.advance("10 min")
    assert differing(first.state, second.state) == []
