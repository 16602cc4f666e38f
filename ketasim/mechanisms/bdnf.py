"""BDNF: released by AMPA throughput and, in parallel, newly translated when eEF2 is dephosphorylated.

Per PYR node, relative to baseline, with T the AMPA conductance from the circuit's own synapses::

    dB/dt = (r [1 + g s (x - 1) + k (1 - P) f(x)] - B) / tau,   x = T / T0,   f(x) = (1 + h) x / (x + h)

r is the port `bdnf_release_gain`, g the genotype's factor on activity-dependent release (Val66Met), s the throughput
gain, k the translation gain, P phosphorylated eEF2. The equation is in deviations from rest, so that rest is 1 in every
genotype; production (in brackets) is never below 0. Without AMPA transmission the first term abolishes the share s of
release (s = 1: all of it), and nothing is translated: f is 0 in a silenced cell, 1 at rest, and at most 1 + h.
``follow_throughput: false`` switches off the first path, ``eef2: off`` the second.

Not validated: that translation needs the circuit's own transmission, and by how much; proportionality to both drives;
one turnover for free and stored BDNF; and the magnitude of the rise, since the finding that fixes the translation gain
gives only a direction.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.kernels.formulas import relative_to_rest, relaxed
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting
from ketasim.sources import Prior, Source

_VAL66MET = "regulated secretion of neurons of knock-in mice, Chen 2006, PMC1880880: cut by 18 % (one Met), 29 % (two)"


class Parameters(NamedTuple):
    """Free BDNF from AMPA throughput and from translation."""

    follow_throughput: Annotated[
        bool, Source("assumed", "release follows AMPA throughput: the path from the surge")
    ] = True
    throughput_gain: Annotated[
        float,
        Ge(0),
        Le(1),
        "1",
        Source("assumed", "share of release that follows AMPA throughput", Prior(0.0, 1.0, "linear")),
    ] = 1.0
    translation_gain: Annotated[
        float,
        Ge(0),
        "1",
        Source("fitted", "E5: +20 % in the mouse at 0.5 h without a surge; at least 6.2", Prior(6.2, 17.0)),
    ] = 8.5
    translation_half: Annotated[
        float,
        Ge(0),
        "1",
        Source(
            "assumed",
            "h: throughput over rest at which translation is half of its largest; 0: it needs none",
            Prior(0.1, 1.0),
        ),
    ] = 0.3
    turnover: Annotated[
        float, Gt(0), "s", Source("fitted", "E1: below 1.8 h, the short end of 1-4 h (recalled)", Prior(1800.0, 6480.0))
    ] = 3600.0
    val_met: Annotated[float, Ge(0), Le(1), "1", Source("recalled", _VAL66MET, 1.2)] = 0.82
    met_met: Annotated[float, Ge(0), Le(1), "1", Source("recalled", _VAL66MET, 1.2)] = 0.71


class Prepared(NamedTuple):
    """Parameters, the gain of the throughput path in this genotype, and the nodes."""

    parameters: Parameters
    throughput_gain: float
    members: slice


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Find the PYR nodes and the genotype's factor on activity-dependent release."""
    release = {"Val/Val": 1.0, "Val/Met": parameters.val_met, "Met/Met": parameters.met_met}
    gain = release[dict(setting.genotype).get("bdnf", "Val/Val")] * parameters.throughput_gain
    return Prepared(parameters, gain if parameters.follow_throughput else 0.0, setting.nodes("PYR"))


def advance(
    ampa_throughput_circuit: np.ndarray,
    ampa_throughput_circuit_baseline: np.ndarray,
    eef2_phosphorylation: np.ndarray,
    bdnf_release_gain: np.ndarray,
    bdnf: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Relax BDNF (n,) towards its target at throughput (n,) in nS and phosphorylated eEF2 (n,)."""
    members = prepared.members
    # a node without throughput at baseline counts as unchanged
    relative = relative_to_rest(ampa_throughput_circuit[members], ampa_throughput_circuit_baseline[members])
    half = prepared.parameters.translation_half
    going_on = np.ones_like(relative)
    np.divide((1.0 + half) * relative, relative + half, out=going_on, where=relative + half > 0.0)
    translated = prepared.parameters.translation_gain * (1.0 - eef2_phosphorylation[members]) * going_on
    # in a coarse step P is extrapolated beyond rest, and translation can at most stop
    set_free = np.maximum(1.0 + prepared.throughput_gain * (relative - 1.0) + translated, 0.0)
    target = bdnf_release_gain[members] * set_free
    bdnf[members] = relaxed(bdnf[members], target, clock.duration, prepared.parameters.turnover)


MECHANISM = Mechanism(
    "bdnf",
    Parameters,
    advance,
    reads=("ampa_throughput_circuit", "ampa_throughput_circuit_baseline", "eef2_phosphorylation", "bdnf_release_gain"),
    writes=("bdnf",),
    prepare=prepare,
    population="PYR",
)
