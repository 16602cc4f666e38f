"""Antagonists at AMPA receptors: fewer receptors are free for glutamate, at every glutamatergic synapse.

With ``y`` the sum of (C / K)^hill over the antagonists among the drugs, AMPA conductance of all nodes is scaled by
``1 / (1 + y)``, the fraction of receptors without antagonist: in the millisecond for which glutamate stays in the cleft
a competitive antagonist does not leave its receptor, so that glutamate cannot displace it.

Not validated: that brain concentrations reached after a systemic dose are those at the synapse.
"""

from typing import NamedTuple

import numpy as np

from ketasim.drugs import Ligands
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting


class Parameters(NamedTuple):
    """Antagonists at AMPA receptors; their potencies are drug data."""


def prepare(parameters: Parameters, setting: Setting) -> Ligands:
    """Collect the AMPA antagonists among the drugs of the run."""
    return setting.ligands("ampa", "antagonist")


def advance(
    brain_concentration: np.ndarray,
    ampa_gain: np.ndarray,
    afferent_ampa_gain: np.ndarray,
    prepared: Ligands,
    clock: Clock,
) -> None:
    """Scale both ports (n,) by the share of free receptors at concentrations (n_compounds,) in uM."""
    free = 1.0 / (1.0 + prepared.relative_concentration(brain_concentration))
    ampa_gain *= free
    afferent_ampa_gain *= free


MECHANISM = Mechanism(
    "ampa_antagonism",
    Parameters,
    advance,
    reads=("brain_concentration",),
    scales=("ampa_gain", "afferent_ampa_gain"),
    prepare=prepare,
    targets=(("ampa", "antagonist"),),
)
