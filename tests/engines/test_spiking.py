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


def test_modulation_of_a_rested_and_a_blocked_receptor(network, signals):
    """Catches subunits in the wrong Mg group, block that leaves the tonic current alone, a shared array."""
    shares = network.nmda_shares
    signals["nmda_tonic_gating"][:] = 0.1
    free = coupling.modulation(network, signals)
    assert free.nmda_ab + free.nmda_cd == pytest.approx(np.ones(network.topology.n_nodes))
    assert free.nmda_cd == pytest.approx(shares[2] + shares[3])
    assert free.tonic_ab + free.tonic_cd == pytest.approx(0.1 * network.nmda_extrasynaptic)
    for port in ("nmda_unblocked", "nmda_unblocked_extrasynaptic"):
        signals[port][3] = 0.25  # three quarters of GluN2D blocked
    blocked = coupling.modulation(network, signals)
    assert blocked.nmda_ab == pytest.approx(free.nmda_ab)
    assert blocked.nmda_cd == pytest.approx(shares[2] + 0.25 * shares[3])
    assert blocked.tonic_cd == pytest.approx(0.1 * network.nmda_extrasynaptic * (shares[2] + 0.25 * shares[3]))
    signals["nmda_unblocked_extrasynaptic"][:] = 1.0
    synaptic_alone = coupling.modulation(network, signals)
    assert np.array_equal(synaptic_alone.nmda_cd, blocked.nmda_cd)
    assert np.array_equal(synaptic_alone.tonic_cd, free.tonic_cd)
    signals["release_gain"][:] = 7.0
    assert np.all(blocked.release_gain == 1.0)


def test_network_inputs_are_open_conductance_and_gain_by_class(network, signals):
    """Catches changes that cancel within a class, a port overlooked, a conductance counted twice, gain as a drive."""
    generator = np.random.default_rng(6)
    signals["nmda_tonic_gating"][:] = 0.01
    before = coupling.modulation(network, signals)
    gating = generator.uniform(0.05, 0.2, network.topology.n_nodes)
    rate = generator.uniform(0.0, 5.0, network.topology.n_nodes)
    baseline = {"nmda_gating": gating, "firing_rate": rate}
    found = coupling.network_inputs(network, before, baseline)
    assert found.shape == (3, 3)
    ampa = _open_ampa(network, rate)
    for index, name in enumerate(network.topology.population_names):
        members = range(network.topology.n_nodes)[network.topology.slice_of(name)]
        drive = [
            gating[i] * (network.nmda_circuit + network.nmda_afferent)[i] * (before.nmda_ab[i] + before.nmda_cd[i])
            + before.tonic_ab[i]
            + before.tonic_cd[i]
            for i in members
        ]
        assert found[0, index] == pytest.approx(np.mean(drive))
        assert found[1, index] == pytest.approx(np.mean([ampa[i] for i in members]))
        assert found[2, index] == 1.0
    gain = before.release_gain.copy()
    gain[0] *= 1.5  # one of 64 PYR
    other = coupling.network_inputs(network, before._replace(release_gain=gain), baseline)
    assert other[2] == pytest.approx([1.0 + 0.5 / 64, 1.0, 1.0])
    assert np.array_equal(other[:2], found[:2])
    other = coupling.network_inputs(network, before._replace(ampa_gain=gain), baseline)
    assert other[1, 0] - found[1, 0] == pytest.approx(0.5 * ampa[0] / 64)
    assert np.array_equal(other[[0, 2]], found[[0, 2]])
    other = coupling.network_inputs(network, before._replace(afferent_gain=gain), baseline)
    assert other[1, 0] - found[1, 0] == pytest.approx(0.5 * network.ampa_afferent[0] / 64)
    assert other[0, 0] - found[0, 0] == pytest.approx(0.5 * gating[0] * network.nmda_afferent[0] / 64)
    parts = []
    for port in ("nmda_ab", "nmda_cd", "tonic_ab", "tonic_cd"):
        halved = before._replace(**{port: getattr(before, port) * 0.5})
        parts.append(found[0] - coupling.network_inputs(network, halved, baseline)[0])
        assert np.all(parts[-1] >= 0.0)
    assert np.sum(parts, axis=0) == pytest.approx(0.5 * found[0])


def _open_ampa(network, rate):
    """Mean AMPA conductance of each node at given rates, edge by edge: circuit and afferents."""
    topology, synapses = network.topology, network.parameters.synapses
    names = topology.population_names
    opened = []
    for kind in topology.population:
        cell = network.tables.cells[names[kind]]
        opened.append(cell.afferent_rate * synapses.afferent_ampa[kind] * 2.0)  # events in 1/ms, 2 ms each
    for edge in range(topology.n_edges):
        source, target = topology.source[edge], topology.target[edge]
        kinds = topology.population[source], topology.population[target]
        opened[target] += rate[source] * 1e-3 * np.float32(topology.weight[edge]) * synapses.ampa[kinds] * 2.0
    return opened


def test_relative_change_is_the_largest_of_all():
    """Catches a mean over classes, a change down that is no change, and a division by nothing."""
    before = np.array([[2.0, -4.0], [0.0, 1.0]])
    assert coupling.relative_change(before, before) == 0.0
    assert coupling.relative_change(before, before + np.array([[0.0, 1.0], [0.0, 0.0]])) == 0.25
    assert coupling.relative_change(before, before - np.array([[0.5, 0.0], [0.0, 0.0]])) == 0.25
    assert coupling.relative_change(before, before + np.array([[0.0, 0.0], [0.2, 0.0]])) == 0.2
    assert coupling.relative_change(np.empty(0), np.empty(0)) == 0.0


def test_noise_of_ambient_glutamate_is_no_large_change(network, signals):
    """Catches a long settling that tonic conductance, small and noisy, asks for at rest."""
    signals["nmda_tonic_gating"][:] = 0.002
    before = coupling.modulation(network, signals)
    after = before._replace(tonic_ab=before.tonic_ab * 1.12, tonic_cd=before.tonic_cd * 1.12)
    baseline = {name: np.full(network.topology.n_nodes, 0.12) for name in ("nmda_gating", "firing_rate")}
    inputs = [coupling.network_inputs(network, state, baseline) for state in (before, after)]
    assert 0.0 < coupling.relative_change(*inputs) < 0.005


def test_a_measurement_is_what_the_kernel_says(network, simulation, settled):
    """Catches sums divided by the wrong time or conductance, spikes lost, and class means of other nodes."""
    activity, clock = settled
    state = coupling.modulation(network, simulation.signals)
    one_piece = copy.deepcopy(activity)
    n_steps = 1537
    found = coupling.measure(network, copy.deepcopy(activity), state, clock, n_steps)
    window = run_window(one_piece, network.graph, state, network.parameters, clock, n_steps)
    assert np.array_equal(found.spike_step, window.spike_step)
    assert np.array_equal(found.spike_node, window.spike_node)
    seconds = n_steps * FAST_STEP * 1e-3
    counts = np.bincount(window.spike_node, minlength=network.topology.n_nodes)
    assert counts.sum() > 20
    assert found.signals["firing_rate"] == pytest.approx(counts / seconds)
    rows = ("nmda_gating", "nmda_gating_unblocked_ab", "nmda_gating_unblocked_cd", "nmda_gating_voltage")
    maximum = network.nmda_circuit + network.nmda_afferent
    for row, name in enumerate(rows):
        assert found.signals[name] == pytest.approx(window.sums[row] / n_steps / maximum), name
    assert found.signals["ampa_throughput"] == pytest.approx(window.sums[4] / n_steps)
    assert found.signals["nmda_throughput"] == pytest.approx(window.sums[5] / n_steps)
    slices = [network.topology.slice_of(name) for name in network.topology.population_names]
    for name, values in found.signals.items():
        assert found.population[name] == pytest.approx([values[members].mean() for members in slices]), name


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


def test_a_membrane_that_is_no_number_stops_the_run(network, simulation, settled):
    """Catches results made of nan; the message has to say where and when."""
    activity, clock = copy.deepcopy(settled)
    activity.voltage[7] = np.nan
    state = coupling.modulation(network, simulation.signals)
    with pytest.raises(KetasimError, match=r"membrane potential of node 7 of PYR is nan mV at t = 0\.501 s; allowed"):
        coupling.measure(network, activity, state, clock, 10)


def test_a_membrane_beyond_a_volt_stops_the_run(network, simulation, settled):
    """Catches voltages that no membrane has: a finite number is not enough; the worst node has to be named."""
    activity, clock = copy.deepcopy(settled)
    window = run_window(activity, network.graph, coupling.modulation(network, simulation.signals),
                        network.parameters, clock, 10)  # fmt: skip
    coupling.check(network, activity, window, clock, 10)
    first = network.topology.slice_of("SST").start
    activity.voltage[3], activity.voltage[first] = -1000.5, -2e4
    message = r"potential of node 0 of SST is -20000 mV at t = 0\.501 s; allowed: -1000 to 1000; check .* of SST cells"
    with pytest.raises(KetasimError, match=message):
        coupling.check(network, activity, window, clock, 10)


def test_a_network_that_runs_away_is_named_with_its_fastest_node(network, simulation, settled):
    """Catches a message without rate, node or limit, and a mean over the whole network that hides one population."""
    activity, clock = copy.deepcopy(settled)
    members = network.topology.slice_of("PV")
    n_steps = 2000  # 0.2 s, in which a neuron may have 41 spikes
    state = coupling.modulation(network, simulation.signals)
    window = run_window(activity, network.graph, state, network.parameters, clock, n_steps)
    most = np.repeat(np.arange(members.start, members.stop), 41)
    coupling.check(network, activity, window._replace(spike_node=most), clock, n_steps)
    more = np.append(most, members.start + 1)
    words = (
        r"run away: PV cells fire at more than 200 Hz at t = 0\.5 s, 205\.\d Hz in the mean, node 1 of PV at 210 Hz; "
    )
    with pytest.raises(KetasimError, match=words + "allowed: 0 to 200 Hz; check the network's weights"):
        coupling.check(network, activity, window._replace(spike_node=more), clock, n_steps)


def test_a_mean_of_a_window_that_is_no_number_stops_the_run(network, simulation, settled, monkeypatch):
    """Catches a rate or drive that overflows while every membrane is fine."""
    activity, clock = copy.deepcopy(settled)
    state = coupling.modulation(network, simulation.signals)
    means = coupling._node_signals

    def broken(*arguments):
        signals = means(*arguments)
        signals["nmda_gating"][5] = np.inf
        return signals

    monkeypatch.setattr(coupling, "_node_signals", broken)
    with pytest.raises(KetasimError, match=r"the network made 'nmda_gating' inf at t = 0\.501 s at node 5 of PYR"):
        coupling.measure(network, activity, state, clock, 10)


def test_settling_moves_the_clock_and_measures_nothing(network, simulation, settled):
    """Catches a window that starts at the time before settling, where it would draw the same noise again."""
    activity, clock = copy.deepcopy(settled)
    state = coupling.modulation(network, simulation.signals)
    after = coupling.settle(network, activity, state, clock, 300)
    assert (after.first_step, after.age, after.seed) == (clock.first_step + 300, clock.age + 300, clock.seed)
    assert not np.array_equal(activity.voltage, settled[0].voltage)
