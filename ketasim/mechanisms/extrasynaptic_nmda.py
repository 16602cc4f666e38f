"""Extrasynaptic NMDA receptors gated by ambient glutamate: a Hill equation for each GluN2 subunit.

The receptors belong to the node (`ketasim.network.synapses`: ratio of extrasynaptic to synaptic receptors); this
mechanism sets the fraction of them that glutamate gates.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Gt

from ketasim.mechanisms.mechanism import Clock, Mechanism
from ketasim.sources import Prior, Source

_POTENCY = Source("recalled", "Erreger 2007, Traynelis 2010; order of potency A < B < C < D secondary", 1.5)


class Parameters(NamedTuple):
    """Gating of extrasynaptic NMDA receptors by ambient glutamate."""

    ec50_2a: Annotated[float, Gt(0), "uM", _POTENCY] = 3.3
    ec50_2b: Annotated[float, Gt(0), "uM", _POTENCY] = 2.9
    ec50_2c: Annotated[float, Gt(0), "uM", _POTENCY] = 1.7
    ec50_2d: Annotated[float, Gt(0), "uM", _POTENCY] = 0.51
    hill: Annotated[float, Gt(0), "1", Source("recalled", "1.2-1.5 in recombinant receptors", Prior(1.0, 2.0))] = 1.5


def advance(glutamate_ambient: np.ndarray, nmda_tonic_gating: np.ndarray, parameters: Parameters, clock: Clock) -> None:
    """Set gating (4, n) at ambient glutamate G (n,) in uM to ``G**h / (EC50**h + G**h)``."""
    ec50 = np.array(parameters[:4])[:, None]
    occupied = (glutamate_ambient[None, :] / ec50) ** parameters.hill
    nmda_tonic_gating[:] = occupied / (1.0 + occupied)


MECHANISM = Mechanism(
    "extrasynaptic_nmda",
    Parameters,
    advance,
    reads=("glutamate_ambient",),
    writes=("nmda_tonic_gating",),
)
