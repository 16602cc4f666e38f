"""Serotonin: what inhibitors of its reuptake do at once, and what only weeks of them do.

With o the occupancy of the serotonin transporter by the drugs of the run, a the sensitivity of autoreceptors in the
raphe, 1 at rest, and T serotonin in cortex relative to rest::

    o = y/(1 + y), y the sum of C/K over inhibitors
    da/dt = (1 - d o - a)/tau
    T - 1 = g o (1 - b a)
    de/dt = (T - 1 - e)/tau_e
    BDNF set free, formation of spines      times 1 + k e

At first autoreceptors, which the same serotonin drives, take back most of the rise; they lose sensitivity over weeks.
Gene expression then follows (e: CREB and its targets, BDNF among them), which takes weeks of serotonin, not a dose. New
synapses follow by the turnover of spines, which is not in here. The prior of every k includes 0.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.drugs import Ligands
from ketasim.kernels.formulas import relaxed
from ketasim.mechanisms.mechanism import Card, Clock, Mechanism, Setting
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Serotonin under inhibitors of its reuptake, and what it does to synapses."""

    largest_rise: Annotated[
        float, Ge(0), "1", Source("recalled", "g: two- to fourfold by microdialysis, without autoreceptors", 2.0)
    ] = 3.0
    held_back: Annotated[
        float,
        Ge(0),
        Le(1),
        "1",
        Source("recalled", "b: share of the rise that autoreceptors take back at first", Prior(0.5, 0.95, "linear")),
    ] = 0.8
    desensitised: Annotated[
        float,
        Ge(0),
        Le(1),
        "1",
        Source(
            "recalled", "d: sensitivity lost under full occupancy, by firing of the raphe", Prior(0.4, 1.0, "linear")
        ),
    ] = 0.8
    desensitisation_time: Annotated[
        float,
        Gt(0),
        "d",
        Source("recalled", "tau: firing of the raphe is back after two to three weeks", Prior(4.0, 15.0)),
    ] = 8.0
    response_time: Annotated[
        float,
        Gt(0),
        "d",
        Source("recalled", "tau_e: BDNF mRNA is up after weeks of inhibitors, not after a dose (Nibuya 1995)", 2.0),
    ] = 7.0
    bdnf_gain: Annotated[
        float,
        Ge(0),
        Le(10),
        "1",
        Source("assumed", "cortex of rodents after weeks: none to a fifth more", Prior(0.0, 0.15, "linear")),
    ] = 0.05
    formation_gain: Annotated[
        float,
        Ge(0),
        Le(10),
        "1",
        Source("assumed", "spines of adult rodents after weeks: none to a tenth more", Prior(0.0, 0.5, "linear")),
    ] = 0.1


class Prepared(NamedTuple):
    """Parameters, and the inhibitors of reuptake among the drugs of the run."""

    parameters: Parameters
    inhibitors: Ligands


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Collect the inhibitors of reuptake among the drugs of the run."""
    return Prepared(parameters, setting.ligands("sert", "inhibitor"))


def advance(  # noqa: PLR0913, PLR0917 - one argument per signal, as declared
    brain_concentration: np.ndarray,
    sert_occupancy: np.ndarray,
    raphe_autoreceptors: np.ndarray,
    serotonin: np.ndarray,
    serotonin_response: np.ndarray,
    bdnf_release_gain: np.ndarray,
    spine_formation_gain: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Set occupancy and serotonin, relax autoreceptors and response (scalars), scale the ports of every node (n,)."""
    parameters = prepared.parameters
    bound = float(prepared.inhibitors.relative_concentration(brain_concentration))
    occupied = bound / (1.0 + bound)
    sert_occupancy[...] = occupied
    target = 1.0 - parameters.desensitised * occupied
    days = clock.duration / 86_400.0
    raphe_autoreceptors[...] = relaxed(raphe_autoreceptors, target, days, parameters.desensitisation_time)
    rise = parameters.largest_rise * occupied * (1.0 - parameters.held_back * float(raphe_autoreceptors))
    serotonin[...] = 1.0 + rise
    serotonin_response[...] = relaxed(serotonin_response, rise, days, parameters.response_time)
    bdnf_release_gain *= 1.0 + parameters.bdnf_gain * float(serotonin_response)
    spine_formation_gain *= 1.0 + parameters.formation_gain * float(serotonin_response)


MECHANISM = Mechanism(
    "serotonin",
    Parameters,
    advance,
    reads=("brain_concentration",),
    writes=("sert_occupancy", "raphe_autoreceptors", "serotonin", "serotonin_response"),
    scales=("bdnf_release_gain", "spine_formation_gain"),
    prepare=prepare,
    targets=(("sert", "inhibitor"),),
    card=Card(
        species="all; numbers are of rodents but for the occupancy",
        fitted_to=(
            "nothing; the second slow stage is there because of I22, the share of six weeks' effect that one week has"
        ),
        domain="inhibitors of reuptake at usual daily doses, for weeks",
        not_validated=(
            "all sizes; that serotonin acts by BDNF and by spines; other receptors of serotonin; unwanted "
            "effects; withdrawal"
        ),
        refuted_by="a rise of cortical serotonin as large on the first day as after weeks",
    ),
)
