"""Dissociation, sedation and readiness for discharge in people: what they score while NMDA receptors are blocked.

With B the mean over all neurons of what block takes of their synaptic NMDA conductance, 1 - n (1 - block), n the port
`nmda_gain`, the number of receptors::

    sedation       S = B^m / (B^m + s^m)                 0 awake, 1 anaesthetised
    dissociation   92 (1 - S) B^n / (B^n + b^n)          CADSS, 0 to 92: who is unconscious reports nothing
    readiness      1 while both are at or below their thresholds, else 0

Nothing here knows of time or of doses: when dissociation peaks and ends is that of block. Other species have no
scores. A research and teaching model; not medical advice.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.drugs import PERSON
from ketasim.mechanisms.mechanism import Card, Clock, Mechanism
from ketasim.sources import Prior, Source

#: Largest total of the Clinician-Administered Dissociative States Scale: 23 items of 0 to 4 (recalled).
LARGEST_SCORE = 92.0


class Parameters(NamedTuple):
    """Scores as functions of block, and thresholds of discharge."""

    half_dissociation: Annotated[
        float,
        Gt(0),
        Le(1),
        "1",
        Source("fitted", "b: 15 points (recalled; 10-25 in trials) at the end of 0.5 mg/kg over 40 min, B 6 %", 1.5),
    ] = 0.102
    steepness_dissociation: Annotated[
        float, Ge(1), Le(10), "1", Source("assumed", "n: little at 0.1 mg/kg, much at 1 mg/kg", Prior(2.0, 6.0))
    ] = 3.0
    half_sedation: Annotated[
        float, Gt(0), Le(1), "1", Source("assumed", "s: block in a human after 2 mg/kg within a minute (label)", 1.5)
    ] = 0.25
    steepness_sedation: Annotated[
        float, Ge(1), Le(10), "1", Source("assumed", "m: anaesthesia comes within a factor of two", Prior(3.0, 9.0))
    ] = 6.0
    dissociation_threshold: Annotated[
        float, Ge(0), Le(92), "1", Source("verified", "CADSS above 4 counts as dissociated in trials of esketamine")
    ] = 4.0
    sedation_threshold: Annotated[float, Ge(0), Le(1), "1", Source("assumed", "clinically awake", Prior(0.02, 0.2))] = (
        0.05
    )


def saturating(block: float, half: float, steepness: float) -> float:
    """Return the share of the largest effect at a block.

    Examples
    --------
    >>> saturating(0.0, 0.1, 4.0), saturating(0.1, 0.1, 4.0)
    (0.0, 0.5)
    """
    power = (block / half) ** steepness
    return float(power / (1.0 + power))


def advance(
    nmda_block: np.ndarray,
    nmda_gain: np.ndarray,
    dissociation: np.ndarray,
    sedation: np.ndarray,
    discharge_readiness: np.ndarray,
    parameters: Parameters,
    clock: Clock,
) -> None:
    """Set the scores (scalars) by the mean block of all nodes at block and gain (n,)."""
    block = max(0.0, float((nmda_block - (nmda_gain - 1.0) * (1.0 - nmda_block)).mean()))
    sedation[...] = saturating(block, parameters.half_sedation, parameters.steepness_sedation)
    felt = saturating(block, parameters.half_dissociation, parameters.steepness_dissociation)
    dissociation[...] = LARGEST_SCORE * (1.0 - sedation) * felt
    calm, awake = dissociation <= parameters.dissociation_threshold, sedation <= parameters.sedation_threshold
    discharge_readiness[...] = float(calm and awake)


MECHANISM = Mechanism(
    "dissociation",
    Parameters,
    advance,
    reads=("nmda_block", "nmda_gain"),
    writes=("dissociation", "sedation", "discharge_readiness"),
    species=PERSON,
    card=Card(
        species="human",
        fitted_to=(
            "size of the mean CADSS at the end of 0.5 mg/kg over 40 min (recalled); steepness and sedation are assumed"
        ),
        domain="ketamine of 0.1 to 0.5 mg/kg over 40 min in people who do not take it daily",
        not_validated=(
            "single people, who differ more than doses do; other reasons to be sedated; less dissociation from "
            "session to session; blood pressure, which decides on discharge too, is not in the model"
        ),
        refuted_by=(
            "people who are back to themselves while block lingers: so it is after 1 mg/kg and after esketamine "
            "by the nose (docs/dissociation.md)"
        ),
    ),
)
