"""Why classes differ: the response with one factor of the block made the same in all classes.

At a constant concentration the block of subunit s is ``x/(1 + x)``, ``x = C m_s/(K_s v(V))``: it depends on the Mg
factor m and the voltage V at the gated channels and on the subunits, but not on the open probability p, which only sets
how fast it comes. Here the block of every neuron is computed with the mean m and V, with the subunits or with the p of
pyramidal cells. What remains with the same block everywhere is how much each class relies on NMDA current.
"""

from typing import Any

import numpy as np

from ketasim.mechanisms import Mechanism, nmda_blockade
from ketasim.network.weights import WeightSet
from network_ensemble.priors import CLASSES
from network_ensemble.responses import Protocol, clamped, rates_at

CONCENTRATION = 0.5  # uM
ARMS: dict[str, dict[str, Any]] = {
    "none": {"concentration": 0.0},
    "full": {},
    "same m and V": {"same": ("m",)},
    "same subunits": {"same": ("subunits",)},
    "same p": {"same": ("p",)},
    "same block": {"same": ("m", "subunits", "p")},
    "PYR only": {"cells": ["PYR"]},
    "PV only": {"cells": ["PV"]},
    "SST only": {"cells": ["SST"]},
    "PV and SST only": {"cells": ["PV", "SST"]},
}
COURSE_ARMS = ("none", "full", "same p")
COURSE_MINUTES = (2, 5, 10, 20, 40)
#: Pyramidal cells have no GluN2D, and what no cell has is not measured: so much of it that their m is known there.
TRACE = {"network.nmda_subunits.PYR": {"GluN2A": 0.5495, "GluN2B": 0.4495, "GluN2D": 0.001}}


def equalised(same: tuple[str, ...]) -> Mechanism:
    """Return NMDA blockade with the named factors, of m, p and subunits, those of pyramidal cells in every neuron."""

    def prepare(parameters: Any, setting: Any) -> tuple[Any, slice]:
        prepared = nmda_blockade.prepare(nmda_blockade.Parameters(), setting)
        members = setting.network.topology.slice_of("PYR")
        if "subunits" in same:
            shares = np.repeat(prepared.shares[:, members.start, None], prepared.shares.shape[1], axis=1)
            prepared = prepared._replace(shares=np.ascontiguousarray(shares))
        return prepared, members

    def advance(*signals: Any) -> None:
        concentration, *gating, trapped, superficial, free, outside, block, (prepared, members), clock = signals
        gate, *unblocked, opened, current, tonic = gating
        own = nmda_blockade.Gating(gate, np.stack(unblocked), opened, current, tonic)
        seen = _shared_gating(own, members, same)
        level = concentration[prepared.compound]
        nmda_blockade.advance_block(level, seen, trapped, superficial, prepared, clock.duration)
        free[:] = 1.0 - trapped.sum(axis=0) - superficial.sum(axis=0)
        if "subunits" in same:
            free[:] = (prepared.shares * free).sum(axis=0)
        outside[:] = free
        block[:] = 1.0 - (prepared.shares * free).sum(axis=0)

    real = nmda_blockade.MECHANISM
    return Mechanism(
        "equalised_blockade", nmda_blockade.Parameters, advance, reads=real.reads, writes=real.writes, prepare=prepare
    )


def _shared_gating(own: nmda_blockade.Gating, members: slice, same: tuple[str, ...]) -> nmda_blockade.Gating:
    """Gating as the block sees it, with p, or m and V, of pyramidal cells."""
    gate = np.maximum(own.gate, 1e-12)
    free, opened, current, tonic = own.unblocked / gate, own.open, own.current, own.tonic
    if "m" in same:
        means = own.unblocked[:, members].mean(axis=1) / gate[members].mean()
        free = np.repeat(means[:, None], gate.size, axis=1)
        opened, current = (np.full_like(gate, values[members].mean()) for values in (own.open, own.current))
    if "p" in same:
        gate = np.full_like(gate, own.gate[members].mean())
        tonic = np.repeat(own.tonic[:, members].mean(axis=1, keepdims=True), gate.size, axis=1)
    return nmda_blockade.Gating(gate, gate * free, opened, current, tonic)


def _settings(arm: str) -> tuple[float, dict[str, Any], list[Mechanism]]:
    what = ARMS[arm]
    if "same" in what:
        return CONCENTRATION, {"mechanisms.nmda_blockade": "off"} | TRACE, [equalised(what["same"])]
    changes = {"mechanisms.nmda_blockade": {"cells": what["cells"]}} if "cells" in what else {}
    return what.get("concentration", CONCENTRATION), changes, []


def steady_rates(weights: WeightSet, arm: str, graph_seed: int) -> np.ndarray:
    """(classes,) rates in Hz of one arm on one graph at the fixed point."""
    concentration, changes, mechanisms = _settings(arm)
    protocol = Protocol()
    return rates_at(concentration, weights, graph_seed, protocol, changes=changes, mechanisms=mechanisms).mean(axis=0)


def course(weights: WeightSet, arm: str, graph_seed: int) -> np.ndarray:
    """(times, 2 classes) mean block and, over the steps since the last of those times, rate in Hz of each class."""
    concentration, changes, mechanisms = _settings(arm)
    schedule = {
        "duration": "41 min",
        "schedule.step": "30 s",
        "schedule.baseline": "4 s",
        "schedule.memory": "2 s",
    }
    simulation = clamped(concentration, weights, graph_seed, schedule | changes, mechanisms)
    network, rows, rates, number = simulation.network, [], [], 0
    while number < len(COURSE_MINUTES):
        simulation.step()
        members = [network.topology.slice_of(name) for name in CLASSES]
        rates.append([simulation.window.signals["firing_rate"][one].mean() for one in members])
        if simulation.time >= 60.0 * COURSE_MINUTES[number] - 1e-6:
            block = [simulation.signals["nmda_block"][one].mean() for one in members]
            rows.append([*block, *np.mean(rates, axis=0)])
            rates, number = [], number + 1
    return np.array(rows)
