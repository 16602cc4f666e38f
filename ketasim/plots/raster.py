"""Spikes of recorded windows, side by side."""

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ketasim.documents.units import parse_quantity
from ketasim.plots.colours import POPULATIONS
from ketasim.plots.time_axis import in_words
from ketasim.storage import Trajectory
from ketasim.storage.sonata import Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most windows side by side, and most neurons of a class.
_WINDOWS, _NEURONS = 3, 100


class Window(NamedTuple):
    """Spikes of one window: time of its row in s, length in ms; ms from its first spike and neurons, of each class."""

    time: float
    length: float
    spikes: dict[str, tuple[np.ndarray, np.ndarray]]


def windows_of(trajectory: Trajectory, names: Iterable[str]) -> list[Window]:
    """Return the windows with spikes of these classes, in order of time; the first, middle and last of more than three.

    What is recorded begins after the network has settled, which may take from nothing to seconds after the row: times
    are counted from the first spike. A window in which no neuron fired can't be told from one that was not recorded.
    """
    recorded = {}
    for name in names:
        with suppress(KeyError):  # recorded for none of its neurons
            recorded[name] = trajectory.spikes(name)
    if not recorded:
        return []
    fired = np.sort(np.concatenate([one.times for one in recorded.values()]))
    rows = 1e3 * trajectory.dataset("population", [])["time"].values
    length = 1e3 * parse_quantity(trajectory.config["schedule"]["window"], "s")
    firsts: list[float] = []
    while fired.size:
        firsts.append(float(fired[0]))
        fired = fired[fired >= firsts[-1] + length]
    chosen = {round(place) for place in np.linspace(0, len(firsts) - 1, _WINDOWS)} if firsts else ()
    found = []
    for first in (firsts[place] for place in sorted(chosen)):
        row = float(rows[max(0, np.searchsorted(rows, first, "right") - 1)])
        found.append(Window(row / 1e3, length, {name: _between(one, first, length) for name, one in recorded.items()}))
    return found


def _between(spikes: Spikes, first: float, length: float) -> tuple[np.ndarray, np.ndarray]:
    inside = (spikes.times >= first) & (spikes.times < first + length)
    return spikes.times[inside] - first, spikes.node_ids[inside]


def draw_raster(axes: "Axes", window: Window, sizes: dict[str, int], named: bool) -> None:
    """Draw the spikes of a window, classes above each other, from each class at most 100 neurons evenly by number."""
    base, places, words = 0, [], []
    for place, (name, size) in enumerate(sizes.items()):
        chosen = np.unique(np.linspace(0, size - 1, min(size, _NEURONS)).round().astype(int))
        times, neurons = window.spikes.get(name, (np.empty(0), np.empty(0, int)))
        drawn = np.isin(neurons, chosen)
        rows = base + np.searchsorted(chosen, neurons[drawn])
        axes.plot(times[drawn], rows, ls="", marker="|", ms=2.5, mew=0.8, color=POPULATIONS[place % len(POPULATIONS)])
        places.append(base + chosen.size / 2.0)
        words.append(f"{chosen.size} {name}" if chosen.size == size else f"{chosen.size} of\n{size:,} {name}")
        base += chosen.size
    axes.set_xlim(-0.01 * window.length, window.length)
    axes.set_ylim(base, -1.0)
    axes.set_yticks(places, words if named else [], fontsize=8)
    for place, label in enumerate(axes.get_yticklabels()):
        label.set_color(POPULATIONS[place % len(POPULATIONS)])
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    minutes = window.time / 60.0
    when = in_words((round(minutes) if abs(minutes) >= 10.0 else minutes) / 60.0)
    axes.set_title(f"spikes at {when}", fontsize=9, loc="left")
    axes.set_xlabel("ms from the first spike")
