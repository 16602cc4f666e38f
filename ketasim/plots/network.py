"""The sheet of neurons with the synapses lost and gained, and their turnover over time."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ketasim.documents.units import with_micro_sign
from ketasim.network.prefrontal_microcircuit import side_of
from ketasim.network.topology import Topology
from ketasim.network.within import edges_within
from ketasim.plots.colours import BLACK, FORMED, GREY, LOST, POPULATIONS
from ketasim.plots.page import finish_page, in_own_style, mark_exposures, schedule_of, ticks_and_frame
from ketasim.plots.time_axis import BINS, NARROW, bins, in_words, length_in_words, set_time_axis
from ketasim.storage import Trajectory
from ketasim.storage.edges import BIRTH, DEATH, EdgeEvents

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = ("o", "s", "^", "D", "v", "P")
#: h; the circuit has fewer synapses than there are spines, so in long runs they are counted over a day.
_WIDTHS = ((168.0, 24.0), *BINS)
#: Approximate number of changed edges drawn; several hundred would merge into a blot.
_DRAWN_EDGES = 160


class Start(NamedTuple):
    """Graph at the start of a run, and its changes.

    Attributes
    ----------
    topology : Topology
        Graph at the start.
    population : str
        Population with plastic edges; the first of the network if there is none.
    pairs : (E,) array of int
        Edges within the population as source * n + target, ascending.
    in_degree : (n,) array of int
        In-degrees within the population.
    events : EdgeEvents
        Births and deaths.
    end : float
        End of what was run, h.
    """

    topology: Topology
    population: str
    pairs: np.ndarray
    in_degree: np.ndarray
    events: EdgeEvents
    end: float


class Change(NamedTuple):
    """Changes of the edges within the population; nodes are numbered within it.

    Attributes
    ----------
    lost : (L, 2) array of int
        Sources and targets of edges of the start that are gone.
    new : (M, 2) array of int
        Sources and targets of edges that the start did not have.
    in_degree : (n,) array of int
        In-degrees within the population.
    """

    lost: np.ndarray
    new: np.ndarray
    in_degree: np.ndarray


@in_own_style
def plot_network(
    figure: "Figure", trajectory: Trajectory, time: float | str | None = None, vehicle: Trajectory | None = None
) -> "Figure":
    """Draw the sheet with edges lost and new since the start, and beside it turnover, survival and in-degrees.

    Surviving edges are not drawn. Changed edges are drawn for a sample of target neurons, which is small enough to tell
    them apart, chosen independently of the changes, ringed, and counted above the sheet.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty figure, wider than high.
    trajectory : Trajectory
        Run to show.
    time : float or str, optional
        s from time zero, or text with a unit such as ``"24 h"``; by default the end.
    vehicle : Trajectory, optional
        Run of the same experiment with an inactive dose, in grey beside the sheet.

    Returns
    -------
    matplotlib.figure.Figure
        The figure given.

    Raises
    ------
    KeyError
        The run had no network.
    ValueError
        The time lies outside the run.
    """
    start = read_start(trajectory)
    seconds = _seconds(trajectory, time)
    change = changes(start, trajectory.topology(seconds))
    grid = figure.add_gridspec(3, 2, width_ratios=(1.9, 1.0))
    _draw_sheet(figure.add_subplot(grid[:, 0]), start, change, _period(trajectory), in_words(seconds / 3600.0))
    turnover, survival = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
    runs = [(read_start(vehicle), True)] if vehicle is not None else []
    for run, is_vehicle in (*runs, (start, False)):
        _draw_turnover(turnover, run, is_vehicle)
        _draw_survival(survival, run, is_vehicle)
    _finish_time((turnover, survival), trajectory, seconds)
    _draw_in_degrees(figure.add_subplot(grid[2, 1]), start, change, in_words(seconds / 3600.0))
    finish_page(figure, trajectory, vehicle)
    return figure


def read_start(trajectory: Trajectory) -> Start:
    """Read the graph at the start of a run, and its changes; KeyError if the run had no network."""
    topology = trajectory.topology(trajectory.begin)
    within = [source for source, target in trajectory.edge_pairs if source == target]
    population = (within or topology.population_names)[0]
    events = trajectory.structure_events((population, population))
    return Start(topology, population, *_within(topology, population), events, _reached(trajectory) / 3600.0)


def changes(start: Start, now: Topology) -> Change:
    """Compare a later graph with that at the start."""
    pairs, in_degree = _within(now, start.population)
    lost = np.setdiff1d(start.pairs, pairs, assume_unique=True)
    new = np.setdiff1d(pairs, start.pairs, assume_unique=True)
    n = in_degree.size
    return Change(np.stack(np.divmod(lost, n), axis=1), np.stack(np.divmod(new, n), axis=1), in_degree)


def survivors(start: Start) -> tuple[np.ndarray, np.ndarray]:
    """Return the surviving fraction of the edges at the start, as steps: hours (D + 1,) and fractions (D + 1,).

    An edge that was lost and formed again at the same place has not survived.
    """
    events, died = start.events, start.events.kind == DEATH
    dead = events.source[died].astype(np.int64) * start.in_degree.size + events.target[died]
    pairs, first = np.unique(dead, return_index=True)  # the first death of each pair
    hours = np.sort(events.time[died][first[np.isin(pairs, start.pairs)]]) / 3600.0
    return np.append(0.0, hours), 1.0 - np.arange(hours.size + 1) / max(1, start.pairs.size)


def short_ways(start: np.ndarray, end: np.ndarray, period: float) -> np.ndarray:
    """Return straight lines (S, 2, 2) between points (E, 2) of a sheet, the short way if it wraps around.

    A line that leaves the sheet is repeated where it enters on the other side; parts outside are to be clipped.
    """
    step = end - start
    if math.isinf(period):
        return np.stack([start, end], axis=1)
    step -= period * np.round(step / period)
    beyond = np.floor((start + step) / period)
    lines = []
    for across in ((0, 0), (1, 0), (0, 1), (1, 1)):
        needed = (beyond != 0) | (np.array(across) == 0)
        chosen = needed.all(axis=1)
        begin = start[chosen] - period * beyond[chosen] * across
        lines.append(np.stack([begin, begin + step[chosen]], axis=1))
    return np.concatenate(lines)


def _seconds(trajectory: Trajectory, time: float | str | None) -> float:
    if isinstance(time, str):
        from ketasim.documents.units import parse_quantity

        return parse_quantity(time, "s")
    return _reached(trajectory) if time is None else float(time)


def _period(trajectory: Trajectory) -> float:
    """Side length of the sheet in um if it wraps around, as only in the default circuit."""
    network = trajectory.config["network"]
    return side_of(network["neurons"]) if network.get("model") == "prefrontal_microcircuit" else math.inf


def _reached(trajectory: Trajectory) -> float:
    """Last time in s at which the run's graph is known."""
    if trajectory.complete:
        return float(trajectory.dataset("population", [])["time"].values[-1])
    return float(max(trajectory.structure_events().time, default=0.0))


def _within(topology: Topology, population: str) -> tuple[np.ndarray, np.ndarray]:
    """Edges within a population as numbers source * n + target, ascending, and in-degrees (n,) within it."""
    edges, n = edges_within(topology, population), topology.sizes[population]
    return edges.source.astype(np.int64) * n + edges.target, np.bincount(edges.target, minlength=n)


def _draw_sheet(axes: "Axes", start: Start, change: Change, period: float, when: str) -> None:
    from matplotlib.patches import Rectangle

    topology = start.topology
    area = 14.0 * min(2.0, 1000.0 / topology.n_nodes)
    for place, name in enumerate(topology.population_names):
        x, y = topology.position[topology.slice_of(name)].T
        axes.scatter(
            x,
            y,
            s=area,
            marker=_MARKERS[place % len(_MARKERS)],
            color=POPULATIONS[place % len(POPULATIONS)],
            alpha=0.6,
            lw=0,
            label=f"{name} ({x.size})",
            zorder=3,
        )
    if not math.isinf(period):
        axes.add_patch(Rectangle((0.0, 0.0), period, period, fill=False, ls=":", lw=0.8, ec="0.5"))
    axes.margins(0.02)
    axes.set_aspect("equal")
    unit = with_micro_sign("um")
    axes.set_xlabel(f"{unit}; the sheet wraps around" if not math.isinf(period) else unit)
    axes.set_ylabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    chosen = sample_of(change)
    _draw_edges(axes, start, change, chosen, period)
    axes.set_title(_in_words(start, change, chosen, when), fontsize=9, loc="left")
    axes.legend(fontsize=8, frameon=False, ncols=6, loc="upper center", bbox_to_anchor=(0.5, -0.08), columnspacing=1.2)


def sample_of(change: Change) -> np.ndarray:
    """Return the neurons whose changed inputs are drawn: evenly spaced by number, or all if few edges changed.

    The default circuit numbers neurons along strips of the sheet, so the sample is spread over the sheet.

    >>> changed = np.zeros((90, 2), int)
    >>> sample_of(Change(changed, changed, np.full(10, 20)))
    array([0, 1, 2, 3, 5, 6, 7, 8, 9])
    """
    n, count = change.in_degree.size, len(change.lost) + len(change.new)
    drawn = n if count <= _DRAWN_EDGES else max(1, round(_DRAWN_EDGES * n / count))
    return (np.arange(drawn) * n + n // 2) // drawn


def _draw_edges(axes: "Axes", start: Start, change: Change, chosen: np.ndarray, period: float) -> None:
    from matplotlib.collections import LineCollection

    position = start.topology.position[start.topology.slice_of(start.population)]
    for pairs, colour, dashes, label in ((change.lost, LOST, (0, (4, 2)), "lost"), (change.new, FORMED, "-", "new")):
        ends = position[pairs[np.isin(pairs[:, 1], chosen)]]
        lines = short_ways(ends[:, 0], ends[:, 1], period)
        drawn = LineCollection(list(lines), colors=colour, linestyles=[dashes], linewidths=1.0, label=label, zorder=2)
        axes.add_collection(drawn, autolim=False)
        if not math.isinf(period):
            drawn.set_clip_path(axes.patches[0])
    if 0 < chosen.size < change.in_degree.size:
        x, y = position[chosen].T
        axes.scatter(x, y, s=70.0, facecolors="none", edgecolors="0.1", lw=1.2, zorder=4)


def _in_words(start: Start, change: Change, chosen: np.ndarray, when: str) -> str:
    lost, new, n = len(change.lost), len(change.new), change.in_degree.size
    words = f"{start.pairs.size:,} synapses among {start.population} at the start; by {when} "
    if lost + new == 0:
        return words + "none lost, none new"
    drawn = "all drawn" if chosen.size == n else f"drawn: those onto {chosen.size} of {n:,} neurons (ringed)"
    return words + f"{lost:,} lost, {new:,} new; {drawn}"


def _draw_turnover(axes: "Axes", start: Start, is_vehicle: bool) -> None:
    """Draw births and deaths per day, in per cent of the edges at the start."""
    if start.end <= 0.0:  # a run killed before its first births were stored
        return
    edges, events = bins(start.end, _WIDTHS), start.events
    for kind, colour, dashes, label in ((BIRTH, FORMED, "-", "born"), (DEATH, LOST, "--", "lost")):
        hours = events.time[events.kind == kind] / 3600.0  # ends of steps, which belong to the bin before
        counts = np.diff(np.searchsorted(hours, edges, "right"))
        per_day = 100.0 * counts / max(1, start.pairs.size) / (np.diff(edges) / 24.0)
        drawn = axes.stairs(per_day, edges, baseline=None, ls=dashes, lw=1.2, color=GREY if is_vehicle else colour)
        drawn.set_label("" if is_vehicle else label)
    axes.set_ylabel("% of those at the\nstart, per day")
    if not is_vehicle:
        axes.set_title(f"means over {length_in_words(edges)}", fontsize=7, loc="left")
        axes.legend(fontsize=7, frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0)


def _draw_survival(axes: "Axes", start: Start, is_vehicle: bool) -> None:
    hours, shares = survivors(start)
    hours, shares = np.append(hours, max(start.end, hours[-1])), np.append(shares, shares[-1])
    axes.step(hours, 100.0 * shares, where="post", lw=1.3, color=GREY if is_vehicle else BLACK)
    axes.set_ylabel("surviving synapses\nof the start (%)")


def _finish_time(all_axes: "tuple[Axes, ...]", trajectory: Trajectory, seconds: float) -> None:
    end, _, _ = schedule_of(trajectory)
    for axes in all_axes:
        mark_exposures(axes, trajectory, NARROW * end)
        ticks_and_frame(axes)
        set_time_axis(axes, end, linear=True)
        if seconds < 3600.0 * end:
            axes.axvline(seconds / 3600.0, color="0.3", lw=0.8, ls=":")
    all_axes[0].set_xlabel("")
    all_axes[0].set_ylim(0.0, 1.1 * all_axes[0].get_ylim()[1])


def _draw_in_degrees(axes: "Axes", start: Start, change: Change, when: str) -> None:
    both = np.concatenate([start.in_degree, change.in_degree])
    width = 1 + int(both.max() - both.min()) // 25
    edges = np.arange(both.min(), both.max() + width + 1, width) - 0.5  # whole numbers lie inside bins
    for degree, words, filled in ((start.in_degree, "start", True), (change.in_degree, when, False)):
        counts, _ = np.histogram(degree, edges)
        label = f"{words}: {degree.mean():.1f} ± {degree.std():.1f}"
        axes.stairs(counts, edges, fill=filled, color="0.75" if filled else "0.15", lw=1.3, label=label)
    axes.set_xlabel(f"synapses from {start.population} on a {start.population} (mean ± SD)")
    axes.set_ylabel("neurons")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7, frameon=False)
