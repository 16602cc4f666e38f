"""The graph over time in files, about 5 s: births, deaths, snapshots."""

from io import BytesIO

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ketasim.network.topology import Edges, make_topology
from ketasim.network.within import with_edges_within
from ketasim.storage import TrajectoryWriter, open_trajectory

BIRTH, DEATH = 0, 1
PYR = 12


def edge_table(topology):
    """Pair -> (weight, delay) of all edges, nodes numbered in the whole network."""
    columns = (topology.source, topology.target, topology.weight, topology.delay)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {(source, target): (weight, delay) for source, target, weight, delay in rows}


def step(at, *rows):
    """Arguments of `append_structure` for rows of (kind, source, target, weight, delay)."""
    kind, source, target, weight, delay = zip(*rows, strict=True) if rows else ([], [], [], [], [])
    integers = (np.array(column, int) for column in (kind, source, target))
    return (at, *integers, np.array(weight, float), np.array(delay, float))


def write(target, topology, steps, snapshots=(), flush_after=(), end=None):
    """Write a run whose clock ticks at each step; snapshots : (name, time, topology)."""
    with TrajectoryWriter(target) as writer:
        writer.write_topology(topology)
        writer.create_clock("subject", [], {})
        due = sorted(snapshots, key=lambda one: one[1])
        for number, one in enumerate(steps):
            writer.append("subject", one[0], {})
            writer.append_structure(*one)
            while due and due[0][1] <= one[0]:
                writer.write_snapshot(*due.pop(0))
            if number in flush_after:
                writer.flush()
        if end is not None:
            writer.append("subject", end, {})
        writer.finish()


class PlainGraph:
    """Edges among PYR as a dict, changed event by event; what the file must give at every time."""

    def __init__(self, topology):
        self.edges = {pair: values for pair, values in edge_table(topology).items() if max(pair) < PYR}
        self.snapshot = {}

    def apply(self, kind, source, target, weight, delay):
        if kind == BIRTH:
            assert (source, target) not in self.edges
            self.edges[source, target] = (float(np.float32(weight)), delay)
        else:
            del self.edges[source, target]

    def drift(self, random):
        """Give every edge another weight, as they drift; returns the topology's edges for a snapshot."""
        self.edges = {pair: (float(np.float32(random.lognormal())), delay) for pair, (_, delay) in self.edges.items()}
        pairs = np.array(list(self.edges), int).reshape(-1, 2)
        values = np.array(list(self.edges.values())).reshape(-1, 2)
        return Edges(pairs[:, 0], pairs[:, 1], values[:, 0], values[:, 1])


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(0, 25), min_size=1, max_size=12),
    snapshots=st.sets(st.integers(0, 11), max_size=3),
    flush_after=st.sets(st.integers(0, 11), max_size=3),
)
def test_file_gives_what_a_plain_simulation_has_at_every_time(example, seed, sizes, snapshots, flush_after):
    """Catches an event that is applied late, early, twice or not, and weights of another edge, birth or snapshot."""
    random, topology = np.random.default_rng(seed), example.random_topology((PYR, 4, 3), seed=seed)
    plain, memory = PlainGraph(topology), BytesIO()
    others = {pair: values for pair, values in edge_table(topology).items() if max(pair) >= PYR}
    steps, stored, expected = [], [], [(0.0, dict(plain.edges))]
    for number, size in enumerate(sizes):
        at, rows = 10.0 * (number + 1), []
        for _ in range(size):  # a pair may die and be born in one step, or the other way round
            source, target = random.integers(0, PYR, 2).tolist()
            if source != target:
                kind = DEATH if (source, target) in plain.edges else BIRTH
                delay = plain.edges[source, target][1] if kind == DEATH else float(random.uniform(0.1, 5.0))
                rows.append((kind, source, target, random.lognormal(), delay))
                plain.apply(*rows[-1])
        steps.append(step(at, *rows))
        if number in snapshots:
            stored.append((f"t{number}", at, with_edges_within(topology, "PYR", plain.drift(random))))
        expected.append((at, dict(plain.edges)))
    write(memory, topology, steps, stored, flush_after)
    with open_trajectory(memory) as trajectory:
        assert trajectory.snapshots == {name: at for name, at, _ in stored}
        for at, edges in expected:
            for moment in (at, at + 9.9) if at < steps[-1][0] else (at,):
                now = trajectory.topology(moment)
                assert edge_table(now) == edges | others
                key = now.source.astype(int) * now.n_nodes + now.target
                assert (np.diff(key) > 0).all()


def test_events_come_back(example):
    """Catches columns that change places, types or order, and a drawn line between steps that moves."""
    topology, memory = example.random_topology(), BytesIO()
    steps = example.random_steps(topology, [5.0, 7.0, 100.0], most=30)
    write(memory, topology, steps)
    with open_trajectory(memory) as trajectory:
        events = trajectory.structure_events()
        assert_array_equal(events.time, np.concatenate([np.full(one[1].size, one[0]) for one in steps]))
        for number, name in enumerate(("kind", "source", "target", "weight", "delay")):
            column = np.concatenate([one[number + 1] for one in steps])
            expected = column.astype("f4") if name == "weight" else column
            assert_array_equal(getattr(events, name), expected)
    with h5py.File(memory) as file:
        for end in ("source", "target"):
            assert file["structure/events"][end].attrs["node_population"] == "PYR"


def test_graph_and_text_times(example):
    """Catches the graph of the start for every time, and a time in text that is read in seconds."""
    topology, memory = example.random_topology(labels=tuple("abcdefghijklmnopqrs")), BytesIO()
    absent = next((i, j) for i in range(PYR) for j in range(PYR) if i != j and (i, j) not in edge_table(topology))
    write(memory, topology, [step(3600.0, (BIRTH, *absent, 0.5, 1.5)), step(7200.0)])
    pair = tuple("abcdefghijklmnopqrs"[node] for node in absent)
    with open_trajectory(memory) as trajectory:
        assert not trajectory.graph("59 min").has_edge(*pair)
        assert trajectory.graph("1 h").edges[pair] == {"weight": 0.5, "delay": 1.5}
        assert trajectory.graph().number_of_edges() + 1 == trajectory.graph(7200).number_of_edges()


def test_graph_that_does_not_change(written, example):
    """Catches a failure on a run without plastic edges, and events where there were none."""
    memory, topology = BytesIO(), example.random_topology()
    with TrajectoryWriter(memory) as writer:
        writer.write_topology(topology)
        writer.write_schedule([0.0, 60.0])
        writer.finish()
    with open_trajectory(memory) as trajectory:
        assert trajectory.structure_events().time.size == 0
        assert trajectory.snapshots == {}
        assert trajectory.graph_measures().sizes == {"time": 0}
        assert edge_table(trajectory.topology(60)) == edge_table(topology)


def test_a_population_that_is_not_first(example):
    """Catches node numbers that are taken as those of the network where they are those of the population."""
    edges = Edges(np.array([0, 2, 3]), np.array([3, 3, 2]), np.array([1.0, 2.0, 3.0]), np.full(3, 1.0))
    topology, memory = make_topology(("PV", "PYR"), np.array([0, 0, 1, 1, 1]), np.zeros((5, 2)), edges), BytesIO()
    changed = with_edges_within(topology, "PYR", Edges(np.array([2]), np.array([0]), np.array([9.0]), np.array([1.5])))
    steps = [step(1.0, (DEATH, 0, 1, 2.0, 1.0), (DEATH, 1, 0, 3.0, 1.0), (BIRTH, 2, 0, 0.25, 1.5)), step(2.0)]
    write(memory, topology, steps, [("later", 2.0, changed)])
    with open_trajectory(memory) as trajectory:
        assert edge_table(trajectory.topology(1)) == {(0, 3): (1.0, 1.0), (4, 2): (0.25, 1.5)}
        assert edge_table(trajectory.topology(2)) == {(0, 3): (1.0, 1.0), (4, 2): (9.0, 1.5)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (step(5.0), "does not follow"),
        (step(float("nan")), "does not follow"),
        ((6.0, [0], [1, 2], [3], [1.0], [1.0]), "source: shape"),
        ((6.0, 0, 1, 2, 1.0, 1.0), "shape"),
        ((6.0, [2], [1], [3], [1.0], [1.0]), "0, a birth, or 1, a death"),
        ((6.0, [0], [1.0], [3], [1.0], [1.0]), "integers"),
    ],
)
def test_wrong_events_are_refused(arguments, message):
    """Catches events that would be read back as others, or tear columns apart; what came before stays."""
    memory = BytesIO()
    with TrajectoryWriter(memory) as writer:
        writer.append_structure(*step(5.0, (BIRTH, 1, 2, 1.0, 1.0)))
        with pytest.raises(ValueError, match=message):
            writer.append_structure(*arguments)
        writer.append_structure(*step(7.0, (DEATH, 1, 2, 1.0, 1.0)))
        writer.finish()
    assert open_trajectory(memory).structure_events().kind.tolist() == [BIRTH, DEATH]


def test_names_of_snapshots_are_refused_where_they_are_taken_or_none(example):
    """Catches a second snapshot over the first, and a name that would make a group of groups."""
    topology = example.random_topology()
    with TrajectoryWriter(BytesIO()) as writer:
        writer.write_snapshot("start", 0.0, topology)
        for name in ("start", "a/b", "", "1 d"):
            with pytest.raises(ValueError, match="not a name, or there is one already"):
                writer.write_snapshot(name, 0.0, topology)


def test_arrays_may_change_after_they_were_given():
    """Catches a writer that keeps the simulation's own arrays."""
    memory, target = BytesIO(), np.zeros(1, int)
    with TrajectoryWriter(memory) as writer:
        for i in range(20):
            target[:] = i + 1
            writer.append_structure(float(i), np.zeros(1, int), np.zeros(1, int), target, np.ones(1), np.ones(1))
        writer.finish()
    assert_array_equal(open_trajectory(memory).structure_events().target, np.arange(20) + 1)
