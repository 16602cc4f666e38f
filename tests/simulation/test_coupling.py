"""Between the clocks: averages of a window against plain loops, and what stops a run."""

import copy

import numpy as np
import pytest

from ketasim.documents import KetasimError
from ketasim.kernels.records import FastClock, new_activity
from ketasim.kernels.spiking_network import run_window
from ketasim.network.build import FAST_STEP
from ketasim.simulation import Simulation, coupling


@pytest.fixture(scope="module")
def simulation(small):
    return Simulation(small())


@pytest.fixture(scope="module")
def network(simulation):
    return simulation.network


@pytest.fixture
def signals(simulation):
    return {name: array.copy() for name, array in simulation.signals.items()}


def clock_at(step, seed=3):
    return FastClock(np.uint64(seed), np.int64(step), np.int64(step))


@pytest.fixture(scope="module")
def settled(network, simulation):
    """Activity and clock of the network after half a second."""
    activity = new_activity(network.graph, network.parameters, np.float64)
    state = coupling.modulation(network, simulation.signals)
    return activity, coupling.settle(network, activity, state, clock_at(0), 5000)


def test_population_means_against_a_loop(network):
    """Catches means over the wrong nodes, or along the wrong axis of a table."""
    values = np.random.default_rng(1).random((4, network.topology.n_nodes))
    names = network.topology.population_names
    expected = [[values[row, network.topology.slice_of(name)].mean() for name in names] for row in range(4)]
    assert coupling.population_means(network, values) == pytest.approx(np.array(expected))
    assert coupling.population_means(network, values[0]) == pytest.approx(expected[0])


def test_modulation_of_a_rested_and_a_blocked_receptor(network, signals):
    """Catches subunits in the wrong Mg group, block that leaves the tonic current alone, a shared array."""
    shares = network.nmda_shares
    signals["nmda_tonic_gating"][:] = 0.1
    free = coupling.modulation(network, signals)
    assert free.nmda_ab + free.nmda_cd == pytest.approx(np.ones(network.topology.n_nodes))
    assert free.nmda_cd == pytest.approx(shares[2] + shares[3])
    assert free.tonic_ab + free.tonic_cd == pytest.approx(0.1 * network.nmda_extrasynaptic)
    signals["nmda_unblocked"][3] = 0.25  # three quarters of GluN2D blocked
    blocked = coupling.modulation(network, signals)
    assert blocked.nmda_ab == pytest.approx(free.nmda_ab)
    assert blocked.nmda_cd == pytest.approx(shares[2] + 0.25 * shares[3])
    assert blocked.tonic_cd == pytest.approx(0.1 * network.nmda_extrasynaptic * (shares[2] + 0.25 * shares[3]))
    signals["release_gain"][:] = 7.0
    assert np.all(blocked.release_gain == 1.0)


def test_largest_change_looks_at_class_means(network, signals):
    """Catches changes that cancel within a class, a relative change by nothing, and a port overlooked."""
    before = coupling.modulation(network, signals)
    gating = np.full(network.topology.n_nodes, 0.1)
    assert coupling.largest_change(network, before, before, gating) == 0.0
    pyramidal, pv = (network.topology.slice_of(name) for name in ("PYR", "PV"))
    gain = before.release_gain.copy()
    gain[pyramidal.start] *= 1.5  # one of 64 neurons
    one = coupling.largest_change(network, before, before._replace(release_gain=gain), gating)
    assert one == pytest.approx(0.5 / (pyramidal.stop - pyramidal.start))
    halved = before._replace(**{port: getattr(before, port) * 0.5 for port in before._fields if port != "release_gain"})
    assert coupling.largest_change(network, before, halved, gating) == pytest.approx(0.5)
    ports = ("nmda_ab", "nmda_cd", "tonic_ab", "tonic_cd")
    parts = []
    for port in ports:
        values = getattr(before, port).copy()
        values[pv] *= 0.5
        parts.append(coupling.largest_change(network, before, before._replace(**{port: values}), gating))
    assert sum(parts) == pytest.approx(0.5)
    nothing = before._replace(**{port: np.zeros_like(gain) for port in ports})
    opened = nothing._replace(tonic_ab=np.full_like(gain, 0.2))
    assert coupling.largest_change(network, nothing, opened, gating) == pytest.approx(0.2)


def test_noise_of_ambient_glutamate_is_no_large_change(network, signals):
    """Catches a long settling that tonic conductance, small and noisy, asks for at rest."""
    signals["nmda_tonic_gating"][:] = 0.002
    before = coupling.modulation(network, signals)
    after = before._replace(tonic_ab=before.tonic_ab * 1.12, tonic_cd=before.tonic_cd * 1.12)
    gating = np.full(network.topology.n_nodes, 0.12)
    assert 0.0 < coupling.largest_change(network, before, after, gating) < 0.005


def test_a_window_in_blocks_is_the_window_in_one_piece(network, simulation, settled):
    """Catches lost steps between blocks, and sums divided by the wrong time or conductance."""
    activity, clock = settled
    state = coupling.modulation(network, simulation.signals)
    one_piece = copy.deepcopy(activity)
    n_steps = 1537  # no multiple of the number of blocks
    found = coupling.measure(network, copy.deepcopy(activity), state, clock, n_steps)
    window = run_window(one_piece, network.graph, state, network.parameters, clock, n_steps)
    assert np.array_equal(found.spike_step, window.spike_step)
    assert np.array_equal(found.spike_node, window.spike_node)
    seconds = n_steps * FAST_STEP * 1e-3
    counts = np.bincount(window.spike_node, minlength=network.topology.n_nodes)
    assert counts.sum() > 50
    assert found.signals["firing_rate"] == pytest.approx(counts / seconds)
    rows = ("nmda_gating", "nmda_gating_unblocked_ab", "nmda_gating_unblocked_cd", "nmda_gating_voltage")
    for row, name in enumerate(rows):
        assert found.signals[name] == pytest.approx(window.sums[row] / n_steps / network.nmda_maximum), name
    assert found.signals["ampa_throughput"] == pytest.approx(window.sums[4] / n_steps)
    assert found.signals["nmda_throughput"] == pytest.approx(window.sums[5] / n_steps)
    for name, values in found.signals.items():
        assert found.population[name] == pytest.approx(coupling.population_means(network, values)), name


def test_received_release_against_a_loop_over_edges(network, simulation, settled):
    """Catches release counted by the wrong target class, from inhibitory cells, or weighted by strength."""
    activity, clock = settled
    state = coupling.modulation(network, simulation.signals)
    found = coupling.measure(network, copy.deepcopy(activity), state, clock, 2000)
    window = run_window(copy.deepcopy(activity), network.graph, state, network.parameters, clock, 2000)
    topology = network.topology
    total, synapses = np.zeros(topology.n_nodes), np.zeros(topology.n_nodes)
    for source, target in zip(topology.source, topology.target, strict=True):
        if topology.population_names[topology.population[source]] == "PYR":
            total[target] += window.released[source, topology.population[target]]
            synapses[target] += 1
    expected = total / np.maximum(synapses, 1) / 0.2
    assert expected.max() > 0.1
    assert found.signals["vesicle_release"] == pytest.approx(expected)


def test_standard_errors_are_those_of_repeated_windows(network, simulation, settled):
    """Catches a standard error of the wrong order: a SD not divided by the root of the number of blocks, or twice.

    Blocks of 0.1 s are not independent: gates of 100 ms make the stated error too small (0.6 of the spread for
    the gating of PYR), refractoriness and adaptation make that of rates too large (1.6 times for PYR).
    """
    activity, clock = copy.deepcopy(settled)
    state = coupling.modulation(network, simulation.signals)
    found = []
    for _ in range(40):
        found.append(coupling.measure(network, activity, state, clock, 10_000))
        clock = coupling.later(clock, 10_000)
    for name in found[0].population:
        spread = np.std([window.population[name] for window in found], axis=0, ddof=1)
        stated = np.sqrt(np.mean([window.standard_error[name] ** 2 for window in found], axis=0))
        assert np.all(stated > 0.4 * spread), name
        assert np.all(stated < 2.6 * spread), name


def test_a_window_of_one_block_knows_no_error(network, simulation, settled):
    """Catches a standard error of 0 where nothing is known of the spread."""
    activity, clock = copy.deepcopy(settled)
    state = coupling.modulation(network, simulation.signals)
    found = coupling.measure(network, activity, state, clock, 1)
    assert np.isnan(found.standard_error["firing_rate"]).all()


def test_a_membrane_that_is_no_number_stops_the_run(network, simulation, settled):
    """Catches results made of nan; the message has to say where and when."""
    activity, clock = copy.deepcopy(settled)
    activity.voltage[7] = np.nan
    state = coupling.modulation(network, simulation.signals)
    with pytest.raises(KetasimError, match=r"membrane potential of node 7 is no number any more at t = 0\.5 s"):
        coupling.measure(network, activity, state, clock, 10)


def test_settling_moves_the_clock_and_measures_nothing(network, simulation, settled):
    """Catches a window that starts at the time before settling, where it would draw the same noise again."""
    activity, clock = copy.deepcopy(settled)
    state = coupling.modulation(network, simulation.signals)
    after = coupling.settle(network, activity, state, clock, 300)
    assert (after.first_step, after.age, after.seed) == (clock.first_step + 300, clock.age + 300, clock.seed)
    assert not np.array_equal(activity.voltage, settled[0].voltage)
