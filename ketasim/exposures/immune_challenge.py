"""A challenge of the immune system: endotoxin in the blood, or in the same way tissue damaged by surgery."""

from functools import partial
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from ketasim.documents.validation import Quantity
from ketasim.exposures.exposure import Exposure, TimedExposure, summed_intensity


class ImmuneChallenge(TimedExposure):
    """A stretch of hours in which cells of the blood make cytokines."""

    kind: Literal["immune_challenge"] = Field(description="kind of stimulus: immune_challenge, such as endotoxin")
    intensity: Annotated[float, Ge(0), Le(100), Quantity("1")] = Field(
        default=1.0, description="relative to 0.8 ng/kg of endotoxin in a human, whose cells answer for about 3 h"
    )


IMMUNE_CHALLENGE = Exposure(
    "immune_challenge", ImmuneChallenge, partial(summed_intensity, "immune_challenge"), sets=("immune_challenge",)
)
