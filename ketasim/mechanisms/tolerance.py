"""Tolerance, exploratory: the number of NMDA receptors follows their mean use over days.

With B the blocked share of a node's synaptic NMDA conductance and R its receptors relative to rest::

    dR/dt = (1 + g (1 - u) - R)/tau,   u = R (1 - B)

R scales all NMDA conductance of the node by the port `nmda_gain`. Use counts what block leaves, not how often receptors
open: firing would add the noise of windows. One infusion blocks for hours, which is little of days; daily block makes
receptors more, so that a dose, which blocks as large a share of them, leaves more. Off by default: no number here was
measured in people.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from ketasim.mechanisms.mechanism import Card, Clock, Mechanism
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Exploratory: NMDA receptors that rise where they are blocked for days."""

    gain: Annotated[
        float,
        Ge(0),
        "1",
        Source("assumed", "g: more receptors per use that is lacking; none is possible", Prior(0.0, 2.0, "linear")),
    ] = 1.0
    turnover: Annotated[
        float, Gt(0), "d", Source("assumed", "tau: receptors of synapses are replaced in days", Prior(2.0, 14.0))
    ] = 5.0


def advance(
    nmda_block: np.ndarray, nmda_receptors: np.ndarray, nmda_gain: np.ndarray, parameters: Parameters, clock: Clock
) -> None:
    """Advance receptors (n,) exactly at a constant block (n,), and scale the port (n,)."""
    speed = 1.0 + parameters.gain * (1.0 - nmda_block)  # of dR/dt = (1 + g - speed R)/tau
    steady = (1.0 + parameters.gain) / speed
    left = np.exp(-speed * clock.duration / (86_400.0 * parameters.turnover))
    nmda_receptors[:] = steady + (nmda_receptors - steady) * left
    nmda_gain *= nmda_receptors


MECHANISM = Mechanism(
    "tolerance",
    Parameters,
    advance,
    reads=("nmda_block",),
    writes=("nmda_receptors",),
    scales=("nmda_gain",),
    by_default=False,
    card=Card(
        species="all; exploratory",
        fitted_to="nothing; that receptors rise under block is known of cultures and rodents, in direction",
        domain="comparing schedules of one drug",
        not_validated="everything",
        refuted_by="dissociation as strong after months of daily use as on the first day",
    ),
)
