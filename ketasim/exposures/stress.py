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


STRESS = Exposure("stress", Stress, partial(summed_intensity, "stress"), sets=("stress",))
