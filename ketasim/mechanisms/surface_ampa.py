"""Surface AMPA receptors: raised within hours by TrkB, and by potentiators if that path is switched on.

Per PYR node, relative to baseline, with ``y`` the sum of (C / EC50)^hill over the potentiators among the drugs::

    dA/dt = (1 + aB (K - 1) + aP y / (1 + y) - A) / tau

Scales AMPA of the circuit's synapses onto the node by ``A^exponent``, and that of afferents by a share s of the change,
``1 + s (A^exponent - 1)``. Which compounds are potentiators is drug data (target `ampa`); aP is zero by default, so
this path has to be switched on.

Not validated: the size of both gains; the share of afferents. BDNF acts where it is set free: release that follows
throughput rises at the circuit's synapses alone, translation all over the dendrite. The potentiation cited in the drug
data was found to be presynaptic (more release); here it acts on the receptors of the postsynaptic cell.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.drugs import Ligands
from ketasim.kernels.formulas import relaxed
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Surface AMPA receptors raised by TrkB and by potentiators."""

    trkb_gain: Annotated[
        float, Ge(0), Le(1), "1", Source("assumed", "aB, largest rise by TrkB", Prior(0.0, 0.3, "linear"))
    ] = 0.1
    potentiator_gain: Annotated[
        float,
        Ge(0),
        "1",
        Source("assumed", "aP, largest rise by a potentiator; 0: the path is off", Prior(0.0, 0.5, "linear")),
    ] = 0.0
    turnover: Annotated[float, Gt(0), "s", Source("recalled", "1-4 h, low confidence", Prior(3600.0, 14_400.0))] = (
        7200.0
    )
    exponent: Annotated[
        float,
        Ge(0),
        Le(2),
        "1",
        Source("assumed", "alpha: AMPA conductance in proportion to receptors", Prior(0.5, 1.0)),
    ] = 1.0
    afferent_share: Annotated[
        float,
        Ge(0),
        Le(1),
        "1",
        Source("assumed", "s: change at afferents over that at the circuit's synapses", Prior(0.0, 1.0, "linear")),
    ] = 0.5


class Prepared(NamedTuple):
    """Parameters, the nodes, and the potentiators among the drugs of the run."""

    parameters: Parameters
    members: slice
    potentiators: Ligands


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Find the PYR nodes and the potentiators among the drugs of the run."""
    return Prepared(parameters, setting.nodes("PYR"), setting.ligands("ampa", "potentiator"))


def advance(
    trkb: np.ndarray,
    brain_concentration: np.ndarray,
    surface_ampa: np.ndarray,
    ampa_gain: np.ndarray,
    afferent_ampa_gain: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Relax receptors (n,) to their target at TrkB (n,) and concentrations (n_compounds,) in uM; scale the ports."""
    parameters, members = prepared.parameters, prepared.members
    bound = prepared.potentiators.relative_concentration(brain_concentration)
    potentiated = parameters.potentiator_gain * bound / (1.0 + bound)
    target = 1.0 + parameters.trkb_gain * (trkb[members] - 1.0) + potentiated
    surface_ampa[members] = relaxed(surface_ampa[members], target, clock.duration, parameters.turnover)
    strength = surface_ampa[members] ** parameters.exponent
    ampa_gain[members] *= strength
    afferent_ampa_gain[members] *= 1.0 + parameters.afferent_share * (strength - 1.0)


MECHANISM = Mechanism(
    "surface_ampa",
    Parameters,
    advance,
    reads=("trkb", "brain_concentration"),
    writes=("surface_ampa",),
    scales=("ampa_gain", "afferent_ampa_gain"),
    prepare=prepare,
    population="PYR",
    targets=(("ampa", "potentiator"),),
)
