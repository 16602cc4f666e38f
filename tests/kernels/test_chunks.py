"""Parts of a network on threads: the same bits, and no thread left behind."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.kernels import spiking_network
from ketasim.kernels.records import new_activity
from ketasim.kernels.spiking_network import run_window
from tests.kernels.circuits import (
    Bench,
    assert_same_activity,
    change_cells,
    circuit,
    circuit_of_many_blocks,
    fast_clock,
    modulation,
    random_modulation,
)


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_threads_change_no_bit(real):
    """Catches a part that reads another's spikes too early, adds in another order, or loses an edge at its border."""
    network = circuit_of_many_blocks()
    influence = random_modulation(network, 3)
    results = []
    for threads in (1, 2, 3, 7, 100):
        activity = new_activity(network.graph, network.parameters, real)
        windows = [
            run_window(activity, network.graph, influence, network.parameters, fast_clock(2, step, step), 301, threads)
            for step in (0, 301)
        ]
        results.append((activity, windows))
    first_activity, first_windows = results[0]
    assert sum(window.spike_node.size for window in first_windows) > 200
    for activity, windows in results[1:]:
        assert_same_activity(first_activity, activity)
        for one, other in zip(first_windows, windows, strict=True):
            for name in ("sums", "released", "spike_step", "spike_node"):
                assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_runaway_is_flagged_on_threads():
    """Catches parts that wait for each other for ever when one of them stops the window."""
    bench = Bench(circuit(["PYR"] * 300))
    bench.parameters = change_cells(
        bench.parameters, rest=1e3, sharpness=0.0, cutoff=-50.0, capacitance=1e-3, refractory=0.0
    )
    window = run_window(bench.activity, bench.graph, bench.modulation, bench.parameters, bench.clock, 3000, 3)
    assert window.overflow


@pytest.mark.parametrize("failing", [0, 1])
def test_interrupted_threads_end(failing, monkeypatch):
    """Catches threads that go on waiting for a part that was interrupted or failed."""
    network = circuit_of_many_blocks()
    activity = new_activity(network.graph, network.parameters)
    run_part = spiking_network.run_part
    before = threading.active_count()

    def interrupted(part, *arguments):
        if part == failing:
            raise KeyboardInterrupt
        return run_part(part, *arguments)

    monkeypatch.setattr(spiking_network, "run_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_window(activity, network.graph, modulation(network), network.parameters, fast_clock(), 500, 3)
    assert threading.active_count() == before
