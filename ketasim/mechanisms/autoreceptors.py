"""mGlu2/3 autoreceptors: perisynaptic glutamate, together with any agonist drug, lowers release.

Competitive occupancy, ``a = y / (1 + y)`` with ``y = G / EC50 + sum of (C / EC50_drug)^hill`` and G = 2 uM times the
relative perisynaptic level. Release probability is reduced by ``gamma (a - a0) / (1 - a0)`` relative to baseline, at
the outputs of pyramidal cells and at glutamatergic afferents alike.

Not validated: a neuron's terminals are taken to see the glutamate that the neuron itself receives, as a proxy for that
around its terminals; the size of the reduction is recalled with low confidence (40-60 %), the perisynaptic level
assumed.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.drugs import Ligands
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Inhibition of glutamate release by mGlu2/3 receptors."""

    glutamate_ec50: Annotated[float, Gt(0), "uM", Source("recalled", "4-12 uM, Schoepp 1999", Prior(4.0, 20.0))] = 10.0
    resting_level: Annotated[float, Gt(0), "uM", Source("assumed", "perisynaptic glutamate at rest", 2.0)] = 2.0
    largest_cut: Annotated[
        float, Ge(0), Le(1), "1", Source("recalled", "gamma: 40-60 % of release, low confidence", Prior(0.3, 0.7))
    ] = 0.5


class Prepared(NamedTuple):
    """Parameters and the agonists among the drugs of the run."""

    parameters: Parameters
    agonists: Ligands


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Collect the mGlu2/3 agonists among the drugs of the run."""
    return Prepared(parameters, setting.ligands("mglu2_3", "agonist"))


def advance(
    glutamate_perisynaptic: np.ndarray,
    brain_concentration: np.ndarray,
    autoreceptor_inhibition: np.ndarray,
    release_gain: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Set the inhibition of release (n,) at the perisynaptic level (n,) and scale the port by it."""
    own = prepared.parameters.resting_level / prepared.parameters.glutamate_ec50
    bound = own * glutamate_perisynaptic + prepared.agonists.relative_concentration(brain_concentration)
    # with a = y / (1 + y), (a - a0) / (1 - a0) is (y - y0) / (1 + y)
    autoreceptor_inhibition[:] = prepared.parameters.largest_cut * (bound - own) / (1.0 + bound)
    release_gain *= 1.0 - autoreceptor_inhibition


MECHANISM = Mechanism(
    "autoreceptors",
    Parameters,
    advance,
    reads=("glutamate_perisynaptic", "brain_concentration"),
    writes=("autoreceptor_inhibition",),
    scales=("release_gain",),
    prepare=prepare,
    targets=(("mglu2_3", "agonist"),),
)
