"""Stimuli: what reaches the network from outside at a time, beside its constant background."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ketasim.config import Stimulus
from ketasim.documents import DocumentError, Problem
from ketasim.documents.validation import unknown
from ketasim.network.build import FAST_STEP, Network, poisson_thresholds


def stimulus_times(stimuli: Iterable[Stimulus]) -> set[float]:
    """Times in s at which a stimulus starts or ends."""
    return {edge for stimulus in stimuli for edge in (stimulus.begin, stimulus.end)}


def added_rates(stimuli: Iterable[Stimulus], populations: Sequence[str], time: float) -> np.ndarray:
    """Background spikes that stimuli add at a time (s), 1/ms for each population: (n_populations,).

    A stimulus counts from its start to before its end; those to one population add up.
    """
    rates = np.zeros(len(populations))
    for stimulus in stimuli:
        if stimulus.begin <= time < stimulus.end:
            rates[populations.index(stimulus.population)] += stimulus.rate * 1e-3
    return rates


def stimulated(network: Network, added: np.ndarray) -> Network:
    """Return the network with other rates of its background.

    added : (n_populations,) 1/ms, beside each population's own. What a spike of the background does stays, and with it
        the conductance of all gates open: there are not more axons, they fire more.
    """
    if not added.any():
        return network
    own = np.array([network.tables.cells[name].afferent_rate for name in network.topology.population_names])
    thresholds = poisson_thresholds(np.maximum(own + added, 0.0) * FAST_STEP)
    synapses = network.parameters.synapses._replace(afferent_thresholds=thresholds)
    return replace(network, parameters=network.parameters._replace(synapses=synapses))


def check_populations(stimuli: Sequence[Stimulus], network: Network | None) -> None:
    """Refuse stimuli to populations that the network, which may be a given graph, does not have.

    Raises
    ------
    DocumentError
        Names the stimulus and the populations there are.
    """
    names = network.topology.population_names if network else ()
    problems = [
        Problem(None, f"stimuli.{number}.population", unknown("population", stimulus.population, names))
        for number, stimulus in enumerate(stimuli)
        if stimulus.population not in names
    ]
    if problems:
        raise DocumentError(problems)
