"""Inhibitory plasticity: inhibitory synapses onto a pyramidal cell follow the excitation that it receives.

Inhibition is in proportion to excitation from cell to cell and keeps so when excitation changes [Xue 2014, House 2011,
Bhatia 2019; as a rule of single synapses Vogels 2011, 10.1126/science.1211095]. Per PYR node, with E the AMPA current
and I the strength of inhibitory synapses, both relative to baseline::

    dI/dt = (1 + g (E - 1) - I) / tau,   I within its limits

Scales the conductance of every inhibitory synapse onto the node by I.

Not validated: the time constant, for which nothing between an hour and two days has been measured in adult cortex; the
same for synapses of PV and SST cells, of which PV cells' alone followed in Xue 2014. Effects of BDNF on inhibition are
left out: they have opposite signs in culture and in adult slices.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.kernels.formulas import relative_to_rest, relaxed
from ketasim.mechanisms.mechanism import Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Inhibition onto pyramidal cells that follows their excitation."""

    proportion: Annotated[
        float,
        Ge(0),
        Le(2),
        "1",
        Source("secondary", "g: inhibition in proportion to excitation, Xue 2014, PMC4117808; House 2011, PMC3240806"),
    ] = 1.0
    time: Annotated[
        float,
        Gt(0),
        "s",
        Source("recalled", "1 h in slices, D'amour & Froemke 2015; 2 d in culture", Prior(3600.0, 172_800.0)),
    ] = 7200.0
    smallest: Annotated[float, Gt(0), Le(1), "1", Source("assumed", "lower limit of I", Prior(0.3, 0.8))] = 0.5
    largest: Annotated[float, Ge(1), "1", Source("assumed", "upper limit of I", Prior(1.5, 3.0))] = 2.0


def advance(
    ampa_throughput: np.ndarray,
    ampa_throughput_baseline: np.ndarray,
    inhibitory_strength: np.ndarray,
    inhibition_gain: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Relax the strength of inhibition (n,) towards excitation (n,) in pA and scale the port (n,) by it."""
    parameters, members = prepared.parameters, prepared.nodes
    excitation = relative_to_rest(ampa_throughput[members], ampa_throughput_baseline[members])
    target = 1.0 + parameters.proportion * (excitation - 1.0)
    strength = relaxed(inhibitory_strength[members], target, clock.duration, parameters.time)
    inhibitory_strength[members] = np.clip(strength, parameters.smallest, parameters.largest)
    inhibition_gain[members] *= inhibitory_strength[members]


MECHANISM = Mechanism(
    "inhibitory_plasticity",
    Parameters,
    advance,
    reads=("ampa_throughput", "ampa_throughput_baseline"),
    writes=("inhibitory_strength",),
    scales=("inhibition_gain",),
    population="PYR",
)
