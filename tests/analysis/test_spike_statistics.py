"""Statistics of spikes against trains whose statistics are known."""

import numpy as np
import pytest

from ketasim.analysis import spike_statistics

BEGIN, END = 1000.0, 61_000.0  # ms


def trains(times_of):
    """Flat times and nodes of a list of trains."""
    times = np.concatenate(times_of)
    return times, np.repeat(np.arange(len(times_of)), [len(train) for train in times_of])


def poisson(rate, generator):
    return np.sort(generator.uniform(BEGIN, END, generator.poisson(rate * (END - BEGIN) * 1e-3)))


def test_clocks_are_regular():
    """Catches rates per second confused with per millisecond, and intervals across neurons."""
    times, nodes = trains([np.arange(BEGIN + 1 + shift, END, 100.0) for shift in (0.0, 31.0, 62.0)])
    found = spike_statistics(times, nodes, 4, BEGIN, END)
    assert found.rate == pytest.approx(7.5)  # three neurons at 10 Hz and a silent one
    assert found.interval_cv == pytest.approx(0.0, abs=1e-12)
    assert found.silent == 0.25


def test_independent_poisson_trains():
    """Catches a CV or a correlation that is biased."""
    generator = np.random.default_rng(1)
    times, nodes = trains([poisson(8.0, generator) for _ in range(60)])
    found = spike_statistics(times, nodes, 60, BEGIN, END)
    assert found.rate == pytest.approx(8.0, rel=0.05)
    assert found.interval_cv == pytest.approx(1.0, abs=0.02)
    assert found.count_correlation == pytest.approx(0.0, abs=0.005)


def test_correlation_of_pairs_against_numpy_and_truth():
    """Catches a mean that includes each neuron with itself, and silent neurons that make it nan."""
    generator = np.random.default_rng(2)
    common = poisson(3.0, generator)
    parts = [np.sort(np.concatenate([common, poisson(7.0, generator)])) for _ in range(30)]
    times, nodes = trains([*parts, np.empty(0)])
    found = spike_statistics(times, nodes, 31, BEGIN, END, bin_width=50.0)
    counts = np.array([np.histogram(part, np.arange(BEGIN, END + 1, 50.0))[0] for part in parts])
    matrix = np.corrcoef(counts)
    assert found.count_correlation == pytest.approx(matrix[np.triu_indices(30, 1)].mean(), rel=1e-9)
    assert found.count_correlation == pytest.approx(0.3, abs=0.02)
    assert found.silent == pytest.approx(1 / 31)


def test_spikes_outside_the_stretch_do_not_count():
    """Catches a stretch whose ends are ignored; a spike at the beginning belongs to the window before."""
    times = np.array([999.0, 1000.0, 1000.1, 61_000.0, 61_000.1])
    assert spike_statistics(times, np.zeros(5, int), 1, BEGIN, END).rate == pytest.approx(2 / 60)


def test_too_few_spikes_give_no_number():
    """Catches a CV from a handful of intervals, which is too small on average, and a correlation of one train."""
    times = np.arange(BEGIN + 5, BEGIN + 1000, 100.0)  # 9 intervals
    found = spike_statistics(times, np.zeros(times.size, int), 2, BEGIN, END)
    assert np.isnan(found.interval_cv)
    assert np.isnan(found.count_correlation)
    nothing = spike_statistics(np.empty(0), np.empty(0, int), 2, BEGIN, END)
    assert (nothing.rate, nothing.silent) == (0.0, 1.0)


def test_order_of_spikes_does_not_matter():
    """Catches intervals taken in the order of the file."""
    generator = np.random.default_rng(3)
    times, nodes = trains([poisson(8.0, generator) for _ in range(5)])
    order = generator.permutation(times.size)
    one, other = (spike_statistics(times[i], nodes[i], 5, BEGIN, END) for i in (np.argsort(times), order))
    assert one == pytest.approx(other)
