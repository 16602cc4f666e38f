"""Stress that lasts, such as daily restraint or social defeat; corticosterone given in its place is the same here."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from pydantic import Field

from ketasim.documents.validation import Quantity
from ketasim.exposures.exposure import Exposure, TimedExposure

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Setting


class Stress(TimedExposure):
    """A stretch of days with stress."""

    kind: Literal["stress"] = Field(description="kind of stimulus: stress, that of a chronic protocol")
    intensity: Annotated[float, Ge(0), Le(5), Quantity("1")] = Field(
        default=1.0, description="relative to the protocol that the numbers are of, six hours of restraint a day"
    )


def inputs(events: Sequence[Stress], setting: "Setting", begin: float, end: float) -> Mapping[str, np.ndarray]:
    """Intensity (scalar) of the events in progress at `begin`, summed over events."""
    return {"stress": np.array(sum(event.intensity for event in events if event.begin <= begin < event.end))}


STRESS = Exposure("stress", Stress, inputs, sets=("stress",))
