"""Doses of drugs: boluses and constant infusions into the compartments of the body."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, Field, StrictInt, StrictStr

from ketasim.documents import DoseAmount
from ketasim.documents.validation import WHOLE, Amount, Quantity, Record, named
from ketasim.drugs import ROUTE_SYNONYMS
from ketasim.exposures.exposure import Exposure

_FromZero = Annotated[float, Ge(0), Quantity("s")]

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Setting


def _lower(name: Any) -> Any:
    """Name of a drug as drug files write it: in lower case."""
    return name.strip().lower() if isinstance(name, str) else name


class Repeat(Record):
    """Repetition of a dose at equal intervals."""

    every: Annotated[float, Gt(0), Quantity("s")] = Field(description="time from one start to the next, such as 3.5 d")
    count: Annotated[StrictInt, Ge(1), Le(10_000), WHOLE] = Field(description="total number of doses")


class Dose(Record):
    """One dose, or a series of equal ones."""

    drug: Annotated[StrictStr, BeforeValidator(_lower)] = Field(description="name of a drug, see `ketasim drugs`")
    route: Annotated[StrictStr, named(ROUTE_SYNONYMS)] = Field(
        description="how it is given, such as intravenous, or iv, im, in, sc, sl, po, pr, ip in any case"
    )
    amount: Annotated[DoseAmount, Amount()] | None = Field(
        default=None,
        description="amount, such as 0.5 mg/kg, 500 ug/kg, 35 mg or 2 umol/kg, of the compound as in its drug file "
        "(of ketamine the base); may be left out only for a drug without compounds",
    )
    rate: Annotated[DoseAmount, Amount(per_hour=True)] | None = Field(
        default=None,
        description="rate of an infusion in place of an amount, such as 0.75 mg/kg/h or 5 ug/kg/min; needs a duration",
    )
    start: _FromZero = Field(default=0.0, description="start after time zero, by default 0 s")
    duration: _FromZero = Field(
        default=0.0,
        description="length of an infusion, or time over which an amount is taken; 0 s, the default, is a bolus",
    )
    repeat: Repeat | None = Field(default=None, description="repetition, such as {every: 3.5 d, count: 8}")

    def milligrams(self, weight: float, molar_mass: float) -> float:
        """Amount of each dose of the series in mg.

        Parameters
        ----------
        weight : float
            Body weight in kg.
        molar_mass : float
            g/mol of the drug, used for amounts in mol only.
        """
        if self.rate is not None:
            return self.rate.milligrams(weight, molar_mass) * self.duration / 3600.0
        return self.amount.milligrams(weight, molar_mass) if self.amount else 0.0

    @property
    def in_moles(self) -> bool:
        """Whether the amount is an amount of substance, which takes a molar mass to be one in mg."""
        amount = self.amount or self.rate
        return amount is not None and amount.unit.startswith("umol")

    @property
    def starts(self) -> tuple[float, ...]:
        """Start of each dose of the series in s."""
        every = self.repeat.every if self.repeat else 0.0
        return tuple(self.start + number * every for number in range(self.count))

    @property
    def count(self) -> int:
        """Number of doses in the series."""
        return self.repeat.count if self.repeat else 1

    @property
    def last(self) -> float:
        """Start of the last dose of the series in s."""
        return self.start + (self.count - 1) * self.repeat.every if self.repeat else self.start


class Administration(NamedTuple):
    """One dose of a series: amount in mg, start and duration in s (0: bolus)."""

    drug: str
    route: str
    amount: float
    start: float
    duration: float

    @property
    def end(self) -> float:
        """End of the infusion in s; the start of a bolus."""
        return self.start + self.duration

    def row(self) -> dict[str, Any]:
        """Return the dose as stored under /events."""
        drug, route, amount, start, duration = self
        return {
            "kind": "dose",
            "drug": drug,
            "route": route,
            "amount_mg": amount,
            "start_s": start,
            "duration_s": duration,
        }


def times(events: Iterable[Administration], setting: "Setting") -> set[float]:
    """Times in s at which the input changes: starts and ends, plus the lag of the route."""
    return {edge for event in events for edge in span(event, setting)}


def span(event: Administration, setting: "Setting") -> tuple[float, float]:
    """Return when the input of a dose starts and ends, in s: the lag of the route after the dose itself."""
    lag = setting.compartments.lags[event.drug, event.route]
    return event.start + lag, event.end + lag


def inputs(events: Sequence[Administration], setting: "Setting", begin: float, end: float) -> Mapping[str, np.ndarray]:
    """Bolus (mg) at the start of a step and infusion rate (mg/s) during it, (n_compartments,) each."""
    compartments = setting.compartments
    bolus, rate = np.zeros(len(compartments.names)), np.zeros(len(compartments.names))
    for event in events:
        entry = compartments.entry(event.drug, event.route, event.amount)
        lag = compartments.lags[event.drug, event.route]
        if event.duration == 0.0:
            if begin <= event.start + lag < end:
                bolus += event.amount * entry
        elif event.start + lag < end and event.end + lag > begin:
            rate += event.amount / event.duration * entry
    return {"bolus": bolus, "infusion_rate": rate}


DOSES = Exposure("dose", Dose, inputs, sets=("bolus", "infusion_rate"), times=times, span=span)
