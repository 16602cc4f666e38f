"""When the network is sampled: the section `schedule` of an experiment, and the numbers behind it."""

from typing import Annotated, NamedTuple

from annotated_types import Ge, Gt, Le
from pydantic import Field, StrictBool, StrictInt, field_validator

from ketasim.documents import format_quantity
from ketasim.documents.validation import Quantity, Record
from ketasim.sources import Source


class Sampling(NamedTuple):
    """When the network is run, and how windows become estimates."""

    memory: Annotated[
        float, "s", Source("assumed", "network time that estimates keep when what the network reads has moved")
    ] = 2.0
    tolerance: Annotated[
        float, "1", Source("assumed", "relative change of a class's drives or release gain that counts as moved")
    ] = 0.0025
    enough: Annotated[float, "s", Source("assumed", "network time behind estimates before windows are skipped")] = 60.0
    fading: Annotated[
        float, "s", Source("assumed", "away from rest, down to half of `enough`; a third of the time of scaling")
    ] = 43_200.0
    node_noise: Annotated[
        float, "1", Source("assumed", "most noise of a node's estimate over its class mean that mechanisms read")
    ] = 0.01
    batch: Annotated[
        float, "s", Source("assumed", "stretch of the baseline whose means are taken to be independent")
    ] = 10.0
    large_change: Annotated[
        float, "1", Source("assumed", "relative change of a drive or gain after which settling is long")
    ] = 0.05
    long_settle: Annotated[
        float, "s", Source("assumed", "three times the slowest fast constant, recovery from depression in 0.7 s")
    ] = 2.0


PositiveSeconds = Annotated[float, Gt(0), Quantity("s")]
SecondsFromZero = Annotated[float, Ge(0), Quantity("s")]


class Schedule(Record):
    """When the spiking network is sampled."""

    baseline: PositiveSeconds = Field(
        default=300.0, description="network time measured before time zero; drives are relative to its means"
    )
    settle: SecondsFromZero = Field(default=0.3, description="network time before each window that is not measured")
    window: Annotated[float, Ge(0.001), Quantity("s")] = Field(default=1.0, description="network time of a window")
    step: Annotated[float | None, Quantity("s", word="auto")] = Field(
        default=None, description="slow step; `auto` is short after a dose and long later"
    )
    memory: Annotated[float, Ge(0), Le(30), Quantity("s")] = Field(
        default=Sampling().memory,
        description="network time that estimates keep when what the network reads has moved, up to 30 s",
    )
    tolerance: Annotated[float, Ge(0), Le(1), Quantity("1")] = Field(
        default=Sampling().tolerance,
        description="relative change of a class's NMDA drive, AMPA drive or release gain up to which nothing has moved",
    )
    skip: StrictBool = Field(
        default=True, description="run no window while nothing has moved and the estimates rest on 60 s"
    )
    budget: Annotated[StrictInt, Ge(1)] | None = Field(
        default=None, description="windows after the baseline at most, spread over the slow steps; by default no limit"
    )

    checkpoint: SecondsFromZero = Field(
        default=60.0, description="wall time between two checkpoints, from which a run can be resumed; 0 s: every step"
    )

    @field_validator("step")
    @classmethod
    def _positive(cls, step: float | None) -> float | None:
        if step is not None and step <= 0:
            raise ValueError(f"'{format_quantity(step, 's')}' is out of range; it must be more than 0 s, or auto")
        return step
