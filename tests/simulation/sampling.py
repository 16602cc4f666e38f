"""What tests of the sampler share: a small network with a stored baseline, changes of what it reads, comparisons."""

import copy
import math

import numpy as np

from ketasim.engines import spiking
from ketasim.simulation import Simulation
from ketasim.simulation.sampler import NetworkSampler

SCHEDULE = {"baseline": "60 s", "settle": "50 ms", "window": "1 s", "step": "5 min"}
WITHOUT_LIMIT = math.inf


def new_sampler(experiment):
    """Sampler with a measured baseline, and the signals of rest."""
    simulation = Simulation(experiment)
    sampler = NetworkSampler(simulation.engine, experiment)
    sampler.measure_baseline(simulation.signals, None, True)
    return sampler, copy.deepcopy(simulation.signals)


def changed(signals, **factors):
    """Signals of which some are multiplied."""
    return {name: array * factors.get(name, 1.0) for name, array in signals.items()}


def afferents(start, duration, rate):
    """Stimulus to PYR; s, s, Hz."""
    times = {"start": f"{start} s", "duration": f"{duration} s", "rate": f"{rate} Hz"}
    return {"kind": "afferents", "population": "PYR", **times}


def broken_means(monkeypatch):
    """Let every window from now on find one gate without end while membranes are fine."""
    means = spiking.node_signals

    def broken(*arguments):
        signals = means(*arguments)
        signals["nmda_gating"][5] = np.inf
        return signals

    monkeypatch.setattr(spiking, "node_signals", broken)


def differing(first, second):
    """Names of the arrays that are not equal bit for bit."""
    assert first.keys() == second.keys()
    return [name for name in first if not np.array_equal(first[name], second[name], equal_nan=True)]
