"""A temporary change of the rate of background spikes to every neuron of one population."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Le
from pydantic import Field, StrictStr

from ketasim.documents.validation import Quantity, unknown
from ketasim.exposures.exposure import Exposure, Findings, TimedExposure

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Setting


class Afferents(TimedExposure):
    """A change of the rate of background afferents."""

    kind: Literal["afferents"] = Field(description="kind of stimulus: afferents, the rate of background spikes")
    population: StrictStr = Field(description="name of the population")
    rate: Annotated[float, Ge(-1e6), Le(1e6), Quantity("Hz")] = Field(
        description="added to the background rate of each neuron; the sum must not be negative"
    )


def inputs(events: Sequence[Afferents], setting: "Setting", begin: float, end: float) -> Mapping[str, np.ndarray]:
    """Rates (P,) in 1/ms added by events in progress at `begin`, summed over events."""
    names = setting.topology.population_names if setting.topology else ()
    rates = np.zeros(len(names))
    for event in events:
        if event.begin <= begin < event.end:
            rates[names.index(event.population)] += event.rate * 1e-3
    return {"afferent_rate": rates}


def check(events: Sequence[Afferents], experiment: Any) -> Findings:
    """Find unknown populations and rates that would become negative."""
    populations, totals = experiment.populations, _totals(events)
    for number, event in enumerate(events):
        if event.population not in populations:
            yield (number, "population"), unknown("population", event.population, populations)
            continue
        own, total = populations[event.population].afferent_rate, _lowest(event, *totals[event.population])
        if own + total < -1e-9:
            yield (
                (number, "rate"),
                f"would make the background rate of {event.population} negative: it is {1e3 * own:g} Hz, and stimuli "
                f"add {1e3 * total:g} Hz",
            )


def _totals(events: Sequence[Afferents]) -> dict[str, tuple[list[float], list[float]]]:
    """By population: times in s at which the summed rate of its events changes, and the sum from then on in 1/ms."""
    changes: dict[str, dict[float, float]] = {}
    for event in events:
        own = changes.setdefault(event.population, {})
        own[event.begin] = own.get(event.begin, 0.0) + 1e-3 * event.rate
        own[event.end] = own.get(event.end, 0.0) - 1e-3 * event.rate
    return {
        name: (sorted(own), list(accumulate(own[moment] for moment in sorted(own)))) for name, own in changes.items()
    }


def _lowest(event: Afferents, moments: list[float], totals: list[float]) -> float:
    """Lowest summed rate of all events to a population during this one, in 1/ms; 0 if this one is not negative."""
    if event.rate >= 0.0:
        return 0.0
    return min(totals[bisect_left(moments, event.begin) : bisect_left(moments, event.end)])


AFFERENTS = Exposure("afferents", Afferents, inputs, sets=("afferent_rate",), check=check)
