"""What block computed from means leaves out: single neurons, step by step, in the resting circuit."""

import numpy as np
import pytest

from ketasim.mechanisms import nmda_blockade
from ketasim.mechanisms.nmda_blockade import Gating, advance_block, gating_of
from ketasim.signals import UNBLOCKED
from ketasim.simulation import Simulation

DELTA = 0.79
DOSES = [{"drug": "ketamine", "route": "intravenous", "amount": "15 mg", "duration": "10 min"}]


@pytest.fixture(scope="module")
def resting(small):
    """A circuit at rest, with its blockers."""
    simulation = Simulation(small(doses=DOSES))
    simulation.measure_baseline()
    return simulation


def entry(unblocked, voltage):
    """Rate at which a blocker enters, up to a factor: (4, n)."""
    return unblocked * np.exp(-DELTA * (voltage + 66.0) / 26.7)


def test_entry_is_that_of_gates_and_voltages_as_they_go_together(resting):
    """Catches a voltage of closed channels: entry from means over 0.4 s is that summed step by step, to 2 %."""
    engine, signals, steps = resting.engine, resting.signals, 4000
    unblocked, conductance, current, exact = (np.zeros((4, 1)), 0.0, 0.0, 0.0)
    for step in range(steps):
        now = engine.measure(signals, step, 1).signals
        free = np.array([now[name] for name in UNBLOCKED])
        conducting = now["nmda_open"] > 0.0
        voltage = np.divide(
            -now["nmda_throughput"], now["nmda_open"], out=np.full(free[0].size, -70.0), where=conducting
        )
        exact = exact + entry(free, voltage)
        unblocked, conductance = unblocked + free, conductance + now["nmda_open"]
        current = current + now["nmda_throughput"]
    found = entry(unblocked, -current / conductance)
    shares = resting.network.nmda_shares > 0.0
    assert exact[shares].min() > 0.0
    assert np.abs(found[shares] / exact[shares] - 1.0).max() < 0.03  # of single neurons
    for name in resting.network.topology.population_names:
        members = resting.network.topology.slice_of(name)
        present = shares[:, members.start]
        ratio = found[present, members].sum(axis=1) / exact[present, members].sum(axis=1)
        assert np.abs(ratio - 1.0).max() < 0.02, name


def test_the_class_is_blocked_as_its_neurons_are(resting):
    """Catches neurons so different that their mean gating says nothing of their mean block."""
    topology, signals = resting.network.topology, resting.signals
    prepared = nmda_blockade.prepare(nmda_blockade.Parameters(), resting.setting)
    own = gating_of(signals)
    blocked = []
    for gating in (own, averaged(own, topology)):
        trapped = np.zeros((len(resting.setting.blockers), 4, topology.n_nodes))
        concentration = np.where(np.arange(len(trapped)) < 2, 0.125, 0.0)  # uM of each enantiomer
        advance_block(concentration, gating, trapped, np.zeros_like(trapped), prepared, 600.0)
        blocked.append((prepared.shares * trapped.sum(axis=0)).sum(axis=0))
    of_neurons, of_class = blocked
    for name in topology.population_names:
        members = topology.slice_of(name)
        assert 0.0 < of_neurons[members].std() < 0.15 * of_neurons[members].mean()
        assert of_class[members].mean() == pytest.approx(of_neurons[members].mean(), rel=0.01)


def averaged(gating, topology):
    """The gating of each class's mean neuron in place of its own."""
    rows = [np.array(values) for values in gating]
    for values in rows:
        for name in topology.population_names:
            members = topology.slice_of(name)
            values[..., members] = values[..., members].mean(axis=-1, keepdims=True)
    return Gating(*rows)
