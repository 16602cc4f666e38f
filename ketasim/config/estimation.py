"""Numbers of how the network is sampled; an experiment's schedule may change the first two."""

from typing import Annotated, NamedTuple

from ketasim.sources import Source


class Estimation(NamedTuple):
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
