"""Two sets of spikes of the same network: how many coincide, and how far apart their statistics are in errors."""

from typing import NamedTuple

import numpy as np

STEP = 0.1  # ms
BLOCK = 1000.0  # ms, stretches whose spread gives the errors
SEGMENT = 250  # ms, of the spectra: 4 Hz apart
BANDS = ((4.0, 12.0), (12.0, 30.0), (30.0, 60.0), (60.0, 120.0), (120.0, 250.0))  # Hz


class Estimate(NamedTuple):
    """A mean with its standard error."""

    mean: float
    error: float


def coincident(one, other, steps=1):
    """Share of the spikes of `one` that have a spike of the same neuron in `other` within `steps`, each used once."""
    found, total = 0, one[0].size
    for node in np.unique(one[1]):
        left = list(other[0][other[1] == node])
        for step in one[0][one[1] == node]:
            near = [candidate for candidate in left if abs(candidate - step) <= steps]
            if near:
                left.remove(near[0])
                found += 1
    return found / total


def statistics(spikes, class_start, begin, end):
    """Estimates by (quantity, class): rate in Hz, CV of intervals, count correlation, log power of population bands.

    spikes : (steps, nodes). The errors of the CV come from the spread over neurons, all others from that over blocks.
    """
    found = {}
    for c in range(class_start.size - 1):
        first, last = int(class_start[c]), int(class_start[c + 1])
        mine = (spikes[1] >= first) & (spikes[1] < last)
        times, nodes = spikes[0][mine] * STEP, spikes[1][mine] - first
        found["CV", c] = _estimate(_interval_cvs(times, nodes, begin, end))
        rates, correlations, powers = [], [], []
        for start in np.arange(begin, end - BLOCK / 2, BLOCK):
            inside = (times > start) & (times <= start + BLOCK)
            counts = _counts(times[inside] - start, nodes[inside], last - first)
            rates.append(counts.sum() / (last - first) / BLOCK * 1e3)
            correlations.append(_correlation(counts))
            powers.append(_log_powers(counts.sum(axis=0) / (last - first)))
        found["rate", c], found["correlation", c] = _estimate(rates), _estimate(correlations)
        for band, values in zip(BANDS, np.transpose(powers), strict=True):
            found[f"log power {band[0]:.0f}-{band[1]:.0f} Hz", c] = _estimate(values)
    return found


def distances(one, other):
    """Differences of two sets of estimates in units of their joint standard error."""
    return {key: (one[key].mean - other[key].mean) / np.hypot(one[key].error, other[key].error) for key in one}


def _estimate(values):
    values = np.asarray(values, float)
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size)))


def _interval_cvs(times, nodes, begin, end):
    inside = (times > begin) & (times <= end)
    trains = (np.sort(times[inside & (nodes == node)]) for node in np.unique(nodes))
    intervals = [np.diff(train) for train in trains if train.size > 10]
    return [part.std(ddof=1) / part.mean() for part in intervals]


def _counts(times, nodes, n):
    """Spikes of each neuron in each ms of a block."""
    counts = np.zeros((n, round(BLOCK)))
    np.add.at(counts, (nodes, np.minimum(np.ceil(times).astype(int) - 1, counts.shape[1] - 1)), 1.0)
    return counts


def _correlation(counts):
    """Mean correlation of counts in 50 ms over pairs of neurons."""
    coarse = counts.reshape(counts.shape[0], -1, 50).sum(axis=2)
    coarse = coarse[coarse.std(axis=1) > 0.0]
    standard = (coarse - coarse.mean(axis=1, keepdims=True)) / coarse.std(axis=1, keepdims=True)
    n = standard.shape[0]
    return (np.mean(standard.sum(axis=0) ** 2) - n) / (n * (n - 1))


def _log_powers(rate):
    from scipy.signal import welch

    frequency, power = welch(rate, fs=1e3, nperseg=SEGMENT)
    return [np.log(power[(frequency >= low) & (frequency < high)].mean()) for low, high in BANDS]
