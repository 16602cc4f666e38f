"""What `ketasim check` promises against what a run then does."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ketasim.simulation.estimate import estimate, windows_after_baseline

from ketasim.simulation import Simulation


@pytest.fixture(scope="module")
def rows(small):
    simulation = Simulation(small())
    before = {name: array.copy() for name, array in simulation.state.items()}
    found = estimate(simulation)
    assert all(np.array_equal(before[name], array) for name, array in simulation.state.items())
    return {name: (value, unit) for name, value, unit in found}


def test_counts_are_those_of_the_run(rows, small_run):
    """Catches an estimate for another schedule or network than the one that runs."""
    assert rows["slow steps"] == (4, "1")
    assert rows["windows, at most"] == (small_run.dataset("population").sizes["time"], "1")
    topology = small_run.topology()
    assert rows["synapses"] == (topology.n_edges, "1")
    for name, size in topology.sizes.items():
        assert rows[f"{name} neurons"] == (size, "1")


def test_a_budget_bounds_what_is_promised(small):
    """Catches an estimate that does not know the budget, or that is less than what a run then does."""
    schedule = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "1 min"}
    for budget, windows in ((3, 3), (40, 21), (None, 21)):
        simulation = Simulation(small(schedule=schedule | {"budget": budget}, recording={}))
        found = {name: value for name, value, _ in estimate(simulation)}
        assert found["slow steps"] == 20
        assert found["windows, at most"] == 5 + windows
        simulation.advance("20 min")
        assert simulation.sampler.windows_run <= windows
        assert simulation.sampler.windows_run + simulation.sampler.windows_skipped == 21
        assert found["network time, about"] == pytest.approx(2.0 + 1.0 + windows * 0.25)


def test_sizes_are_of_the_right_order(rows, small_file):
    """Catches bytes taken for megabytes, and the promise of at most 16 bytes a synapse broken."""
    rows_of_nodes = 40.0 * 80 / rows["synapses"][0]  # bytes; of no account in a network of 300 neurons or more
    assert rows["kernel graph"][0] - rows_of_nodes <= 16.0
    assert 200.0 < rows["memory"][0] < 1000.0
    assert rows["memory"][1] == rows["file"][1] == "MB"
    assert 1.0 + 0.25 * 4 + 2.0 <= rows["network time, about"][0] < 5.0
    assert 0.0 < rows["wall time"][0] < 600.0


def test_few_windows_are_promised_at_rest_and_no_more_than_there_are(small):
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
    """Catches an estimate that ages the spines, moves the clock or leaves drug in the brain."""
    first, second = Simulation(small()), Simulation(small())
    estimate(first)
    for simulation in (first, second):
        simulation.advance("10 min")
    assert first.state.keys() == second.state.keys()
    assert all(np.array_equal(first.state[name], array) for name, array in second.state.items())


def cost(experiment):
    """Peak memory and file in bytes, windows after the baseline, and processor time in s of a run of its own."""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    script = Path(__file__).with_name("true_cost.py")
    command = [sys.executable, str(script), json.dumps(experiment.resolved())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def promised(experiment):
    """The same as `ketasim check` says it."""
    rows = {name: value for name, value, _ in estimate(Simulation(experiment))}
    windows = rows["windows, about"] - round(experiment.schedule.baseline / experiment.schedule.window)
    return {"memory": 1e6 * rows["memory"], "file": 1e6 * rows["file"], "windows": windows, "time": rows["wall time"]}


@pytest.fixture(scope="module")
def compiled(small):
    """All kernels of a run are in the cache: compiling takes 200 MB and a minute that no estimate counts."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say what the peak memory of a process was")
    cost(small())


@pytest.mark.parametrize("neurons", [300, 1000, 3000])
def test_memory_and_file_are_promised_within_a_factor_of_1_5(small, compiled, neurons):
    """Catches an estimate of another graph, or one that has not followed what a run keeps and writes."""
    recording = {"node_signals": ["bdnf"], "spikes": ["0 s"], "measures": False}
    experiment = small(network={"neurons": neurons}, duration="10 min", recording=recording)
    truth, stated = cost(experiment), promised(experiment)
    for name in ("memory", "file"):
        assert truth[name] / 1.5 < stated[name] < truth[name] * 1.5, (name, truth[name], stated[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("neurons", "duration"), [(300, "14 d"), (1000, "3 d"), (3000, "2 h")], ids=["300", "1000", "3000"]
)
def test_all_is_promised_within_a_factor_of_1_5(small, compiled, monkeypatch, neurons, duration):
    """Catches a wrong guess of windows, and costs of spines, mechanisms or measures that have changed.

    Times are of the processor, on both sides: they are wall times of one thread but for other load, which comes and
    goes between trial and run. Another try is for what load does to caches.
    """
    monkeypatch.setattr("ketasim.simulation.estimate.time.perf_counter", time.process_time)
    schedule = {"baseline": "60 s", "settle": "0.3 s", "window": "1 s"}
    for attempt in (1, 2):
        experiment = small(
            seed=attempt,
            network={"neurons": neurons},
            duration=duration,
            schedule=schedule,
            recording={"spikes": ["0 s"]},
        )
        stated, truth = promised(experiment), cost(experiment)
        for found in (stated, truth):
            found["windows"] += 60  # of the baseline
        ratios = {name: stated[name] / truth[name] for name in stated}
        print(neurons, duration, {name: round(ratio, 2) for name, ratio in ratios.items()}, truth)
        if all(1 / 1.5 < ratio < 1.5 for ratio in ratios.values()):
            return
    raise AssertionError(ratios)


def test_without_a_network_only_steps_are_stated(small):
    """Catches an estimate that fails, or promises windows, where there is no network."""
    assert estimate(Simulation(small(network="none"))) == [("slow steps", 4, "1")]
