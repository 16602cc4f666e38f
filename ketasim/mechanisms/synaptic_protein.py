"""Synaptic protein: a slow pool (synapsin, PSD-95, GluA1) that transients of p70S6K fill.

Per PYR node, relative to baseline, with d = M - 1 the departure of p70S6K from rest::

    dS/dt = (1 + gain d d^2 / (d^2 + threshold^2) - S) / tau

and S not below zero. It scales AMPA of every glutamatergic synapse onto the node by ``S^exponent``.

The pool turns over in days and p70S6K is raised for an hour, so a rise of a few per cent needs a large gain; and S
strengthens synapses, which raises AMPA throughput, BDNF, p70S6K and S. With a linear law (``threshold: 0``) that loop
has a gain of ``gain * exponent * gain_of_mtorc1 / (1 + feedback)``, 1.4 at the defaults, times that of the network,
about 2: the effect of one dose would run away within days wherever scaling is off. Small departures of either sign
therefore count less than large ones: the loop has no gain at rest, noise of either sign cancels, and departures well
beyond the threshold count in full.

Not validated: form and value of the threshold (sustained potentiation does require hours of TrkB activity: Panja 2014,
in direction); gain and exponent; and whether protein found at synapses after ketamine is newly made, as here, or
redistributed. A gain of 20 per doubling of p70S6K is more than synthesis alone makes likely.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.kernels.formulas import relaxed
from ketasim.mechanisms.mechanism import Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Synaptic protein made when p70S6K is active, and what it adds to synapses."""

    protein_gain: Annotated[
        float, Ge(0), "1", Source("assumed", "about +10 % at 24 h after 10 mg/kg in the rat; Li 2010 in direction", 3.0)
    ] = 20.0
    threshold: Annotated[
        float,
        Ge(0),
        "1",
        Source("assumed", "departure of p70S6K that counts by half; 0: linear", Prior(0.0, 1.0, "linear")),
    ] = 0.5
    turnover: Annotated[
        float, Gt(0), "s", Source("verified", "half-lives 2-5 d in culture, Cohen 2013, PMC3642143; 3.5 d, so tau 5 d")
    ] = 432000.0
    exponent: Annotated[
        float,
        Ge(0),
        Le(2),
        "1",
        Source("assumed", "beta: AMPA conductance as the root of synaptic protein", Prior(0.25, 1.0)),
    ] = 0.5


def advance(
    p70s6k: np.ndarray,
    synaptic_protein: np.ndarray,
    ampa_gain: np.ndarray,
    afferent_ampa_gain: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Advance protein (n,) at active p70S6K (n,) and scale the ports (n,) by it."""
    parameters, members = prepared.parameters, prepared.nodes
    target = 1.0 + parameters.protein_gain * counted(p70s6k[members] - 1.0, parameters.threshold)
    protein = relaxed(synaptic_protein[members], target, clock.duration, parameters.turnover)
    synaptic_protein[members] = np.maximum(protein, 0.0)
    strength = synaptic_protein[members] ** parameters.exponent
    ampa_gain[members] *= strength
    afferent_ampa_gain[members] *= strength


def counted(departure: np.ndarray, threshold: float) -> np.ndarray:
    """Return the part of a departure from rest that moves the pool: half at the threshold, all far beyond."""
    square = departure**2
    share = np.ones_like(departure)
    np.divide(square, square + threshold**2, out=share, where=square > 0.0)
    return departure * share


MECHANISM = Mechanism(
    "synaptic_protein",
    Parameters,
    advance,
    reads=("p70s6k",),
    writes=("synaptic_protein",),
    scales=("ampa_gain", "afferent_ampa_gain"),
    population="PYR",
)
