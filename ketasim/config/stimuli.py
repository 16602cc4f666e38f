"""Whether the stimuli of an experiment fit its network and its schedule."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from ketasim.config.models import NetworkFile, Stimulus
from ketasim.documents import format_quantity
from ketasim.documents.validation import unknown

if TYPE_CHECKING:
    from ketasim.config.experiment import Experiment
    from ketasim.network.cell_classes import CellClass

_Finding = tuple[tuple[str | int, ...], str]


def populations_of(experiment: "Experiment") -> Mapping[str, "CellClass"]:
    """Populations that the network of an experiment may have, with their constants; empty if there is no network."""
    from ketasim.network.synapses import PREFRONTAL

    if experiment.network is None:
        return {}
    return experiment.circuit.tables.cells if experiment.circuit else PREFRONTAL.cells


def stimulus_findings(experiment: "Experiment") -> Iterator[_Finding]:
    """Yield (path, message) for each stimulus that can't be given as it stands."""
    network = experiment.network
    if experiment.stimuli and network is None:
        yield ("stimuli",), "there is no network to stimulate (network: none)"
    if network is None or (isinstance(network, NetworkFile) and not network.file.is_file()):
        return
    populations, totals = populations_of(experiment), _totals(experiment.stimuli)
    for number, stimulus in enumerate(experiment.stimuli):
        path = ("stimuli", number)
        if stimulus.population not in populations:
            yield (*path, "population"), unknown("population", stimulus.population, populations)
        elif (total := _lowest(stimulus, *totals[stimulus.population])) + populations[
            stimulus.population
        ].afferent_rate < -1e-9:
            own = f"{1e3 * populations[stimulus.population].afferent_rate:g} Hz"
            message = f"would make the background of {stimulus.population} negative"
            yield (*path, "rate"), f"{message}: its own rate is {own}, stimuli add {1e3 * total:g} Hz"
        if stimulus.begin >= experiment.duration:
            start, end = in_words(stimulus.begin), in_words(experiment.duration)
            yield (*path, "start"), f"starts at {start}, not before the end of the run ({end})"
    yield from _too_close(experiment)


def _totals(stimuli: Sequence[Stimulus]) -> dict[str, tuple[list[float], list[float]]]:
    """By population: times in s at which the sum of its stimuli's rates changes, and that sum from then on in 1/ms."""
    changes: dict[str, dict[float, float]] = {}
    for stimulus in stimuli:
        own = changes.setdefault(stimulus.population, {})
        own[stimulus.begin] = own.get(stimulus.begin, 0.0) + 1e-3 * stimulus.rate
        own[stimulus.end] = own.get(stimulus.end, 0.0) - 1e-3 * stimulus.rate
    return {
        name: (sorted(own), list(accumulate(own[moment] for moment in sorted(own)))) for name, own in changes.items()
    }


def _lowest(stimulus: Stimulus, moments: list[float], totals: list[float]) -> float:
    """Least sum of the rates of all stimuli to a population while this one, if negative, goes on, in 1/ms."""
    if stimulus.rate >= 0.0:
        return 0.0
    return min(totals[bisect_left(moments, stimulus.begin) : bisect_left(moments, stimulus.end)])


def _too_close(experiment: "Experiment") -> Iterator[_Finding]:
    """Ask for stimuli between whose starts and ends at least one window fits."""
    schedule, end = experiment.schedule, experiment.duration
    least = schedule.settle + schedule.window
    numbered = reversed([*enumerate(experiment.stimuli)])  # the first of those that share an edge is named
    stimulus_edges = {edge: number for number, stimulus in numbered for edge in (stimulus.begin, stimulus.end)}
    dose_edges = {edge for dose in experiment.doses for start in dose.starts for edge in (start, start + dose.duration)}
    edges = sorted({edge for edge in (0.0, *stimulus_edges, *dose_edges) if edge < end})
    for one, other in pairwise(edges):
        number = stimulus_edges.get(other, stimulus_edges.get(one))
        if number is not None and other - one < least - 1e-9:
            message = (
                f"no window fits between {in_words(one)} and {in_words(other)}, where stimuli or doses start or end; "
                f"settle + window take {in_words(least)}: shorten them, or move the stimulus"
            )
            yield ("stimuli", number), message


def in_words(seconds: float) -> str:
    """Return a time as people write it: in the largest unit that leaves a short number."""
    for unit, factor in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds and abs(seconds) >= factor and round(seconds / factor, 3) * factor == seconds:
            return str(format_quantity(seconds / factor, unit))
    return str(format_quantity(seconds, "s"))
