"""Potentiators of GABA-A receptors: inhibitory conductances become larger and last longer.

With ``y`` the sum of (C / EC50)^hill over the potentiators among the drugs and occupancy ``a = y / (1 + y)``, the
conductance of every inhibitory synapse is scaled by ``1 + (A - 1) a`` and its decay time by ``1 + (D - 1) a``.

Not validated: the same for synapses of all interneurons and onto all cells; tonic inhibition is not in the model.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge

from ketasim.drugs import Ligands
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting
from ketasim.sources import Source


class Parameters(NamedTuple):
    """Inhibition made larger and longer by potentiators of GABA-A receptors."""

    largest_gain: Annotated[
        float,
        Ge(1),
        "1",
        Source("verified", "A: amplitude of miniature currents unchanged by midazolam, Poncer 1996 (abstract)"),
    ] = 1.0
    largest_time_gain: Annotated[
        float,
        Ge(1),
        "1",
        Source("verified", "D: decay +70 % by 1 uM midazolam at 34 C, Verbny 2005, Anesthesiology 102:962 (abstract)"),
    ] = 1.7


class Prepared(NamedTuple):
    """Parameters and the potentiators among the drugs of the run."""

    parameters: Parameters
    potentiators: Ligands


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Collect the potentiators of GABA-A receptors among the drugs of the run."""
    return Prepared(parameters, setting.ligands("gaba_a", "potentiator"))


def advance(
    brain_concentration: np.ndarray,
    inhibition_gain: np.ndarray,
    inhibition_time_gain: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Scale both ports, that of each node (n,) and that for all, at concentrations (n_compounds,) in uM."""
    bound = prepared.potentiators.relative_concentration(brain_concentration)
    occupancy = bound / (1.0 + bound)
    inhibition_gain *= 1.0 + (prepared.parameters.largest_gain - 1.0) * occupancy
    inhibition_time_gain *= 1.0 + (prepared.parameters.largest_time_gain - 1.0) * occupancy


MECHANISM = Mechanism(
    "gabaa_potentiation",
    Parameters,
    advance,
    reads=("brain_concentration",),
    scales=("inhibition_gain", "inhibition_time_gain"),
    prepare=prepare,
    targets=(("gaba_a", "potentiator"),),
)
