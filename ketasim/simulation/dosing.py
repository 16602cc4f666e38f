"""What enters the body when: doses as boluses and constant infusions into compartments."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ketasim.config import Dose
from ketasim.drugs.compartments import Compartments


@dataclass(frozen=True)
class Administration:
    """One dose of a series: drug, route, amount in mg, start and duration in s (0: bolus)."""

    drug: str
    route: str
    amount: float
    start: float
    duration: float

    @property
    def end(self) -> float:
        """End of the infusion in s; the start of a bolus."""
        return self.start + self.duration


def administrations(doses: Iterable[Dose], weight: float) -> list[Administration]:
    """Every single dose in order of time, in mg for a body of `weight` kg."""
    found = [
        Administration(
            dose.drug, dose.route, dose.amount.milligrams(weight) if dose.amount else 0.0, start, dose.duration
        )
        for dose in doses
        for start in dose.starts
    ]
    return sorted(found, key=lambda dose: dose.start)


def event_times(doses: Iterable[Administration], compartments: Compartments) -> list[float]:
    """Times in s at which the input changes: starts and ends, delayed by the lag of the route."""
    times = set()
    for dose in doses:
        lag = compartments.lags[dose.drug, dose.route]
        times |= {dose.start + lag, dose.end + lag}
    return sorted(times)


def inputs(
    doses: Iterable[Administration], compartments: Compartments, begin: float, end: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bolus (mg) at the start of a step and infusion rate (mg/s) during it, (n_compartments,) each.

    The step from `begin` to `end` (s) must not have an event inside; see `event_times`.
    """
    bolus, rate = np.zeros(len(compartments.names)), np.zeros(len(compartments.names))
    for dose in doses:
        entry = compartments.entries[dose.drug, dose.route]
        lag = compartments.lags[dose.drug, dose.route]
        if dose.duration == 0.0:
            if begin <= dose.start + lag < end:
                bolus += dose.amount * entry
        elif dose.start + lag < end and dose.end + lag > begin:
            rate += dose.amount / dose.duration * entry
    return bolus, rate
