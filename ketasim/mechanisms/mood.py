"""Mood: it follows the strength and number of synapses on pyramidal cells, and what a person expects.

A person at rest is healthy; depression is what weeks of stress make of it, which takes synapses. With A surface AMPA
receptors, S synaptic protein and D spine density, relative to rest, x the expectancy, which a session raises to its
intensity u and which decays after it, and l the logit of a healthy person's score over 60::

    F = mean over PYR of ln(A^alpha S^beta)      strength per synapse; homeostatic scaling is left out
    N = ln(mean over PYR of D)
    dx/dt = -x/tau_x, and x >= u
    dM/dt = (kF F + kN N + kE x - M)/tau
    MADRS = 60/(1 + exp(M - l))                  HDRS-17 = MADRS/1.3

No k is negative, and each may be zero. They were fitted together, with both times, which data leave open, to the MADRS
of people in a trial before the infusion, to which three weeks of stress (F3) bring the model, to its change a day after
ketamine and midazolam (I3), and to the effect size against placebo (I4). Their posterior is wide, so that a result is a
mean over draws of it (`ketasim.posterior`), not one run. Other species have no scores. A research and teaching model;
not medical advice.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from ketasim.drugs import PERSON
from ketasim.kernels.formulas import relaxed
from ketasim.mechanisms.mechanism import Card, Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source

#: Largest total of the Montgomery-Asberg Depression Rating Scale: ten items of 0 to 6 (recalled).
LARGEST_SCORE = 60.0
#: MADRS over HDRS-17: 13, 26, 39 against 10, 20, 30, equipercentile linking, Leucht 2018, 10.1016/j.jad.2017.10.042.
MADRS_PER_HDRS17 = 1.3
#: Below this a pool counts as empty, so that its logarithm is finite.
_LEAST = 1e-6


class Parameters(NamedTuple):
    """Mood by synapses and by expectancy, and scores."""

    strength_gain: Annotated[
        float,
        Ge(0),
        "1",
        Source(
            "fitted",
            "kF: I3 and I4, jointly with the next four; mean of the default circuit",
            Prior(0.0, 1000.0, "linear"),
        ),
    ] = 150.0
    density_gain: Annotated[
        float,
        Ge(0),
        "1",
        Source(
            "fitted",
            "kN: MADRS of 32 after three weeks of stress (I3, F3), with kF",
            Prior(0.0, 100.0, "linear"),
        ),
    ] = 10.4
    mood_time: Annotated[
        float, Gt(0), "h", Source("fitted", "tau: I3 and I4 leave it open; median", Prior(0.5, 12.0))
    ] = 2.1
    expectancy_gain: Annotated[
        float, Ge(0), "1", Source("fitted", "kE: midazolam in I3", Prior(0.0, 3.0, "linear"))
    ] = 0.68
    expectancy_half_life: Annotated[
        float, Gt(0), "d", Source("assumed", "of the expectancy after a session; tau_x ln 2", Prior(4.0, 60.0))
    ] = 15.0
    ampa_exponent: Annotated[
        float, Ge(0), Le(2), "1", Source("assumed", "alpha, as in surface_ampa", Prior(0.5, 1.0))
    ] = 1.0
    protein_exponent: Annotated[
        float, Ge(0), Le(2), "1", Source("assumed", "beta, as in synaptic_protein", Prior(0.25, 1.0))
    ] = 0.5
    healthy_madrs: Annotated[
        float,
        Gt(0),
        Lt(60),
        "1",
        Source("verified", "4.0 (95 % 3.5-4.5) in 569 controls, Zimmerman 2004, 10.1097/00004850-200401000-00001"),
    ] = 4.0


def advance(  # noqa: PLR0913, PLR0917 - one argument per signal, as declared
    expectancy: np.ndarray,
    surface_ampa: np.ndarray,
    synaptic_protein: np.ndarray,
    spine_density: np.ndarray,
    expectancy_level: np.ndarray,
    synaptic_strength: np.ndarray,
    mood: np.ndarray,
    madrs: np.ndarray,
    hdrs17: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Set strength and scores (scalars) and relax mood at receptors, protein and density of every node (n,)."""
    parameters, members = prepared
    ampa, protein = (np.log(np.maximum(one[members], _LEAST)) for one in (surface_ampa, synaptic_protein))
    strength = float(np.mean(parameters.ampa_exponent * ampa + parameters.protein_exponent * protein))
    synaptic_strength[...] = strength
    density = float(np.log(max(spine_density[members].mean(), _LEAST)))
    level = max(float(expectancy), float(expectancy_level))
    left = 0.5 ** (clock.duration / (86_400.0 * parameters.expectancy_half_life))
    expectancy_level[...] = max(float(expectancy), level * left)
    target = parameters.strength_gain * strength + parameters.density_gain * density
    target += parameters.expectancy_gain * level
    mood[...] = relaxed(mood, target, clock.duration / 3600.0, parameters.mood_time)
    madrs[...] = score(float(mood), parameters.healthy_madrs)
    hdrs17[...] = madrs / MADRS_PER_HDRS17


def score(mood: np.ndarray | float, healthy: float) -> np.ndarray | float:
    """Return the MADRS at a mood, whose score at mood 0 is `healthy`.

    Examples
    --------
    >>> [round(float(score(mood, 4.0)), 1) for mood in (0.0, 1.0, -1.0, -2.8)]
    [4.0, 1.5, 9.8, 32.4]
    """
    return LARGEST_SCORE / (1.0 + (LARGEST_SCORE / healthy - 1.0) * np.exp(mood))


MECHANISM = Mechanism(
    "mood",
    Parameters,
    advance,
    reads=("expectancy", "surface_ampa", "synaptic_protein", "spine_density"),
    writes=("expectancy_level", "synaptic_strength", "mood", "madrs", "hdrs17"),
    population="PYR",
    species=PERSON,
    card=Card(
        species="human",
        fitted_to=(
            "MADRS of people before and a day after one infusion of ketamine or midazolam (I3), effect size against "
            "placebo on day 1 (I4)"
        ),
        domain=(
            "people with depression in trials, as three weeks of stress that goes on; racemate of 0.5 mg/kg over "
            "40 min; means of many people, over draws of the posterior"
        ),
        not_validated=(
            "that synapses of this circuit make mood, and that depression is chronic stress; single people; days "
            "other than the first; what time alone "
            "does, which is in the expectancy; suicidal ideation, which no finding here sets apart from "
            "depression; anhedonia"
        ),
        refuted_by=(
            "no relief beyond that of anaesthesia alone in people under anaesthesia, whose synapses grow as they "
            "do awake"
        ),
    ),
)
