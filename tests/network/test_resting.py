"""What is said of a network at rest."""

import numpy as np
import pytest

from ketasim.engines.engine import class_means
from ketasim.network.resting import Resting, remarks_on_rest
from ketasim.simulation.estimates import BaselineStatistics

NORMAL = {"PYR": Resting(1.0, 0.8, 0.0), "PV": Resting(8.0, 1.0, 0.05), "SST": Resting(5.0, 1.0, 0.0)}


def test_cortex_at_rest_is_not_remarked_on():
    """Catches a remark that everyone gets, and one on a class without ranges of its own or a single neuron."""
    assert remarks_on_rest(NORMAL) == []
    assert remarks_on_rest({"VIP": Resting(0.2, 0.9, float("nan"))}) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"PV": Resting(0.0, np.nan, np.nan)}, "PV cells are silent at rest; usual are 4 to 15 Hz"),
        ({"PYR": Resting(40.0, 0.9, 0.0)}, "PYR cells fire at 40 Hz at rest; usual: 0.5 to 3 Hz"),
        ({"SST": Resting(5.0, 0.1, 0.0)}, "SST cells have spike counts with a variance over mean of 0.1 at rest"),
        ({"PV": Resting(8.0, 1.0, 0.6)}, "PV cells have a mean correlation of spike counts of 0.6 at rest"),
        ({"VIP": Resting(150.0, 1.0, 0.0)}, "VIP cells fire at 150 Hz at rest; usual: 0.01 to 100 Hz"),
    ],
)
def test_what_is_unusual_is_named(changed, words):
    """Catches a dead, runaway, clock-like or synchronous network that passes as a result."""
    (line,) = remarks_on_rest(NORMAL | changed)
    assert line.startswith(words)


@pytest.mark.parametrize("shared", [0.0, 0.5])
def test_counts_of_known_statistics(shared):
    """Catches variance and correlation of means in place of counts, or another window: Poisson counts, part shared.

    Counts of 2 /s in windows of 0.5 s; 2,000 windows and 50 neurons give errors below 0.02.
    """
    generator, start = np.random.default_rng(3), np.array([0, 50, 51])
    statistics = BaselineStatistics(start, 0.5, 2000)
    for _ in range(2000):
        counts = generator.poisson(1.0 - shared, 51) + generator.poisson(shared)
        rates = counts / 0.5
        statistics.add({"firing_rate": rates}, {"firing_rate": class_means(rates, start)})
    variability, correlation = statistics.estimates().spike_counts(0.5)
    assert variability == pytest.approx([1.0, 1.0], abs=0.1)
    assert correlation[0] == pytest.approx(shared, abs=0.05)
    assert np.isnan(correlation[1])
