"""Running estimates the slow way: a list of what is known with weights, summed up anew for every question."""

from typing import NamedTuple


class Part(NamedTuple):
    """One thing that is known of a signal: the whole baseline, or a window."""

    weight: float  # s of network time that it counts for
    values: list  # (n,) mean of each node
    variance: list  # (P,) of the class mean
    node_variance: list  # (P,) of a node


class SlowEstimates:
    """One signal of one network; `classes` are lists of nodes.

    baseline : its mean over the baseline, variances of that mean, and the time behind it; `window_variance` and
        `window_node_variance` are (P,) those of one window.
    """

    def __init__(self, classes, baseline: Part, window_variance, window_node_variance):
        self.classes, self.baseline = classes, baseline
        self.window_variance, self.window_node_variance = window_variance, window_node_variance
        self.parts = [baseline]
        self.prior = 0.0  # s of network time that the baseline counts for beside the parts

    @property
    def memory(self):
        return sum(part.weight for part in self.parts)

    def take(self, values, seconds):
        nothing = [0.0] * len(self.classes)
        self.parts.append(Part(seconds, list(values), nothing, nothing))
        level = [abs(self._level(index)) for index in range(len(self.classes))]
        variance = [one * factor for one, factor in zip(self.window_variance, level, strict=True)]
        node_variance = [one * factor for one, factor in zip(self.window_node_variance, level, strict=True)]
        self.parts[-1] = Part(seconds, list(values), variance, node_variance)

    def shorten(self, memory):
        factor = min(1.0, memory / self.memory)
        self.parts = [part._replace(weight=part.weight * factor) for part in self.parts]

    def recall_baseline(self):
        self.parts = [self.baseline]

    def mean_with_prior(self):
        share = self.memory / (self.memory + self.prior)
        return [share * x + (1.0 - share) * b for x, b in zip(self.mean(), self.baseline.values, strict=True)]

    def variance_with_prior(self, index):
        """That of the parts, and of a baseline which were only as long as it counts."""
        share = self.memory / (self.memory + self.prior)
        variance = share**2 * self.variance(index)
        if self.prior:
            total = self.memory + self.prior
            variance += self.prior * self.baseline.weight * self.baseline.variance[index] / total / total
        return variance

    def mean(self):
        total = self.memory
        nodes = range(len(self.baseline.values))
        return [sum(part.weight * part.values[node] for part in self.parts) / total for node in nodes]

    def class_mean(self, index, values):
        members = self.classes[index]
        return sum(values[node] for node in members) / len(members)

    def variance(self, index):
        return sum((part.weight / self.memory) ** 2 * part.variance[index] for part in self.parts)

    def node_variance(self, index):
        return sum((part.weight / self.memory) ** 2 * part.node_variance[index] for part in self.parts)

    def signals(self):
        """Node estimates, drawn toward the baseline's pattern at the class's level."""
        mean, base, found = self.mean_with_prior(), self.baseline.values, [0.0] * len(self.baseline.values)
        for index, members in enumerate(self.classes):
            level = self.class_mean(index, mean)
            resting = self.class_mean(index, base)
            expected = {node: base[node] * level / resting if resting else level for node in members}
            seen = sum((mean[node] - expected[node]) ** 2 for node in members) / len(members)  # V + SE**2
            share = self.memory / (self.memory + self.prior)
            noise = share**2 * (self.node_variance(index) + self.baseline.node_variance[index])
            kept = max(0.0, seen - noise) / seen if seen > 0.0 else 0.0
            if noise > 0.0:  # no more noise than 1 % of the class mean
                kept = min(kept, 0.01 * abs(level) / noise**0.5)
            for node in members:
                found[node] = expected[node] + kept * (mean[node] - expected[node])
        return found

    def _level(self, index):
        resting = self.class_mean(index, self.baseline.values)
        now = self.class_mean(index, self.mean())
        return now / resting if resting else float("nan") if now else 1.0
