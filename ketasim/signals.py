"""The table of names through which mechanisms, network and file meet.

Every slow quantity that more than one part of ketasim uses is listed here once, with its unit, its shape and its
neutral value: the value it has when the mechanism that owns it is switched off. A signal of kind ``port`` is reset
to its neutral value before each step and may be scaled by several mechanisms, or added to if it is neutral at 0; every
other signal has one owner.

What the summary of a run reports of a signal, and how pictures show it, are declared here too. Both declarations are
written beside the values (attributes `summary` and `shown`), so that summary and pictures can be made from the file
alone.
"""

import json
import re
from collections.abc import Iterable
from math import inf, isfinite
from typing import Any, Literal, NamedTuple

Dimension = Literal["compound", "compartment", "blocker", "subunit", "nascent_stage", "stage", "population", "node"]
Kind = Literal["input", "state", "port", "network"]

#: GluN2 subunits of the NMDA receptor; the axis `subunit`.
SUBUNITS = ("GluN2A", "GluN2B", "GluN2C", "GluN2D")

#: Names of the signals with the gate of channels without Mg, by subunit.
UNBLOCKED = tuple(f"nmda_gating_unblocked_{subunit[-2:].lower()}" for subunit in SUBUNITS)

#: Stages before a spine has its first synapse; the axis `nascent_stage`.
NASCENT_STAGES = ("founded", "contact", "immature")

#: Stages of a spine's life; the axis `stage`.
STAGES = ("transient", "consolidating", "persistent")


class Shown(NamedTuple):
    """How pictures show a signal.

    Attributes
    ----------
    panel : str
        Heading of the panel. Signals may share a panel, which is placed where the first of them comes.
    label : str
        Name of the curve where a panel has several signals; also used in text.
    factor : float
        What values are multiplied by to get `unit`.
    unit : str
        Unit shown; if empty, values are drawn unscaled in the signal's own unit.
    of_baseline : bool
        Shown in per cent of baseline: divided by the baseline mean if the summary has one; a signal without one is
        already relative to baseline.
    beside : str
        Panel on whose right-hand axis it is drawn, if the run has that panel.
    binned : bool
        Drawn as means over hours, for rates of events too rare to count in a single step.
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
        """The declaration as written beside the values: JSON of what differs from the defaults."""
        defaults = self._field_defaults
        return json.dumps({key: value for key, value in self._asdict().items() if value != defaults.get(key)})

    @classmethod
    def of(cls, text: str) -> "Shown":
        """Read a declaration from its text.

        Raises
        ------
        ValueError
            The text is not a valid declaration.

        Examples
        --------
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
    """One number that the summary reports of a signal, for each population.

    Attributes
    ----------
    name : str
        ``peak`` (with its time), ``area``, ``mean`` or ``value``.
    at : str
        Text as in an experiment file: ``24 h``, ``10 min to 60 min``, ``baseline``; empty for the whole run.
    begin, end : float
        The same in s; NaN for the baseline and the whole run.
    noise_of : str
        Network signal whose relative standard error is taken as that of the mean.
    """

    name: str
    at: str = ""
    begin: float = float("nan")
    end: float = float("nan")
    noise_of: str = ""


def statistics(text: str) -> list[Statistic]:
    """Return the statistics that a summary declaration asks for.

    Parameters
    ----------
    text : str
        Such as ``peak; area; value at 4 h, 24 h; mean over baseline, 10 min to 60 min``. A mean may end in
        ``as noisy as SIGNAL``.

    Raises
    ------
    ValueError
        The text is not a valid declaration.

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
                f"{part!r} is not a statistic; valid are 'peak', 'area', 'value at 4 h, 24 h', 'mean over baseline' "
                "and 'mean over 10 min to 60 min'"
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
    """Begin and end in s of an instant or an interval."""
    from ketasim.documents.units import parse_quantity

    if at == "baseline":
        return (float("nan"), float("nan"))
    begin, _, end = at.partition(" to ")
    return parse_quantity(begin, "s"), parse_quantity(end or begin, "s")


class Signal(NamedTuple):
    """One row of the table.

    Attributes
    ----------
    name, unit : str
        Name and unit; "1" if dimensionless.
    dims : tuple of str
        Axes; none for a scalar.
    kind : str
        ``input`` (set by exposures), ``state``, ``port`` or ``network`` (estimated from windows).
    neutral : float
        Value when the mechanism that owns the signal is switched off.
    meaning : str
        One line for people; the attribute ``long_name`` in files.
    recorded : bool
        Written to the trajectory file: population means of node signals, subject signals as they are.
    smooth : bool
        Carries negligible network noise; mechanisms read it at mid-step (midpoint extrapolation).
    within : (float, float)
        Smallest and largest plausible value; a run in which a mechanism leaves this range stops.
    summary : str
        What the summary of a run reports, see `statistics`.
    shown : Shown or None
        How pictures show it; if None, only when asked for by name.
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

#: Interval over which a dose's effect on the network is averaged.
_SURGE = "10 min to 60 min"
_DAYS = "value at 24 h, 3 d, 7 d, 14 d, 28 d, 42 d"


def _relative(name: str, what: str, recorded: bool = False, smooth: bool = False, **more: Any) -> Signal:
    """Row of a per-node state that is 1 at baseline."""
    return Signal(name, "1", _NODE, "state", 1.0, f"{what} relative to baseline", recorded, smooth, **more)


def _of_subject(name: str, neutral: float, what: str, panel: str = "", label: str = "", **more: Any) -> Signal:
    """Row of a state of the subject, a number; with a label in per cent of baseline."""
    shown = Shown(panel, label, of_baseline=bool(label)) if panel else None
    return Signal(name, "1", (), "state", neutral, what, True, shown=shown, **more)


def _followed(name: str, unit: str, what: str) -> tuple[Signal, ...]:
    """Rows of a concentration's peak, its time, and the area under the curve, all since the beginning of the run."""
    compound: tuple[Dimension, ...] = ("compound",)
    peak = f"{what} when the sum over the moiety was largest so far"
    return (
        Signal(f"{name}_peak", unit, compound, "state", 0.0, peak, True),
        Signal(
            f"{name}_peak_time", "s", compound, "state", 0.0, f"time of the largest {what} so far", True, within=_ANY
        ),
        Signal(f"{name}_area", f"{unit} h", compound, "state", 0.0, f"area under the {what} so far", True),
    )


def _percent(panel: str, label: str = "") -> Shown:
    return Shown(panel, label, of_baseline=True)


_ROWS = (
    # what the experiment does to the subject
    Signal("bolus", "mg", ("compartment",), "input", 0.0, "amount added at the start of the step"),
    Signal("infusion_rate", "mg/s", ("compartment",), "input", 0.0, "infusion rate during the step"),
    Signal(
        "afferent_rate",
        "1/ms",
        ("population",),
        "input",
        0.0,
        "change in the total rate of each neuron's background afferents",
        within=_ANY,
    ),
    Signal("stress", "1", (), "input", 0.0, "intensity of stress, 1 in the protocol that parameters are of"),
    Signal("immune_challenge", "1", (), "input", 0.0, "immune challenge, 1 for 0.8 ng/kg of endotoxin in a human"),
    Signal("expectancy", "1", (), "input", 0.0, "expectancy during a session, 1 of a blinded infusion in a trial"),
    # pharmacokinetics
    Signal(
        "drug_amount",
        "mg",
        ("compartment",),
        "state",
        0.0,
        "amount in each compartment; concentration in mg/L for effect compartments",
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
    *_followed("plasma_concentration", "ng/mL", "plasma concentration"),
    *_followed("brain_concentration", "uM", "brain concentration"),
    # NMDA receptor
    Signal("trapped_block", "1", _BLOCK, "state", 0.0, "fraction of receptors with the blocker trapped", within=_SHARE),
    Signal(
        "superficial_block",
        "1",
        _BLOCK,
        "state",
        0.0,
        "fraction of receptors with the blocker at its superficial site",
        within=_SHARE,
    ),
    Signal(
        "nmda_unblocked",
        "1",
        _SUBUNIT_NODE,
        "state",
        1.0,
        "fraction of synaptic receptors free of blockers",
        within=_SHARE,
    ),
    Signal(
        "nmda_unblocked_extrasynaptic",
        "1",
        _SUBUNIT_NODE,
        "state",
        1.0,
        "fraction of extrasynaptic receptors free of blockers",
        within=_SHARE,
    ),
    Signal(
        "nmda_block",
        "1",
        _NODE,
        "state",
        0.0,
        "blocked fraction of synaptic NMDA conductance, over all subunits",
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
        "fraction of extrasynaptic NMDA receptors gated by ambient glutamate",
        within=_SHARE,
    ),
    # estimated from windows of the spiking network
    Signal(
        "firing_rate",
        "Hz",
        _NODE,
        "network",
        0.0,
        "firing rate, running estimate",
        True,
        summary=f"mean over baseline, {_SURGE}",
        shown=_percent("firing rate"),
    ),
    Signal(
        "nmda_gating",
        "1",
        _NODE,
        "network",
        0.0,
        "conductance-weighted mean synaptic NMDA gate <g>, running estimate",
        True,
    ),
    *(
        Signal(name, "1", _NODE, "network", 0.0, f"<g m(V)> with the Mg curve of {subunit}")
        for name, subunit in zip(UNBLOCKED, SUBUNITS, strict=True)
    ),
    Signal("nmda_open", "nS", _NODE, "network", 0.0, "mean open NMDA conductance: neither Mg nor a drug blocks it"),
    Signal(
        "ampa_throughput",
        "pA",
        _NODE,
        "network",
        0.0,
        "mean AMPA current (inward positive), running estimate",
        True,
        within=_ANY,
    ),
    Signal(
        "nmda_throughput",
        "pA",
        _NODE,
        "network",
        0.0,
        "mean NMDA current (inward positive), running estimate",
        True,
        within=_ANY,
    ),
    Signal(
        "vesicle_release",
        "1/s",
        _NODE,
        "network",
        0.0,
        "release rate per incoming glutamatergic synapse of the circuit, running estimate",
        True,
    ),
    Signal(
        "ampa_throughput_circuit",
        "nS",
        _NODE,
        "network",
        0.0,
        "mean AMPA conductance from the circuit's own synapses, without afferents, running estimate",
        True,
    ),
    # baseline means of network signals
    Signal("vesicle_release_baseline", "1/s", _NODE, "network", 0.0, "baseline mean of vesicle_release"),
    Signal("ampa_throughput_circuit_baseline", "nS", _NODE, "network", 0.0, "baseline mean of ampa_throughput_circuit"),
    Signal("ampa_throughput_baseline", "pA", _NODE, "network", 0.0, "baseline mean of ampa_throughput", within=_ANY),
    Signal("firing_rate_baseline", "Hz", _NODE, "network", 0.0, "baseline mean of firing_rate"),
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
        within=(-inf, 1.0),  # negative below resting glutamate; at 1 nothing is released
    ),
    # cortex elsewhere
    Signal(
        "cortical_activity",
        "1",
        (),
        "state",
        1.0,
        "activity of the cortex that a share of afferents comes from, relative to baseline",
        True,
        summary=f"mean over {_SURGE}",
        shown=_percent("cortex elsewhere"),
    ),
    # the subject
    _of_subject(
        "stress_hormone", 0.0, "stress hormone above rest, 1 in the protocol that parameters are of", "stress hormone"
    ),
    _of_subject("microglia", 0.0, "activation of microglia above rest, 1 in chronic stress", "microglia"),
    *(
        _of_subject(f"{name}_{place}", 1.0, f"{words} in {place} relative to rest", f"cytokines in {place}", words)
        for place in ("brain", "plasma")
        for name, words in (("il6", "IL-6"), ("tnf", "TNF-alpha"), ("il1b", "IL-1beta"))
    ),
    _of_subject("sert_occupancy", 0.0, "occupied share of the serotonin transporter", within=_SHARE),
    _of_subject("raphe_autoreceptors", 1.0, "sensitivity of autoreceptors in the raphe, 1 at rest", within=_SHARE),
    _of_subject("serotonin", 1.0, "serotonin in cortex relative to rest", "serotonin", "serotonin"),
    _of_subject("serotonin_response", 0.0, "gene expression that follows serotonin, above rest", within=_ANY),
    _of_subject("dissociation", 0.0, "total of the CADSS", "dissociation (CADSS)", within=(0.0, 92.0), summary="peak"),
    _of_subject("sedation", 0.0, "sedation, 1 if anaesthetised", within=_SHARE, summary="peak"),
    _of_subject(
        "discharge_readiness", 1.0, "1 while dissociation and sedation are at most their thresholds", within=_SHARE
    ),
    # plasticity signalling, relative to baseline
    _relative("eef2_phosphorylation", "phosphorylated eEF2", True, True),
    _relative("bdnf", "free BDNF", True, True, summary="peak", shown=_percent("signalling", "BDNF")),
    _relative("trkb", "active TrkB", True, True, shown=_percent("signalling", "TrkB")),
    Signal("trkb_slope", "1/s", _NODE, "state", 0.0, "rate of change of active TrkB in the last step", within=_ANY),
    _relative(
        "p70s6k",
        "active p70S6K (readout of mTORC1)",
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
    _relative(
        "inhibitory_strength",
        "strength of inhibitory synapses I",
        True,
        summary="value at 4 h",
        shown=_percent("synapses", "inhibition"),
    ),
    # spines
    Signal(
        "nascent_spines",
        "1",
        ("nascent_stage", "node"),
        "state",
        1.0,
        "spines on the way to their first synapse, by stage, relative to baseline",
    ),
    Signal("afferent_spines", "1", _STAGE_NODE, "state", 1.0, "afferent spines by stage, each relative to baseline"),
    Signal(
        "activity_trace", "1", _NODE, "state", 1.0, "firing rate relative to baseline, low-pass filtered for spines"
    ),
    Signal(
        "spine_density",
        "1",
        _NODE,
        "state",
        1.0,
        "density of spines, from circuit and afferents, relative to baseline",
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
        "spines formed per day, as a fraction of the baseline number",
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
        "spines lost per day, as a fraction of the baseline number",
        True,
        summary=_DAYS,
        shown=Shown("spine turnover", "elimination", factor=100.0, unit="% per day", binned=True),
    ),
    _relative("synaptic_weight", "mean weight of synapses from PYR", True),
    # mood
    _of_subject("expectancy_level", 0.0, "expectancy since the last session"),
    _of_subject("synaptic_strength", 0.0, "mean logarithm of synaptic strength of PYR over that at rest", within=_ANY),
    _of_subject("mood", 0.0, "mood relative to health, in logits of the MADRS over 60", within=_ANY),
    _of_subject("madrs", 0.0, "total of the MADRS", "MADRS", within=(0.0, 60.0), summary=_DAYS),
    _of_subject("hdrs17", 0.0, "total of the HDRS-17, MADRS over 1.3", within=(0.0, 60.0 / 1.3), summary=_DAYS),
    # risk
    _relative("nmda_receptors", "number of NMDA receptors, exploratory", True, shown=_percent("NMDA receptors")),
    _of_subject("reward_process", 0.0, "what is felt of the surge, exploratory, in arbitrary units", within=_ANY),
    _of_subject(
        "reward",
        0.0,
        "reward less its opponent, exploratory, in arbitrary units",
        "reward (a.u.)",
        within=_ANY,
    ),
    _of_subject(
        "liability",
        0.0,
        "opponent of reward, exploratory, in arbitrary units",
        "liability (a.u.)",
        within=_ANY,
    ),
    # ports
    Signal("ampa_gain", "1", _NODE, "port", 1.0, "factor on AMPA conductance of the circuit's synapses onto the node"),
    Signal("afferent_gain", "1", _NODE, "port", 1.0, "factor on conductances of background afferents onto the node"),
    Signal("afferent_ampa_gain", "1", _NODE, "port", 1.0, "factor on AMPA conductance of the node's afferents"),
    Signal(
        "release_gain",
        "1",
        _NODE,
        "port",
        1.0,
        "factor on release probability of the node's glutamatergic terminals",
    ),
    Signal("afferent_release_gain", "1", _NODE, "port", 1.0, "factor on what a spike of the node's afferents releases"),
    Signal(
        "nmda_tonic_gain",
        "1",
        _NODE,
        "port",
        1.0,
        "factor on the conductance of the node's extrasynaptic NMDA receptors",
    ),
    Signal(
        "inhibition_gain",
        "1",
        _NODE,
        "port",
        1.0,
        "factor on the conductance of every inhibitory synapse onto the node",
    ),
    Signal("inhibition_time_gain", "1", (), "port", 1.0, "factor on the decay times of inhibitory conductances"),
    Signal("uptake_gain", "1", _NODE, "port", 1.0, "factor on the capacity of glutamate uptake"),
    Signal("nmda_gain", "1", _NODE, "port", 1.0, "factor on every NMDA conductance of the node"),
    Signal("bdnf_release_gain", "1", _NODE, "port", 1.0, "factor on BDNF set free, by release and by translation"),
    Signal("trkb_gain", "1", _NODE, "port", 1.0, "factor on the activation of TrkB by BDNF"),
    Signal("mtorc1_gain", "1", _NODE, "port", 1.0, "factor on the activity of mTORC1"),
    Signal("spine_formation_gain", "1", _NODE, "port", 1.0, "factor on the formation of spines on the node"),
    Signal(
        "spine_elimination_gain",
        "1",
        _STAGE_NODE,
        "port",
        1.0,
        "factor on the elimination of the node's spines, by stage",
    ),
    Signal("afferent_rate_gain", "1", ("population",), "port", 1.0, "factor on the rate of background afferents"),
    Signal(
        "membrane_current",
        "pA",
        _NODE,
        "port",
        0.0,
        "current into the node's membrane, which sets its excitability; mechanisms add to it",
        within=_ANY,
    ),
)

#: Suffix of signals that hold the baseline mean of another one.
BASELINE = "_baseline"

#: Suffix of signals that hold, for mechanisms to read, the rate of change of a smooth one over the last step.
SLOPE = "_slope"

SIGNALS: dict[str, Signal] = {row.name: row for row in _ROWS}


def in_table_order(names: Iterable[str]) -> list[str]:
    """Return names in the order of the table; signals of a user's own come last, in the order given.

    Examples
    --------
    >>> in_table_order(["mine", "bdnf", "plasma_concentration"])
    ['plasma_concentration', 'bdnf', 'mine']
    """
    place = {name: number for number, name in enumerate(SIGNALS)}
    return sorted(names, key=lambda name: place.get(name, len(place)))


def range_in_words(within: tuple[float, float]) -> str:
    """Put a range into words.

    Examples
    --------
    >>> range_in_words((0.0, inf)), range_in_words((0.0, 1.0)), range_in_words((-inf, 1.0)), range_in_words((-inf, inf))
    ('0 or more', '0 to 1', '1 or less', 'any number')
    """
    least, most = within
    if isfinite(least) and isfinite(most):
        return f"{least:g} to {most:g}"
    if isfinite(least):
        return f"{least:g} or more"
    return f"{most:g} or less" if most < inf else "any number"
