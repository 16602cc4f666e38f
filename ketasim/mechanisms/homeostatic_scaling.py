"""Homeostatic scaling: a neuron that fires too much for hours weakens its synapses, and conversely.

Per PYR node, with rho the firing rate relative to baseline, x its low-pass and h the factor on synaptic strength::

    dx/dt = (rho - x) / tau_x
    dh/dt = h clip(1 - x, -1, 1) / tau_h,   h within its limits

With a time constant of 6 h the samples in the running average have the same mean age as in a boxcar of 12 h. Both
equations are solved exactly for a rate held during the step; the clip applies to the mean of ``1 - x`` over the step.
Scaling is a factor separate from surface receptors and synaptic protein: it multiplies AMPA of every glutamatergic
synapse onto the node by h. It can cancel what plasticity adds, so report results with and without it
(``homeostatic_scaling: off``).

Not validated: the speed in adult cortex in vivo, where it may take longer than in culture; inhibition and NMDA
receptors are not scaled here.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.kernels.formulas import relative_to_rest, relaxed
from ketasim.mechanisms.mechanism import Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Multiplicative scaling of synapses towards the baseline firing rate."""

    averaging: Annotated[
        float, Gt(0), "s", Source("assumed", "as a boxcar of 12 h: noise must not drive scaling", 2.0)
    ] = 21600.0
    scaling: Annotated[
        float, Gt(0), "s", Source("recalled", "days in culture, Turrigiano 1998; tau_h of 36 h assumed", 2.0)
    ] = 129600.0
    smallest: Annotated[float, Gt(0), Le(1), "1", Source("assumed", "lower limit of h", Prior(0.3, 0.8))] = 0.5
    largest: Annotated[float, Ge(1), "1", Source("assumed", "upper limit of h", Prior(1.5, 3.0))] = 2.0


def advance(  # noqa: PLR0913, PLR0917 - one argument per signal, as declared
    firing_rate: np.ndarray,
    firing_rate_baseline: np.ndarray,
    homeostatic_rate: np.ndarray,
    homeostatic_scale: np.ndarray,
    ampa_gain: np.ndarray,
    afferent_ampa_gain: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Advance the averaged rate (n,) and the factor (n,) at the firing rate (n,) in Hz; scale the ports (n,) by it."""
    parameters, members = prepared.parameters, prepared.nodes
    # a node that was silent at baseline is not scaled
    relative = relative_to_rest(firing_rate[members], firing_rate_baseline[members])
    before = homeostatic_rate[members].copy()
    homeostatic_rate[members] = relaxed(before, relative, clock.duration, parameters.averaging)
    # integral of 1 - x over the step, x relaxing from `before` towards `relative`
    lacking = (1.0 - relative) * clock.duration + parameters.averaging * (homeostatic_rate[members] - before)
    growth = np.exp(np.clip(lacking, -clock.duration, clock.duration) / parameters.scaling)
    scale = np.clip(homeostatic_scale[members] * growth, parameters.smallest, parameters.largest)
    homeostatic_scale[members] = scale
    ampa_gain[members] *= scale
    afferent_ampa_gain[members] *= scale


MECHANISM = Mechanism(
    "homeostatic_scaling",
    Parameters,
    advance,
    reads=("firing_rate", "firing_rate_baseline"),
    writes=("homeostatic_rate", "homeostatic_scale"),
    scales=("ampa_gain", "afferent_ampa_gain"),
    population="PYR",
)
