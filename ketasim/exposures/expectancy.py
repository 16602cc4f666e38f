"""What a person expects of a treatment, raised by a session in which something is given, whatever it is."""

from functools import partial
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from ketasim.documents.validation import Quantity
from ketasim.exposures.exposure import Exposure, TimedExposure, summed_intensity


class Expectancy(TimedExposure):
    """A session from which a person expects relief."""

    kind: Literal["expectancy"] = Field(description="kind of stimulus: expectancy, that of a treatment session")
    intensity: Annotated[float, Ge(0), Le(2), Quantity("1")] = Field(
        default=1.0, description="relative to a blinded infusion of ketamine or midazolam in a trial; saline has less"
    )


EXPECTANCY = Exposure("expectancy", Expectancy, partial(summed_intensity, "expectancy"), sets=("expectancy",))
