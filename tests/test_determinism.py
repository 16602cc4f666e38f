"""The same bits whatever computed them: threads, processes, sizes of pieces, compiled or not.

Other recording is in tests/leaves and tests/test_pipeline.py, resumed runs are in tests/faults, other machines in
tests/golden.
"""

import os
import subprocess
import sys

import h5py
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import ketasim
from ketasim.engines import spiking
from ketasim.kernels import spiking_network
from ketasim.kernels.records import new_activity
from ketasim.simulation import sampler, stored
from ketasim.storage import differing_datasets, growing_table, samples
from tests.golden.make import golden_experiment
from tests.kernels.circuits import assert_same_activity, circuit_of_many_blocks, fast_clock, random_modulation

#: Five hours of the golden experiment: an infusion, a stimulus, spikes, nodes, births and deaths.
SHORT = {
    "duration": "5 h",
    "schedule.step": "1 h",
    "schedule.baseline": "1 s",
    "recording.graph": [],
    "recording.measures": False,
    "recording.spikes": ["0 s", {"from": "1 h", "to": "5 h"}],
}

#: What a process of its own does: the same experiment, with baselines in a folder that all processes share.
PROGRAM = """
import sys
from pathlib import Path
import ketasim
from ketasim.simulation import stored
from tests.golden.make import golden_experiment
from tests.test_determinism import SHORT
stored.folder = lambda: Path(sys.argv[1])
print(ketasim.run(golden_experiment(**SHORT)).digest())
"""

#: A few milliseconds of 20 neurons, which plain Python can run.
TINY = {
    "format": 1,
    "duration": "2 min",
    "doses": [{"drug": "ketamine", "route": "intravenous", "amount": "0.5 mg/kg"}],
    "network": {"neurons": 20},
    "schedule": {"baseline": "20 ms", "settle": "2 ms", "window": "10 ms", "step": "1 min"},
    "recording": {"node_signals": ["nmda_block"], "spikes": [{"from": "0 s", "to": "2 min"}], "measures": False},
}
PLAIN_PROGRAM = """
import sys
import ketasim
from ketasim.simulation import sampler, stored
from tests.test_determinism import TINY
stored.folder = lambda: None
sampler.LONG_SETTLE = 0.01
ketasim.run(ketasim.Experiment.from_mapping(TINY), sys.argv[1]).close()
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the short experiment without a stored baseline; its digest."""
    monkeypatch.setattr(stored, "folder", lambda: None)
    return lambda **changes: ketasim.run(golden_experiment(**SHORT, **changes)).digest()


@pytest.fixture(scope="module")
def reference():
    """Digest of the short experiment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "folder", lambda: None)
        with ketasim.run(golden_experiment(**SHORT)) as trajectory:
            assert trajectory.structure_events().kind.size > 0
            assert len(trajectory.spikes("PYR")[0]) > 0
            return trajectory.digest()


def python(*arguments, **variables):
    """Start a process of Python in the folder of the tests."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables},
    )


def test_threads_change_no_bit_of_a_run(run, reference, monkeypatch):
    """Catches a baseline, a window or a stored text that depends on how many threads computed it."""
    monkeypatch.setattr(spiking, "NEURONS_PER_THREAD", 1)
    used = []
    run_window = spiking.run_window
    monkeypatch.setattr(spiking, "run_window", lambda *arguments: used.append(arguments[-1]) or run_window(*arguments))
    assert run(threads=3) == reference
    assert set(used) == {3}


@pytest.mark.parametrize("steps", [1, 5, 16])
def test_chunks_of_the_kernel_change_no_spike_and_no_state(monkeypatch, steps):
    """Catches a spike that arrives earlier, later or in another order when the kernel takes shorter turns.

    Means over a window are summed in single precision once a chunk, so their last digits belong to its length, which
    the network's shortest delay decides and no user.
    """
    network, windows, activities = circuit_of_many_blocks(), [], []
    for longest in (spiking_network.LONGEST_CHUNK, steps):
        monkeypatch.setattr(spiking_network, "LONGEST_CHUNK", longest)
        activities.append(new_activity(network.graph, network.parameters))
        given = random_modulation(network, 3), network.parameters, fast_clock(2, 7, 0), 900
        windows.append(spiking_network.run_window(activities[-1], network.graph, *given))
    assert windows[0].spike_node.size > 100
    assert_same_activity(*activities)
    for name in ("released", "spike_step", "spike_node"):
        assert_array_equal(getattr(windows[0], name), getattr(windows[1], name), err_msg=name)
    assert_allclose(windows[0].sums, windows[1].sums, rtol=1e-6)


@pytest.mark.parametrize(("rows", "size"), [(1, 2**23), (4, 2**23), (256, 2**23), (32, 100)])
def test_blocks_of_the_writer_change_no_bit_of_a_run(run, reference, monkeypatch, rows, size):
    """Catches rows lost, doubled or stored in another type at the border of a block."""
    monkeypatch.setattr(samples, "BLOCK_ROWS", rows)
    monkeypatch.setattr(growing_table, "BLOCK_BYTES", size)
    assert run() == reference


def test_processes_side_by_side_change_no_bit_of_a_run(reference, tmp_path):
    """Catches state that a process inherits, and a stored baseline that one process reads half written by another."""
    processes = [python("-c", PROGRAM, tmp_path) for _ in range(2)]
    results = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert [out.strip() for out, _ in results] == [reference] * 2
    assert len(list(tmp_path.glob("*.npz"))) == 1


@pytest.mark.slow
def test_plain_python_computes_the_same(tmp_path, monkeypatch):
    """Catches a kernel whose compiled code computes something else than its source says.

    Not the same bits: compiled code rounds a product and a sum once, and has its own exponential.
    """
    monkeypatch.setattr(stored, "folder", lambda: None)
    monkeypatch.setattr(sampler, "LONG_SETTLE", 0.01)
    ketasim.run(ketasim.Experiment.from_mapping(TINY), tmp_path / "compiled.h5").close()
    process = python("-c", PLAIN_PROGRAM, tmp_path / "plain.h5", NUMBA_DISABLE_JIT="1")
    errors = process.communicate(timeout=1200)[1]
    assert process.returncode == 0, errors
    different = differing_datasets(tmp_path / "plain.h5", tmp_path / "compiled.h5")
    with h5py.File(tmp_path / "plain.h5") as plain, h5py.File(tmp_path / "compiled.h5") as compiled:
        assert sum(group["timestamps"].size for group in compiled["spikes"].values()) > 5
        for name in different:
            assert name.startswith(("/trajectories/population/", "/trajectories/node/", "/summary/")), name
            assert_allclose(plain[name][()], compiled[name][()], rtol=1e-4, err_msg=name)


@pytest.mark.slow
def test_threads_change_no_bit_of_a_large_network(run, monkeypatch):
    """Catches an edge between blocks of neurons that only a network of many blocks has."""
    changes = {"network.neurons": 2000, "duration": "4.5 h"}
    digests = set()
    for threads in (1, 4, 13):
        monkeypatch.setattr(spiking, "NEURONS_PER_THREAD", 1)
        with ketasim.run(golden_experiment(**SHORT | changes, threads=threads)) as trajectory:
            digests.add(trajectory.digest())
    assert len(digests) == 1
