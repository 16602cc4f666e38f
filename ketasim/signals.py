"""The table of names through which mechanisms, network and file meet.

Every slow quantity that more than one part of ketasim knows stands here once, with its unit, its shape and its
neutral value: the value it has when the mechanism that owns it is switched off. A signal of kind ``port`` is reset
to its neutral value before each step and may be scaled by several mechanisms; every other signal has one owner.

What the summary of a run gives of a signal and how pictures show it is declared here too. Both declarations are
written beside the values (attributes `summary` and `shown`), so that a file is enough to make them.
"""

import json
import re
from collections.abc import Iterable
from math import inf, isfinite
from typing import Any, Literal, NamedTuple

Dimension = Literal["compound", "compartment", "blocker", "subunit", "stage", "population", "node"]
Kind = Literal["input", "state", "port", "network"]

#: Longest-established order of the NMDA receptor's GluN2 subunits; the axis `subunit`.
SUBUNITS = ("GluN2A", "GluN2B", "GluN2C", "GluN2D")

#: Stages of a spine's life; the axis `stage`.
STAGES = ("transient", "consolidating", "persistent")


class Shown(NamedTuple):
    """How pictures show a signal.

    panel : heading of the panel; several signals may share one, which stands where the first of them does.
    label : name of the curve where a panel has several signals; also used in words.
    factor, unit : the values times the factor have this unit; without a unit they are drawn as they are.
    of_baseline : in per cent of baseline. Divided by the mean of the baseline if the summary has it; a signal without
        one is relative to baseline already.
    beside : panel on whose right-hand axis it is drawn, if the run has that panel.
    binned : as means over hours, for rates of events that are few in a single step.
    """

    panel: str
    label: str = ""
    factor: float = 1.0
    unit: str = ""
    of_baseline: bool = False
    beside: str = ""
    binned: bool = False

    @property
    def text(self) -> str:
        """The declaration as it is written beside the values: JSON of what differs from the defaults."""
        defaults = self._field_defaults
        return json.dumps({key: value for key, value in self._asdict().items() if value != defaults.get(key)})

    @classmethod
    def of(cls, text: str) -> "Shown":
        """Return the declaration of a text.

        Raises ValueError if it is none.

        >>> Shown.of(Shown("plasma", factor=1e3).text)
        Shown(panel='plasma', label='', factor=1000.0, unit='', of_baseline=False, beside='', binned=False)
        """
        try:
            found = cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"{text!r} does not say how a signal is shown: {error}") from error
        found = found._replace(factor=float(found.factor) if type(found.factor) is int else found.factor)
        if any(type(value) is not type(wanted) for value, wanted in zip(found, _EXAMPLE, strict=True)):
            raise ValueError(f"{text!r} does not say how a signal is shown: a value has the wrong type")
        return found


_EXAMPLE = Shown("")


class Statistic(NamedTuple):
    """One number that the summary gives of a signal, for each population.

    name : ``peak`` (with its time), ``area``, ``mean`` or ``value``.
    at : text as in an experiment file: ``24 h``, ``10 min to 60 min``, ``baseline``, or nothing for the whole run.
    begin, end : the same in s; NaN for the baseline and the whole run.
    noise_of : network signal whose relative standard error a mean has.
    """

    name: str
    at: str = ""
    begin: float = float("nan")
    end: float = float("nan")
    noise_of: str = ""


def statistics(text: str) -> list[Statistic]:
    """Return what a summary declaration asks for.

    Parameters
    ----------
    text : such as ``peak; area; value at 4 h, 24 h; mean over baseline, 10 min to 60 min``. A mean may end in
        ``as noisy as SIGNAL``.

    Raises
    ------
    ValueError
        The text is no such declaration.

    Examples
    --------
    >>> [(one.name, one.at, one.end) for one in statistics("peak; value at 4 h; mean over 10 min to 60 min")]
    [('peak', '', nan), ('value', '4 h', 14400.0), ('mean', '10 min to 60 min', 3600.0)]
    """
    found: list[Statistic] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        words = _DECLARATION.fullmatch(part)
        if words is None:
            raise ValueError(
                f"{part!r} is no statistic; 'peak', 'area', 'value at 4 h, 24 h', 'mean over baseline' and "
                "'mean over 10 min to 60 min' are"
            )
        whole, instants, stretches, noise_of = words.groups()
        if whole:
            found.append(Statistic(whole))
        elif instants:
            found += [Statistic("value", at, *_seconds(at)) for at in instants.split(", ")]
        else:
            found += [Statistic("mean", at, *_seconds(at), noise_of or "") for at in stretches.split(", ")]
    return found


_DECLARATION = re.compile(r"(peak|area)|value at (.+)|mean over (.+?)(?: as noisy as (\w+))?")


def _seconds(at: str) -> tuple[float, float]:
    """Begin and end in s of an instant or a stretch."""
    from ketasim.documents.units import parse_quantity

    if at == "baseline":
        return (float("nan"), float("nan"))
    begin, _, end = at.partition(" to ")
    return parse_quantity(begin, "s"), parse_quantity(end or begin, "s")


class Signal(NamedTuple):
    """One row of the table: unit, dimensions, kind, neutral value and meaning.

    recorded : written to the trajectory file (population means of node signals, subject signals as they are).
    smooth : has no noise of the network to speak of; mechanisms read it at the middle of the step, extrapolated.
    within : least and largest value that makes sense; a run in which a mechanism leaves it is stopped.
    summary : what the summary of a run gives of it, see `statistics`.
    shown : how pictures show it; None for not at all, unless by name.
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
    summary: str = ""
    shown: Shown | None = None


_NODE: tuple[Dimension, ...] = ("node",)
_SUBUNIT_NODE: tuple[Dimension, ...] = ("subunit", "node")
_BLOCK: tuple[Dimension, ...] = ("blocker", "subunit", "node")
_STAGE_NODE: tuple[Dimension, ...] = ("stage", "node")

_SHARE = (0.0, 1.0)
_ANY = (-inf, inf)

#: The stretch over which what a dose does to the network is averaged.
_SURGE = "10 min to 60 min"
_DAYS = "value at 24 h, 3 d, 7 d"


def _relative(name: str, what: str, recorded: bool = False, smooth: bool = False, **more: Any) -> Signal:
    """Row of a state of each node that is 1 at baseline."""
    return Signal(name, "1", _NODE, "state", 1.0, f"{what} relative to baseline", recorded, smooth, **more)


def _percent(panel: str, label: str = "") -> Shown:
    return Shown(panel, label, of_baseline=True)


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
    Signal(
        "plasma_concentration",
        "ng/mL",
        ("compound",),
        "state",
        0.0,
        "total plasma concentration",
        True,
        summary="peak; area",
        shown=Shown("plasma"),
    ),
    Signal(
        "brain_concentration",
        "uM",
        ("compound",),
        "state",
        0.0,
        "unbound brain concentration",
        True,
        True,
        summary="peak; area",
        shown=Shown("unbound in brain"),
    ),
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
        summary="peak",
        shown=Shown("NMDA block", factor=100.0, unit="%", beside="unbound in brain"),
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
    # what the spiking network is measured for: estimates from its windows
    Signal(
        "firing_rate",
        "Hz",
        _NODE,
        "network",
        0.0,
        "firing rate",
        True,
        summary=f"mean over baseline, {_SURGE}",
        shown=_percent("firing rate"),
    ),
    Signal("nmda_gating", "1", _NODE, "network", 0.0, "mean synaptic NMDA gate <g>, weighted by conductance", True),
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
    # glutamate
    _relative(
        "glutamate_perisynaptic",
        "perisynaptic glutamate",
        True,
        summary=f"mean over {_SURGE} as noisy as vesicle_release",
        shown=_percent("perisynaptic glutamate"),
    ),
    Signal(
        "glutamate_ambient",
        "uM",
        _NODE,
        "state",
        0.05,
        "ambient extracellular glutamate",
        True,
        summary=f"mean over {_SURGE}",
        shown=Shown("ambient glutamate", factor=1e3, unit="nM"),
    ),
    Signal(
        "autoreceptor_inhibition",
        "1",
        _NODE,
        "state",
        0.0,
        "inhibition of release by mGlu2/3 autoreceptors, relative to baseline",
        True,
        within=(-inf, 1.0),  # negative below the glutamate of rest; at 1 nothing is released
    ),
    # plasticity signalling, relative to baseline
    _relative("eef2_phosphorylation", "phosphorylated eEF2", True, True),
    _relative("bdnf", "free BDNF", True, True, summary="peak", shown=_percent("signalling", "BDNF")),
    _relative("trkb", "active TrkB", True, True, shown=_percent("signalling", "TrkB")),
    _relative(
        "p70s6k",
        "active p70S6K (read-out of mTORC1)",
        True,
        True,
        summary="peak",
        shown=_percent("signalling", "p70S6K"),
    ),
    Signal("mtorc1_feedback", "1", _NODE, "state", 0.0, "negative feedback on mTORC1", within=_ANY),
    _relative(
        "synaptic_protein",
        "synaptic protein S",
        True,
        True,
        summary=_DAYS,
        shown=_percent("synapses", "synaptic protein"),
    ),
    _relative(
        "surface_ampa",
        "surface AMPA receptors A",
        True,
        summary="value at 4 h",
        shown=_percent("synapses", "surface AMPA"),
    ),
    Signal(
        "homeostatic_rate", "1", _NODE, "state", 1.0, "firing rate relative to baseline, low-pass filtered for scaling"
    ),
    Signal(
        "homeostatic_scale",
        "1",
        _NODE,
        "state",
        1.0,
        "homeostatic scaling factor h",
        True,
        summary=_DAYS,
        shown=_percent("synapses", "homeostatic scale"),
    ),
    # spines
    Signal(
        "afferent_spines", "1", _STAGE_NODE, "state", 1.0, "spines of afferents by stage, each relative to baseline"
    ),
    Signal(
        "activity_trace", "1", _NODE, "state", 1.0, "firing rate relative to baseline, low-pass filtered for spines"
    ),
    Signal(
        "spine_density",
        "1",
        _NODE,
        "state",
        1.0,
        "spines of circuit and afferents relative to baseline",
        True,
        summary=_DAYS,
        shown=_percent("spine density"),
    ),
    _relative("spine_density_circuit", "in-degree within PYR", True),
    Signal(
        "spine_formation_rate",
        "1/d",
        _NODE,
        "state",
        0.0,
        "spines formed per day, as a share of those at baseline",
        True,
        summary=_DAYS,
        shown=Shown("spine turnover", "formation", factor=100.0, unit="% per day", binned=True),
    ),
    Signal(
        "spine_elimination_rate",
        "1/d",
        _NODE,
        "state",
        0.0,
        "spines lost per day, as a share of those at baseline",
        True,
        summary=_DAYS,
        shown=Shown("spine turnover", "elimination", factor=100.0, unit="% per day", binned=True),
    ),
    _relative("synaptic_weight", "mean weight w of synapses from PYR", True),
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
)

#: Ending of the signals that hold the baseline's mean of another one.
BASELINE = "_baseline"

SIGNALS: dict[str, Signal] = {row.name: row for row in _ROWS}


def in_table_order(names: Iterable[str]) -> list[str]:
    """Return names as the table has them; own signals come last, in the order in which they are given.

    >>> in_table_order(["mine", "bdnf", "plasma_concentration"])
    ['plasma_concentration', 'bdnf', 'mine']
    """
    place = {name: number for number, name in enumerate(SIGNALS)}
    return sorted(names, key=lambda name: place.get(name, len(place)))


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
