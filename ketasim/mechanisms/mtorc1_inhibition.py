"""Inhibitors of mTORC1: the kinase's activity falls with their concentration.

With ``y`` the sum of (C / IC50)^hill over the inhibitors among the drugs, the activity of mTORC1 in all nodes is scaled
by ``1 / (1 + y)``. Negative feedback of the pathway (`mtorc1`) then subsides within its time of adaptation, so that a
part of p70S6K's activity comes back while an inhibitor stays.

Not validated: inhibition that outlasts the inhibitor in the brain.
"""

from typing import NamedTuple

import numpy as np

from ketasim.drugs import Ligands
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting


class Parameters(NamedTuple):
    """Inhibitors of mTORC1; their potencies are drug data."""


def prepare(parameters: Parameters, setting: Setting) -> Ligands:
    """Collect the inhibitors of mTORC1 among the drugs of the run."""
    return setting.ligands("mtorc1", "inhibitor")


def advance(brain_concentration: np.ndarray, mtorc1_gain: np.ndarray, prepared: Ligands, clock: Clock) -> None:
    """Scale the port (n,) at concentrations (n_compounds,) in uM."""
    mtorc1_gain /= 1.0 + prepared.relative_concentration(brain_concentration)


MECHANISM = Mechanism(
    "mtorc1_inhibition",
    Parameters,
    advance,
    reads=("brain_concentration",),
    scales=("mtorc1_gain",),
    prepare=prepare,
    targets=(("mtorc1", "inhibitor"),),
)
