"""Whether a network at rest fires as cortex does: rates, irregularity and correlation against stated ranges.

Irregularity is the variance of a neuron's spike counts over their mean (Fano factor), 1 for a Poisson process; in long
windows it is the squared CV of intervals. Correlation is the mean over pairs of neurons of one class.
"""

import json
from collections.abc import Mapping, Sequence
from math import inf, isnan, nan
from typing import Annotated, NamedTuple

from ketasim.sources import Source


class Ranges(NamedTuple):
    """Ranges of a resting network."""

    pyr_rate: Annotated[tuple[float, float], "Hz", Source("secondary", "calibration C0")] = (0.5, 3.0)
    pv_rate: Annotated[tuple[float, float], "Hz", Source("secondary", "calibration C0")] = (4.0, 15.0)
    sst_rate: Annotated[tuple[float, float], "Hz", Source("secondary", "calibration C0")] = (3.0, 10.0)
    other_rate: Annotated[
        tuple[float, float], "Hz", Source("assumed", "of any other class: neither silent nor at its limit")
    ] = (0.01, 100.0)
    variability: Annotated[tuple[float, float], "1", Source("secondary", "C0: CV of intervals 0.7-1.3, squared")] = (
        0.5,
        1.7,
    )
    correlation: Annotated[tuple[float, float], "1", Source("secondary", "C0: mean count correlation below 0.1")] = (
        -inf,
        0.1,
    )


class Resting(NamedTuple):
    """Activity of one class at rest.

    Attributes
    ----------
    rate : float
        Hz.
    variability : float
        Variance over mean of a neuron's spike counts in windows of the baseline; NaN if it never fired.
    correlation : float
        Mean correlation of spike counts between neurons; NaN for a single neuron.
    """

    rate: float
    variability: float
    correlation: float


def resting_text(activity: Mapping[str, Resting]) -> str:
    """Return activity by class as JSON, for a file; NaN as null.

    >>> resting_from(resting_text({"PV": Resting(1.0, 0.9, float("nan"))}))
    {'PV': Resting(rate=1.0, variability=0.9, correlation=nan)}
    """
    return json.dumps({name: [None if isnan(x) else x for x in one] for name, one in activity.items()})


def resting_from(text: str) -> dict[str, Resting]:
    """Return activity by class from its JSON."""
    found = json.loads(text)
    return {name: Resting(*(nan if x is None else x for x in numbers)) for name, numbers in found.items()}


def remarks_on_rest(activity: Mapping[str, Resting]) -> list[str]:
    """Return what is unusual in a resting network, as lines for the user.

    Examples
    --------
    >>> remarks_on_rest({"PYR": Resting(1.0, 0.9, 0.01), "PV": Resting(0.0, float("nan"), float("nan"))})
    ['PV cells are silent at rest; usual are 4 to 15 Hz: what follows is of a network without them']
    """
    ranges, found = Ranges(), []
    for name, (rate, variability, correlation) in activity.items():
        low, high = getattr(ranges, f"{name.lower()}_rate", ranges.other_rate)
        if rate == 0.0:
            found.append(
                f"{name} cells are silent at rest; usual are {low:g} to {high:g} Hz: what follows is of a network "
                "without them"
            )
            continue
        checks: Sequence[tuple[str, float, tuple[float, float], str]] = (
            ("fire at", rate, (low, high), " Hz"),
            ("have spike counts with a variance over mean of", variability, ranges.variability, ""),
            ("have a mean correlation of spike counts of", correlation, ranges.correlation, ""),
        )
        for words, value, (least, most), unit in checks:
            if value < least or value > most:
                usual = f"{least:g} to {most:g}{unit}" if least > -inf else f"below {most:g}"
                found.append(f"{name} cells {words} {value:.3g}{unit} at rest; usual: {usual}")
    return found
