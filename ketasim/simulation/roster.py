"""Which mechanisms a run has, and whether their declarations fit together."""

from collections.abc import Sequence
from inspect import signature
from typing import get_args

from ketasim.config import Experiment
from ketasim.documents import did_you_mean
from ketasim.mechanisms import ORDER, Mechanism
from ketasim.signals import SIGNALS, Dimension, Shown, Signal, statistics


class DeclarationError(ValueError):
    """A mechanism's declaration does not fit: an unknown signal, two owners of a state, a port that is none."""


def signal_table(own: Sequence[Mechanism]) -> dict[str, Signal]:
    """Return the signal table with the signals that a user's own mechanisms bring."""
    table = dict(SIGNALS)
    for mechanism in own:
        for signal in mechanism.signals:
            if signal.name in table:
                raise DeclarationError(f"{mechanism.name}: the signal '{signal.name}' exists already")
            if signal.kind not in ("state", "port"):
                raise DeclarationError(
                    f"{mechanism.name}: '{signal.name}' is of kind '{signal.kind}'; own signals are a state or a port"
                )
            for name in signal.dims:
                if name not in get_args(Dimension):
                    known = ", ".join(get_args(Dimension))
                    raise DeclarationError(
                        f"{mechanism.name}: '{signal.name}' has the unknown dimension '{name}'; allowed: {known}"
                    )
            try:
                statistics(signal.summary)
                Shown.of((signal.shown or Shown("")).text)
            except ValueError as error:
                raise DeclarationError(f"{mechanism.name}: '{signal.name}': {error}") from None
            table[signal.name] = signal
    return table


def active_mechanisms(
    experiment: Experiment, own: Sequence[Mechanism], populations: Sequence[str]
) -> tuple[Mechanism, ...]:
    """Mechanisms that are switched on and have something to act on.

    Without a network these are those that need no nodes, else those whose population is among `populations`. What is
    switched off owns nothing: a user's own mechanism may take its place.

    Raises
    ------
    DeclarationError
        A declaration is wrong; the message names mechanism and signal.
    """
    names = [mechanism.name for mechanism in (*ORDER, *own)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DeclarationError(f"there are two mechanisms named '{twice[0]}'")
    table = signal_table(own)
    switched_on = [one for one in (*ORDER, *own) if experiment.mechanisms.get(one.name, True) is not False]
    check_declarations(switched_on, table)
    chosen = []
    for mechanism in switched_on:
        named = (*mechanism.reads, *mechanism.writes, *mechanism.scales)
        if mechanism.population not in (None, *populations):
            continue
        if populations or not any("node" in table[name].dims for name in named):
            chosen.append(mechanism)
    return tuple(chosen)


def check_declarations(mechanisms: Sequence[Mechanism], table: dict[str, Signal]) -> None:
    """Refuse unknown signals, two owners, states written by nobody's right, ports that are none."""
    owners: dict[str, str] = {}
    for mechanism in mechanisms:
        _check_arguments(mechanism)
        for name in (*mechanism.reads, *mechanism.writes, *mechanism.scales):
            if name not in table:
                raise DeclarationError(f"{mechanism.name}: unknown signal '{name}'{did_you_mean(name, table)}")
        for name in mechanism.scales:
            if table[name].kind != "port":
                raise DeclarationError(
                    f"{mechanism.name}: '{name}' is a {table[name].kind}, not a port; it can't be scaled"
                )
        for name in mechanism.writes:
            if table[name].kind != "state":
                raise DeclarationError(f"{mechanism.name}: '{name}' is a {table[name].kind}, not a state to own")
            if name in owners:
                raise DeclarationError(f"{mechanism.name}: the state '{name}' belongs to {owners[name]} already")
            owners[name] = mechanism.name


def _check_arguments(mechanism: Mechanism) -> None:
    """Refuse an `advance` that does not take what the declaration says it is given."""
    wanted = [*mechanism.reads, *mechanism.writes, *mechanism.scales, "parameters", "clock"]
    function = getattr(mechanism.advance, "py_func", mechanism.advance)  # a compiled function hides its own
    try:
        signature(function).bind(*wanted)
    except TypeError:
        raise DeclarationError(
            f"{mechanism.name}: `advance` must take {len(wanted)} arguments: {', '.join(wanted)}"
        ) from None


def owners_of(mechanisms: Sequence[Mechanism]) -> dict[str, str]:
    """Mechanism that owns each state."""
    return {name: mechanism.name for mechanism in mechanisms for name in mechanism.writes}
