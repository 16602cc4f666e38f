"""The table of names through which mechanisms, network and file meet.

Every slow quantity that more than one part of ketasim knows stands here once, with its unit, its shape and its
neutral value: the value it has when the mechanism that owns it is switched off. A signal of kind ``port`` is reset
to its neutral value before each step and may be scaled by several mechanisms; every other signal has one owner.
"""

from math import inf, isfinite
from typing import Literal, NamedTuple

Dimension = Literal["compound", "compartment", "blocker", "subunit", "stage", "population", "node"]
Kind = Literal["input", "state", "port", "network"]

#: Longest-established order of the NMDA receptor's GluN2 subunits; the axis `subunit`.
SUBUNITS = ("GluN2A", "GluN2B", "GluN2C", "GluN2D")

#: Stages of a spine's life; the axis `stage`.
STAGES = ("transient", "consolidating", "persistent")


class Signal(NamedTuple):
    """One row of the table: unit, dimensions, kind, neutral value and meaning.

    recorded : written to the trajectory file (population means of node signals, subject signals as they are).
    smooth : has no noise of the network to speak of; mechanisms read it at the middle of the step, extrapolated.
    within : least and largest value that makes sense; a run in which a mechanism leaves it is stopped.
    """

    name: str
    unit: str
    dims: tuple[Dimension, ...]
    kind: Kind
    neutral: float
    meaning: str
    recorded: bool = False
    smooth: bool = False
    within: tuple[float, float] = (0.0, inf)


_NODE: tuple[Dimension, ...] = ("node",)
_SUBUNIT_NODE: tuple[Dimension, ...] = ("subunit", "node")
_BLOCK: tuple[Dimension, ...] = ("blocker", "subunit", "node")
_STAGE_NODE: tuple[Dimension, ...] = ("stage", "node")

_SHARE = (0.0, 1.0)
_ANY = (-inf, inf)

_ROWS = (
    # what the experiment does to the subject
    Signal("bolus", "mg", ("compartment",), "input", 0.0, "amount put in at the start of the step"),
    Signal("infusion_rate", "mg/s", ("compartment",), "input", 0.0, "amount put in per second during the step"),
    Signal(
        "afferent_rate",
        "1/ms",
        ("population",),
        "input",
        0.0,
        "rate added to that of each neuron's background afferents",
        within=_ANY,
    ),
    # pharmacokinetics
    Signal(
        "drug_amount",
        "mg",
        ("compartment",),
        "state",
        0.0,
        "amount in each compartment; effect compartments hold mg/L",
    ),
    Signal("plasma_concentration", "ng/mL", ("compound",), "state", 0.0, "total plasma concentration", True),
    Signal("brain_concentration", "uM", ("compound",), "state", 0.0, "unbound brain concentration", True, True),
    # NMDA receptor
    Signal(
        "trapped_block", "1", _BLOCK, "state", 0.0, "fraction of receptors with this blocker trapped", within=_SHARE
    ),
    Signal(
        "superficial_block",
        "1",
        _BLOCK,
        "state",
        0.0,
        "fraction with this blocker at its superficial site",
        within=_SHARE,
    ),
    Signal(
        "nmda_unblocked",
        "1",
        _SUBUNIT_NODE,
        "state",
        1.0,
        "fraction of synaptic receptors free of every blocker",
        within=_SHARE,
    ),
    Signal(
        "nmda_unblocked_extrasynaptic",
        "1",
        _SUBUNIT_NODE,
        "state",
        1.0,
        "the same of extrasynaptic receptors",
        within=_SHARE,
    ),
    Signal(
        "nmda_block",
        "1",
        _NODE,
        "state",
        0.0,
        "blocked fraction of NMDA conductance, all subunits",
        True,
        True,
        within=_SHARE,
    ),
    Signal(
        "nmda_tonic_gating",
        "1",
        _SUBUNIT_NODE,
        "state",
        0.0,
        "extrasynaptic gating by ambient glutamate",
        within=_SHARE,
    ),
    # glutamate
    Signal("glutamate_perisynaptic", "1", _NODE, "state", 1.0, "perisynaptic glutamate over its baseline", True),
    Signal("glutamate_ambient", "uM", _NODE, "state", 0.05, "ambient extracellular glutamate", True),
    Signal(
        "autoreceptor_inhibition",
        "1",
        _NODE,
        "state",
        0.0,
        "cut of release by mGlu2/3 autoreceptors relative to baseline",
        True,
        within=(-inf, 1.0),  # negative below the glutamate of rest; at 1 nothing is released
    ),
    # plasticity signalling, relative to baseline
    Signal("eef2_phosphorylation", "1", _NODE, "state", 1.0, "phosphorylated eEF2 over its baseline", True, True),
    Signal("bdnf", "1", _NODE, "state", 1.0, "free BDNF over its baseline", True, True),
    Signal("trkb", "1", _NODE, "state", 1.0, "active TrkB over its baseline", True, True),
    Signal("p70s6k", "1", _NODE, "state", 1.0, "active p70S6K, the read-out of mTORC1, over its baseline", True, True),
    Signal("mtorc1_feedback", "1", _NODE, "state", 0.0, "negative feedback on mTORC1", within=_ANY),
    Signal("synaptic_protein", "1", _NODE, "state", 1.0, "synaptic protein S over its baseline", True, True),
    Signal("surface_ampa", "1", _NODE, "state", 1.0, "surface AMPA receptors A over their baseline", True),
    Signal("homeostatic_rate", "1", _NODE, "state", 1.0, "firing rate over its baseline, low-passed for scaling"),
    Signal("homeostatic_scale", "1", _NODE, "state", 1.0, "homeostatic scaling factor h", True),
    # spines
    Signal("afferent_spines", "1", _STAGE_NODE, "state", 1.0, "spines of afferents by stage, each over its baseline"),
    Signal("activity_trace", "1", _NODE, "state", 1.0, "firing rate over its baseline, low-passed for spines"),
    Signal("spine_density", "1", _NODE, "state", 1.0, "spines over their baseline, circuit and afferents", True),
    Signal("spine_density_circuit", "1", _NODE, "state", 1.0, "in-degree within PYR over its baseline", True),
    Signal("spine_formation_rate", "1/d", _NODE, "state", 0.0, "spines formed a day over those at baseline", True),
    Signal("spine_elimination_rate", "1/d", _NODE, "state", 0.0, "spines lost a day over those at baseline", True),
    Signal("synaptic_weight", "1", _NODE, "state", 1.0, "mean weight w of synapses from PYR over its baseline", True),
    # ports
    Signal("ampa_gain", "1", _NODE, "port", 1.0, "scales AMPA of every glutamatergic synapse onto the node"),
    Signal("afferent_gain", "1", _NODE, "port", 1.0, "scales AMPA and NMDA of the background afferents onto the node"),
    Signal(
        "release_gain",
        "1",
        _NODE,
        "port",
        1.0,
        "scales release probability of the node's glutamatergic terminals and of the afferents on it",
    ),
    Signal("uptake_gain", "1", _NODE, "port", 1.0, "scales the capacity of glutamate uptake"),
    # what a window of the spiking network measures
    Signal("firing_rate", "Hz", _NODE, "network", 0.0, "spikes per second in the window", True),
    Signal(
        "nmda_gating",
        "1",
        _NODE,
        "network",
        0.0,
        "mean synaptic NMDA gate <g>, weighted by conductance",
        True,
    ),
    Signal("nmda_gating_unblocked_ab", "1", _NODE, "network", 0.0, "<g m(V)> with the Mg curve of GluN2A, B"),
    Signal("nmda_gating_unblocked_cd", "1", _NODE, "network", 0.0, "<g m(V)> with the Mg curve of GluN2C, D"),
    Signal("nmda_gating_voltage", "mV", _NODE, "network", 0.0, "mean of gate times voltage, <g V>", within=_ANY),
    Signal("ampa_throughput", "pA", _NODE, "network", 0.0, "mean AMPA current (inward positive)", True, within=_ANY),
    Signal("nmda_throughput", "pA", _NODE, "network", 0.0, "mean NMDA current (inward positive)", True, within=_ANY),
    Signal(
        "vesicle_release",
        "1/s",
        _NODE,
        "network",
        0.0,
        "release received per incoming glutamatergic synapse of the circuit",
        True,
    ),
    Signal(
        "ampa_throughput_circuit",
        "nS",
        _NODE,
        "network",
        0.0,
        "mean AMPA conductance opened by the circuit's own synapses, without afferents",
        True,
    ),
    # means of network signals over the baseline
    Signal("vesicle_release_baseline", "1/s", _NODE, "network", 0.0, "release received, mean of the baseline"),
    Signal("ampa_throughput_circuit_baseline", "nS", _NODE, "network", 0.0, "circuit's AMPA, mean of the baseline"),
    Signal("firing_rate_baseline", "Hz", _NODE, "network", 0.0, "firing rate, mean of the baseline"),
)

#: Ending of the signals that hold the baseline's mean of another one.
BASELINE = "_baseline"

SIGNALS: dict[str, Signal] = {row.name: row for row in _ROWS}


def range_in_words(within: tuple[float, float]) -> str:
    """Say a range as people do.

    >>> range_in_words((0.0, inf)), range_in_words((0.0, 1.0)), range_in_words((-inf, 1.0)), range_in_words((-inf, inf))
    ('0 or more', '0 to 1', '1 or less', 'any number')
    """
    least, most = within
    if isfinite(least) and isfinite(most):
        return f"{least:g} to {most:g}"
    if isfinite(least):
        return f"{least:g} or more"
    return f"{most:g} or less" if most < inf else "any number"
