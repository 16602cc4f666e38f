"""Synapses of single edges: delays, signs, short-term plasticity and the NMDA gate against closed forms."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.kernels.circuits import LIVELY, Bench, change_cells, circuit

AMPA, NMDA, GABA_FAST, GABA_SLOW = range(4)
STEP = 0.1  # ms
SYNAPSES = LIVELY.synapses
PAIRS = sorted(SYNAPSES)
FROM_PYR = [pair for pair in PAIRS if pair[0] == "PYR"]


def one_edge(source="PYR", target="PYR", weight=1.0, delay=1.0):
    """Bench with one edge, and the numbers of its two nodes."""
    order = ("PYR", "PV", "SST")
    ends = (0, 1) if order.index(source) <= order.index(target) else (1, 0)
    populations = sorted((source, target), key=order.index)
    return Bench(circuit(populations, [(*ends, weight, delay)])), *ends


def jump(bench, node, delay_steps):
    """Conductances (4,) of a node in the step in which a spike of the step just run arrives, before they decay."""
    bench.run(delay_steps - 1)
    before = bench.activity.conductance[:, node].copy()
    bench.run(1)
    assert_allclose(bench.activity.conductance[:, node], before * decays(STEP), rtol=1e-12, err_msg="too early")
    before = bench.activity.conductance[:, node].copy()
    bench.run(1)
    return bench.activity.conductance[:, node] / decays(STEP) - before


def decays(time):
    """Decay of the four conductances over a time in ms."""
    return np.exp(-time / np.array([2.0, 100.0, 8.0, 12.0]))


def releases(pair, interval, count, gain=1.0):
    """(u, x before release) of each spike of a train, by the recursion of Tsodyks & Markram."""
    synapse = SYNAPSES[pair]
    use = 0.5 * synapse.utilisation  # in vivo
    u, x = use * gain, 1.0
    train = [(u, x)]
    for _ in range(count - 1):
        x = 1.0 - (1.0 - x * (1.0 - u)) * math.exp(-interval / synapse.recovery)
        decayed = u * math.exp(-interval / synapse.facilitation)
        u = decayed + use * gain * (1.0 - decayed)
        train.append((u, x))
    return np.array(train)


@pytest.mark.parametrize("delay", [0.1, 0.2, 0.3, 1.0, 1.7, 5.0, 19.9])
@pytest.mark.parametrize("first_step", [0, -7, 12_345])
def test_postsynaptic_potential_comes_exactly_at_its_delay(delay, first_step):
    """Catches an event one step early or late, one that comes twice, and one whose slot is not cleared."""
    bench, source, target = one_edge(delay=delay)
    bench.clock = bench.clock._replace(first_step=np.int64(first_step))
    spike = bench.fire(source).spike_step[0]
    assert spike == first_step + 1
    steps = round(delay / STEP)
    changed = []
    for _ in range(3 * steps + 50):
        begins = bench.clock.first_step
        before = bench.activity.conductance[AMPA, target] * decays(STEP)[AMPA], bench.activity.voltage[target]
        bench.run(1)
        after = bench.activity.conductance[AMPA, target], bench.activity.voltage[target]
        if not np.isclose(after[0], before[0], rtol=1e-9, atol=0.0):
            changed.append(begins - spike)
            assert after[1] > before[1], "the membrane does not feel the conductance in the step in which it comes"
    assert changed == [steps]


def test_without_edge_there_is_no_potential():
    """Catches an edge that leads elsewhere: beside the target, no neuron differs from one that is alone."""
    connected, unconnected = (Bench(circuit(["PYR"] * 4, edges)) for edges in ([(0, 2, 1.0, 1.0)], []))
    for bench in (connected, unconnected):
        bench.fire(0)
        bench.run(30)
    differs = connected.activity.voltage != unconnected.activity.voltage
    assert differs.tolist() == [False, False, True, False]
    assert not unconnected.activity.conductance.any()
    assert not connected.activity.conductance[:, [0, 1, 3]].any()


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("weight", [1.0, 2.5])
def test_first_spike_opens_the_stated_conductance(pair, weight):
    """Catches conductances in the wrong channel or class pair: nS per spike from rest, times the weight of the edge."""
    bench, source, target = one_edge(*pair, weight, 1.2)
    synapse = SYNAPSES[pair]
    bench.fire(source)
    expected = np.zeros(4)
    expected[AMPA] = synapse.ampa
    expected[NMDA] = synapse.nmda * (1.0 - math.exp(-1.0))
    expected[GABA_SLOW if pair[0] == "SST" else GABA_FAST] = synapse.gaba
    assert_allclose(jump(bench, target, 12), weight * expected, rtol=1e-12)


@pytest.mark.parametrize("source", ["PV", "SST"])
def test_inhibitory_edge_hyperpolarises(source):
    """Catches inhibition of the wrong sign: an inhibitory edge lowers the membrane, though never below its reversal."""
    bench, source, target = one_edge(source, "PYR", weight=200.0)
    bench.parameters = change_cells(bench.parameters, adaptation=0.0)
    bench.run(2000)
    before = bench.activity.voltage[target]
    bench.fire(source)
    voltages = [bench.run(1) and bench.activity.voltage[target] for _ in range(100)]
    assert before - min(voltages) > 1.0
    assert min(voltages) > -75.0


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("interval", [1.0, 10.0, 50.0, 200.0])
def test_short_term_plasticity_reaches_its_steady_state(pair, interval):
    """Closed forms of a regular train: catches recovery and facilitation mixed up, or updated in the wrong order."""
    bench, source, target = one_edge(*pair)
    bench.parameters = change_cells(bench.parameters, capacitance=1e15)  # the target is clamped
    target_kind = bench.graph.node_class[target]
    count = round(30_000 / interval) if interval > 10.0 else 3000
    bench.train(source, round(interval / STEP), count)
    synapse = SYNAPSES[pair]
    use = 0.5 * synapse.utilisation
    facilitation, recovery = math.exp(-interval / synapse.facilitation), math.exp(-interval / synapse.recovery)
    u = use / (1.0 - (1.0 - use) * facilitation)
    x = (1.0 - recovery) / (1.0 - (1.0 - u) * recovery)
    assert bench.activity.utilisation[source, target_kind] == pytest.approx(u, rel=1e-9)
    assert bench.activity.resources[source, target_kind] == pytest.approx(x * (1.0 - u), rel=1e-9)
    window = bench.fire(source)
    assert window.released[source, target_kind] == pytest.approx(u * x, rel=1e-9)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_release_through_a_train_equals_the_recursion(pair):
    """Catches a transient that is wrong although the steady state is right."""
    bench, source, target = one_edge(*pair, delay=0.1)
    bench.parameters = change_cells(bench.parameters, capacitance=1e15)
    count, interval = 12, 40
    target_kind = bench.graph.node_class[target]
    released = []
    for _ in range(count):
        released.append(bench.fire(source).released[source, target_kind])
        bench.run(interval - 1)
    expected = releases(pair, interval * STEP, count)
    assert_allclose(released, expected.prod(axis=1), rtol=1e-12)


def test_facilitating_synapses_facilitate_and_depressing_ones_depress():
    """Catches synapse types given to the wrong class pair, by the fifth release of a train at 20 Hz."""
    for pair in PAIRS:
        bench, source, target = one_edge(*pair)
        kind = bench.graph.node_class[target]
        first = bench.fire(source).released[source, kind]
        for _ in range(4):
            bench.run(499)
            last = bench.fire(source).released[source, kind]
        if pair == ("PYR", "SST"):
            assert last > 2.0 * first
        elif pair[0] == "SST":  # linear: neither
            assert 0.8 < last / first < 1.25
        else:
            assert last < 0.8 * first


@pytest.mark.parametrize("pair", FROM_PYR, ids="-".join)
@pytest.mark.parametrize("interval", [5.0, 20.0, 100.0])
def test_nmda_conductance_is_the_presynaptic_gate_one_delay_ago(pair, interval):
    """Closed form of a train: catches a gate that does not saturate, or an NMDA event that is not its jump."""
    weight, delay = 1.75, 2.0
    bench, source, target = one_edge(*pair, weight, delay)
    bench.parameters = change_cells(bench.parameters, capacitance=1e15)
    bench.train(source, round(interval / STEP), round(30_000 / interval))
    bench.fire(source)
    kind = bench.graph.node_class[target]
    u, x = releases(pair, interval, round(30_000 / interval))[-1]
    opened = 1.0 - math.exp(-u * x / (0.5 * SYNAPSES[pair].utilisation))
    gate = opened / (1.0 - (1.0 - opened) * math.exp(-interval / 100.0))
    assert bench.activity.gate[source, kind] == pytest.approx(gate, rel=1e-9)
    bench.run(21)
    expected = weight * SYNAPSES[pair].nmda * gate * math.exp(-STEP / 100.0)
    assert bench.activity.conductance[NMDA, target] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("interval", [1, 2, 10, 100, 1000])
@pytest.mark.parametrize("gain", [0.2, 1.0, 2.0])
def test_gate_stays_between_0_and_1(interval, gain):
    """Catches a jump proportional to u x / U, which carries the gate of a facilitating synapse far beyond 1."""
    bench, source, target = one_edge("PYR", "SST")
    bench.parameters = change_cells(bench.parameters, capacitance=1e15)
    bench.modulate(release_gain=gain)
    highest = 0.0
    for _ in range(60):
        bench.fire(source)
        gate = bench.activity.gate[source, bench.graph.node_class[target]]
        assert 0.0 < gate < 1.0
        highest = max(highest, gate)
        bench.run(interval)
    assert interval > 100 or highest > 0.7 * min(1.0, gain)


@pytest.mark.parametrize("gain", [0.0, 0.4, 1.3])
def test_release_gain_scales_glutamatergic_outputs(gain):
    """U becomes U times gain: catches a gain that acts on the wrong end, on x, or twice."""
    bench, source, target = one_edge("PYR", "PV", delay=0.5)
    bench.modulation.release_gain[source] = gain
    bench.modulation.release_gain[target] = 77.0  # that of the target does not matter to the edge
    bench.fire(source)
    synapse = SYNAPSES["PYR", "PV"]
    expected = [synapse.ampa * gain, synapse.nmda * (1.0 - math.exp(-gain)), 0.0, 0.0]
    assert_allclose(jump(bench, target, 5), expected, rtol=1e-12, atol=1e-15)
    bench.run(494 - 1)
    second = bench.fire(source).released[source, bench.graph.node_class[target]]
    assert second == pytest.approx(releases(("PYR", "PV"), 50.0, 2, gain)[1].prod(), rel=1e-12)


def test_release_gain_leaves_inhibition_alone():
    """Catches autoreceptors of glutamate that act on GABA."""
    released = []
    for gain in (1.0, 0.3):
        bench, source, target = one_edge("PV", "PYR")
        bench.modulate(release_gain=gain)
        bench.fire(source)
        bench.run(100)
        released.append(bench.activity.conductance[GABA_FAST, target])
    assert released[0] == released[1] > 0.0


@pytest.mark.parametrize("name", ["afferent_release_gain", "afferent_gain"])
def test_gains_scale_afferents(name):
    """Catches a gain that misses the background: the same afferent spikes, scaled for each neuron."""
    conductance = []
    for gain in (np.ones(20), np.linspace(0.0, 1.9, 20)):
        bench = Bench(circuit(["PYR"] * 10 + ["PV"] * 6 + ["SST"] * 4), afferents=True)
        bench.parameters = change_cells(bench.parameters, capacitance=1e15)
        bench.modulate(**{name: gain})
        bench.run(300)
        conductance.append(bench.activity.conductance[:2])
    assert conductance[0].any(axis=0).all()
    assert_allclose(conductance[1], conductance[0] * np.linspace(0.0, 1.9, 20), rtol=1e-12, atol=0.0)
