"""The graph over time in files, about 10 s: births, deaths, snapshots, measures; cut-off files, kills, full disks."""

import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from io import BytesIO
from textwrap import dedent

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ketasim.network.topology import Edges, make_topology
from ketasim.network.within import with_edges_within
from ketasim.storage import StorageError, TrajectoryWriter
from ketasim.trajectory import open_trajectory

BIRTH, DEATH = 0, 1
PAIR = ("PYR", "PYR")
PYR = 12


def edge_table(topology):
    """Pair -> (weight, delay) of all edges, nodes numbered in the whole network."""
    columns = (topology.source, topology.target, topology.weight, topology.delay)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {(source, target): (weight, delay) for source, target, weight, delay in rows}


def columns_of(rows):
    """Columns of rows of (kind, source, target, weight, delay)."""
    kind, source, target, weight, delay = zip(*rows, strict=True) if rows else ([], [], [], [], [])
    integers = (np.array(column, int) for column in (kind, source, target))
    return (*integers, np.array(weight, float), np.array(delay, float))


def step(at, *rows):
    """Time, and events among PYR in rows of (kind, source, target, weight, delay)."""
    return at, {PAIR: columns_of(rows)}


def write(target, topology, steps, snapshots=(), flush_after=(), pairs=(PAIR,)):
    """Write a run with a row at each step; snapshots : (name, time, topology)."""
    with TrajectoryWriter(target) as writer:
        writer.create_edge_events(pairs)
        writer.write_topology(topology)
        writer.create_samples("subject", [], {})
        due = sorted(snapshots, key=lambda one: one[1])
        for number, one in enumerate(steps):
            writer.append("subject", one[0], {})
            writer.append_edge_events(*one)
            while due and due[0][1] <= one[0]:
                writer.write_snapshot(*due.pop(0), pairs)
            if number in flush_after:
                writer.flush()
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
    steps = [(one[0], {PAIR: one[1:]}) for one in example.random_steps(topology, [5.0, 7.0, 100.0], most=30)]
    write(memory, topology, steps)
    with open_trajectory(memory) as trajectory:
        events = trajectory.structure_events()
        assert_array_equal(events.time, np.concatenate([np.full(one[1][PAIR][0].size, one[0]) for one in steps]))
        for number, name in enumerate(("kind", "source", "target", "weight", "delay")):
            column = np.concatenate([one[1][PAIR][number] for one in steps])
            expected = column.astype("f4") if name == "weight" else column
            assert_array_equal(getattr(events, name), expected)
        assert set(events.pair) == {"PYR__PYR"}
        assert trajectory.edge_pairs == (PAIR,)
    with h5py.File(memory) as file:
        assert file["structure/events"].attrs["pairs"].tolist() == ["PYR__PYR"]
        assert file["structure/events/pair"].dtype == "u1"


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
        assert trajectory.edge_pairs == ()
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


def test_pairs_change_side_by_side(example):
    """Catches an event that is applied to another class pair, wrong node numbers, and weights that are lost."""
    topology, memory = example.random_topology(probability=1.0), BytesIO()
    pairs = (PAIR, ("PV", "PYR"))
    first = {PAIR: columns_of([(DEATH, 0, 1, 1.0, 1.0)]), ("PV", "PYR"): columns_of([(DEATH, 3, 1, 1.0, 1.0)])}
    second = {("PV", "PYR"): columns_of([(DEATH, 0, 11, 1.0, 1.0), (BIRTH, 3, 1, 0.25, 1.5)])}
    pv = slice(PYR, PYR + 4)
    drifted = topology.weight.copy()
    drifted[(topology.source >= pv.start) & (topology.source < pv.stop)] = 7.0
    snapshot = ("later", 20.0, replace(topology, weight=drifted))
    write(memory, topology, [(10.0, first), (20.0, second), (30.0, {})], [snapshot], pairs=pairs)
    start = edge_table(topology)
    with open_trajectory(memory) as trajectory:
        assert trajectory.edge_pairs == pairs
        assert set(start) - set(edge_table(trajectory.topology(10))) == {(0, 1), (PYR + 3, 1)}
        later = edge_table(trajectory.topology(20))
        assert set(start) - set(later) == {(0, 1), (PYR, 11)}
        weights = {pair: 7.0 if pair[0] in range(PYR, PYR + 4) and pair[1] < PYR else start[pair][0] for pair in later}
        assert {pair: weight for pair, (weight, _) in later.items()} == weights
        assert edge_table(trajectory.topology(30)) == later
        assert trajectory.structure_events().pair.tolist() == ["PYR__PYR", "PV__PYR", "PV__PYR", "PV__PYR"]
        assert trajectory.structure_events(("PV", "PYR")).time.tolist() == [10.0, 20.0, 20.0]
        assert trajectory.structure_events(("PV", "SST")).time.size == 0


def as_format_1_0(memory):
    """Turn a file into one of format 1.0: one population, no class pairs."""
    with h5py.File(memory, "r+") as file:
        structure = file["structure"]
        del structure["events"].attrs["pairs"], structure["events/pair"]
        for end in ("source", "target"):
            structure["events"][end].attrs["node_population"] = "PYR"
        for name in [name for name in structure if name.startswith("snapshot")]:
            group = structure[name]
            group.attrs["node_population"] = "PYR"
            for column in list(group["PYR__PYR"]):
                group.move(f"PYR__PYR/{column}", column)
            del group["PYR__PYR"]
        file.attrs["Conventions"] = "ketasim-1.0"


def test_files_of_format_1_0_are_read(example):
    """Catches events, snapshots or measures of an older file that are lost for want of a class pair."""
    topology, found = example.random_topology(), []
    steps = [(one[0], {PAIR: one[1:]}) for one in example.random_steps(topology, [5.0, 7.0, 100.0], most=30)]
    changed = replace(topology, weight=topology.weight * 2)
    for old in (False, True):
        memory = BytesIO()
        write(memory, topology, steps, [("later", 5.0, changed)])
        if old:
            as_format_1_0(memory)
        with open_trajectory(memory) as trajectory:
            assert trajectory.edge_pairs == (PAIR,)
            events, snapshots = trajectory.structure_events(), trajectory.snapshots
            graphs = [trajectory.topology(time).sha256 for time in (0, 5, 7, 100)]
            found.append(([column.tolist() for column in events], snapshots, graphs))
    assert found[0] == found[1]
    assert len(set(found[0][2])) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (step(5.0), "does not follow"),
        (step(float("nan")), "does not follow"),
        ((6.0, {PAIR: ([0], [1, 2], [3], [1.0], [1.0])}), "source: shape"),
        ((6.0, {PAIR: (0, 1, 2, 1.0, 1.0)}), "shape"),
        ((6.0, {PAIR: ([2], [1], [3], [1.0], [1.0])}), "0, a birth, or 1, a death"),
        ((6.0, {PAIR: ([0], [1.0], [3], [1.0], [1.0])}), "integers"),
        ((6.0, {PAIR: ([0], [1], [3], [1.0])}), "shorter"),
        ((6.0, {("PV", "PYR"): ([0], [1], [3], [1.0], [1.0])}), "made for PYR__PYR, not PV__PYR"),
    ],
)
def test_wrong_events_are_refused(arguments, message):
    """Catches events that would be read back as others, or tear columns apart; what came before stays."""
    memory = BytesIO()
    with TrajectoryWriter(memory) as writer:
        writer.create_edge_events([PAIR])
        writer.append_edge_events(*step(5.0, (BIRTH, 1, 2, 1.0, 1.0)))
        with pytest.raises((ValueError, KeyError), match=message):
            writer.append_edge_events(*arguments)
        writer.append_edge_events(*step(7.0, (DEATH, 1, 2, 1.0, 1.0)))
        writer.finish()
    assert open_trajectory(memory).structure_events().kind.tolist() == [BIRTH, DEATH]


def test_names_of_snapshots_are_refused_where_they_are_taken_or_none(example):
    """Catches a second snapshot over the first, and a name that would make a group of groups."""
    topology = example.random_topology()
    with TrajectoryWriter(BytesIO()) as writer:
        writer.write_snapshot("start", 0.0, topology, [PAIR])
        for name in ("start", "a/b", "", "1 d"):
            with pytest.raises(ValueError, match="not a name, or there is one already"):
                writer.write_snapshot(name, 0.0, topology, [PAIR])


def test_arrays_may_change_after_they_were_given():
    """Catches a writer that keeps the simulation's own arrays."""
    memory, target = BytesIO(), np.zeros(1, int)
    with TrajectoryWriter(memory) as writer:
        writer.create_edge_events([PAIR])
        for i in range(20):
            target[:] = i + 1
            writer.append_edge_events(i, {PAIR: (np.zeros(1, int), np.zeros(1, int), target, np.ones(1), np.ones(1))})
        writer.finish()
    assert_array_equal(open_trajectory(memory).structure_events().target, np.arange(20) + 1)


def test_measures_come_back_by_time(example):
    """Catches measures in the order of their names, curves of another length cut off, and units that are lost."""
    memory = BytesIO()
    with TrajectoryWriter(memory) as writer:
        for name, at, population, length in (("end", 86400.0, "PV", 3), ("start", 0.0, "PYR", 5)):
            curve = (np.arange(length) + 0.5, "1", "curve")
            histogram = (np.arange(length), "1", "neurons")
            measures = {"edges": (at, "1", "edges"), "curve": curve, "histogram": histogram}
            writer.write_graph_measures(name, at, population, measures)
        wrong = {"a": (np.arange(2), "1", "a"), "b": (np.arange(3), "1", "b")}
        with pytest.raises(ValueError, match="shapes"):
            writer.write_graph_measures("x", 1.0, "PYR", wrong)
        writer.finish()
    dataset = open_trajectory(memory).graph_measures()
    assert dataset["name"].values.tolist() == ["start", "end"]
    assert dataset["population"].values.tolist() == ["PYR", "PV"]
    assert_array_equal(dataset["edges"], [0.0, 86400.0])
    assert_array_equal(dataset["curve"].sel(time=86400.0), [0.5, 1.5, 2.5, np.nan, np.nan])
    assert_array_equal(dataset["histogram"], [[0, 1, 2, 3, 4], [0, 1, 2, 0, 0]])
    assert dataset["curve"].dims == ("time", "degree")
    assert dataset["edges"].attrs == {"units": "1", "long_name": "edges"}


def events_at(at, count=0):
    """Time and a number of births."""
    nodes = np.arange(count)
    return at, {PAIR: (np.zeros(count, int), nodes, nodes + 1, np.ones(count), np.ones(count))}


def test_full_chunks_are_in_the_file_without_a_flush_and_half_a_step_is_not_read(tmp_path):
    """Catches events that stay in memory for hours, and the first half of a step that is read as all of it."""
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        writer.create_edge_events([PAIR])
        for i in range(5):
            writer.append_edge_events(*events_at(float(i), 700))
        with h5py.File(tmp_path / "run.h5.part") as file:
            assert file["structure/events/time"].shape == (3072,)
        with open_trajectory(tmp_path / "run.h5") as trajectory:
            assert trajectory.structure_events().time.size == 4 * 700
        writer.append_edge_events(*events_at(5.0))
        writer.flush()
        with open_trajectory(tmp_path / "run.h5") as trajectory:
            assert trajectory.structure_events().time.size == 5 * 700
        writer.append_edge_events(*events_at(6.0, 700))
        writer.finish()
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert_array_equal(trajectory.structure_events().time, np.repeat([0, 1, 2, 3, 4, 6], 700))


def test_an_unfinished_run_knows_its_graph_as_far_as_it_is_written(tmp_path, example):
    """Catches a graph of a later time made of the events that happen to be in the file."""
    topology = example.random_topology()
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        writer.write_topology(topology)
        writer.create_samples("subject", [], {})
        writer.create_edge_events([PAIR])
        for i in range(64):
            writer.append("subject", float(i), {})
            if i <= 40:
                writer.append_edge_events(*events_at(float(i)))
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert trajectory.topology(40).sha256 == topology.sha256
        with pytest.raises(ValueError, match="0 s to 40 s"):
            trajectory.topology(41)


WRITE_FOR_EVER = """
    import sys
    from pathlib import Path
    import numpy as np
    from ketasim.storage import Column, TrajectoryWriter
    writer, every = TrajectoryWriter(Path(sys.argv[1])), int(sys.argv[2])
    writer.create_samples("subject", [Column("x", "1", "x", dtype="f8")], {})
    pair = ("PYR", "PYR")
    writer.create_edge_events([pair])
    for i in range(10**9):
        rows = np.arange(i % 300)
        writer.append("subject", float(i), {"x": i})
        writer.append_edge_events(float(i), {pair: (rows % 2, rows, rows + i, rows + 0.5, rows * 0.1)})
        if i % every == every - 1:
            writer.flush()
            print(i + 1, flush=True)
"""


@pytest.mark.parametrize(("delay", "every"), [(0.0, 32), (0.06, 5), (0.13, 64), (0.19, 7)])
def test_kill_leaves_whole_steps_and_every_flushed_one(tmp_path, delay, every):
    """Catches a file that does not open after kill -9, half a step, and steps that are lost after a flush."""
    command = [sys.executable, "-c", dedent(WRITE_FOR_EVER), str(tmp_path / "run.h5"), str(every)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        flushed = int(process.stdout.readline())
        time.sleep(delay)
        process.kill()
        lines = process.stdout.read().split("\n")
    flushed = max([flushed, *(int(line) for line in lines[:-1])])
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        events = trajectory.structure_events()
        steps = int(events.time[-1]) + 1
        assert steps + 1 >= flushed  # step 0, and every 300th, has no events
        sizes = np.arange(steps) % 300
        assert_array_equal(events.time, np.repeat(np.arange(steps), sizes))
        rows = np.concatenate([np.arange(size) for size in sizes])
        assert_array_equal(events.source, rows)
        assert_array_equal(events.target, rows + events.time)
        assert_array_equal(events.kind, rows % 2)
        assert_array_equal(events.weight, rows + 0.5)
        assert_array_equal(events.delay, rows * 0.1)


def test_columns_cut_off_in_the_middle_leave_whole_steps(tmp_path):
    """Catches ragged columns, and a step of which one column lacks a row."""
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        writer.create_edge_events([PAIR])
        for i in range(4):
            writer.append_edge_events(*events_at(float(i), 10))
    with h5py.File(tmp_path / "run.h5.part", "r+") as file:
        file["structure/events/weight"].resize(25, axis=0)
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert_array_equal(trajectory.structure_events().time, np.repeat([0, 1], 10))


def test_memory_does_not_grow_with_the_events(tmp_path):
    """Catches events that are kept after they are in the file: 80,000 of them take 2.3 MB, a chunk 30 kB."""
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        rows = np.arange(500)
        events = {PAIR: (rows % 2, rows, rows, rows, rows)}
        writer.create_edge_events([PAIR])
        writer.append_edge_events(0.0, events)
        tracemalloc.start()
        for i in range(1, 160):
            writer.append_edge_events(float(i), events)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1e6


def test_full_disk_is_named(tmp_path, monkeypatch, example):
    """Catches an exception of HDF5, without the file's name, from what is written of the graph."""
    with (
        pytest.raises(StorageError, match=r"run\.h5\.part: cannot be written"),
        TrajectoryWriter(tmp_path / "run.h5") as writer,
    ):
        monkeypatch.setattr(writer._disk, "error", OSError(28, "No space left on device"))
        writer.write_snapshot("start", 0.0, example.random_topology(), [PAIR])
