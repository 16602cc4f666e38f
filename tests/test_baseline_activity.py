"""The resting circuit against calibration C0: rates, irregular firing, weak correlation, graph by graph."""

import pytest

import ketasim
from ketasim.analysis import spike_statistics

RATES = {"PYR": (0.5, 3.0), "PV": (4.0, 15.0), "SST": (3.0, 10.0)}  # Hz
SIZES = {"PYR": 800, "PV": 110, "SST": 90}


def resting_statistics(seed, seconds):
    experiment = ketasim.load_experiment(
        "vehicle",
        [
            "duration=1 min",
            "schedule.step=1 min",
            "recording.graph=[]",
            f"schedule.baseline={seconds} s",
            f"recording.spikes=[{{from: -{seconds} s, to: -1 s}}]",
            f"seed={seed}",
        ],
    )
    trajectory = ketasim.run(experiment)
    return {
        name: spike_statistics(spikes.times, spikes.node_ids, size, -1e3 * seconds, 0.0)
        for name, size in SIZES.items()
        for spikes in [trajectory.spikes(name)]
    }


def check(statistics):
    for name, found in statistics.items():
        low, high = RATES[name]
        assert low < found.rate < high, f"{name}: {found}"
        assert 0.7 < found.interval_cv < 1.3, f"{name}: {found}"
        assert abs(found.count_correlation) < 0.1, f"{name}: {found}"


def test_resting_circuit_fires_as_cortex_does():
    """Catches weights, time constants or a build that leave the regime in which everything else is measured."""
    check(resting_statistics(seed=1, seconds=15))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_resting_circuit_of_every_graph(seed):
    """Catches a regime that holds for one lucky graph only."""
    statistics = resting_statistics(seed, seconds=40)
    for name, found in statistics.items():
        print(seed, name, *(f"{value:.3f}" for value in found))
    check(statistics)
