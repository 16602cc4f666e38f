"""Chronic stress: a stress hormone follows the protocol within a day, and what it does to spines, BDNF and uptake.

With h the hormone's level above rest, 1 in the protocol that the numbers are of::

    dh/dt = (intensity - h)/tau
    formation of spines, BDNF set free, uptake     times 1 - k h, floored at 0
    elimination of consolidating spines            times 1 + k h

Each k is a parameter of its own, whose prior includes none. Restored spines prefer the sites of lost ones by the memory
of sites in `ketasim.mechanisms.synaptogenesis`, not by anything here.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.kernels.formulas import relaxed
from ketasim.mechanisms.mechanism import Card, Clock, Mechanism
from ketasim.signals import STAGES
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """What chronic stress does."""

    hormone_time: Annotated[
        float,
        Gt(0),
        "h",
        Source("assumed", "tau: the state follows days of stress, not single hours", Prior(6.0, 96.0)),
    ] = 24.0
    formation_cut: Annotated[
        float,
        Ge(0),
        Le(1),
        "1",
        Source("fitted", "F3: -16 % of spines at 21 d, Radley 2006", Prior(0.0, 0.9, "linear")),
    ] = 0.7
    elimination_gain: Annotated[
        float,
        Ge(0),
        "1",
        Source("fitted", "F3; of consolidating spines, so that loss levels off after weeks", Prior(0.0, 4.0, "linear")),
    ] = 2.0
    bdnf_cut: Annotated[
        float,
        Ge(0),
        Le(1),
        "1",
        Source(
            "assumed", "less BDNF in prefrontal cortex after chronic stress in many studies", Prior(0.0, 0.4, "linear")
        ),
    ] = 0.1
    uptake_cut: Annotated[
        float,
        Ge(0),
        Le(1),
        "1",
        Source("assumed", "fewer transporters of glia after chronic stress in many studies", Prior(0.0, 0.4, "linear")),
    ] = 0.1


def advance(  # noqa: PLR0913, PLR0917 - one argument per signal, as declared
    stress: np.ndarray,
    stress_hormone: np.ndarray,
    spine_formation_gain: np.ndarray,
    spine_elimination_gain: np.ndarray,
    bdnf_release_gain: np.ndarray,
    uptake_gain: np.ndarray,
    parameters: Parameters,
    clock: Clock,
) -> None:
    """Relax the hormone (scalar) and scale the ports of every node, elimination (3, n) in one stage only."""
    stress_hormone[...] = relaxed(stress_hormone, stress, clock.duration / 3600.0, parameters.hormone_time)
    level = float(stress_hormone)
    spine_formation_gain *= max(0.0, 1.0 - parameters.formation_cut * level)
    spine_elimination_gain[STAGES.index("consolidating")] *= 1.0 + parameters.elimination_gain * level
    bdnf_release_gain *= max(0.0, 1.0 - parameters.bdnf_cut * level)
    uptake_gain *= max(0.0, 1.0 - parameters.uptake_cut * level)


MECHANISM = Mechanism(
    "chronic_stress",
    Parameters,
    advance,
    reads=("stress",),
    writes=("stress_hormone",),
    scales=("spine_formation_gain", "spine_elimination_gain", "bdnf_release_gain", "uptake_gain"),
    card=Card(
        species="rodents, males in most of the literature; applied to people as it is",
        fitted_to="loss of spines after three weeks of restraint (F3)",
        domain="weeks of daily stress; corticosterone in its place, by assumption",
        not_validated=(
            "one hormone for all of stress; females; amygdala and nucleus accumbens, where stress adds spines, "
            "are not in the model"
        ),
        refuted_by="spines that are back although stress goes on",
    ),
)
