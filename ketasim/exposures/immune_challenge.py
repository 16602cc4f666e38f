"""A challenge of the immune system: endotoxin in the blood, or in the same way tissue damaged by surgery."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from pydantic import Field

from ketasim.documents.validation import Quantity
from ketasim.exposures.exposure import Exposure, TimedExposure

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Setting


class ImmuneChallenge(TimedExposure):
    """A stretch of hours in which cells of the blood make cytokines."""

    kind: Literal["immune_challenge"] = Field(description="kind of stimulus: immune_challenge, such as endotoxin")
    intensity: Annotated[float, Ge(0), Le(100), Quantity("1")] = Field(
        default=1.0, description="relative to 0.8 ng/kg of endotoxin in a human, whose cells answer for about 3 h"
    )


def inputs(events: Sequence[ImmuneChallenge], setting: "Setting", begin: float, end: float) -> Mapping[str, np.ndarray]:
    """Intensity (scalar) of the events in progress at `begin`, summed over events."""
    total = sum(event.intensity for event in events if event.begin <= begin < event.end)
    return {"immune_challenge": np.array(total)}


IMMUNE_CHALLENGE = Exposure("immune_challenge", ImmuneChallenge, inputs, sets=("immune_challenge",))
