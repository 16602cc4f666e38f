"""Neuroinflammation: activated microglia make cytokines, which blood and brain exchange, and which act on synapses.

With m the activation of microglia, 1 in chronic stress of intensity 1, h the stress hormone, e the immune challenge, I
the inhibition of production by drugs; b and c one cytokine in brain and plasma, relative to rest; R the amount in the
brain over that in plasma at rest::

    dm/dt = (h + k_e e - m)/tau
    db/dt = p (1 + a m (1 - I)) - (k + k_out) b + (k_in/R) c
    dc/dt = q (1 + s e + u h) - (l + k_in) c + k_out R b

p and q follow from rest, at which b = c = 1; what leaves the brain arrives in the blood, and the other way round. For a
constant m, the mean over the step, b and c are advanced exactly. With x = b - 1 of one cytokine and y = x/(1 + |x|):
uptake of glutamate (TNF-alpha) times 1 - k y, BDNF set free (IL-1beta) times 1 - k y, elimination of spines
(TNF-alpha) times 1 + k y, and, for quinolinic acid, an agonist that microglia make, tonic NMDA current (IL-6) times
1 + k y. Each k has a prior that includes none.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Lt

from ketasim.drugs import Ligands
from ketasim.mechanisms.mechanism import Card, Clock, Mechanism, Setting
from ketasim.sources import Prior, Source

_EFFECT = Source("assumed", "of a cytokine far above rest; none is possible", Prior(0.0, 0.4, "linear"))
_MADE = Source("assumed", "production by microglia over that at rest, in chronic stress", Prior(0.0, 4.0, "linear"))
_ANSWER = Source("recalled", "peaks after 0.8-1 ng/kg of endotoxin in humans", 3.0)
_DEPRESSED = Source(
    "assumed",
    "G1: Haapakoski 2015, d 0.54, 0.40, -0.05 of plasma levels, times an SD of their logarithm between people of 0.7 "
    "and 0.5 (recalled)",
    Prior(0.0, 1.0, "linear"),
)

#: Cytokines, as their signals are called.
CYTOKINES = ("il6", "tnf", "il1b")


class Parameters(NamedTuple):
    """Microglia, cytokines of brain and blood, and what these do."""

    microglia_time: Annotated[
        float, Gt(0), "h", Source("assumed", "tau: activation within hours to days", Prior(6.0, 96.0))
    ] = 24.0
    challenge_activation: Annotated[
        float,
        Ge(0),
        "1",
        Source("assumed", "k_e: after 3 h as in chronic stress, by PET of both (Sandiego 2015, Setiawan 2015)", 3.0),
    ] = 8.0
    il6_made: Annotated[float, Ge(0), "1", _MADE] = 1.0
    tnf_made: Annotated[float, Ge(0), "1", _MADE] = 1.0
    il1b_made: Annotated[float, Ge(0), "1", _MADE] = 1.0
    brain_half_life: Annotated[
        float, Gt(0), "min", Source("assumed", "k: degraded in the brain", Prior(15.0, 600.0))
    ] = 60.0
    efflux_half_life: Annotated[
        float,
        Gt(0),
        "min",
        Source("verified", "k_out: 0.0112 +- 0.0030 /min for TNF-alpha and IL-6, Neuroimmunomodulation 1998;5:261"),
    ] = 62.0
    from_blood: Annotated[
        float,
        Ge(0),
        Lt(1),
        "1",
        Source("assumed", "share of the brain's cytokines that comes from blood at rest: k_in", Prior(0.003, 0.3)),
    ] = 0.03
    brain_over_plasma: Annotated[
        float, Gt(0), "1", Source("assumed", "R: like concentrations in a tenth of the volume", Prior(0.03, 0.5))
    ] = 0.1
    il6_half_life: Annotated[
        float, Gt(0), "min", Source("verified", "of plasma: beta 0.38 h in the rat, Chin J Clin Pharm 1995 (abstract)")
    ] = 23.0
    tnf_half_life: Annotated[
        float, Gt(0), "min", Source("verified", "of plasma: 18.2 min in whole blood, Oliver 1993 (abstract)")
    ] = 18.2
    il1b_half_life: Annotated[float, Gt(0), "min", Source("recalled", "of plasma: 5-20 min", Prior(5.0, 20.0))] = 10.0
    il6_challenge: Annotated[float, Ge(0), "1", _ANSWER] = 200.0
    tnf_challenge: Annotated[float, Ge(0), "1", _ANSWER] = 80.0
    il1b_challenge: Annotated[float, Ge(0), "1", _ANSWER] = 2.0
    il6_stress: Annotated[float, Ge(0), "1", _DEPRESSED] = 0.46
    tnf_stress: Annotated[float, Ge(0), "1", _DEPRESSED] = 0.22
    il1b_stress: Annotated[float, Ge(0), "1", _DEPRESSED] = 0.0
    uptake_cut: Annotated[float, Ge(0), Lt(1), "1", _EFFECT] = 0.1
    bdnf_cut: Annotated[float, Ge(0), Lt(1), "1", _EFFECT] = 0.1
    elimination_gain: Annotated[float, Ge(0), Lt(1), "1", _EFFECT] = 0.1
    tonic_gain: Annotated[float, Ge(0), Lt(1), "1", _EFFECT] = 0.1


class Exchange(NamedTuple):
    """Rates of the three cytokines, 1/s each.

    Attributes
    ----------
    matrix : (3, 2, 2) array
        Of d(b - 1, c - 1)/dt.
    made, released : (3,) array
        Production at rest in brain (p) and plasma (q).
    """

    matrix: np.ndarray
    made: np.ndarray
    released: np.ndarray


class Prepared(NamedTuple):
    """Parameters, rates, what moves production of each cytokine, and drugs of the run that inhibit it.

    Attributes
    ----------
    made : (3,) array
        a, by microglia.
    challenge, stress : (3,) array
        s and u, in plasma.
    """

    parameters: Parameters
    rates: Exchange
    made: np.ndarray
    challenge: np.ndarray
    stress: np.ndarray
    inhibitors: Ligands


def of_each(parameters: Parameters, what: str) -> np.ndarray:
    """Return a number of each of the three cytokines (3,)."""
    return np.array([getattr(parameters, f"{name}_{what}") for name in CYTOKINES])


def exchange(parameters: Parameters) -> Exchange:
    """Return the rates that leave b = c = 1 at rest."""
    lost, out = (np.log(2.0) / (60.0 * half) for half in (parameters.brain_half_life, parameters.efflux_half_life))
    cleared, ratio = np.log(2.0) / (60.0 * of_each(parameters, "half_life")), parameters.brain_over_plasma
    into = parameters.from_blood * ratio * (lost + out)
    matrix = np.empty((3, 2, 2))
    matrix[:, 0, 0], matrix[:, 0, 1] = -(lost + out), into / ratio
    matrix[:, 1, 0], matrix[:, 1, 1] = out * ratio, -(cleared + into)
    return Exchange(matrix, np.full(3, (1.0 - parameters.from_blood) * (lost + out)), cleared + into - out * ratio)


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Solve the rates, and collect the inhibitors among the drugs of the run."""
    made, challenge, stress = (of_each(parameters, what) for what in ("made", "challenge", "stress"))
    inhibitors = setting.ligands("cytokine_production", "inhibitor")
    return Prepared(parameters, exchange(parameters), made, challenge, stress, inhibitors)


def advanced(above: np.ndarray, sources: np.ndarray, matrix: np.ndarray, duration: float) -> np.ndarray:
    """Return b - 1 and c - 1 (3, 2) after a step with constant sources (3, 2), by the eigenvalues of each matrix.

    Off-diagonal rates are positive, so that eigenvalues are real and apart.
    """
    middle = 0.5 * (matrix[:, 0, 0] + matrix[:, 1, 1])
    apart = np.sqrt(0.25 * (matrix[:, 0, 0] - matrix[:, 1, 1]) ** 2 + matrix[:, 0, 1] * matrix[:, 1, 0])
    fast, slow = middle - apart, middle + apart
    identity = np.eye(2)
    to_slow = (matrix - fast[:, None, None] * identity) / (slow - fast)[:, None, None]
    to_fast = identity - to_slow
    steady = -np.linalg.solve(matrix, sources[:, :, None])[:, :, 0]
    decay = np.exp(slow * duration)[:, None, None] * to_slow + np.exp(fast * duration)[:, None, None] * to_fast
    return steady + np.einsum("ijk,ik->ij", decay, above - steady)


def advance(  # noqa: PLR0913, PLR0917 - one argument per signal, as declared
    stress_hormone: np.ndarray,
    immune_challenge: np.ndarray,
    brain_concentration: np.ndarray,
    microglia: np.ndarray,
    il6_brain: np.ndarray,
    tnf_brain: np.ndarray,
    il1b_brain: np.ndarray,
    il6_plasma: np.ndarray,
    tnf_plasma: np.ndarray,
    il1b_plasma: np.ndarray,
    uptake_gain: np.ndarray,
    bdnf_release_gain: np.ndarray,
    spine_elimination_gain: np.ndarray,
    nmda_tonic_gain: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Advance microglia and cytokines (scalars) and scale the ports of every node."""
    parameters, rates = prepared.parameters, prepared.rates
    hormone, challenge = float(stress_hormone), float(immune_challenge)
    target = hormone + parameters.challenge_activation * challenge
    time = 3600.0 * parameters.microglia_time
    left = np.exp(-clock.duration / time)
    share = time / clock.duration * (1.0 - left) if clock.duration else 1.0
    mean = target + (float(microglia) - target) * share  # over the step
    microglia[...] = target + (microglia - target) * left
    bound = prepared.inhibitors.relative_concentration(brain_concentration)
    sources = np.empty((3, 2))
    sources[:, 0] = rates.made * prepared.made * mean / (1.0 + bound)
    sources[:, 1] = rates.released * (prepared.challenge * challenge + prepared.stress * hormone)
    signals = ((il6_brain, il6_plasma), (tnf_brain, tnf_plasma), (il1b_brain, il1b_plasma))
    above = np.array([[float(one) - 1.0 for one in pair] for pair in signals])
    for pair, values in zip(signals, advanced(above, sources, rates.matrix, clock.duration), strict=True):
        for one, value in zip(pair, values, strict=True):
            one[...] = 1.0 + value
    il6, tnf, il1b = (saturating(float(brain) - 1.0) for brain, _ in signals)
    uptake_gain *= 1.0 - parameters.uptake_cut * tnf
    bdnf_release_gain *= 1.0 - parameters.bdnf_cut * il1b
    spine_elimination_gain *= 1.0 + parameters.elimination_gain * tnf
    nmda_tonic_gain *= 1.0 + parameters.tonic_gain * il6


def saturating(above: float) -> float:
    """Return y of x = b - 1: as x where it is small, below 1 in any case.

    Examples
    --------
    >>> saturating(0.0), saturating(1.0), saturating(-0.5)
    (0.0, 0.5, -0.3333333333333333)
    """
    return above / (1.0 + abs(above))


MECHANISM = Mechanism(
    "neuroinflammation",
    Parameters,
    advance,
    reads=("stress_hormone", "immune_challenge", "brain_concentration"),
    writes=("microglia", *(f"{name}_{place}" for place in ("brain", "plasma") for name in CYTOKINES)),
    scales=("uptake_gain", "bdnf_release_gain", "spine_elimination_gain", "nmda_tonic_gain"),
    prepare=prepare,
    targets=(("cytokine_production", "inhibitor"),),
    card=Card(
        species="human for plasma, rodents for microglia and exchange",
        fitted_to=(
            "plasma levels in depression (G1, by a recalled spread between people), peaks after endotoxin (recalled)"
        ),
        domain="relative levels under chronic stress and after 0.8 ng/kg of endotoxin",
        not_validated=(
            "sizes of all effects on synapses; one activation for all microglia; fever, complement and other "
            "cytokines are not in it; whether ketamine lowers cytokines in people"
        ),
        refuted_by=(
            "cytokines that fall within a day of an infusion at concentrations a thousandth of the potency in cells"
        ),
    ),
)
