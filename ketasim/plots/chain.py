"""The chain on one page: dose, plasma, brain and block, rates, glutamate, on one time axis."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim.documents import KetasimError
from ketasim.plots.time_axis import mark_doses, set_time_axis
from ketasim.storage import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"PYR": "#c0392b", "PV": "#2471a3", "SST": "#1e8449"}
_GREY = "#9a9a9a"
_MOIETY_STYLES = {0: "-", 1: "--", 2: ":"}
ADVICE = "A research and teaching model; not medical advice."


def plot_chain(figure: "Figure", trajectory: Trajectory, vehicle: Trajectory | None = None) -> "Figure":
    """Draw the chain from top to bottom.

    Parameters
    ----------
    figure : empty matplotlib figure.
    trajectory : run to show.
    vehicle : run of the same experiment with an inactive dose, drawn in grey.

    Raises
    ------
    KetasimError
        The run recorded nothing that belongs to the chain.
    """
    panels = [panel for panel, needs in _PANELS if all(name in trajectory for name in needs)]
    if not panels:
        raise KetasimError("there is nothing to draw: the run had neither a drug in the body nor a network")
    all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(all_axes, panels, strict=True):
        panel(axes, trajectory, vehicle)
    _finish(figure, all_axes, trajectory)
    return figure


def plot_signals(figure: "Figure", trajectory: Trajectory, names: Sequence[str]) -> "Figure":
    """Draw chosen signals, one panel each; unknown names raise a KeyError that lists those there are."""
    data = [trajectory[name] for name in names]
    all_axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, array in zip(all_axes, data, strict=True):
        values = array.values.reshape(array.shape[0], -1)
        labels = array[array.dims[1]].values if array.ndim > 1 and values.shape[1] <= 12 else [None] * values.shape[1]
        hours = array["time"].values / 3600.0
        for column, label in enumerate(labels):
            axes.plot(hours, values[:, column], label=label, color=_COLOURS.get(label), lw=1.2)
        axes.set_ylabel(f"{str(array.name).replace('_', ' ')}\n({array.attrs['units']})")
        if labels[0] is not None:
            axes.legend(fontsize=7, frameon=False, ncols=3)
    _finish(figure, all_axes, trajectory)
    return figure


def _finish(figure: "Figure", all_axes: Any, trajectory: Trajectory) -> None:
    end = float(trajectory.config["duration"].split()[0]) / 3600.0
    events = trajectory.events
    starts = np.array([event["start_s"] for event in events]) / 3600.0
    durations = np.array([event["duration_s"] for event in events]) / 3600.0
    for axes in all_axes:
        mark_doses(axes, starts, durations)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", color="0.92", lw=0.6)
        axes.set_axisbelow(True)
    set_time_axis(all_axes[-1], end)
    for axes in all_axes[:-1]:
        axes.set_xlabel("")
    figure.suptitle(f"{trajectory.config['name']}: {_doses_in_words(events)}", fontsize=11)
    figure.text(0.995, 0.003, ADVICE, ha="right", va="bottom", fontsize=7, color="0.4")
    figure.align_ylabels(list(all_axes))
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0.0, 0.02, 1.0, 0.98))  # type: ignore[call-arg]


def _doses_in_words(events: Sequence[dict[str, Any]]) -> str:
    doses = [event for event in events if event["kind"] == "dose"]
    if not doses:
        return "no dose"
    first = doses[0]
    words = first["drug"]
    if first["amount_mg"] > 0:
        words += f" {first['amount_mg']:.3g} mg"
    words += f" {first['route']}"
    if first["duration_s"] > 0:
        words += f" over {first['duration_s'] / 60:.3g} min"
    return words + (f", {len(doses)} doses" if len(doses) > 1 else "")


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
    for index, name in enumerate(block["population"].values):
        right.plot(
            block["time"].values / 3600.0, 100 * block.values[:, index], color=_COLOURS.get(name), lw=1.2, label=name
        )
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
        for index, population in enumerate(array["population"].values):
            colour = _GREY if is_vehicle else _COLOURS.get(population)
            label = None if is_vehicle else population
            axes.plot(hours, factor * array.values[after, index], color=colour, lw=1.0, label=label, marker=".", ms=2.5)


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
            _band(axes, (hours, percent, band), _GREY if is_vehicle else _COLOURS.get(name), label)
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
