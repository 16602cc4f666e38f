"""Slow twin of the signalling chain, from block and throughput to synapses: the equations as they stand.

One node, all in minutes, plain Euler steps. `Rates` holds the numbers once more, on purpose.
"""

from typing import NamedTuple


class Rates(NamedTuple):
    """The default parameters, times in minutes."""

    eef2_time: float = 10.0
    throughput_gain: float = 1.0
    translation_gain: float = 8.5
    translation_half: float = 0.3
    bdnf_time: float = 60.0
    trkb_time: float = 20.0
    largest_trkb: float = 4.0
    mtorc1_gain: float = 10.0
    feedback: float = 70.0
    mtorc1_time: float = 20.0
    feedback_time: float = 525.0
    protein_gain: float = 20.0
    threshold: float = 0.5
    protein_time: float = 5.0 * 24.0 * 60.0
    protein_exponent: float = 0.5
    surface_gain: float = 0.1
    potentiator_gain: float = 0.0
    surface_time: float = 120.0
    inhibition_time: float = 120.0
    averaging: float = 6.0 * 60.0
    scaling: float = 36.0 * 60.0


class Drive(NamedTuple):
    """What moves a node: block; throughput, all excitation and rate over baseline; potentiator over EC50; ports."""

    block: float = 0.0
    throughput: float = 1.0
    rate: float = 1.0
    excitation: float = 1.0
    potentiator: float = 0.0
    bdnf: float = 1.0
    trkb: float = 1.0
    mtorc1: float = 1.0


REST = {
    "eef2_phosphorylation": 1.0,
    "bdnf": 1.0,
    "trkb": 1.0,
    "p70s6k": 1.0,
    "mtorc1_feedback": 0.0,
    "synaptic_protein": 1.0,
    "surface_ampa": 1.0,
    "homeostatic_rate": 1.0,
    "homeostatic_scale": 1.0,
    "inhibitory_strength": 1.0,
}


def slopes(state, drive, rates):
    """Rate of change 1/min of every state."""
    phosphorylated, bdnf, trkb, active, opposed, protein, surface, average, scale, inhibition = (
        state[name] for name in REST
    )
    departure = active - 1.0
    counted = departure**3 / (departure**2 + rates.threshold**2) if departure else 0.0
    bound = rates.largest_trkb / (1.0 + (rates.largest_trkb - 1.0) / bdnf) if bdnf else 0.0
    release = rates.throughput_gain * (drive.throughput - 1.0)
    going_on = drive.throughput / (drive.throughput + rates.translation_half) * (1.0 + rates.translation_half)
    translated = rates.translation_gain * (1.0 - phosphorylated) * going_on
    potentiated = rates.potentiator_gain * drive.potentiator / (1.0 + drive.potentiator)
    return {
        "eef2_phosphorylation": (1.0 - drive.block - phosphorylated) / rates.eef2_time,
        "bdnf": (drive.bdnf * max(1.0 + release + translated, 0.0) - bdnf) / rates.bdnf_time,
        "trkb": (drive.trkb * bound - trkb) / rates.trkb_time,
        "p70s6k": (drive.mtorc1 * (1.0 + rates.mtorc1_gain * (trkb - 1.0) - opposed) - active) / rates.mtorc1_time,
        "mtorc1_feedback": (rates.feedback * departure - opposed) / rates.feedback_time,
        "synaptic_protein": (1.0 + rates.protein_gain * counted - protein) / rates.protein_time,
        "surface_ampa": (1.0 + rates.surface_gain * (trkb - 1.0) + potentiated - surface) / rates.surface_time,
        "homeostatic_rate": (drive.rate - average) / rates.averaging,
        "homeostatic_scale": scale * max(-1.0, min(1.0, 1.0 - average)) / rates.scaling,
        "inhibitory_strength": (drive.excitation - inhibition) / rates.inhibition_time,
    }


def follow(state, drive_at, minutes, rates=Rates(), step=0.02):  # noqa: B008 - a NamedTuple does not change
    """State after `minutes` of ``drive_at(minute)``, and the trace [(minute, state)] of every whole minute."""
    state, trace = dict(state), []
    for number in range(round(minutes / step)):
        change = slopes(state, drive_at(number * step), rates)
        for name, slope in change.items():
            state[name] += step * slope
        state["p70s6k"] = max(0.0, state["p70s6k"])
        state["synaptic_protein"] = max(0.0, state["synaptic_protein"])
        for name in ("homeostatic_scale", "inhibitory_strength"):
            state[name] = max(0.5, min(2.0, state[name]))
        if (number + 1) % round(1.0 / step) == 0:
            trace.append(((number + 1) * step, dict(state)))
    return state, trace


def gain(state, rates=Rates()):  # noqa: B008
    """Factor on AMPA conductances of the circuit that a state amounts to."""
    return state["synaptic_protein"] ** rates.protein_exponent * state["surface_ampa"] * state["homeostatic_scale"]
