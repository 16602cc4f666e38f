"""mGlu2/3 autoreceptors: perisynaptic glutamate, together with any agonist drug, lowers release.

Competitive occupancy, ``a = y / (1 + y)`` with ``y = G / EC50 + sum of (C / EC50_drug)^hill`` and G = 2 uM times the
relative perisynaptic level. Release is reduced by ``gamma (a - a0) / (1 - a0)`` relative to baseline at the outputs of
pyramidal cells, and by s times that at background afferents, s being the share of them whose terminals have these
receptors.

Not validated: a neuron's terminals are taken to see the glutamate that the neuron itself receives, as a proxy for that
around its terminals; the perisynaptic level and the share of afferents are assumed.
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
        float,
        Ge(0),
        Le(1),
        "1",
        Source("recalled", "gamma: 40-60 % in cortex; 60-72 % at perforant path, Kew 2002, verified", Prior(0.3, 0.7)),
    ] = 0.5
    afferent_share: Annotated[
        float,
        Ge(0),
        Le(1),
        "1",
        Source("assumed", "s: all thalamic afferents (a tenth), a quarter of cortical ones", Prior(0.1, 0.6, "linear")),
    ] = 0.3


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
    afferent_release_gain: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Set the inhibition of release (n,) at the perisynaptic level (n,) and scale both ports (n,) by it."""
    parameters = prepared.parameters
    own = parameters.resting_level / parameters.glutamate_ec50
    bound = own * glutamate_perisynaptic + prepared.agonists.relative_concentration(brain_concentration)
    # with a = y / (1 + y), (a - a0) / (1 - a0) is (y - y0) / (1 + y)
    autoreceptor_inhibition[:] = parameters.largest_cut * (bound - own) / (1.0 + bound)
    release_gain *= 1.0 - autoreceptor_inhibition
    afferent_release_gain *= 1.0 - parameters.afferent_share * autoreceptor_inhibition


MECHANISM = Mechanism(
    "autoreceptors",
    Parameters,
    advance,
    reads=("glutamate_perisynaptic", "brain_concentration"),
    writes=("autoreceptor_inhibition",),
    scales=("release_gain", "afferent_release_gain"),
    prepare=prepare,
    targets=(("mglu2_3", "agonist"),),
)
