"""The network kernel against its slow twin, in pieces against in one, and across gaps in absolute time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.kernels.chunks import Model
from ketasim.kernels.records import SUM_AMPA_CURRENT, new_activity
from ketasim.kernels.spiking_network import run_traced_window, run_window
from tests.kernels.circuits import (
    Bench,
    assert_same_activity,
    change_cells,
    circuit,
    circuit_of_many_blocks,
    copy_of,
    fast_clock,
    modulation,
    random_modulation,
)
from tests.reference.spiking_network import RECEPTORS, SUMS, ReferenceNetwork

# The twin groups sums differently, so that it agrees to rounding, which a few hundred steps may amplify.
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def random_circuit(seed, sizes=(8, 4, 3), probability=0.4, strength=15.0):
    """Circuit with log-normal weights, delays of 0.1-12 ms and conductances raised to make up for its size."""
    rng = np.random.default_rng(seed)
    populations = [name for name, size in zip(("PYR", "PV", "SST"), sizes, strict=True) for _ in range(size)]
    n = len(populations)
    edges = [
        (i, j, rng.lognormal(-0.125, 0.5), rng.uniform(0.1, 12.0))
        for i in range(n)
        for j in range(n)
        if i != j and rng.random() < probability
    ]
    return circuit(populations, edges, scale=strength)


def assert_same_as_twin(window, activity, twin, graph):
    """Spikes equal; sums, releases and every state within rounding."""
    steps, nodes = window.spike_step.tolist(), window.spike_node.tolist()
    assert list(zip(steps, nodes, strict=True)) == twin.spikes
    assert_allclose(window.sums, [twin.sums[name] for name in SUMS], **CLOSE)
    n, kinds = window.released.shape
    neurons = twin.neurons
    released = [[twin.released[source, kind] for kind in range(kinds)] for source in range(n)]
    assert_allclose(window.released, released, **CLOSE)
    assert_allclose(activity.voltage, [neuron.voltage for neuron in neurons], **CLOSE)
    assert_allclose(activity.adaptation, [neuron.adaptation for neuron in neurons], **CLOSE)
    assert_array_equal(activity.refractory_steps, [neuron.silent_steps for neuron in neurons])
    for row, name in enumerate(RECEPTORS):
        assert_allclose(activity.conductance[row], [neuron.conductance[name] for neuron in neurons], **CLOSE)
    for name in ("utilisation", "resources", "gate"):
        states = [[getattr(neuron.terminals[kind], name) for kind in range(kinds)] for neuron in neurons]
        assert_allclose(getattr(activity, name), states, **CLOSE)
    fired = [number for number, neuron in enumerate(neurons) if neuron.last_spike is not None]
    assert_array_equal(activity.last_spike[fired], [neurons[number].last_spike for number in fired])
    pending = np.zeros_like(activity.pending)
    for age, events in twin.arrivals.items():
        for target, receptor, amount in events:
            kind, place = divmod(RECEPTORS.index(receptor), 2)
            pending[age % pending.shape[0], kind, 2 * target + place] += amount
    assert_allclose(activity.pending, pending, **CLOSE)


def run_both(network, influence, seed, first_step, n_steps):
    """Kernel and twin over one window from rest; returns the number of spikes."""
    activity = new_activity(network.graph, network.parameters, np.float64)
    clock = fast_clock(seed, first_step)
    window = run_window(activity, network.graph, influence, network.parameters, clock, n_steps)
    twin = ReferenceNetwork(network.graph, network.parameters, seed)
    twin.run(influence, first_step, n_steps)
    assert_same_as_twin(window, activity, twin, network.graph)
    return window.spike_node.size


@pytest.mark.parametrize(("seed", "first_step"), [(1, 0), (2, -333), (2**63 + 5, 241_920_001)])
def test_kernel_equals_twin(seed, first_step):
    """80 ms of three classes, afferents and all: catches any equation, order of events or index that is wrong."""
    network = random_circuit(seed)
    assert run_both(network, random_modulation(network, seed), seed, first_step, 800) > 10


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    first_step=st.integers(-(2**40), 2**40),
    sizes=st.tuples(*[st.integers(0, 4)] * 3).filter(any),
    probability=st.floats(0.0, 1.0),
    strength=st.floats(0.0, 40.0),
)
def test_kernel_equals_twin_anywhere(seed, first_step, sizes, probability, strength):
    """Catches what goes wrong without a class, without edges, with strong synapses or far from time zero."""
    network = random_circuit(seed, sizes, probability, strength)
    run_both(network, random_modulation(network, seed), seed, first_step, 250)


@pytest.mark.parametrize(("seed", "step"), [(3, 0.1), (4, 0.05)])
def test_twin_of_integrate_and_fire_cells(seed, step):
    """Sharpness 0 takes its own branch: catches a spike current left in, or a step length taken for granted."""
    network = random_circuit(seed, sizes=(5, 2, 2))
    parameters = change_cells(network.parameters, sharpness=0.0, adaptation=0.0, cutoff=-50.0)._replace(step=step)
    influence = random_modulation(network, seed)
    activity = new_activity(network.graph, parameters, np.float64)
    window = run_window(activity, network.graph, influence, parameters, fast_clock(seed), 600)
    twin = ReferenceNetwork(network.graph, parameters, seed)
    twin.run(influence, 0, 600)
    assert np.bincount(window.spike_node).max() > 1  # so that synapses have a past
    assert_same_as_twin(window, activity, twin, network.graph)


def test_windows_with_different_modulation_equal_twin():
    """Catches state that a window forgets, or modulation of an earlier window that stays."""
    network, seed = random_circuit(6), 6
    activity = new_activity(network.graph, network.parameters, np.float64)
    twin = ReferenceNetwork(network.graph, network.parameters, seed)
    spikes = 0
    for number, first_step in enumerate((-50, 153, 10_000)):  # the last after a gap
        influence = random_modulation(network, number)
        clock = fast_clock(seed, first_step, 203 * number)
        window = run_window(activity, network.graph, influence, network.parameters, clock, 203)
        twin.spikes, twin.released = [], type(twin.released)(float)
        twin.sums = {name: [0.0] * 15 for name in SUMS}
        twin.run(influence, first_step, 203)
        assert_same_as_twin(window, activity, twin, network.graph)
        spikes += window.spike_node.size
    assert spikes >= 10


@pytest.mark.parametrize(("first_step", "n_steps"), [(0, 300), (-333, 305), (7, 4), (8, 2), (-10, 1)])
def test_traces_equal_twin(first_step, n_steps):
    """Catches currents of another instant, class or sign, a mean over the wrong number, samples lost at the ends."""
    network, seed = random_circuit(8), 8
    influence = random_modulation(network, seed)
    before = 600  # steps until inhibition has come, too
    twin = ReferenceNetwork(network.graph, network.parameters, seed)
    twin.run(influence, first_step - before, before + n_steps)
    instants = [step for step in range(first_step, first_step + n_steps) if step % 10 == 0]
    expected = np.array([[np.mean(twin.traces[step, kind], axis=0) for step in instants] for kind in range(3)])
    model = Model(network.graph, influence, network.parameters)
    activity = new_activity(network.graph, network.parameters, np.float64)
    run_window(activity, *model, fast_clock(seed, first_step - before), before)
    window = run_traced_window(activity, model, fast_clock(seed, first_step, before), n_steps)
    assert window.traces.shape == (3, 3, len(instants))
    assert_allclose(window.traces, np.moveaxis(expected.reshape(3, -1, 3), 2, 0), **CLOSE)
    if n_steps > 200:
        assert (np.abs(window.traces).max(axis=2) > 0.1).all()  # every class has every current


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_tracing_changes_no_bit_and_threads_none_of_the_traces(real):
    """Catches a trace that moves what it looks at, or is summed in another order by more threads."""
    network = circuit_of_many_blocks()
    model = Model(network.graph, random_modulation(network, 3), network.parameters)
    plain = new_activity(network.graph, network.parameters, real)
    without = run_window(plain, *model, fast_clock(2, -5), 301)
    assert without.spike_node.size > 100
    assert without.traces.shape == (3, 3, 0)
    traces = []
    for threads in (1, 2, 3):
        activity = new_activity(network.graph, network.parameters, real)
        window = run_traced_window(activity, model, fast_clock(2, -5), 301, threads)
        assert_same_activity(plain, activity)
        for name in ("sums", "released", "spike_step", "spike_node"):
            assert_array_equal(getattr(window, name), getattr(without, name), err_msg=name)
        traces.append(window.traces)
    assert traces[0].shape == (3, 3, 30)
    assert_array_equal(traces[0], traces[1])
    assert_array_equal(traces[0], traces[2])


@pytest.mark.parametrize("lengths", [(1, 999), (3, 250, 747), (500, 500), (1,) * 20 + (980,)])
def test_window_in_pieces_equals_window_in_one(lengths):
    """Bit for bit: catches random numbers, delays or plasticity that start again with a window."""
    network = random_circuit(11, sizes=(20, 6, 5))
    influence = random_modulation(network, 1)
    whole = new_activity(network.graph, network.parameters, np.float64)
    parts = copy_of(whole)
    start = -271  # not a multiple of the four steps that share a random block
    window = run_window(whole, network.graph, influence, network.parameters, fast_clock(13, start), 1000)
    pieces, age = [], 0
    for length in lengths:
        clock = fast_clock(13, start + age, age)
        pieces.append(run_window(parts, network.graph, influence, network.parameters, clock, length))
        age += length
    assert window.spike_node.size > 25
    assert_same_activity(whole, parts)
    for name in ("spike_step", "spike_node"):
        assert_array_equal(getattr(window, name), np.concatenate([getattr(piece, name) for piece in pieces]))
    for name in ("sums", "released"):  # added up in another order
        assert_allclose(getattr(window, name), sum(getattr(piece, name) for piece in pieces), rtol=1e-12)


def test_gap_in_absolute_time_leaves_the_network_alone():
    """Catches synapses or delays that live by absolute time: a jump of the clock must not relax or lose anything."""
    network = random_circuit(12, sizes=(20, 6, 5), strength=4.0)
    # without afferents nothing but dates may depend on absolute time; leaky cells fire by a rest above threshold
    parameters = change_cells(network.parameters, rest=-25.0, sharpness=0.0, cutoff=-50.0)
    influence = random_modulation(network, 1)._replace(afferent_thresholds=modulation(network).afferent_thresholds)
    without = new_activity(network.graph, parameters, np.float64)
    jumping = copy_of(without)
    run_window(without, network.graph, influence, parameters, fast_clock(1, 0, 0), 500)
    run_window(jumping, network.graph, influence, parameters, fast_clock(1, 0, 0), 500)
    assert without.pending.any(), "nothing is on its way at the jump: the test would not see it lost"
    one = run_window(without, network.graph, influence, parameters, fast_clock(1, 500, 500), 500)
    jump = 36_000_003
    other = run_window(jumping, network.graph, influence, parameters, fast_clock(1, 500 + jump, 500), 500)
    assert one.spike_node.size > 100
    assert_same_activity(without, jumping)
    assert_array_equal(one.spike_step + jump, other.spike_step)
    for name in ("spike_node", "sums", "released"):
        assert_array_equal(getattr(one, name), getattr(other, name))


def test_afferents_follow_absolute_time():
    """Catches noise keyed by the age of the network, which two arms with different windows would not share."""
    bench = Bench(circuit(["PYR"] * 50), afferents=True)
    drawn = []
    for first_step, age in ((4000, 0), (4000, 7), (4001, 0)):
        bench.activity.conductance[:] = 0.0
        bench.clock = fast_clock(5, first_step, age)
        bench.run(1)
        drawn.append(bench.activity.conductance[0].copy())
    assert drawn[0].any()
    assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_afferents_arrive_at_their_rate():
    """Catches a wrong mean of the background: the mean AMPA current under voltage clamp, within 5 standard errors."""
    n, n_steps = 400, 2000
    # conductance lasts for the step in which it arrives, so that the current counts spikes
    bench = Bench(circuit(["PYR"] * n), afferents=True, ampa_time=1e-3)
    bench.parameters = change_cells(bench.parameters, capacitance=1e15)
    count = bench.run(n_steps).sums[SUM_AMPA_CURRENT] / (70.0 * bench.parameters.synapses.afferent_ampa[0])
    expected = 1.2 * 0.1 * n_steps  # 1.2 spikes per ms, steps of 0.1 ms
    assert abs(count.mean() - expected) < 5.0 * np.sqrt(expected / n)
    # counts of neurons scatter like Poisson counts; relative standard error of a variance sqrt(2/n)
    assert abs(count.var() / expected - 1.0) < 5.0 * np.sqrt(2.0 / n)


@pytest.mark.parametrize(("interval_ms", "overflows"), [(0.1, True), (2.0, True), (3.2, False)])
def test_runaway_is_flagged(interval_ms, overflows):
    """Catches a network that writes past its spike lists: above 400 Hz on average it stops and says so."""
    n = 50
    bench = Bench(circuit(["PYR"] * n))
    bench.parameters = change_cells(
        bench.parameters, rest=1e3, sharpness=0.0, cutoff=-50.0, capacitance=1e-3, refractory=interval_ms - 0.1
    )
    window = bench.run(5000)
    assert window.overflow == overflows
    if overflows:
        assert window.spike_node.size <= n * 0.5 * 400 + n + 16
    else:
        assert window.spike_node.size == n * 157  # every 32 steps of 5000, from the first on


def test_single_precision_follows_double():
    """As shipped against double: membranes stay within 0.01 mV for 20 ms, and spikes fall into the same steps.

    Catches single precision that is worse than rounding: a sum of unlike terms, a constant cut short.
    """
    network = circuit_of_many_blocks()
    influence = random_modulation(network, 4)
    runs = []
    for real in (np.float32, np.float64):
        activity = new_activity(network.graph, network.parameters, real)
        window = run_window(activity, network.graph, influence, network.parameters, fast_clock(2), 200)
        runs.append((activity, window))
    (single, short), (double, long) = runs
    assert single.voltage.dtype == np.float32
    assert long.spike_node.size > 20
    assert_array_equal(short.spike_node, long.spike_node)
    assert np.abs(short.spike_step - long.spike_step).max() <= 1
    assert np.median(np.abs(single.voltage - double.voltage)) < 1e-4
    assert np.abs(single.voltage - double.voltage).max() < 0.01
    assert_allclose(short.sums[:3], long.sums[:3], rtol=1e-4)


def test_no_steps_change_nothing():
    """Catches memory that was never filled copied into the state, and a division of nothing into chunks."""
    bench = Bench(circuit(["PYR", "PV"], [(0, 1, 1.0, 1.0)]), afferents=True)
    bench.run(50)
    before = copy_of(bench.activity)
    window = bench.run(0)
    assert_same_activity(before, bench.activity)
    assert window.spike_node.size == 0
    assert not window.sums.any()


def test_synapse_without_recovery_time_is_always_full():
    """Catches a division by zero: utilisation 1 with a recovery of 0 ms releases everything at every spike."""
    bench = Bench(circuit(["PYR", "PV"], [(0, 1, 1.0, 1.0)]))
    synapses = bench.parameters.synapses
    filled = {
        name: np.full_like(synapses.recovery, value)
        for name, value in (("utilisation", 1.0), ("recovery", 0.0), ("facilitation", 0.0))
    }
    bench.parameters = bench.parameters._replace(synapses=synapses._replace(**filled))
    for _ in range(3):
        assert bench.fire(0).released[0, 1] == 1.0


def test_conductance_without_input_ends_at_zero():
    """Catches subnormal numbers, at which the kernel would run a hundred times more slowly."""
    bench = Bench(circuit(["PYR"]), real=np.float32)
    bench.activity.conductance[:] = 1.0
    bench.run(20_000)
    assert_array_equal(bench.activity.conductance[[0, 2, 3]], 0.0)
    assert bench.activity.conductance[1, 0] == pytest.approx(np.exp(-20.0), rel=1e-3)


def test_network_of_one_precision_keeps_it():
    """Catches state that turns to double on the way through a window."""
    bench = Bench(circuit(["PYR", "PV"], [(0, 1, 1.0, 1.0)]), real=np.float32)
    bench.fire(0)
    for name in ("voltage", "adaptation", "conductance", "pending"):
        assert getattr(bench.activity, name).dtype == np.float32
