"""A second site of some NMDA blockers: tonically active receptors gate less, long before their pores are blocked.

A hypothesis, off by default. About 0.1 uM of a blocker was found to lower the gating of NMDA receptors through sites
apart from the pore; the effect is incomplete, spares brief activation as at synapses, and other blockers lack it
(Abbott, Liu & Popescu 2024, 10.1016/j.bpj.2023.11.3201, and PMC11948614, abstracts). With ``y`` the sum of
(C / EC50)^hill over the compounds with this site among the drugs, current through extrasynaptic receptors is scaled by
``1 - m y / (1 + y)``.

Not validated: the largest effect m; that it takes no time; its dependence on voltage and pH, which was reported without
numbers; the same at all subunits.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Le

from ketasim.drugs import Ligands
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Tonic NMDA receptors inhibited at a site apart from the pore."""

    largest_cut: Annotated[
        float, Ge(0), Le(1), "1", Source("assumed", "m: incomplete, size not in what was read", Prior(0.1, 0.5))
    ] = 0.3


class Prepared(NamedTuple):
    """Parameters and the compounds with this site among the drugs of the run."""

    parameters: Parameters
    inhibitors: Ligands


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Collect the compounds with this site among the drugs of the run."""
    return Prepared(parameters, setting.ligands("nmda_allosteric", "inhibitor"))


def advance(brain_concentration: np.ndarray, nmda_tonic_gain: np.ndarray, prepared: Prepared, clock: Clock) -> None:
    """Scale the port (n,) at concentrations (n_compounds,) in uM."""
    bound = prepared.inhibitors.relative_concentration(brain_concentration)
    nmda_tonic_gain *= 1.0 - prepared.parameters.largest_cut * bound / (1.0 + bound)


MECHANISM = Mechanism(
    "allosteric_site",
    Parameters,
    advance,
    reads=("brain_concentration",),
    scales=("nmda_tonic_gain",),
    prepare=prepare,
    targets=(("nmda_allosteric", "inhibitor"),),
    by_default=False,
)
