"""What a person expects of a treatment, raised by a session in which something is given, whatever it is."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from pydantic import Field

from ketasim.documents.validation import Quantity
from ketasim.exposures.exposure import Exposure, TimedExposure

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Setting


class Expectancy(TimedExposure):
    """A session from which a person expects relief."""

    kind: Literal["expectancy"] = Field(description="kind of stimulus: expectancy, that of a treatment session")
    intensity: Annotated[float, Ge(0), Le(2), Quantity("1")] = Field(
        default=1.0, description="relative to a blinded infusion of ketamine or midazolam in a trial; saline has less"
    )


def inputs(events: Sequence[Expectancy], setting: "Setting", begin: float, end: float) -> Mapping[str, np.ndarray]:
    """Largest intensity (scalar) of the sessions in progress at `begin`; those of two do not add up."""
    level = max((event.intensity for event in events if event.begin <= begin < event.end), default=0.0)
    return {"expectancy": np.array(level)}


EXPECTANCY = Exposure("expectancy", Expectancy, inputs, sets=("expectancy",))
