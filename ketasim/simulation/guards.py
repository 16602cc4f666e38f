"""Stops a run when a signal is not a finite number or leaves its range.

At the end of each step all values written are checked; one outside the range in the signal table stops the run, naming
signal, node and time, before anything reads it. Ranges are those of possible values (a fraction from 0 to 1, a
concentration from 0), not of plausible ones.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from ketasim.documents import KetasimError
from ketasim.network.topology import Topology, node_in_words
from ketasim.signals import SIGNALS, Signal, range_in_words

#: Rounding error by which a value may lie outside its range, relative to the signal's largest value or 1.
TOLERANCE = 1e-9


@contextmanager
def naming(name: str, function: Callable[..., Any] | None, time: float) -> Iterator[None]:
    """Context that adds to an exception in a mechanism's function a note of the mechanism, time, file and line.

    Parameters
    ----------
    name : str
        Name of the mechanism.
    function : callable or None
        Its function, which tells the file.
    time : float
        Start of the step in s.
    """
    try:
        yield
    except KetasimError:  # says all itself
        raise
    except Exception as error:
        own = getattr(getattr(function, "py_func", function), "__code__", None)  # a compiled function hides its code
        frames = traceback.extract_tb(error.__traceback__)
        last = next((one for one in reversed(frames) if own and one.filename == own.co_filename), frames[-1])
        error.add_note(f"in the mechanism '{name}' at t = {time:g} s: {last.filename}, line {last.lineno}: {last.line}")
        raise


class Scene(NamedTuple):
    """Where a signal's values belong.

    Attributes
    ----------
    table : mapping of str to Signal
        Signals by name.
    axes : mapping of str to sequence of str or int
        Names or length of every dimension, from `ketasim.simulation.arrays.axes_of`.
    topology : Topology or None
        Of the network; None without one.
    """

    table: Mapping[str, Signal]
    axes: Mapping[str, Sequence[str] | int]
    topology: Topology | None


def check_signals(
    names: Iterable[str], signals: Mapping[str, np.ndarray], author: str, time: float, scene: Scene
) -> None:
    """Refuse values that are not finite or are outside the signal's range.

    Parameters
    ----------
    names : iterable of str
        Signals to check.
    signals : mapping of str to array
        Values by name.
    author : str
        Mechanism that wrote them.
    time : float
        End of the step in s.
    scene : Scene
        Names of nodes and axes for the message.

    Raises
    ------
    KetasimError
        Names author, signal, value, time, place and range, and suggests what to check.
    """
    for name in names:
        values = signals[name]
        if not values.size:
            continue
        low, high = float(values.min()), float(values.max())  # nan if there is one
        least, most = scene.table[name].within
        slack = TOLERANCE * max(1.0, abs(low), abs(high))
        if not (isfinite(low) and isfinite(high) and low >= least - slack and high <= most + slack):
            _refuse(scene.table[name], values, author, time, scene)


def check_window(signals: Mapping[str, np.ndarray], topology: Topology, time: float) -> None:
    """Refuse means of a window ending at `time` (s) that are not finite or are outside their range."""
    check_signals(signals, signals, "the network", time, Scene(SIGNALS, {"node": topology.n_nodes}, topology))


def _refuse(signal: Signal, values: np.ndarray, author: str, time: float, scene: Scene) -> None:
    """Raise for the first value that is not finite, else for the one farthest outside the range."""
    least, most = signal.within
    bad = ~np.isfinite(values)
    is_number = not bad.any()
    outside = np.maximum(least - values, values - most) if is_number else bad
    index = np.unravel_index(int(np.argmax(outside)), values.shape)
    count = int(np.count_nonzero(outside > 0.0))
    unit = "" if signal.unit == "1" else f" {signal.unit}"
    where = _place(signal, index, scene)
    more = f", one of {count} such values" if count > 1 else ""
    hint = f"look at the parameters of {author} and at the doses"
    if is_number and signal.name not in SIGNALS:
        hint = f"look at {author}, or state the range that is meant: Signal('{signal.name}', ..., within=(least, most))"
    raise KetasimError(
        f"{author} made '{signal.name}' {float(values[index])!r}{unit} at t = {time:g} s{where}{more}; "
        f"allowed: {range_in_words(signal.within)}; {hint}"
    )


def _place(signal: Signal, index: tuple[np.intp, ...], scene: Scene) -> str:
    """Words such as `` at node 3 of PV, subunit GluN2B``; the node by its name if the network has names."""
    words: list[str] = []
    for dim, at in zip(signal.dims, index, strict=True):
        axis = scene.axes[dim]
        if dim == "node" and scene.topology is not None:
            words.insert(0, node_in_words(scene.topology, int(at)))
        else:
            words.append(f"{dim} {at if isinstance(axis, int) else axis[int(at)]}")
    return f" at {', '.join(words)}" if words else ""
