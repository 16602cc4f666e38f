"""What a run is said to cost against what it then costs, and what is refused for it before anything is built."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ketasim
from ketasim.config import Experiment
from ketasim.pipeline import CancelledError
from ketasim.simulation import Simulation, cost
from ketasim.simulation.cost import (
    ResourceError,
    check_disk,
    check_memory,
    file_of,
    forecast,
    free_disk,
    free_memory,
    group_memory,
    memory_of,
    refuse_what_cannot_work,
    size_of,
    windows_after_baseline,
)

CIRCUIT = """
format: 1
cells:
  cell: {status: assumed, source: me, transmitter: glutamate, capacitance: 200 pF, leak: 10 nS, rest: -70 mV,
    threshold: -50 mV, reset: -60 mV, refractory: 2 ms, nmda_2a: 1}
populations: {PYR: {cell: cell, neurons: 60}, other: {cell: cell, neurons: 20}}
synapses: {one: {status: assumed, source: me, delay: 5 ms, ampa: 0.1 nS}}
connections: [{from: [PYR, other], to: [PYR], synapse: one, probability: 0.5}]
"""


@pytest.fixture(scope="module")
def rows(small):
    return {name: (value, unit) for name, value, unit in forecast(Simulation(small()))}


def within(stated, truth, factor=1.5):
    return truth / factor < stated < truth * factor


def test_counts_are_those_of_the_run(rows, small_run):
    """Catches a forecast for another schedule or network than the one that runs."""
    assert rows["slow steps"] == (4, "1")
    assert rows["windows, at most"] == (small_run.dataset("population").sizes["time"], "1")
    topology = small_run.topology()
    assert rows["synapses"] == (topology.n_edges, "1")
    for name, size in topology.sizes.items():
        assert rows[f"{name} neurons"] == (size, "1")


def test_sizes_are_of_the_right_order(rows):
    """Catches bytes taken for megabytes, and a time that is none."""
    assert 200.0 < rows["memory"][0] < 1000.0
    assert 0.1 < rows["file"][0] < 10.0
    assert rows["memory"][1] == rows["file"][1] == "MB"
    assert 1.0 + 0.25 * 4 + 2.0 <= rows["network time, about"][0] < 5.0
    assert 0.0 < rows["wall time"][0] < 600.0


def test_a_budget_bounds_what_is_forecast(small):
    """Catches a forecast that does not know the budget, or that is less than what a run then does."""
    schedule = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "1 min"}
    for budget, windows in ((3, 3), (40, 21), (None, 21)):
        simulation = Simulation(small(schedule=schedule | {"budget": budget}, recording={}))
        found = {name: value for name, value, _ in forecast(simulation)}
        assert found["slow steps"] == 20
        assert found["windows, at most"] == 5 + windows
        simulation.advance("20 min")
        assert simulation.sampler.windows_run <= windows
        assert simulation.sampler.windows_run + simulation.sampler.windows_skipped == 21
        assert found["network time, about"] == pytest.approx(2.0 + 1.0 + windows * 0.25)


def test_few_windows_are_forecast_at_rest_and_no_more_than_there_are(small):
    """Catches a guess for doses at rest, one above the budget, and one that knows no `skip: false`."""
    schedule = {"baseline": "2 s", "settle": "50 ms", "window": "1 s", "step": "1 min"}
    at_rest = small(doses=[], duration="5 h", schedule=schedule, recording={})
    found = {}
    for name, experiment in {
        "rest": at_rest,
        "dose": at_rest.replace(doses=[{"drug": "ketamine", "route": "intravenous", "amount": "35 mg"}]),
        "budget": at_rest.replace(**{"schedule.budget": 20}),
        "never skipped": at_rest.replace(**{"schedule.skip": False}),
    }.items():
        most, likely = windows_after_baseline(Simulation(experiment))
        assert most == (20 if name == "budget" else 301)
        found[name] = likely
    assert found["rest"] == pytest.approx(30, abs=1)
    assert 240 < found["dose"] < 301
    assert found["budget"] == 20
    assert found["never skipped"] == 301


def test_a_trial_changes_nothing_that_the_run_goes_on_from(small):
    """Catches a forecast that ages the spines, moves the clock or leaves drug in the brain."""
    first, second = Simulation(small()), Simulation(small())
    forecast(first)
    for duration in ("0 s", "10 min"):
        for simulation in (first, second):
            simulation.advance(duration)
        assert first.state.keys() == second.state.keys()
        assert all(np.array_equal(first.state[name], array) for name, array in second.state.items())


def test_a_stored_baseline_takes_no_time(small, monkeypatch):
    """Catches minutes of network time that are forecast and not run; or run, for their spikes, and not forecast."""
    monkeypatch.setattr(cost, "_trial", lambda simulation: (10.0, 0.0))

    def taken(**changes):
        return {name: value for name, value, _ in forecast(Simulation(small(seed=77, **changes)))}["wall time"]

    early = {"recording": {"spikes": ["-1 s"]}}
    before, with_spikes = taken(), taken(**early)
    Simulation(small(seed=77)).measure_baseline()
    assert before - taken() == pytest.approx(10.0 * (1.0 + 2.0))  # baseline and settling
    assert taken(**early) == with_spikes


def test_without_a_network_only_steps_are_stated(small):
    """Catches a forecast that fails, or states windows, where there is no network."""
    assert forecast(Simulation(small(network="none"))) == [("slow steps", 4, "1")]


def test_the_expected_size_is_that_of_the_network(small):
    """Catches a size that misses the schedule, exposures before time zero, or the edges that mechanisms change."""
    afferents = {"kind": "afferents", "population": "PV", "rate": "5 Hz", "start": "-3 h", "duration": "1 h"}
    experiment = small(
        network={"neurons": 300}, schedule={"baseline": "2 s"}, duration="7 h", stimuli=[afferents], recording={}
    )
    simulation = Simulation(experiment)
    built, found = size_of(experiment, simulation.topology), size_of(experiment)
    assert built.plastic == simulation.plastic_edges[0].edges.source.size
    assert (found.nodes, found.rows, found.times) == (built.nodes, built.rows, built.times)
    assert found.times == simulation.schedule.size == found.rows - 2
    assert found.synapses == pytest.approx(built.synapses, rel=0.01)
    assert found.plastic == pytest.approx(built.plastic, rel=0.03)
    assert 0.0 < found.born == pytest.approx(built.born, rel=0.03)


def test_sizes_of_circuit_files_graphs_and_no_network(small, random_graph, tmp_path):
    """Catches plasticity switched off that counts, a circuit file's scale or a given graph that does not, and trouble
    with what cannot be built, which is refused in better words later.
    """
    off = size_of(small(mechanisms={"synaptogenesis": "off"}))
    assert off.plastic == off.born == 0.0 < off.synapses
    file = tmp_path / "circuit.yaml"
    file.write_text(CIRCUIT)
    scaled = Experiment.from_mapping(
        {"format": 1, "duration": "1 h", "network": {"file": str(file), "scale": 2}, "schedule": {"step": "7 min"}}
    )
    size = size_of(scaled)
    assert (size.nodes, size.synapses, size.plastic, size.times) == (160, 0.5 * 160 * 120, 0.5 * 120 * 120, 10)
    graph = random_graph()
    assert size_of(small(), graph)[:3] == (30, graph.number_of_edges(), graph.number_of_edges())
    no_rest = {"synaptogenesis": {"transient_share": 0.6, "consolidating_share": 0.6}}
    assert size_of(small(network="none", mechanisms=no_rest), "no graph")[:4] == (0, 0.0, 0.0, 0.0)


def test_each_part_of_the_file_counts(small):
    """Catches node signals, spikes or snapshots that an estimate of the disk leaves out."""
    bare = {"network": {"neurons": 300}, "recording": {}, "duration": "2 d"}

    def size(**changes):
        experiment = small(**bare | changes)
        return file_of(size_of(experiment), experiment)

    nodes = size(recording={"node_signals": ["bdnf"]}) - size()
    assert nodes == pytest.approx(577 * 300 * 4.0)
    spikes = size(recording={"spikes": [{"from": "-1 s", "to": "2 d"}]}) - size(recording={"spikes": ["0 h"]})
    assert spikes == pytest.approx((5 + 576) * 300 * 3.0 * 0.2 * 16.0)
    assert size(recording={"graph": ["3 h"]}) > size() + 5.0 * 10_000
    assert size(mechanisms={"synaptogenesis": "off"}) < size() - 3 * 5.0 * 10_000


def test_a_million_neurons_are_refused_before_they_are_built(small, monkeypatch, tmp_path):
    """Catches a network that fills the memory of a machine instead of a line that says what it would take."""
    experiment = small(network={"neurons": 1_000_000})
    assert memory_of(size_of(experiment), experiment) > 60e9  # 868 million synapses of 70 bytes
    monkeypatch.setattr(cost, "free_memory", lambda: 16e9)
    with pytest.raises(ResourceError) as caught:
        refuse_what_cannot_work(experiment, tmp_path / "run.h5")
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert "GB of memory, 16.0 GB are free (1,000,000 neurons, about 868," in message
    assert "lower `network.neurons`" in message and "\n" not in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "edges", "memory"), [("a.graphml", 7.1e6, 21e9), ("a.csv", 40e6, 28e9)])
def test_a_network_file_is_refused_by_its_length(small, tmp_path, name, edges, memory):
    """Catches a file of 1 GB that is read until the memory is full; text takes most of it, not the network."""
    file = tmp_path / name
    with open(file, "wb") as stream:
        stream.truncate(1_000_000_000)  # takes no room on the disk
    experiment = small(network={"file": str(file)})
    size = size_of(experiment)
    assert size.synapses == pytest.approx(edges, rel=0.02)
    assert memory_of(size, experiment) == pytest.approx(memory, rel=0.05)
    with pytest.raises(ResourceError, match="take a smaller network"):
        check_memory(size, experiment, 16e9)


def test_the_limit_is_the_estimate(small):
    """Catches a comparison the wrong way round, and a file kept in memory that counts for nothing."""
    experiment = small()
    size = size_of(experiment)
    memory, file = memory_of(size, experiment), file_of(size, experiment)
    check_memory(size, experiment, memory)
    check_memory(size, experiment, memory + file, in_memory=True)
    for free, in_memory in ((0.99 * memory, False), (memory + 0.9 * file, True)):
        with pytest.raises(ResourceError, match="of memory"):
            check_memory(size, experiment, free, in_memory)
    with pytest.raises(ResourceError, match=r"out/run.h5 will take about .* and its checkpoint"):
        check_disk(size, experiment, 0.9 * file, Path("out/run.h5"))
    check_disk(size, experiment, 10.0 * file, Path("out/run.h5"))


def test_hints_name_what_makes_the_run_large(small):
    """Catches advice to take fewer neurons where it is the schedule, the circuit file or the recording."""
    long = small(duration="1000 d", schedule={"baseline": "2 s", "step": "1 min"}, recording={})
    with pytest.raises(ResourceError, match=r"rows\); lengthen `schedule.step` or shorten `duration`$"):
        check_memory(size_of(long), long, 5e8, in_memory=True)
    with pytest.raises(ResourceError, match=r"leave out `recording.node_signals` or leave out `recording.spikes`"):
        check_disk(size_of(small()), small(), 1.0, Path("run.h5"))
    measured = small(network={"neurons": 1000})
    with pytest.raises(ResourceError, match=r"or set `recording.measures: false`"):
        check_memory(size_of(measured), measured, 1.0)


def test_free_memory_and_disk_are_found(tmp_path):
    """Catches a folder not yet made that is taken for a full disk, and kilobytes taken for bytes."""
    assert 1e8 < free_memory() < 1e15
    there, not_there = free_disk(tmp_path / "run.h5"), free_disk(tmp_path / "not" / "yet" / "run.h5")
    assert there == pytest.approx(not_there, rel=0.1)
    assert 0.0 < there < 1e18


def test_the_limit_of_a_batch_job_counts(tmp_path):
    """Catches a job killed by its scheduler because the machine as a whole had memory left."""
    group, groups = tmp_path / "cgroup", tmp_path / "groups"
    job = groups / "job" / "step"
    job.mkdir(parents=True)
    assert group_memory(group, groups) == float("inf")
    group.write_text("0::/job/step\n")
    assert group_memory(group, groups) == float("inf")
    (job / "memory.max").write_text("max\n")
    (job / "memory.current").write_text("1000\n")
    assert group_memory(group, groups) == float("inf")
    (job.parent / "memory.max").write_text("5000\n")
    (job.parent / "memory.current").write_text("2000\n")
    assert group_memory(group, groups) == 3000.0
    (job / "memory.max").write_text("1500\n")
    assert group_memory(group, groups) == 500.0
    (job / "memory.current").write_text("1600\n")
    assert group_memory(group, groups) == 0.0


@pytest.mark.parametrize("neurons", [300, 1000])
def test_two_checkpoints_fit_beside_the_file(small, tmp_path, neurons):
    """Catches a disk that is full while a checkpoint takes the place of the last one."""
    experiment, out = small(network={"neurons": neurons}, recording={"measures": False}), tmp_path / "run.h5"
    with pytest.raises(CancelledError):
        ketasim.run(experiment, out, progress=lambda progress: progress.stage != "run")
    checkpoint = out.with_name("run.h5.checkpoint").stat().st_size
    size = size_of(experiment)
    file = file_of(size, experiment)
    check_disk(size, experiment, file + 1.4 * 2.0 * checkpoint, out)
    with pytest.raises(ResourceError, match="its checkpoint"):
        check_disk(size, experiment, file + 2.0 * checkpoint / 1.4, out)


@pytest.mark.parametrize("network", ["none", {"neurons": 80}])
def test_rows_take_the_room_that_is_stated(small, tmp_path, network):
    """Catches rows that count for nothing, or for a multiple: two runs that differ in little but their number."""
    found = []
    for duration in ("10 min", "1 h"):
        schedule = {"baseline": "0.2 s", "settle": "50 ms", "window": "0.1 s", "step": "1 min"}
        experiment = small(network=network, duration=duration, schedule=schedule, recording={"measures": False})
        out = tmp_path / f"{duration}.h5"
        ketasim.run(experiment, out).close()
        found.append((file_of(size_of(experiment), experiment), out.stat().st_size))
    stated, truth = np.diff(found, axis=0)[0]
    print(network, stated, truth)
    assert within(stated, truth)


def true_cost(experiment):
    """Peak memory and file in bytes, windows after the baseline, and processor time in s of a run of its own."""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    script = Path(__file__).with_name("true_cost.py")
    command = [sys.executable, str(script), json.dumps(experiment.resolved())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def stated_cost(experiment):
    """The same as `ketasim check` says it."""
    rows = {name: value for name, value, _ in forecast(Simulation(experiment))}
    windows = rows["windows, about"] - round(experiment.schedule.baseline / experiment.schedule.window)
    return {"memory": 1e6 * rows["memory"], "file": 1e6 * rows["file"], "windows": windows, "time": rows["wall time"]}


@pytest.fixture(scope="module")
def compiled(small):
    """All kernels of a run are in the cache: compiling takes 200 MB and a minute that no forecast counts."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say what the peak memory of a process was")
    true_cost(small())


@pytest.mark.parametrize("neurons", [300, 1000, 3000])
def test_memory_and_file_are_forecast_within_a_factor_of_1_5(small, compiled, neurons):
    """Catches an estimate of another graph, or one that has not followed what a run keeps and writes."""
    recording = {"node_signals": ["bdnf"], "spikes": ["0 s"], "measures": False}
    experiment = small(network={"neurons": neurons}, duration="10 min", recording=recording)
    truth, stated = true_cost(experiment), stated_cost(experiment)
    for name in ("memory", "file"):
        print(neurons, name, truth[name], stated[name] / truth[name])
        assert within(stated[name], truth[name]), (name, truth[name], stated[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("neurons", "duration"), [(300, "14 d"), (1000, "3 d"), (3000, "2 h")], ids=["300", "1000", "3000"]
)
def test_all_is_forecast_within_a_factor_of_1_5(small, compiled, monkeypatch, neurons, duration):
    """Catches a wrong guess of windows, and costs of spines, mechanisms or measures that have changed.

    Times are of the processor, on both sides: they are wall times of one thread but for other load, which comes and
    goes between trial and run. Another try is for what load does to caches.
    """
    monkeypatch.setattr("ketasim.simulation.cost.time.perf_counter", time.process_time)
    schedule = {"baseline": "60 s", "settle": "0.3 s", "window": "1 s"}
    for attempt in (1, 2):
        experiment = small(
            seed=attempt,
            network={"neurons": neurons},
            duration=duration,
            schedule=schedule,
            recording={"spikes": ["0 s"]},
        )
        stated, truth = stated_cost(experiment), true_cost(experiment)
        for found in (stated, truth):
            found["windows"] += 60  # of the baseline
        ratios = {name: stated[name] / truth[name] for name in stated}
        print(neurons, duration, {name: round(ratio, 2) for name, ratio in ratios.items()}, truth)
        if all(within(ratio, 1.0) for ratio in ratios.values()):
            return
    raise AssertionError(ratios)
