"""Declaration of a kind of exposure: a model of its entries in an experiment, and the input signals that it sets.

Doses, rates of background afferents and kinds added by users all have this form. An exposure knows times; mechanisms
know only the input signals. Input signals are constant from one slow time to the next, and every event of an exposure
is a slow time, so no input changes within a step.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge
from pydantic import Field

from ketasim.documents.validation import Quantity, Record
from ketasim.signals import Signal

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Setting

#: Problems of an experiment: path within it, and message.
Findings = Iterator[tuple[tuple[str | int, ...], str]]


class TimedExposure(Record):
    """Base model of an exposure that begins and ends."""

    start: Annotated[float, Quantity("s")] = Field(description="start; negative before time zero, such as -21 d")
    duration: Annotated[float, Ge(1e-4), Quantity("s")] = Field(description="duration, such as 500 ms; at least 0.1 ms")

    @property
    def begin(self) -> float:
        """Start in s, rounded to fast steps of 0.1 ms."""
        return round(self.start, 4)

    @property
    def end(self) -> float:
        """End in s, rounded to fast steps of 0.1 ms."""
        return round(self.start + self.duration, 4)

    def row(self) -> dict[str, Any]:
        """Return the entry as stored under /events; keys of quantities end in their unit, as `level_ng_per_mL`."""
        return {key: getattr(self, name) for name, key in _keys(type(self)).items()}


def _keys(model: type[Record]) -> dict[str, str]:
    """Key under /events of each field of a model."""
    units = {
        name: next((item.unit for item in field.metadata if isinstance(item, Quantity)), "1")
        for name, field in model.model_fields.items()
    }
    endings = {unit: unit.replace("/", "_per_").replace("Hz", "hz") for unit in units.values()}
    return {name: name if unit == "1" else f"{name}_{endings[unit]}" for name, unit in units.items()}


def summed_intensity(
    signal: str, events: Sequence[Any], setting: "Setting", begin: float, end: float
) -> Mapping[str, np.ndarray]:
    """Intensity (scalar) of the events in progress at `begin`, summed over events, as `inputs` of one signal."""
    return {signal: np.array(sum(event.intensity for event in events if event.begin <= begin < event.end))}


def begins_and_ends(events: Iterable[Any], setting: "Setting") -> set[float]:
    """Times in s at which events with a begin and an end change their signals."""
    return {edge for event in events for edge in (event.begin, event.end)}


@dataclass(frozen=True)
class Exposure:
    """Declaration of one kind of exposure: the last lines of its file.

    Parameters
    ----------
    kind : str
        Its name under ``kind:`` in an experiment.
    Model : type of Record
        Model of an entry; see `TimedExposure`.
    inputs : callable
        Called as ``inputs(events, setting, begin, end)`` for a slow step that contains none of the `times`; returns
        the value of each signal of `sets` during the step, by name.
    sets : tuple of str
        Input signals that it sets; no other exposure may set them.
    signals : tuple of Signal
        Those of kind ``input`` among them that are not in the signal table.
    times : callable
        Called as ``times(events, setting)``; returns the times in s at which a signal changes.
    span : callable, optional
        Called as ``span(event, setting)``; returns the first and last time in s at which an event sets a signal.
        `inputs` then gets only the events that may matter, which is faster if there are thousands.
    check : callable, optional
        Called as ``check(events, experiment)``; yields problems as (path below the kind's entries, message).
    """

    kind: str
    Model: type[Record]
    inputs: Callable[[Sequence[Any], "Setting", float, float], Mapping[str, np.ndarray]]
    sets: tuple[str, ...]
    signals: tuple[Signal, ...] = ()
    times: Callable[[Sequence[Any], "Setting"], Iterable[float]] = begins_and_ends
    check: Callable[[Sequence[Any], Any], Findings] | None = None
    span: Callable[[Any, "Setting"], tuple[float, float]] | None = None
