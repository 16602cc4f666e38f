"""Births and deaths of synapses: a graph with a history is, to the bit, the graph built fresh from the same edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ketasim.kernels.graph import Synapses, synapses_of
from ketasim.kernels.records import new_activity
from ketasim.kernels.rewiring import GraphError, change, set_weights, with_room
from ketasim.kernels.spiking_network import run_window
from tests.kernels.circuits import circuit, fast_clock, modulation

POPULATIONS = ("PYR",) * 5 + ("PV",) * 2 + ("SST",) * 2
N = len(POPULATIONS)
LONGEST = 30


def network_of(edges):
    """Network built fresh; edges: {(source, target): (weight, delay in steps)}."""
    return circuit(POPULATIONS, [(*pair, weight, 0.1 * delay) for pair, (weight, delay) in edges.items()])


def changing_of(edges, slack=0.15):
    return with_room(network_of(edges).graph, slack, LONGEST)


def births_of(edges):
    """`Synapses` of {(source, target): (weight, delay)}."""
    pairs = np.array(list(edges), np.int64).reshape(-1, 2)
    values = np.array(list(edges.values()), float).reshape(-1, 2)
    return Synapses(pairs[:, 0], pairs[:, 1], values[:, 0], values[:, 1].astype(np.int64))


def deaths_of(pairs):
    pairs = np.array(list(pairs), np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def assert_holds(changing, edges):
    """The graph holds these edges, row by row in order, and says their shortest delay."""
    pairs = sorted(edges)
    expected = births_of({pair: edges[pair] for pair in pairs})
    found = synapses_of(changing.graph)
    for name in Synapses._fields:
        wanted, got = getattr(expected, name), getattr(found, name)
        assert_array_equal(got, wanted.astype(got.dtype), name)
    assert changing.graph.shortest_delay == min((delay for _, delay in edges.values()), default=1)
    assert changing.graph.longest_delay == LONGEST


def every_pair():
    return [(i, j) for i in range(N) for j in range(N) if i != j]


pairs = st.sampled_from(every_pair())
values = st.tuples(st.sampled_from([0.25, 1.0, 3.0]), st.integers(1, LONGEST))
events = st.lists(st.lists(st.tuples(pairs, values), max_size=12), max_size=8)


@given(start=st.dictionaries(pairs, values, max_size=30), batches=events, slack=st.sampled_from([1e-6, 0.15, 2.0]))
@settings(max_examples=40, deadline=None)
def test_history_leaves_no_trace(start, batches, slack):
    """Catches a row out of order, an edge lost when rows move or are laid out anew, and a wrong shortest delay.

    In every batch a pair that is connected dies, another one is born.
    """
    edges = dict(start)
    changing = changing_of(edges, slack)
    for batch in batches:
        wanted = dict(batch)
        dying = [pair for pair in wanted if pair in edges]
        born = {pair: value for pair, value in wanted.items() if pair not in edges}
        changing = change(changing, deaths_of(dying), births_of(born))
        for pair in dying:
            del edges[pair]
        edges |= born
        assert_holds(changing, edges)


def test_rows_move_and_are_laid_out_anew():
    """Catches growth that never happens: from no synapse to all 72, one at a time, then back, with little room."""
    changing = changing_of({}, 1e-6)
    edges, new_arrays, moved = {}, 0, 0
    for number, pair in enumerate(np.random.default_rng(2).permutation(every_pair()).tolist()):
        born = {tuple(pair): (1.0 + number, 1 + number % LONGEST)}
        before, rows = changing.graph.target, changing.graph.row_start.copy()
        changing = change(changing, deaths_of([]), births_of(born))
        new_arrays += changing.graph.target is not before
        moved += changing.graph.target is before and (changing.graph.row_start != rows).any()
        edges |= born
        assert_holds(changing, edges)
    assert new_arrays > 1 and len(edges) == 72
    for pair in list(edges):
        changing = change(changing, deaths_of([pair]), births_of({}))
        del edges[pair]
    assert_holds(changing, {})


def test_rows_that_moved_keep_their_room():
    """Catches two rows that move to the free end one after the other and then grow into each other."""
    edges = {(0, j): (1.0, 5) for j in range(1, N)}
    changing = changing_of(edges, 3.0)
    arrays = changing.graph.target
    for source, targets in ((1, (0, 2, 3, 4, 5)), (2, (0, 1, 3, 4, 5)), (1, (6, 7, 8)), (2, (6, 7, 8))):
        born = {(source, j): (2.0 + j, 6) for j in targets}
        changing = change(changing, deaths_of([]), births_of(born))
        edges |= born
        assert_holds(changing, edges)
    assert changing.graph.target is arrays
    assert changing.graph.row_start[2] > changing.graph.row_start[1] > changing.graph.row_start[8]


def test_weights_of_a_class_pair_are_set_and_no_others():
    """Catches weights in another order, of another pair, or more or fewer of them than there are synapses."""
    random = np.random.default_rng(7)
    edges = {pair: (float(np.float32(random.lognormal())), 3) for pair in every_pair()[::2]}
    changing = changing_of(edges)
    pairs = sorted(pair for pair in edges if pair[0] < 5 and 5 <= pair[1] < 7)  # from PYR onto PV
    assert len(pairs) > 3
    new = {pair: (float(np.float32(random.lognormal())), 3) for pair in pairs}
    weight = np.array([new[pair][0] for pair in pairs], np.float32)
    set_weights(changing.graph, (0, 5), (5, 7), weight)
    assert_holds(changing, edges | new)
    for wrong in (weight[:-1], np.append(weight, np.float32(1.0))):
        with pytest.raises(ValueError, match=f"{wrong.size} weights for another number of synapses"):
            set_weights(changing.graph, (0, 5), (5, 7), wrong)


def windows(graph, network, seed=5):
    """Four windows from rest."""
    activity = new_activity(graph, network.parameters)
    state = modulation(network, afferents=True)
    found = []
    for number in range(4):
        clock = fast_clock(seed, 1500 * number, 1500 * number)
        found.append(run_window(activity, graph, state, network.parameters, clock, 1500))
    return found, activity


@pytest.mark.parametrize("delays", [(7, 7), (3, LONGEST)], ids=["one delay", "many delays"])
def test_network_gives_the_same_bits_on_a_graph_with_a_history(delays):
    """Catches an order of additions, or a length of chunks, that depends on how the graph came about."""
    random = np.random.default_rng(4)
    values = [
        (float(np.float32(random.lognormal() * 20.0)), int(random.integers(*delays, endpoint=True)))
        for _ in every_pair()
    ]
    edges = dict(zip(every_pair(), values, strict=True))
    final = {pair: edges[pair] for pair in every_pair()[::2]}
    passing = {pair: (1.0, 1) for pair in every_pair()[1::2]}  # with the shortest delay that there may be
    network = network_of(final)
    changing = with_room(network_of(passing).graph, 1e-6, network.graph.longest_delay)
    for pair, value in final.items():
        changing = change(changing, deaths_of([]), births_of({pair: value}))
    changing = change(changing, deaths_of(passing), births_of({}))
    (one, activity), (other, activity_after) = windows(network.graph, network), windows(changing.graph, network)
    assert sum(window.spike_node.size for window in one) > 20
    for window, again in zip(one, other, strict=True):
        for name in window._fields:
            assert_array_equal(getattr(window, name), getattr(again, name), name)
    for name in activity._fields:
        assert_array_equal(getattr(activity, name), getattr(activity_after, name), name)


EDGES = {(0, 1): (1.0, 5), (0, 6): (2.0, 9), (5, 0): (1.5, 8)}
GOOD = {(3, 4): (1.0, 2), (3, 1): (1.0, 2)}


@pytest.mark.parametrize(
    ("deaths", "births", "message"),
    [
        ([(0, 1), (0, 2)], {}, "death of 0 -> 2: there is no such synapse"),
        ([(0, 1), (0, 1)], {}, "death of 0 -> 1: there is no such synapse"),
        ([(0, 1), (0, N)], {}, "death of 0 -> 9: nodes are numbered 0 ... 8"),
        ([(0, 1)], GOOD | {(-1, 2): (1.0, 2)}, "birth of -1 -> 2: nodes are numbered 0 ... 8"),
        ([(0, 1)], GOOD | {(2, 2): (1.0, 2)}, "birth of 2 -> 2: a node cannot connect to itself"),
        ([(0, 1)], GOOD | {(0, 6): (1.0, 2)}, "birth of 0 -> 6: this synapse already exists"),
        ([(0, 1)], GOOD | {(2, 1): (1.0, 0)}, "birth of 2 -> 1: a delay of 0 fast steps must be within 1 ... 30"),
        ([(0, 1)], GOOD | {(2, 1): (1.0, 31)}, "birth of 2 -> 1: a delay of 31 fast steps must be within 1 ... 30"),
        ([(0, 1)], GOOD | {(2, 1): (0.0, 3)}, "birth of 2 -> 1: a weight of 0 must be positive and finite"),
        ([(0, 1)], GOOD | {(2, 1): (np.nan, 3)}, "birth of 2 -> 1: a weight of nan must be positive and finite"),
        ([(0, 1)], GOOD | {(2, 1): (1e39, 3)}, "birth of 2 -> 1: a weight of inf must be positive and finite"),
    ],
)
def test_impossible_changes_are_refused_and_nothing_changes(deaths, births, message):
    """Catches a silent double or self-edge, a delay beyond the ring of pending events, and half a change."""
    changing = changing_of(EDGES, 2.0)
    with pytest.raises(GraphError, match=f"^{message}"):
        change(changing, deaths_of(deaths), births_of(births))
    assert_holds(changing, EDGES)


def test_refused_change_of_a_full_graph_changes_nothing():
    """Catches a fault that is found only after the rows were laid out anew."""
    changing = changing_of(EDGES, 1e-6)
    births = {(3, j): (1.0, 2) for j in (0, 1, 2, 4, 5, 6, 7, 8)} | {(1, 1): (1.0, 2)}
    with pytest.raises(GraphError, match="birth of 1 -> 1"):
        change(changing, deaths_of([(0, 1)]), births_of(births))
    assert_holds(changing, EDGES)


def test_pair_may_die_and_be_born_at_once():
    """Catches births that come before deaths."""
    changing = change(changing_of(EDGES), deaths_of([(0, 1)]), births_of({(0, 1): (4.0, 3)}))
    assert_holds(changing, EDGES | {(0, 1): (4.0, 3)})


def test_given_graph_is_left_alone():
    """Catches arrays shared with the graph from which a changing one was made."""
    graph = network_of(EDGES).graph
    before = synapses_of(graph)
    changing = with_room(graph, 0.15, LONGEST)
    change(changing, deaths_of([(0, 1)]), births_of(GOOD))
    for name in Synapses._fields:
        assert_array_equal(getattr(synapses_of(graph), name), getattr(before, name))


def test_impossible_arguments_are_refused():
    """Catches room that can't grow, a ring beyond 16 bits, half pairs, and numbers cut to integers."""
    graph = network_of(EDGES).graph
    for slack in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="slack"):
            with_room(graph, slack)
    with pytest.raises(ValueError, match="longest delay of 40000"):
        with_room(graph, longest_delay=40_000)
    changing = changing_of(EDGES)
    with pytest.raises(ValueError, match="equal lengths"):
        change(changing, (np.array([0]), np.array([1, 6])), births_of({}))
    with pytest.raises(ValueError, match="`delay` must hold integers, not float64"):
        births = births_of(GOOD)
        change(changing, deaths_of([]), births._replace(delay=births.delay + 0.5))
    assert_holds(changing, EDGES)


def test_new_synapse_is_felt_at_its_delay_and_a_dead_one_is_not():
    """Catches births or deaths that the spiking network does not see."""
    network = network_of({(0, 1): (50.0, 10)})
    changing = with_room(network.graph, 0.15, LONGEST)
    changing = change(changing, deaths_of([(0, 1)]), births_of({(0, 2): (50.0, 20)}))
    parameters, state = network.parameters, modulation(network)
    activities = [new_activity(graph, parameters) for graph in (changing.graph, network_of({}).graph)]
    for activity in activities:
        activity.voltage[0] = 0.0  # fires at the end of the first step
    felt, alone = activities

    def run(first_step, n_steps):
        run_window(felt, changing.graph, state, parameters, fast_clock(1, first_step, first_step), n_steps)
        empty = network_of({}).graph
        run_window(alone, empty, state, parameters, fast_clock(1, first_step, first_step), n_steps)

    run(0, 21)
    assert_array_equal(felt.voltage, alone.voltage)
    run(21, 1)
    assert felt.voltage[2] > alone.voltage[2]
    assert_array_equal(np.delete(felt.voltage, 2), np.delete(alone.voltage, 2))
