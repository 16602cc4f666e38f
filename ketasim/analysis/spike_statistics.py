"""Rate, irregularity and correlation of a population's spikes."""

from typing import NamedTuple

import numpy as np


class SpikeStatistics(NamedTuple):
    """Statistics of one population in one time interval.

    Attributes
    ----------
    rate : float
        Firing rate in Hz, mean over neurons.
    interval_cv : float
        Coefficient of variation of interspike intervals, mean over neurons with at least `MINIMUM_INTERVALS`; nan if
        there are none.
    count_correlation : float
        Pearson correlation of spike counts, mean over pairs of neurons whose counts vary; nan if there are none.
    silent : float
        Fraction of neurons without a spike.
    """

    rate: float
    interval_cv: float
    count_correlation: float
    silent: float


#: With fewer intervals the CV of a neuron is biased too low to be used.
MINIMUM_INTERVALS = 10


def spike_statistics(
    times: np.ndarray, nodes: np.ndarray, n_nodes: int, begin: float, end: float, bin_width: float = 100.0
) -> SpikeStatistics:
    """Return statistics of the spikes between `begin` and `end`.

    Parameters
    ----------
    times : (S,) array
        Spike times, ms.
    nodes : (S,) array of int
        Neuron of each spike, from 0 to `n_nodes` - 1.
    n_nodes : int
        Number of neurons.
    begin, end : float
        Interval in ms, which must have been recorded without gaps.
    bin_width : float
        Width of the bins of spike counts, ms.

    Returns
    -------
    SpikeStatistics
        The statistics.

    Notes
    -----
    The mean over pairs is computed from the variance of the sum of standardised counts, without a matrix of pairs.
    """
    inside = (times > begin) & (times <= end)
    times, nodes = times[inside], nodes[inside]
    n_bins = int((end - begin) / bin_width)
    bins = np.minimum(((times - begin) / bin_width).astype(int), n_bins - 1)
    counts = np.zeros((n_nodes, n_bins))
    np.add.at(counts, (nodes, bins), 1.0)
    return SpikeStatistics(
        rate=times.size / n_nodes / (end - begin) * 1e3,
        interval_cv=_mean_interval_cv(times, nodes),
        count_correlation=_mean_correlation(counts),
        silent=float(np.mean(counts.sum(axis=1) == 0)),
    )


def _mean_interval_cv(times: np.ndarray, nodes: np.ndarray) -> float:
    order = np.lexsort((times, nodes))
    intervals = np.diff(times[order])
    owner = nodes[order][1:]
    within = np.diff(nodes[order]) == 0
    intervals, owner = intervals[within], owner[within]
    values = [
        part.std(ddof=1) / part.mean()
        for part in np.split(intervals, np.flatnonzero(np.diff(owner)) + 1)
        if part.size >= MINIMUM_INTERVALS
    ]
    return float(np.mean(values)) if values else float("nan")


def _mean_correlation(counts: np.ndarray) -> float:
    varying = counts[counts.std(axis=1) > 0]
    n = varying.shape[0]
    if n < 2:
        return float("nan")
    standard = (varying - varying.mean(axis=1, keepdims=True)) / varying.std(axis=1, keepdims=True)
    return float((np.mean(standard.sum(axis=0) ** 2) - n) / (n * (n - 1)))
