"""What `ketasim check` promises against what a run then does."""

import numpy as np
import pytest

from ketasim.simulation import Simulation
from ketasim.simulation.estimate import estimate


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


def test_file_size_of_a_larger_run(small, tmp_path):
    """Catches an estimate of the file that is wrong by more than a factor of 3."""
    import ketasim

    experiment = small(network={"neurons": 500}, duration="5 min", recording={})
    stated = {name: value for name, value, _ in estimate(Simulation(experiment))}["file"] * 1e6
    path = tmp_path / "run.h5"
    ketasim.run(experiment, path).close()
    assert stated / 3 < path.stat().st_size < stated * 3


def test_without_a_network_only_steps_are_stated(small):
    """Catches an estimate that fails, or promises windows, where there is no network."""
    assert estimate(Simulation(small(network="none"))) == [("slow steps", 4, "1")]
