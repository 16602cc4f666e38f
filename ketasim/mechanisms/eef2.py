"""eEF2: block of resting NMDA transmission disinhibits dendritic translation.

Spontaneous transmission through NMDA receptors keeps eEF2 kinase active and eEF2 phosphorylated, which suppresses
translation; blocking these receptors dephosphorylates eEF2 [Autry 2011, 10.1038/nature10130; Nosyreva 2013]. Per PYR
node, relative to baseline::

    dP/dt = (n (1 - block) - P) / tau

with n the port `nmda_gain`, the number of receptors.

Spontaneous transmission does not depend on firing, hence the blocked fraction itself rather than the current that
firing drives through the remaining receptors.

Not validated: P proportional to the unblocked fraction down to the last receptor; only the direction is published.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Gt

from ketasim.kernels.formulas import relaxed
from ketasim.mechanisms.mechanism import Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Phosphorylation of eEF2 by resting NMDA transmission."""

    dephosphorylation: Annotated[
        float, Gt(0), "s", Source("recalled", "5-30 min, Autry 2011, Nosyreva 2013", Prior(300.0, 1800.0))
    ] = 600.0


def advance(
    nmda_block: np.ndarray,
    nmda_gain: np.ndarray,
    eef2_phosphorylation: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Relax phosphorylation (n,) towards the unblocked synaptic conductance at block and gain (n,)."""
    parameters, members = prepared.parameters, prepared.nodes
    transmission = nmda_gain[members] * (1.0 - nmda_block[members])
    eef2_phosphorylation[members] = relaxed(
        eef2_phosphorylation[members], transmission, clock.duration, parameters.dephosphorylation
    )


MECHANISM = Mechanism(
    "eef2",
    Parameters,
    advance,
    reads=("nmda_block", "nmda_gain"),
    writes=("eef2_phosphorylation",),
    population="PYR",
)
