"""The chain on one page, from dose to spines, on one time axis; here down to glutamate, the rest in `cascade`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim.documents import KetasimError
from ketasim.plots import cascade
from ketasim.plots.page import COLOURS, GREY, finish_column, known_columns, make_room
from ketasim.storage import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOIETY_STYLES = {0: "-", 1: "--", 2: ":"}


def plot_chain(figure: "Figure", trajectory: Trajectory, vehicle: Trajectory | None = None) -> "Figure":
    """Draw the chain from top to bottom, each panel only if the run has its signals.

    With doses a day or more after time zero the time axis is linear, otherwise it is logarithmic after the first hour.

    Parameters
    ----------
    figure : empty matplotlib figure, which is made taller if the panels need it.
    trajectory : run to show.
    vehicle : run of the same experiment with an inactive dose, drawn in grey.

    Raises
    ------
    KetasimError
        The run recorded nothing that belongs to the chain.
    """
    panels: list[cascade.Panel] = [draw for draw, needs in _PANELS if all(name in trajectory for name in needs)]
    panels += cascade.panels(trajectory)
    if not panels:
        raise KetasimError("there is nothing to draw: the run had neither a drug in the body nor a network")
    make_room(figure, len(panels))
    all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(all_axes, panels, strict=True):
        panel(axes, trajectory, vehicle)
    finish_column(figure, all_axes, trajectory)
    return figure


def plot_signals(figure: "Figure", trajectory: Trajectory, names: Sequence[str]) -> "Figure":
    """Draw chosen signals, one panel each; unknown names raise a KeyError that lists those there are."""
    data = [trajectory[name] for name in names]
    make_room(figure, len(names))
    all_axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, array in zip(all_axes, data, strict=True):
        hours = array["time"].values / 3600.0
        for label, values in known_columns(array):
            axes.plot(hours, values, label=label, color=COLOURS.get(label), lw=1.2)
        axes.set_ylabel(f"{str(array.name).replace('_', ' ')}\n({array.attrs['units']})")
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize=7, frameon=False, ncols=3)
    finish_column(figure, all_axes, trajectory)
    return figure


def _totals(array: Any) -> dict[str, np.ndarray]:
    """Sum of compounds by moiety."""
    moieties = array["moiety"].values
    return {name: array.values[:, moieties == name].sum(axis=1) for name in dict.fromkeys(moieties)}


def _plasma(axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    array = trajectory["plasma_concentration"]
    hours = array["time"].values / 3600.0
    for index, (name, total) in enumerate(_totals(array).items()):
        axes.plot(hours, total, color="0.15", ls=_MOIETY_STYLES.get(index, "-"), label=name, lw=1.4)
    summary = trajectory.summary
    given = next(iter(_totals(array)))
    peak, at = summary.get(f"plasma_{given}_peak"), summary.get(f"plasma_{given}_peak_time")
    if peak is not None and at is not None:
        axes.annotate(
            f"{peak:.0f} ng/mL",
            (float(at) / 3600.0, float(peak)),
            xytext=(6, -2),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_ylabel("plasma\n(ng/mL)")
    axes.legend(fontsize=8, frameon=False)


def _brain_and_block(axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    """Concentration and block on one axis, so that the lag of the block shows."""
    array = trajectory["brain_concentration"]
    hours = array["time"].values / 3600.0
    moiety, total = next(iter(_totals(array).items()))
    axes.plot(hours, total, color="0.15", lw=1.4, label=f"unbound {moiety} in brain (uM)")
    axes.set_ylabel("brain (uM)")
    right = axes.twinx()
    right.spines["top"].set_visible(False)
    block = trajectory["nmda_block"]
    for name, values in known_columns(block):
        right.plot(block["time"].values / 3600.0, 100 * values, color=COLOURS.get(name), lw=1.2, label=name)
    right.set_ylabel("NMDA block (%)")
    right.set_ylim(bottom=0)
    axes.set_ylim(bottom=0)
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], fontsize=8, frameon=False)


def _band(axes: "Axes", points: tuple[np.ndarray, ...], colour: str | None, label: str | None) -> None:
    """Line with a band of one standard error; `points` are hours, values and errors."""
    hours, values, errors = points
    (line,) = axes.plot(hours, values, color=colour, lw=1.0, label=label, marker=".", ms=2.5)
    axes.fill_between(hours, values - errors, values + errors, color=line.get_color(), alpha=0.2, lw=0)


def _glutamate(
    axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None, name: str, factor: float = 1.0
) -> None:
    """One line a population; vehicle in grey."""
    for run, is_vehicle in ((vehicle, True), (trajectory, False)):
        if run is None or name not in run:
            continue
        array = run[name]
        after = array["time"].values >= 0
        hours = array["time"].values[after] / 3600.0
        for population, values in known_columns(array):
            colour = GREY if is_vehicle else COLOURS.get(population)
            label = None if is_vehicle else population
            axes.plot(hours, factor * values[after], color=colour, lw=1.0, label=label, marker=".", ms=2.5)


def _rates(axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    """Rates in per cent of each run's own baseline, which the legend gives in Hz."""
    for run, is_vehicle in ((vehicle, True), (trajectory, False)):
        if run is None or "firing_rate" not in run:
            continue
        array, errors = run["firing_rate"], run["firing_rate_standard_error"]
        after = array["time"].values >= 0
        for index, name in enumerate(array["population"].values):
            baseline = float(run.summary.get(f"firing_rate_{name}_baseline", 0.0))
            if baseline <= 0.0:
                continue
            label = None if is_vehicle else f"{name} (100 % is {baseline:.2f} Hz)"
            percent = 100.0 / baseline * array.values[after, index]
            band = 100.0 / baseline * errors.values[after, index]
            hours = array["time"].values[after] / 3600.0
            _band(axes, (hours, percent, band), GREY if is_vehicle else COLOURS.get(name), label)
    axes.axhline(100.0, color="0.5", lw=0.8, ls=":")
    axes.set_ylabel("firing rate\n(% of baseline)")
    axes.legend(fontsize=8, frameon=False, ncols=3)


def _perisynaptic(axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    _glutamate(axes, trajectory, vehicle, "glutamate_perisynaptic", 100.0)
    axes.axhline(100.0, color="0.5", lw=0.8, ls=":")
    axes.set_ylabel("perisynaptic\nglutamate (%)")


def _ambient(axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    _glutamate(axes, trajectory, vehicle, "glutamate_ambient", 1e3)
    axes.set_ylabel("ambient\nglutamate (nM)")


_PANELS = (
    (_plasma, ("plasma_concentration",)),
    (_brain_and_block, ("brain_concentration", "nmda_block")),
    (_rates, ("firing_rate",)),
    (_perisynaptic, ("glutamate_perisynaptic",)),
    (_ambient, ("glutamate_ambient",)),
)
