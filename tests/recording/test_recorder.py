"""What a run's file is given: stages of rows; when the graph is stored, and whether it is that of the network."""

import signal
from types import SimpleNamespace

import h5py
import networkx
import numpy as np
import pytest

import ketasim
from ketasim.analysis.graph_measures import graph_measures
from ketasim.kernels.graph import synapses_of
from ketasim.network.build import FAST_STEP
from ketasim.recording import recorder as module
from ketasim.recording.recorder import GraphRecorder, Recorder
from ketasim.simulation import Simulation
from ketasim.simulation.plastic_edges import EdgeEvents
from ketasim.storage import TrajectoryWriter, digest
from ketasim.trajectory import open_trajectory

DAY = 86_400.0
SPINES = {"step": "8 h", "baseline": "0.4 s", "window": "0.2 s", "settle": "50 ms"}


@pytest.fixture(scope="module")
def experiment(small):
    """Make a run of 2 d of 60 neurons, whose graph is looked at after 10 h, so at 16 h, too."""

    def make(**recording):
        asked = {"graph": ["10 h"]} | recording
        return small(duration="2 d", doses=[], network={"neurons": 60}, schedule=SPINES, recording=asked)

    return make


@pytest.fixture(scope="module")
def recorded(experiment):
    """Trajectory of the run, and the kernel's edges at the times of snapshots, made again by hand."""
    simulation, edges = Simulation(experiment()), {}
    simulation.measure_baseline()
    for time in (0.0, 16 * 3600.0, DAY, 2 * DAY):
        simulation.advance(time - simulation.time)
        source, target, weight, delay = synapses_of(simulation.network.graph)
        rows = zip(source.tolist(), target.tolist(), weight.tolist(), delay.tolist(), strict=True)
        edges[time] = {(i, j): (w, d) for i, j, w, d in rows}
    return ketasim.run(experiment()), edges


def test_snapshots_are_at_the_slow_times_asked_for(recorded):
    """Catches a time that is missed, one between slow times that is written late, twice, or under its own time."""
    trajectory, _ = recorded
    assert trajectory.snapshots == {"start": 0.0, "10_h": 16 * 3600.0, "1_d": DAY, "end": 2 * DAY}
    measured = trajectory.graph_measures()
    assert measured["time"].values.tolist() == list(trajectory.snapshots.values())
    assert measured["name"].values.tolist() == list(trajectory.snapshots)


def test_graph_at_a_snapshot_is_that_of_the_kernel(recorded):
    """Catches an edge too many or too few, and a weight or delay of another edge or time: edge by edge, to the bit.

    At the start the file has the weights as they were given, of which the kernel has the nearest number.
    """
    trajectory, edges = recorded
    for time, expected in edges.items():
        found = {
            (i, j): (float(np.float32(data["weight"])), round(data["delay"] / FAST_STEP))
            for i, j, data in trajectory.graph(time).edges(data=True)
        }
        assert found == expected
    assert len({frozenset(graph) for graph in edges.values()}) == len(edges)


def test_measures_are_those_of_the_snapshot(recorded):
    """Catches measures of the graph at the start, or of all neurons, under every time."""
    trajectory, edges = recorded
    measured = trajectory.graph_measures()
    for time in edges:
        expected = graph_measures(trajectory.topology(time))
        at_time = measured.sel(time=time)
        for name in ("edges", "reciprocity", "clustering", "degree_mean"):
            assert float(at_time[name]) == expected[name].value
    assert len(set(measured["edges"].values.tolist())) > 1


def test_measures_can_be_left_out(experiment, recorded):
    """Catches a switch that takes the weights away with the measures, or nothing."""
    trajectory = ketasim.run(experiment(measures=False))
    assert trajectory.snapshots == recorded[0].snapshots
    assert trajectory.graph_measures().sizes.get("time", 0) == 0


@pytest.mark.parametrize(
    "changes", [{"network": "none", "recording": {}}, {"mechanisms": {"synaptogenesis": "off"}}], ids=["body", "off"]
)
def test_without_plastic_edges_nothing_is_written(small, changes):
    """Catches snapshots of a graph that cannot change, and a run that stops for want of one."""
    assert ketasim.run(small(**changes)).snapshots == {}


def test_without_pyramidal_cells_nothing_is_written(small):
    """Catches a snapshot of a population that is not there."""
    graph = networkx.DiGraph([(0, 1), (1, 2)])
    networkx.set_node_attributes(graph, "PV", "population")
    trajectory = ketasim.run(small(duration="10 min", doses=[], recording={"graph": ["5 min"]}), graph=graph)
    assert trajectory.snapshots == {}
    assert trajectory.graph_measures().sizes.get("time", 0) == 0


def test_of_several_times_within_a_step_the_last_is_written(experiment, tmp_path):
    """Catches two snapshots of one graph."""
    simulation = Simulation(experiment(graph=["10 h", "11 h"], measures=False))
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        recorder = GraphRecorder(writer, simulation)
        simulation.advance("16 h")
        recorder.record()
        recorder.record()
        writer.finish()
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert trajectory.snapshots == {"11_h": 16 * 3600.0}


def test_what_is_interrupted_while_it_measures_is_measured_by_the_resumed_run(experiment, tmp_path, monkeypatch):
    """Catches a graph that is never measured, or twice, because Ctrl-C came meanwhile: first, between, last."""
    experiment, path, calls = experiment(), tmp_path / "run.h5", []
    ketasim.run(experiment, tmp_path / "whole.h5").close()

    def pressed(topology, population):
        calls.append(1)
        if len(calls) % 2:
            signal.raise_signal(signal.SIGINT)
        return graph_measures(topology, population)

    monkeypatch.setattr(module, "graph_measures", pressed)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            ketasim.run(experiment, path)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                ketasim.resume(path)
        ketasim.resume(path).close()
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(calls) == 8
    assert digest(path) == digest(tmp_path / "whole.h5")


def test_edges_of_several_pairs_are_recorded_side_by_side(experiment, tmp_path):
    """Catches a recorder that knows one population, and events that are noted of the step before the run began."""
    simulation, pairs = Simulation(experiment()), [("PYR", "PYR"), ("PV", "PV"), ("PV", "PYR")]
    one = EdgeEvents(*(np.array([value]) for value in (1, 0, 1, 1.0, 1.0)))
    owner = SimpleNamespace(name="synaptogenesis", writes=(), scales=(), evolve=None)
    simulation.plastic_edges = tuple(
        SimpleNamespace(pair=pair, events=one, mechanism=owner, advance=lambda *_: None) for pair in pairs
    )
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        recorders = Recorder(writer, simulation), GraphRecorder(writer, simulation)
        simulation.measure_baseline(recorders[0].record_baseline)
        for recorder in recorders:
            recorder.record()
        simulation.step()
        recorders[0].record()
        writer.finish()
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert trajectory.edge_pairs == tuple(pairs)
        assert trajectory.structure_events().pair.tolist() == ["PYR__PYR", "PV__PV", "PV__PYR"]
        assert set(trajectory.structure_events().time) == {simulation.time}
        measured = trajectory.graph_measures()
        assert measured["name"].values.tolist() == ["start.PV", "start.PYR"]
        assert measured["population"].values.tolist() == ["PV", "PYR"]
    with h5py.File(tmp_path / "run.h5") as file:
        assert set(file["structure/snapshot_start"]) == {"PYR__PYR", "PV__PV", "PV__PYR"}


def test_rows_of_the_baseline_say_so(recorded):
    """Catches rows whose stage has to be guessed, and a run whose first row counts as baseline."""
    trajectory, _ = recorded
    for group in ("subject", "population"):
        rows = trajectory.dataset(group)
        assert (rows["stage"] == "baseline").values.tolist() == (rows["time"] < 0).values.tolist()
    assert (trajectory.dataset("population")["stage"] == "baseline").any()
