"""Running estimates of network activity from short windows, with standard errors.

A window is a short, noisy sample, so mechanisms never read a single window average. Per node and signal an
exponentially weighted mean over windows is kept. Its memory grows while nothing that the network reads changes; after a
change it is cut to a given length, which limits the weight of earlier windows. With memory M (s of network time) a
window of w s has weight ``g = w / (M + w)``, and the variance of the mean follows
``s2 -> (1 - g)**2 s2 + g**2 s_w2``; s_w2, the variance of one window, is measured in the baseline and assumed to be
proportional to the mean, as for counts.

Mechanisms read node estimates shrunk toward their class (empirical-Bayes shrinkage). With b the node's baseline mean, r
the class mean relative to baseline and x the node's running mean, the estimate is ``r b + k (x - r b)`` with
``k = V / (V + SE**2)``: SE is the standard error of a node, V the variance of ``x - r b`` between nodes in excess of
SE**2. A class that changes uniformly (k = 0) keeps the pattern of its baseline, so that noise causes no bias in
nonlinear mechanisms. Deviations of single nodes pass as far as they can be told from noise, limited so that the noise
that passes (``k SE``) is at most 1 % of the class mean: slow mechanisms integrate what they read, and more noise would
drive neurons apart, raising V and hence k. At rest every signal equals its baseline mean.

Once inputs have come back near rest from afar, the baseline's means count again beside what is measured, as network
time ``p`` (s): the estimate is ``b + M / (M + p) (x - b)``, and its variance that of ``M + p``. The sampler sets p by
the distance of the inputs from rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ketasim.config.schedule import Sampling
from ketasim.engines.engine import class_means

#: Least number of batches in a baseline, if it has that many windows.
_FEWEST_BATCHES = 8


@dataclass(eq=False)
class Estimates:
    """Exponentially weighted means of the network's signals, and their variances.

    Attributes
    ----------
    mean, baseline : dict of str to (n,) array
        Running mean of each node by signal, and its mean over the baseline.
    variance : dict of str to (P,) array
        Squared standard error of the class mean.
    node_variance : dict of str to (P,) array
        Squared standard error of a node's mean, the same for all nodes of a class.
    baseline_variance, baseline_node_variance : dict of str to (P,) array
        The same for means over the baseline.
    window_variance, window_node_variance : dict of str to (P,) array
        The same for one window of the baseline.
    memory, baseline_memory : float
        Network time in s that the running means and the baseline means rest on.
    prior : float
        Network time in s that the baseline means count for beside the running means.
    class_start : (P + 1,) array
        First node of each class, and the number of nodes.
    """

    mean: dict[str, np.ndarray]
    baseline: dict[str, np.ndarray]
    variance: dict[str, np.ndarray]
    node_variance: dict[str, np.ndarray]
    baseline_variance: dict[str, np.ndarray]
    baseline_node_variance: dict[str, np.ndarray]
    window_variance: dict[str, np.ndarray]
    window_node_variance: dict[str, np.ndarray]
    memory: float
    baseline_memory: float
    class_start: np.ndarray
    prior: float = 0.0

    @property
    def worth(self) -> float:
        """Network time in s that the estimates rest on."""
        return self.memory + self.prior

    def take(self, window: Mapping[str, np.ndarray], seconds: float) -> None:
        """Update with a window of `seconds`; `window` holds (n,) averages by name."""
        gain = seconds / (self.memory + seconds)
        for name, values in window.items():
            self.mean[name] = (1.0 - gain) * self.mean[name] + gain * values
            level = self._level(name)
            for kept, one in (
                (self.variance, self.window_variance),
                (self.node_variance, self.window_node_variance),
            ):
                kept[name] = (1.0 - gain) ** 2 * kept[name] + gain**2 * level * one[name]
        self.memory += seconds

    def shorten(self, memory: float) -> None:
        """Limit the weight of the estimates so far to `memory` s of network time."""
        self.memory = min(self.memory, memory)

    def recall_baseline(self) -> None:
        """Return to the baseline estimates."""
        self.mean, self.memory = dict(self.baseline), self.baseline_memory
        self.variance, self.node_variance = dict(self.baseline_variance), dict(self.baseline_node_variance)

    def signals(self) -> dict[str, np.ndarray]:
        """Node estimates after shrinkage, (n,) by name, as mechanisms read them."""
        return {name: self._shrunk(name) for name in self.mean}

    def population(self) -> dict[str, np.ndarray]:
        """Class means, (P,) by name."""
        return {name: self._class_means(self._with_prior(name)) for name in self.mean}

    def standard_error(self) -> dict[str, np.ndarray]:
        """Standard errors of the class means, (P,) by name."""
        return {name: np.sqrt(self._variance(name)) for name in self.mean}

    def spike_counts(self, window: float) -> tuple[np.ndarray, np.ndarray]:
        """Statistics of spike counts in the windows of the baseline, of `window` s each.

        Returns
        -------
        (array, array)
            (P,) variance over mean of a neuron's counts, and (P,) mean correlation between neurons of a class; NaN
            where there are no spikes, too few windows, or a single neuron.
        """
        rate, sizes = self._class_means(self.baseline["firing_rate"]), np.diff(self.class_start)
        of_mean, of_node = self.window_variance["firing_rate"], self.window_node_variance["firing_rate"]
        with np.errstate(divide="ignore", invalid="ignore"):
            return of_node * window / rate, (sizes * of_mean / of_node - 1.0) / (sizes - 1.0)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as plain arrays, for a file or a checkpoint."""
        tables = {f"{table}/{name}": values for table in _TABLES for name, values in getattr(self, table).items()}
        return tables | {name: np.array(getattr(self, name)) for name in (*_NUMBERS, "class_start")}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Return the estimates from their `arrays`."""
        tables: dict[str, Any] = {table: {} for table in _TABLES}
        for key, values in arrays.items():
            table, _, name = key.partition("/")
            if table in tables:
                tables[table][name] = values
        tables |= {name: float(arrays[name]) for name in _NUMBERS}
        return cls(**tables, class_start=arrays["class_start"])

    @property
    def _share(self) -> float:
        """Share of the running means in the estimates."""
        return self.memory / self.worth if self.prior else 1.0

    def _with_prior(self, name: str) -> np.ndarray:
        """Means of one signal: the running ones and, as far as they count, those of the baseline."""
        mean, baseline = self.mean[name], self.baseline[name]
        return baseline + self._share * (mean - baseline) if self.prior else mean

    def _variance(self, name: str) -> np.ndarray:
        """Squared standard error of class means; baseline means count as if measured for `prior` s only."""
        if not self.prior:
            return self.variance[name]
        of_prior = self.baseline_variance[name] * self.baseline_memory * self.prior / self.worth**2
        return self._share**2 * self.variance[name] + of_prior

    def _shrunk(self, name: str) -> np.ndarray:
        """Estimates of one signal, shrunk toward the baseline pattern scaled to the present class mean."""
        mean, baseline = self._with_prior(name), self.baseline[name]
        level = self._class_means(mean)
        base = self._class_means(baseline)
        spread_out = self._spread_out
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = np.where(spread_out(base) != 0.0, baseline * spread_out(level / base), spread_out(level))
        apart = mean - expected
        noise = self._share**2 * (self.node_variance[name] + self.baseline_node_variance[name])
        seen = self._class_means(apart**2)  # V + SE**2
        kept = np.fmax(0.0, 1.0 - np.divide(noise, seen, out=np.ones_like(seen), where=seen > 0.0))  # 0 for NaN
        most = Sampling().node_noise * np.abs(level)
        kept = np.fmin(kept, np.divide(most, np.sqrt(noise), out=np.ones_like(seen), where=noise > 0.0))
        return expected + spread_out(kept) * apart

    def _level(self, name: str) -> np.ndarray:
        """Class means relative to baseline; NaN if the baseline was 0 but the mean is not: its noise is unknown."""
        base, now = self._class_means(self.baseline[name]), self._class_means(self.mean[name])
        silent = np.where(now == 0.0, 1.0, np.nan)
        return np.abs(np.divide(now, base, out=silent, where=base != 0.0))

    def _class_means(self, values: np.ndarray) -> np.ndarray:
        return class_means(values, self.class_start)

    def _spread_out(self, values: np.ndarray) -> np.ndarray:
        return np.repeat(values, np.diff(self.class_start))


_NUMBERS = ("memory", "baseline_memory", "prior")
_TABLES = tuple(name for name in Estimates.__dataclass_fields__ if name not in (*_NUMBERS, "class_start"))


class BaselineStatistics:
    """Collects the windows of a baseline and computes the first estimates; standard errors are from batch means.

    Parameters
    ----------
    class_start : (P + 1,) array
        First node of each class, and the number of nodes.
    window : float
        Length of a window in s.
    n_windows : int
        Number of windows in the baseline.
    """

    def __init__(self, class_start: np.ndarray, window: float, n_windows: int):
        self._class_start, self._window = class_start, window
        self._batch = max(1, min(round(Sampling().batch / window), n_windows // _FEWEST_BATCHES))
        self._count = 0
        self._batches = 0
        self._sums: dict[str, np.ndarray] = {}  # sums of: windows, squares, this batch, batch means, their squares
        self._rows: dict[str, list[np.ndarray]] = {}

    def add(self, window: Mapping[str, np.ndarray], population: Mapping[str, np.ndarray]) -> None:
        """Add one window: (n,) averages by name, and their class means (P,)."""
        self._count += 1
        ends_batch = self._count % self._batch == 0
        self._batches += ends_batch
        for name, values in window.items():
            sums = self._sums.setdefault(name, np.zeros((5, values.size)))
            sums[0] += values
            sums[1] += values**2
            sums[2] += values
            if ends_batch:
                mean = sums[2] / self._batch
                sums[3] += mean
                sums[4] += mean**2
                sums[2] = 0.0
            self._rows.setdefault(name, []).append(population[name])

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything so far, as plain arrays."""
        arrays = {f"sums/{name}": sums for name, sums in self._sums.items()}
        arrays |= {f"rows/{name}": np.array(rows) for name, rows in self._rows.items()}
        return arrays | {"counts": np.array([self._count, self._batches], np.int64)}

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._count, self._batches = arrays["counts"].tolist()
        self._sums, self._rows = {}, {}
        for key, values in arrays.items():
            table, _, name = key.partition("/")
            if table == "sums":
                self._sums[name] = np.array(values)
            elif table == "rows":
                self._rows[name] = list(values)

    def estimates(self) -> Estimates:
        """Estimates with the whole baseline as memory; standard errors are NaN with fewer than two windows."""
        mean, variance, node_variance, window_variance, window_node_variance = ({} for _ in range(5))
        for name, sums in self._sums.items():
            rows = np.array(self._rows[name])
            batches = rows[: self._batches * self._batch].reshape(self._batches, self._batch, -1).mean(axis=1)
            mean[name] = sums[0] / self._count
            window_variance[name] = _variance(rows.sum(axis=0), (rows**2).sum(axis=0), self._count)
            variance[name] = _variance(batches.sum(axis=0), (batches**2).sum(axis=0), self._batches) / self._batches
            window_node_variance[name] = self._class_means(_variance(sums[0], sums[1], self._count))
            of_batches = self._class_means(_variance(sums[3], sums[4], self._batches))
            node_variance[name] = of_batches / self._batches
        return Estimates(
            mean=mean,
            baseline=dict(mean),
            variance=variance,
            node_variance=node_variance,
            baseline_variance=dict(variance),
            baseline_node_variance=dict(node_variance),
            window_variance=window_variance,
            window_node_variance=window_node_variance,
            memory=self._count * self._window,
            baseline_memory=self._count * self._window,
            class_start=self._class_start,
        )

    def _class_means(self, values: np.ndarray) -> np.ndarray:
        return class_means(values, self._class_start)


def _variance(total: np.ndarray, of_squares: np.ndarray, count: int) -> np.ndarray:
    """Unbiased variance from sums; NaN for fewer than two values."""
    if count < 2:
        return np.full_like(total, np.nan)
    return np.maximum(0.0, of_squares - total**2 / count) / (count - 1)
