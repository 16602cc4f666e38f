"""Which mechanisms a run has, and whether their declarations fit together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any, get_args

import numpy as np

from ketasim.config import Experiment
from ketasim.config.parameters import DeclarationError
from ketasim.documents import did_you_mean
from ketasim.drugs import SPECIES
from ketasim.engines import Engine, PlasticEngine
from ketasim.exposures import Exposure
from ketasim.mechanisms import ORDER, Mechanism
from ketasim.signals import BASELINE, SIGNALS, Dimension, Shown, Signal, statistics

#: Names that a trajectory file needs for itself.
_COLUMNS = {"time", "stage", "moiety", "node_id", "node_population", "network_memory", "network_sampled"}
_COLUMNS |= {*get_args(Dimension)}
_COLUMNS |= {f"{row.name}{end}" for row in SIGNALS.values() for end in ("_standard_error", "_window")}


def signal_table(own: Sequence[Mechanism], exposures: Iterable[Exposure] = ()) -> dict[str, Signal]:
    """Return the signal table extended by the signals that user mechanisms and exposures declare."""
    table = dict(SIGNALS)
    brought = [(one.name, signal, "a state or a port") for one in own for signal in one.signals]
    brought += [(one.kind, signal, "an input") for one in exposures for signal in one.signals]
    for author, signal, wanted in brought:
        if signal.name in table:
            raise DeclarationError(f"{author}: the signal '{signal.name}' exists already")
        if not signal.name.isidentifier() or signal.name in _COLUMNS:
            raise DeclarationError(f"{author}: the signal {signal.name!r} cannot have this name in a file")
        if signal.kind not in wanted:
            raise DeclarationError(f"{author}: '{signal.name}' is of kind '{signal.kind}'; it must be {wanted}")
        for name in signal.dims:
            if name not in get_args(Dimension):
                known = ", ".join(get_args(Dimension))
                raise DeclarationError(
                    f"{author}: '{signal.name}' has the unknown dimension '{name}'; allowed: {known}"
                )
        try:
            statistics(signal.summary)
            Shown.of((signal.shown or Shown("")).text)
        except ValueError as error:
            raise DeclarationError(f"{author}: '{signal.name}': {error}") from None
        table[signal.name] = signal
    return table


def check_exposures(exposures: Iterable[Exposure], table: Mapping[str, Signal]) -> None:
    """Refuse two exposures of one name, and those that set what is no input, or what another exposure sets."""
    owners: dict[str, str] = {}
    kinds = [one.kind for one in exposures]
    for one in exposures:
        if kinds.count(one.kind) > 1:
            raise DeclarationError(f"there are two kinds of exposure named '{one.kind}'")
        for name in one.sets:
            if name not in table:
                raise DeclarationError(f"{one.kind}: unknown signal '{name}'{did_you_mean(name, table)}")
            if table[name].kind != "input":
                raise DeclarationError(f"{one.kind}: '{name}' is a {table[name].kind}, not an input")
            if name in owners:
                raise DeclarationError(f"{one.kind}: the input '{name}' already belongs to {owners[name]}")
            owners[name] = one.kind


def checked_inputs(exposure: Exposure, found: Any, signals: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Inputs that an exposure sets, as far as the run has these signals; all it declares, each in its shape."""
    names = set(found) if isinstance(found, Mapping) else set()
    if names != set(exposure.sets):
        wanted, words = ", ".join(exposure.sets), ", ".join(sorted(names)) or "nothing"
        raise DeclarationError(f"{exposure.kind}: `inputs` must return {wanted}; it returned {words}")
    values = {name: np.asarray(value) for name, value in found.items() if name in signals}
    for name, value in values.items():
        if value.shape != signals[name].shape:
            raise DeclarationError(f"{exposure.kind}: '{name}' has shape {value.shape}, not {signals[name].shape}")
    return values


def active_mechanisms(
    experiment: Experiment, own: Sequence[Mechanism], engine: Engine | None, table: Mapping[str, Signal]
) -> tuple[Mechanism, ...]:
    """Mechanisms that are switched on, say something of the subject's species and have something to act on.

    Without a network: those that need no nodes. With one: those whose populations it has, whose edges it can change and
    whose network signals it measures. A mechanism that is switched off, or is of another species, owns nothing, so a
    user mechanism may replace it.

    Raises
    ------
    DeclarationError
        A declaration is wrong; the message names mechanism and signal.
    """
    names = [mechanism.name for mechanism in (*ORDER, *own)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DeclarationError(f"there are two mechanisms named '{twice[0]}'")
    for one in own:
        if one.species not in (None, *SPECIES):
            near = did_you_mean(str(one.species), SPECIES)
            raise DeclarationError(f"{one.name}: unknown species {one.species!r}{near}")
    switched_on = [one for one in (*ORDER, *own) if experiment.mechanisms.get(one.name, True) is not False]
    of_species = [one for one in switched_on if one.species in (None, experiment.subject.species)]
    check_declarations(of_species, table)
    check_pairs(of_species)
    active = tuple(one for one in of_species if _can_act(one, engine, table))
    check_ports([one for one in own if one in active], active, engine)
    return active


def left_out(
    experiment: Experiment, own: Sequence[Mechanism], active: Sequence[Mechanism], engine: Engine | None
) -> tuple[str, ...]:
    """Notes on what someone asked for and does nothing.

    Mechanisms that take no part although they are own ones, off by default, switched on, or have other parameters than
    by default; own ones that read a state without an owner, which stays neutral; and exposures that nothing in the run
    reads.
    """
    idle, named = [], experiment.given()["data"].get("mechanisms", {})
    for one in (*ORDER, *own):
        given = experiment.mechanisms.get(one.name, True)
        chosen = given not in (True, one.Parameters()) or named.get(one.name) in (True, "on")
        if given is not False and (chosen or not one.by_default or one in own) and one not in active:
            idle.append(one)
    read = {name for one in active for name in one.reads} | set(engine.reads if engine else ())
    owned, states = set(owners_of(active)), {name for name, signal in SIGNALS.items() if signal.kind == "state"}
    unset = [(one.name, name) for one in own if one in active for name in one.reads if name in states - owned]
    unread = [kind.kind for kind, events in experiment.exposures.items() if events and read.isdisjoint(kind.sets)]
    return (
        *(f"the mechanism '{one.name}' takes no part: {_lacking(one, experiment, engine)}" for one in idle),
        *(f"the mechanism '{name}' reads '{signal}', which nothing sets in this run" for name, signal in unset),
        *(f"'{kind}' has no effect: nothing in this run reads it" for kind in unread),
    )


def _lacking(mechanism: Mechanism, experiment: Experiment, engine: Engine | None) -> str:
    if mechanism.species not in (None, experiment.subject.species):
        return f"it is for the {mechanism.species} only, and the subject is a {experiment.subject.species}"
    return "the network lacks a population, edges or a signal that it needs" if engine else "the run has no network"


def _can_act(mechanism: Mechanism, engine: Engine | None, table: Mapping[str, Signal]) -> bool:
    named = (*mechanism.reads, *mechanism.writes, *mechanism.scales)
    if engine is None:
        of_network = any({"node", "population"} & set(table[name].dims) for name in named)
        return not of_network and not mechanism.populations
    measured = {*engine.measures, *(f"{name}{BASELINE}" for name in engine.measures)}
    if any(table[name].kind == "network" and name not in measured for name in named):
        return False
    if mechanism.edges is not None and not isinstance(engine, PlasticEngine):
        return False
    return set(mechanism.populations) <= set(engine.topology.population_names)


def check_declarations(mechanisms: Sequence[Mechanism], table: Mapping[str, Signal]) -> None:
    """Refuse unknown signals, two owners of a state, and states or ports of the wrong kind."""
    owners: dict[str, str] = {}
    for mechanism in mechanisms:
        _check_functions(mechanism)
        for name in (*mechanism.reads, *mechanism.writes, *mechanism.scales):
            if name not in table:
                raise DeclarationError(f"{mechanism.name}: unknown signal '{name}'{did_you_mean(name, table)}")
        for name in mechanism.scales:
            if table[name].kind != "port":
                kind, near = table[name].kind, _port_near(name, table)
                raise DeclarationError(f"{mechanism.name}: '{name}' is a {kind}, not a port{near}")
        for name in mechanism.writes:
            if table[name].kind != "state":
                raise DeclarationError(f"{mechanism.name}: '{name}' is a {table[name].kind}, not a state")
            if name in owners:
                raise DeclarationError(f"{mechanism.name}: the state '{name}' already belongs to {owners[name]}")
            owners[name] = mechanism.name


def _port_near(name: str, table: Mapping[str, Signal]) -> str:
    """Words on the port that may be meant, such as ``bdnf_release_gain`` for ``bdnf``, and where all are listed."""
    ports = [port for port, signal in table.items() if signal.kind == "port"]
    extended = next((f"; did you mean {port}?" for port in ports if port.startswith(f"{name}_")), "")
    return f"; see `ketasim signals --ports`{extended or did_you_mean(name, ports)}"


def check_ports(own: Iterable[Mechanism], active: Iterable[Mechanism], engine: Engine | None) -> None:
    """Refuse a user's mechanism that scales a port which nothing in this run reads: it would have no effect."""
    read = {name for one in active for name in one.reads} | set(engine.reads if engine else ())
    for mechanism in own:
        for name in mechanism.scales:
            if name not in read:
                known = sorted(port for port in read if port in SIGNALS and SIGNALS[port].kind == "port")
                others = f"; ports that are read: {', '.join(known)}" if known else ""
                raise DeclarationError(f"{mechanism.name}: nothing in this run reads the port '{name}'{others}")


def check_pairs(mechanisms: Iterable[Mechanism]) -> None:
    """Refuse two mechanisms that change edges of the same class pair."""
    owners: dict[tuple[str, str], str] = {}
    for one in mechanisms:
        if one.pair is None:
            continue
        if one.pair in owners:
            words = f"the edges from {' to '.join(one.pair)} already belong to {owners[one.pair]}"
            raise DeclarationError(f"{one.name}: {words}")
        owners[one.pair] = one.name


def _check_functions(mechanism: Mechanism) -> None:
    """Refuse functions whose arguments do not match the declaration, and edges without a function."""
    name, advance, evolve = mechanism.name, mechanism.advance, mechanism.evolve
    if advance is None and evolve is None:
        raise DeclarationError(f"{name}: has neither `advance` nor `evolve` and so would do nothing")
    if (mechanism.edges is None) != (evolve is None):
        raise DeclarationError(f"{name}: `edges` and `evolve` belong together; give both or neither")
    signals = [*mechanism.reads, *mechanism.writes, *mechanism.scales]
    _check_arguments(name, "advance", advance, [*signals, "parameters", "clock"])
    _check_arguments(name, "evolve", evolve, ["edges", "own", "before", "after", "prepared", "clock"])
    _check_arguments(name, "begin", mechanism.begin, ["edges", "parameters", "setting", "seed"])


def _check_arguments(name: str, kind: str, function: Callable[..., Any] | None, wanted: Sequence[str]) -> None:
    if function is None:
        return
    try:
        signature(getattr(function, "py_func", function)).bind(*wanted)  # a compiled function hides its signature
    except TypeError:
        raise DeclarationError(f"{name}: `{kind}` must take {len(wanted)} arguments: {', '.join(wanted)}") from None


def owners_of(mechanisms: Sequence[Mechanism]) -> dict[str, str]:
    """Mechanism that owns each state."""
    return {name: mechanism.name for mechanism in mechanisms for name in mechanism.writes}
