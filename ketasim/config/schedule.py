"""Sampling of the network: the section `schedule` of an experiment, and its fixed constants."""

from typing import Annotated, NamedTuple

from annotated_types import Ge, Gt, Le
from pydantic import Field, StrictBool, StrictInt, field_validator

from ketasim.documents import format_quantity
from ketasim.documents.validation import WHOLE, Quantity, Record
from ketasim.sources import Source


class Sampling(NamedTuple):
    """Constants of when the network is run, and of how windows become estimates."""

    memory: Annotated[
        float, "s", Source("assumed", "network time that estimates keep when the network's inputs change")
    ] = 2.0
    tolerance: Annotated[
        float, "1", Source("assumed", "relative change of a class's drives and gains that counts as a change")
    ] = 0.0025
    enough: Annotated[float, "s", Source("assumed", "network time behind estimates before windows are skipped")] = 60.0
    fading: Annotated[
        float, "s", Source("assumed", "away from rest, down to half of `enough`; a third of the time of scaling")
    ] = 43_200.0
    node_noise: Annotated[
        float,
        "1",
        Source("assumed", "most noise of node estimates as mechanisms read them, relative to the class mean"),
    ] = 0.01
    batch: Annotated[
        float, "s", Source("assumed", "length of baseline batches whose means are assumed to be independent")
    ] = 10.0
    large_change: Annotated[
        float, "1", Source("assumed", "relative change of a drive or gain above which settling is long")
    ] = 0.05
    long_settle: Annotated[
        float, "s", Source("assumed", "three times the slowest fast time constant, recovery from depression in 0.7 s")
    ] = 2.0


PositiveSeconds = Annotated[float, Gt(0), Quantity("s")]
SecondsFromZero = Annotated[float, Ge(0), Quantity("s")]


class Schedule(Record):
    """When the spiking network is sampled."""

    baseline: PositiveSeconds = Field(
        default=300.0, description="network time measured before the run begins; drives are relative to means over it"
    )
    settle: SecondsFromZero = Field(default=0.3, description="unmeasured network time before each window (burn-in)")
    window: Annotated[float, Ge(0.001), Quantity("s")] = Field(default=1.0, description="network time of each window")
    step: Annotated[float | None, Quantity("s", word="auto")] = Field(
        default=None, description="slow step; `auto`: short after a dose, long later"
    )
    memory: Annotated[float, Ge(0), Le(30), Quantity("s")] = Field(
        default=Sampling().memory,
        description="network time that estimates keep as memory after the network's inputs have changed, up to 30 s",
    )
    tolerance: Annotated[float, Ge(0), Le(1), Quantity("1")] = Field(
        default=Sampling().tolerance,
        description="relative change of a class's drives, release gain, inhibition or current that counts as no change",
    )
    skip: StrictBool = Field(
        default=True, description="skip windows while inputs are unchanged and estimates rest on 60 s of network time"
    )
    spacing: SecondsFromZero = Field(
        default=0.0,
        description="no window sooner after the last one, unless inputs have changed by more than the tolerance since",
    )
    budget: Annotated[StrictInt, Ge(1), WHOLE] | None = Field(
        default=None,
        description="most windows after the baseline, spread over the slow steps; by default no limit",
    )

    checkpoint: SecondsFromZero = Field(
        default=60.0, description="wall time between checkpoints, from which a run can be resumed; 0 s: at every step"
    )

    @field_validator("step")
    @classmethod
    def _positive(cls, step: float | None) -> float | None:
        if step is not None and step <= 0:
            raise ValueError(f"'{format_quantity(step, 's')}' is out of range; it must be more than 0 s, or auto")
        return step
