"""Stress that lasts, such as daily restraint or social defeat; corticosterone given in its place is the same here."""

from functools import partial
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from ketasim.documents.validation import Quantity
from ketasim.exposures.exposure import Exposure, TimedExposure, summed_intensity


class Stress(TimedExposure):
    """A stretch of days with stress."""

    kind: Literal["stress"] = Field(description="kind of stimulus: stress, that of a chronic protocol")
    intensity: Annotated[float, Ge(0), Le(5), Quantity("1")] = Field(
        default=1.0, description="relative to the protocol that the numbers are of, six hours of restraint a day"
    )


#: s before time zero from which a subject of the phenotype chronic_stress is under stress: three weeks, as in F3.
ONSET = 21 * 86400.0


def held(duration: float) -> Stress:
    """Return the stress of the phenotype chronic_stress in a run of so many seconds, to its end.

    Examples
    --------
    >>> held(86400.0).begin, held(86400.0).end
    (-1814400.0, 86400.0)
    """
    return Stress.model_construct(kind="stress", start=-ONSET, duration=ONSET + duration)


STRESS = Exposure("stress", Stress, partial(summed_intensity, "stress"), sets=("stress",))
