"""The spiking engine: averages of a window against plain loops, what it reads of signals, and what stops a run."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.documents import KetasimError
from ketasim.engines import SpikingEngine, spiking
from ketasim.engines.spiking import check, inhibited, modulation, network_inputs
from ketasim.kernels.chunks import Model
from ketasim.kernels.graph import Synapses, synapses_of
from ketasim.kernels.records import FastClock
from ketasim.kernels.spiking_network import run_traced_window, run_window
from ketasim.network.build import build, poisson_thresholds
from ketasim.network.topology import FAST_STEP
from ketasim.signals import UNBLOCKED
from ketasim.simulation import Simulation
from ketasim.simulation.sampler import relative_change
from tests.simulation.sampling import changed, differing

SEED = 3
SETTLED = 5000  # fast steps


@pytest.fixture(scope="module")
def simulation(small):
    return Simulation(small())


@pytest.fixture(scope="module")
def network(simulation):
    return simulation.network


@pytest.fixture
def signals(simulation):
    return {name: array.copy() for name, array in simulation.signals.items()}


@pytest.fixture(scope="module")
def settled(network, simulation):
    """State of an engine after half a second, in which it moves no more with the one that made it."""
    engine = SpikingEngine(network, SEED)
    engine.settle(simulation.signals, 0, SETTLED)
    return copy.deepcopy(engine.state)


@pytest.fixture
def engine(network, settled):
    """Engine that has run for half a second."""
    found = SpikingEngine(network, SEED)
    found.state = settled
    return found


def kernels_window(engine, signals, first_step, n_steps):
    """What the kernel itself says of a window of an engine, which stays as it is."""
    state = modulation(engine.network, signals)
    clock = FastClock(np.uint64(SEED), np.int64(first_step), np.int64(engine.age))
    activity = copy.deepcopy(engine.activity)
    window = run_window(activity, engine.network.graph, state, engine.network.parameters, clock, n_steps)
    return window, activity, clock


def test_modulation_of_a_rested_and_a_blocked_receptor(network, signals):
    """Catches subunits with another's Mg curve, block that leaves the tonic current alone, a shared array."""
    shares = network.nmda_shares
    signals["nmda_tonic_gating"][:] = 0.1
    free = modulation(network, signals)
    assert shares.sum(axis=0) == pytest.approx(np.ones(network.topology.n_nodes))
    assert free.nmda == pytest.approx(shares)
    assert free.tonic.sum(axis=0) == pytest.approx(0.1 * network.nmda_extrasynaptic)
    for port in ("nmda_unblocked", "nmda_unblocked_extrasynaptic"):
        signals[port][3] = 0.25  # three quarters of GluN2D blocked
    blocked = modulation(network, signals)
    assert_array_equal(blocked.nmda[:3], free.nmda[:3])
    assert blocked.nmda[3] == pytest.approx(0.25 * shares[3])
    assert blocked.tonic[3] == pytest.approx(0.1 * network.nmda_extrasynaptic * 0.25 * shares[3])
    signals["nmda_tonic_gain"][:] = 0.5
    half = modulation(network, signals)
    assert half.tonic == pytest.approx(0.5 * blocked.tonic)
    assert np.array_equal(half.nmda, blocked.nmda)
    signals["nmda_tonic_gain"][:] = 1.0
    signals["nmda_unblocked_extrasynaptic"][:] = 1.0
    synaptic_alone = modulation(network, signals)
    assert np.array_equal(synaptic_alone.nmda, blocked.nmda)
    assert np.array_equal(synaptic_alone.tonic, free.tonic)
    signals["release_gain"][:] = 7.0
    assert np.all(blocked.release_gain == 1.0)


def test_added_rates_change_the_afferents_counts_and_nothing_else(network, signals):
    """Catches a rate added to another class, taken for that of a step or of a second, or cut above zero."""
    names = network.topology.population_names
    own = np.array([network.tables.cells[name].afferent_rate for name in names])  # 1/ms
    before = modulation(network, signals)
    assert_array_equal(before.afferent_thresholds, poisson_thresholds(own * 0.1))
    signals["afferent_rate"][:] = 0.3, 0.0, -own[2] - 1.0
    after = modulation(network, signals)
    assert_array_equal(after.afferent_thresholds, poisson_thresholds(np.array([own[0] + 0.3, own[1], 0.0]) * 0.1))
    for name in set(before._fields) - {"afferent_thresholds"}:
        assert_array_equal(getattr(after, name), getattr(before, name), err_msg=name)


def test_network_inputs_are_open_conductance_and_gain_by_class(network, signals):
    """Catches changes that cancel within a class, a port overlooked, a conductance counted twice, gain as a drive."""
    generator = np.random.default_rng(6)
    signals["nmda_tonic_gating"][:] = 0.01
    before = modulation(network, signals)
    gating = generator.uniform(0.05, 0.2, network.topology.n_nodes)
    rate = generator.uniform(0.0, 5.0, network.topology.n_nodes)
    baseline = {"nmda_gating": gating, "firing_rate": rate}
    steady = np.ones(3)
    found = network_inputs(network, before, steady, baseline)
    assert found.shape == (4, 3)
    ampa = _open_ampa(network, rate)
    for index, name in enumerate(network.topology.population_names):
        members = range(network.topology.n_nodes)[network.topology.slice_of(name)]
        drive = [
            gating[i] * (network.nmda_circuit + network.nmda_afferent)[i] * sum(before.nmda[:, i])
            + sum(before.tonic[:, i])
            for i in members
        ]
        assert found[0, index] == pytest.approx(np.mean(drive))
        assert found[1, index] == pytest.approx(np.mean([ampa[i] for i in members]))
        assert found[2:, index].tolist() == [1.0, 1.0]
    gain = before.release_gain.copy()
    gain[0] *= 1.5  # one of 64 PYR
    other = network_inputs(network, before._replace(release_gain=gain), steady, baseline)
    assert other[2] == pytest.approx([1.0 + 0.5 / 64, 1.0, 1.0])
    assert np.array_equal(other[:2], found[:2])
    other = network_inputs(network, before._replace(ampa_gain=gain), steady, baseline)
    of_circuit = ampa[0] - network.ampa_afferent[0]
    assert other[1, 0] - found[1, 0] == pytest.approx(0.5 * of_circuit / 64)
    assert np.array_equal(other[[0, 2, 3]], found[[0, 2, 3]])
    other = network_inputs(network, before._replace(afferent_ampa_gain=gain), steady, baseline)
    assert other[1, 0] - found[1, 0] == pytest.approx(0.5 * network.ampa_afferent[0] / 64)
    assert np.array_equal(other[[0, 2, 3]], found[[0, 2, 3]])
    for port in ("afferent_gain", "afferent_release_gain"):
        other = network_inputs(network, before._replace(**{port: gain}), steady, baseline)
        assert other[1, 0] - found[1, 0] == pytest.approx(0.5 * network.ampa_afferent[0] / 64)
        assert other[0, 0] - found[0, 0] == pytest.approx(0.5 * gating[0] * network.nmda_afferent[0] / 64)
    parts = []
    for port in ("nmda", "tonic"):
        halved = before._replace(**{port: getattr(before, port) * 0.5})
        parts.append(found[0] - network_inputs(network, halved, steady, baseline)[0])
        assert np.all(parts[-1] >= 0.0)
    assert np.sum(parts, axis=0) == pytest.approx(0.5 * found[0])
    twice = network_inputs(network, before, np.array([1.0, 2.0, 1.0]), baseline)
    all_twice = before._replace(afferent_gain=2.0 * before.afferent_gain)
    assert twice[:, 1] == pytest.approx(network_inputs(network, all_twice, steady, baseline)[:, 1])
    assert np.array_equal(twice[:, [0, 2]], found[:, [0, 2]])
    current = before.current.copy()
    current[network.topology.population == 1] = 30.0
    other = network_inputs(network, before._replace(current=current), steady, baseline)
    pv = network.tables.cells["PV"]
    assert other[3] == pytest.approx([1.0, 1.0 + 30.0 / (pv.leak * (pv.threshold - pv.rest)), 1.0])


def test_ports_of_excitability_reach_the_kernel(network, signals):
    """Catches a port of the table that stops on its way: the afferents' rate by class, the current by node."""
    before = modulation(network, signals)
    signals["afferent_rate_gain"][:] = 1.0, 0.5, 1.0
    signals["membrane_current"][3] = 12.0
    after = modulation(network, signals)
    own = [network.tables.cells[name].afferent_rate for name in network.topology.population_names]
    assert_array_equal(after.afferent_thresholds, poisson_thresholds(np.array([own[0], 0.5 * own[1], own[2]]) * 0.1))
    assert_array_equal(np.flatnonzero(after.current), [3])
    for name in set(before._fields) - {"afferent_thresholds", "current"}:
        assert_array_equal(getattr(after, name), getattr(before, name), err_msg=name)


@pytest.mark.parametrize("port", SpikingEngine.reads)
def test_every_signal_that_the_engine_reads_moves_its_inputs(engine, signals, port):
    """Catches a port that the network feels while the sampler, not knowing, skips its windows."""
    baseline = {name: np.full(engine.topology.n_nodes, 0.12) for name in ("nmda_gating", "firing_rate")}
    signals["nmda_tonic_gating"][:] = 0.1
    before = engine.inputs(signals, baseline)
    signals[port] = signals[port] * 0.7 + 0.01
    after = engine.inputs(signals, baseline)
    assert not np.array_equal(before.drives, after.drives) or not np.array_equal(before.given, after.given)


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


def test_inputs_keep_drives_and_what_exposures_set_apart(engine, signals):
    """Catches a stimulus below the tolerance that nobody notices, and inputs that change with the signals later."""
    baseline = {name: np.full(engine.topology.n_nodes, 0.12) for name in ("nmda_gating", "firing_rate")}
    signals["afferent_rate"][:] = 0.0, 1e-6, 0.0
    found = engine.inputs(signals, baseline)
    drives = network_inputs(engine.network, modulation(engine.network, signals), np.ones(3), baseline)
    assert_array_equal(found.drives, np.vstack([drives, np.ones(3)]))
    signals["afferent_rate"][:] = 5.0
    assert_array_equal(found.given, [[0.0, 1e-6, 0.0]])


def test_noise_of_ambient_glutamate_is_no_large_change(network, signals):
    """Catches a long settling that tonic conductance, small and noisy, asks for at rest."""
    signals["nmda_tonic_gating"][:] = 0.002
    before = modulation(network, signals)
    after = before._replace(tonic=before.tonic * 1.12)
    baseline = {name: np.full(network.topology.n_nodes, 0.12) for name in ("nmda_gating", "firing_rate")}
    inputs = [network_inputs(network, state, np.ones(3), baseline) for state in (before, after)]
    assert 0.0 < relative_change(*inputs) < 0.005


def test_a_measurement_is_what_the_kernel_says(engine, network, signals):
    """Catches sums divided by the wrong time or conductance, spikes lost, and class means of other nodes."""
    n_steps = 1537
    window, activity, _ = kernels_window(engine, signals, SETTLED, n_steps)
    found = engine.measure(signals, SETTLED, n_steps)
    assert engine.age == SETTLED + n_steps
    assert_array_equal(engine.activity.voltage, activity.voltage)
    assert np.array_equal(found.spike_step, window.spike_step)
    assert np.array_equal(found.spike_node, window.spike_node)
    assert found.traces == {}
    seconds = n_steps * FAST_STEP * 1e-3
    counts = np.bincount(window.spike_node, minlength=network.topology.n_nodes)
    assert counts.sum() > 20
    assert found.signals["firing_rate"] == pytest.approx(counts / seconds)
    rows = ("nmda_gating", *UNBLOCKED)
    maximum = network.nmda_circuit + network.nmda_afferent
    for row, name in enumerate(rows):
        assert found.signals[name] == pytest.approx(window.sums[row] / n_steps / maximum), name
    for row, name in ((5, "nmda_open"), (6, "ampa_throughput"), (7, "nmda_throughput")):
        assert found.signals[name] == pytest.approx(window.sums[row] / n_steps), name
    assert tuple(found.signals) == engine.measures
    slices = [network.topology.slice_of(name) for name in network.topology.population_names]
    for name, values in found.signals.items():
        assert found.population[name] == pytest.approx([values[members].mean() for members in slices]), name


def test_received_release_against_a_loop_over_edges(engine, network, signals):
    """Catches release counted by the wrong target class, from inhibitory cells, or weighted by strength."""
    window, _, _ = kernels_window(engine, signals, SETTLED, 2000)
    found = engine.measure(signals, SETTLED, 2000)
    topology = network.topology
    total, synapses = np.zeros(topology.n_nodes), np.zeros(topology.n_nodes)
    for source, target in zip(topology.source, topology.target, strict=True):
        if topology.population_names[topology.population[source]] == "PYR":
            total[target] += window.released[source, topology.population[target]]
            synapses[target] += 1
    expected = total / np.maximum(synapses, 1) / 0.2
    assert expected.max() > 0.1
    assert found.signals["vesicle_release"] == pytest.approx(expected)


def test_traces_come_with_the_same_window(engine, settled, signals):
    """Catches traces under the wrong name, and a window that differs from the one without."""
    plain = engine.measure(signals, SETTLED, 1000)
    state = copy.deepcopy(engine.state)
    engine.state = settled
    traced = engine.measure(signals, SETTLED, 1000, traces=True)
    assert differing(engine.state, state) == []
    assert differing(plain.signals, traced.signals) == []
    assert_array_equal(plain.spike_step, traced.spike_step)
    engine.state = settled
    model = Model(engine.network.graph, modulation(engine.network, signals), engine.network.parameters)
    clock = FastClock(np.uint64(SEED), np.int64(SETTLED), np.int64(SETTLED))
    rows = run_traced_window(engine.activity, model, clock, 1000).traces
    assert rows.shape == (3, 3, 100)
    for name, row in zip(("ampa_current", "nmda_current", "gaba_current"), rows, strict=True):
        assert_array_equal(traced.traces[name], row)


def test_settling_moves_the_age_and_the_network(engine, settled, signals):
    """Catches settling that leaves the network's clock behind, or is dated by it: noise belongs to absolute time."""
    engine.settle(signals, 77_000, 300)
    assert engine.age == SETTLED + 300
    first = engine.activity.voltage.copy()
    engine.state = settled
    assert engine.age == SETTLED
    engine.settle(signals, 78_000, 300)
    assert not np.array_equal(engine.activity.voltage, first)


def test_rest_begins_anew(engine, network, signals):
    """Catches a rest that keeps the age, or conductances and synapses of before."""
    engine.rest()
    fresh = SpikingEngine(network, SEED)
    assert (engine.age, fresh.age) == (0, 0)
    assert differing(engine.state, fresh.state) == []


def test_a_state_goes_on_bit_for_bit_and_stays_what_it_was(engine, network, signals):
    """Catches state that is left out, and arrays that two engines share."""
    other = SpikingEngine(network, SEED)
    other.state = engine.state
    before = copy.deepcopy(other.state)
    engine.settle(signals, SETTLED, 500)
    assert differing(other.state, before) == []
    other.settle(signals, SETTLED, 500)
    assert differing(other.state, engine.state) == []


def test_a_digest_knows_all_that_a_window_depends_on(network, signals):
    """Catches two baselines under one key: of another seed, graph, weight, drug or stimulus; and two keys for one."""
    engine = SpikingEngine(network, SEED)
    found = {engine.digest(signals), SpikingEngine(network, SEED, threads=2).digest(signals)}
    assert len(found) == 1
    found.add(SpikingEngine(network, SEED + 1).digest(signals))
    ports = ("nmda_unblocked", "release_gain", "ampa_gain", "inhibition_gain")
    ports += ("afferent_gain", "afferent_release_gain", "afferent_ampa_gain")
    found |= {engine.digest(changed(signals, **{name: 0.9})) for name in ports}
    found.add(engine.digest(signals | {"afferent_rate": np.array([0.1, 0.0, 0.0])}))
    assert len(found) == 3 + len(ports)
    edges = engine.edges(("PYR", "PV"))
    engine.rewire(("PYR", "PV"), _chosen(edges, slice(0)), _chosen(edges, slice(0)), 1.01 * edges.weight)
    found.add(engine.digest(signals))
    engine.rewire(("PYR", "PV"), _chosen(edges, slice(1)), _chosen(edges, slice(0)), edges.weight[1:])
    found.add(engine.digest(signals))
    assert len(found) == 5 + len(ports)


def _chosen(edges, which):
    return Synapses(*(column[which] for column in edges))


@pytest.mark.parametrize("pair", [("PYR", "PYR"), ("PV", "PYR"), ("PYR", "SST")])
def test_edges_of_a_pair_are_rewired_and_no_others(network, signals, pair):
    """Catches nodes numbered over the whole network, another pair's edges or weights, and NMDA of the old graph."""
    engine = SpikingEngine(network, SEED)
    topology, before = engine.topology, synapses_of(network.graph)
    source, target = (topology.slice_of(name) for name in pair)
    edges = engine.edges(pair)
    inside = [
        edge
        for edge, (i, j) in enumerate(zip(before.source, before.target, strict=True))
        if source.start <= i < source.stop and target.start <= j < target.stop
    ]
    assert_array_equal(edges.source, before.source[inside] - source.start)
    assert_array_equal(edges.target, before.target[inside] - target.start)
    assert_array_equal(edges.delay, before.delay[inside])
    free = set(np.ndindex(source.stop - source.start, target.stop - target.start))
    free -= set(zip(edges.source.tolist(), edges.target.tolist(), strict=True))
    i, j = next((i, j) for i, j in sorted(free) if pair[0] != pair[1] or i != j)
    born = Synapses(np.array([i]), np.array([j]), np.array([1.5]), np.array([7]))
    kept = sorted([*zip(edges.source.tolist()[2:], edges.target.tolist()[2:], strict=True), (i, j)])
    weight = 0.5 + np.arange(len(kept)) / len(kept)
    engine.rewire(pair, _chosen(edges, slice(2)), born, weight)
    after = engine.edges(pair)
    assert list(zip(after.source.tolist(), after.target.tolist(), strict=True)) == kept
    assert_array_equal(after.weight, weight.astype(np.float32))
    assert after.delay[kept.index((i, j))] == 7
    now = synapses_of(engine.network.graph)
    others = np.ones(now.source.size, bool)
    others[(now.source >= source.start) & (now.source < source.stop)] = False
    others |= (now.target < target.start) | (now.target >= target.stop)
    outside = np.setdiff1d(np.arange(before.source.size), inside)
    for name in Synapses._fields:
        assert_array_equal(getattr(now, name)[others], getattr(before, name)[outside], err_msg=name)
    gates = np.zeros(topology.n_nodes)
    for edge in zip(*now[:3], strict=True):
        kinds = topology.population[edge[0]], topology.population[edge[1]]
        gates[edge[1]] += edge[2] * network.parameters.synapses.nmda[kinds]
    assert engine.network.nmda_circuit == pytest.approx(gates)
    assert engine.topology is network.topology  # as it was at the start
    engine.measure(signals, 0, 500)


def test_threads_are_not_used_for_few_neurons(network):
    """Catches threads that wait for each other longer than they work."""
    assert SpikingEngine(network, SEED, threads=8)._threads == 1


def test_a_membrane_that_is_no_number_stops_the_run(engine, signals):
    """Catches results made of nan; the message has to say where and when."""
    engine.activity.voltage[7] = np.nan
    with pytest.raises(KetasimError, match=r"membrane potential of node 7 of PYR is nan mV at t = 0\.501 s; allowed"):
        engine.measure(signals, SETTLED, 10)


def test_a_membrane_beyond_a_volt_stops_the_run(engine, network, signals):
    """Catches voltages that no membrane has: a finite number is not enough; the worst node has to be named."""
    window, activity, clock = kernels_window(engine, signals, SETTLED, 10)
    check(network, activity, window, clock, 10)
    first = network.topology.slice_of("SST").start
    activity.voltage[3], activity.voltage[first] = -1000.5, -2e4
    message = r"potential of node 0 of SST is -20000 mV at t = 0\.501 s; allowed: -1000 to 1000; check .* of SST cells"
    with pytest.raises(KetasimError, match=message):
        check(network, activity, window, clock, 10)


def test_a_network_that_runs_away_is_named_with_its_fastest_node(engine, network, signals):
    """Catches a message without rate, node or limit, and a mean over the whole network that hides one population."""
    members = network.topology.slice_of("PV")
    n_steps = 2000  # 0.2 s, in which a neuron may have 41 spikes
    window, activity, clock = kernels_window(engine, signals, SETTLED, n_steps)
    most = np.repeat(np.arange(members.start, members.stop), 41)
    check(network, activity, window._replace(spike_node=most), clock, n_steps)
    more = np.append(most, members.start + 1)
    words = (
        r"run away: PV cells fire at more than 200 Hz at t = 0\.5 s, 205\.\d Hz on average, node 1 of PV at 210 Hz; "
    )
    with pytest.raises(KetasimError, match=words + "allowed: 0 to 200 Hz; check the network's weights"):
        check(network, activity, window._replace(spike_node=more), clock, n_steps)


@pytest.mark.parametrize("run", ["settle", "measure"])
def test_settling_is_watched_as_measuring_is(engine, signals, monkeypatch, run):
    """Catches a network that runs away while nobody looks."""
    seen = []
    monkeypatch.setattr(spiking, "check", lambda *arguments: seen.append(arguments[-1]))
    getattr(engine, run)(signals, SETTLED, 30)
    assert seen == [30]


def flat(parameters):
    """All numbers of nested tuples, one after the other."""
    nested = isinstance(parameters, tuple)
    return np.concatenate([flat(part) for part in parameters]) if nested else np.ravel(parameters)


def test_longer_inhibition_is_that_of_another_circuit(network, signals):
    """Catches decay of one channel only, a charge that does not grow, and excitation that changes with it."""
    tables, longer = network.tables, 1.8
    signals["inhibition_time_gain"][...] = longer
    receptors = tables.receptors._replace(
        gaba_fast_time=longer * tables.receptors.gaba_fast_time, gaba_slow_time=longer * tables.receptors.gaba_slow_time
    )
    for exact in (False, True):
        here = tables._replace(exact_charge=exact)
        twin = build(network.topology, receptors, here)
        found = inhibited(build(network.topology, tables=here), signals)
        assert flat(found) == pytest.approx(flat(twin.parameters), rel=1e-12)


def test_more_inhibition_lowers_rates_and_counts_as_an_input(network, signals):
    """Catches a port that the kernel does not see, and windows that are skipped when only inhibition changes."""
    engine = SpikingEngine(network, SEED)
    engine.settle(signals, 0, SETTLED)
    state = copy.deepcopy(engine.state)
    before = engine.measure(signals, SETTLED, 10_000)
    inputs = engine.inputs(signals, before.signals)
    stronger = changed(signals, inhibition_gain=2.0, inhibition_time_gain=2.0)
    engine.state = state
    after = engine.measure(stronger, SETTLED, 10_000)
    assert np.all(after.population["firing_rate"][:1] < before.population["firing_rate"][:1])
    assert relative_change(inputs.drives, engine.inputs(stronger, before.signals).drives) == pytest.approx(3.0)
