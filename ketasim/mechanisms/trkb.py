"""TrkB: activation follows free BDNF with a delay and saturates when all receptors are bound.

Per PYR node, relative to baseline, with m the activation when all receptors are bound::

    dK/dt = (a m B / (B + m - 1) - K) / tau

a is the port `trkb_gain`, for what acts on the receptor itself.

Not validated: how far receptors are from saturation at rest; no loss of receptors under long exposure. In culture two
to three hours of BDNF halve surface receptors [Proenca 2016, 10.1111/jnc.13676]; here the negative feedback on mTORC1
stands for that.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Gt

from ketasim.kernels.formulas import relaxed
from ketasim.mechanisms.mechanism import Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Activation of TrkB by BDNF."""

    activation: Annotated[
        float, Gt(0), "s", Source("recalled", "half-time 10-30 min, so 14-43 min", Prior(866.0, 2597.0))
    ] = 1200.0
    largest: Annotated[
        float, Gt(1), "1", Source("assumed", "m: a quarter of the receptors is bound at rest", Prior(2.0, 10.0))
    ] = 4.0


def advance(
    bdnf: np.ndarray, trkb_gain: np.ndarray, trkb: np.ndarray, prepared: OnNodes[Parameters], clock: Clock
) -> None:
    """Relax active TrkB (n,) towards the binding of BDNF (n,)."""
    parameters, members = prepared.parameters, prepared.nodes
    bound = parameters.largest * bdnf[members] / (bdnf[members] + parameters.largest - 1.0)
    trkb[members] = relaxed(trkb[members], trkb_gain[members] * bound, clock.duration, parameters.activation)


MECHANISM = Mechanism(
    "trkb",
    Parameters,
    advance,
    reads=("bdnf", "trkb_gain"),
    writes=("trkb",),
    population="PYR",
)
