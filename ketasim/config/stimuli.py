"""Checks stimuli of an experiment against its network and schedule."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from ketasim.config.models import NetworkFile
from ketasim.documents.units import in_words
from ketasim.exposures import DOSES, Exposure
from ketasim.signals import SIGNALS

if TYPE_CHECKING:
    from ketasim.config.experiment import Experiment
    from ketasim.network.cell_classes import CellClass

_Finding = tuple[tuple[str | int, ...], str]


def populations_of(experiment: "Experiment") -> Mapping[str, "CellClass"]:
    """Populations that the network of an experiment may have, with cell parameters; empty without a network."""
    from ketasim.network.synapses import PREFRONTAL

    if experiment.network is None:
        return {}
    return experiment.circuit.tables.cells if experiment.circuit else PREFRONTAL.cells


def stimulus_findings(experiment: "Experiment") -> Iterator[_Finding]:
    """Yield (path, message) for each stimulus that is not possible."""
    network = experiment.network
    numbers = {id(stimulus): number for number, stimulus in enumerate(experiment.stimuli)}
    for exposure, events in experiment.exposures.items():
        if exposure is DOSES or not events:
            continue
        if network is None and _is_of_network(exposure):
            yield ("stimuli",), "there is no network to stimulate (network: none)"
        elif exposure.check is not None and not (isinstance(network, NetworkFile) and not network.file.is_file()):
            for (at, *path), message in exposure.check(events, experiment):
                yield ("stimuli", numbers[id(events[int(at)])], *path), message
    for number, stimulus in enumerate(experiment.stimuli):
        if stimulus.begin >= experiment.duration:
            start, end = in_words(stimulus.begin), in_words(experiment.duration)
            yield ("stimuli", number, "start"), f"starts at {start}; the run ends at {end}"
    if network is not None:
        yield from _too_close(experiment)


def _is_of_network(exposure: Exposure) -> bool:
    """Whether the network reads a signal that an exposure sets."""
    return any(name in SIGNALS and {"node", "population"} & set(SIGNALS[name].dims) for name in exposure.sets)


def _too_close(experiment: "Experiment") -> Iterator[_Finding]:
    """Require that at least one window fits between successive starts and ends of stimuli to the network."""
    schedule, end = experiment.schedule, experiment.duration
    least = schedule.settle + schedule.window
    kinds = [one.kind for one in experiment.exposures if _is_of_network(one)]
    # of several with the same edge, the first is named
    numbered = [(number, one) for number, one in enumerate(experiment.stimuli) if one.kind in kinds][::-1]
    stimulus_edges = {edge: number for number, stimulus in numbered for edge in (stimulus.begin, stimulus.end)}
    others = {edge for one in experiment.all_stimuli for edge in (one.begin, one.end)}
    others |= {edge for dose in experiment.doses for start in dose.starts for edge in (start, start + dose.duration)}
    edges = sorted({edge for edge in (0.0, experiment.begin, *stimulus_edges, *others) if edge < end})
    for one, other in pairwise(edges):
        number = stimulus_edges.get(other, stimulus_edges.get(one))
        if number is not None and other - one < least - 1e-9:
            message = (
                f"no window fits between {in_words(one)} and {in_words(other)}, where stimuli or doses start or end; "
                f"settle + window take {in_words(least)}: shorten them, or move the stimulus"
            )
            yield ("stimuli", number), message
