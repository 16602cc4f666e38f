"""Courses of two arms as means with bands."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ketasim.plots.colours import GREY, POPULATIONS
from ketasim.plots.page import ADVICE, in_own_style, make_room, ticks_and_frame
from ketasim.plots.time_axis import set_time_axis

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ERRORS = 2.0


@in_own_style
def plot_bands(figure: "Figure", signals: "Mapping[str, Mapping[str, xarray.DataArray]]", title: str = "") -> "Figure":
    """Draw each signal in a panel: the first arm in colour over the second in grey, with bands of two standard errors.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty figure.
    signals : mapping
        Name -> ``drug`` and ``vehicle``, arrays with dimensions (statistic, time, ...), where statistic is ``mean`` or
        ``error``; time in s.
    title : str
        Title.
    """
    make_room(figure, len(signals))
    all_axes = figure.subplots(len(signals), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, arms) in zip(all_axes, signals.items(), strict=True):
        _draw(axes, arms["vehicle"], grey=True)
        _draw(axes, arms["drug"], grey=False)
        units = arms["drug"].attrs.get("units", "")
        axes.set_ylabel(f"{name}\n({units})" if units not in ("", "1") else name, fontsize=8)
        ticks_and_frame(axes)
    end = float(next(iter(signals.values()))["drug"]["time"].values[-1]) / 3600.0
    set_time_axis(all_axes[-1], end)
    for axes in all_axes[:-1]:
        axes.set_xlabel("")
    figure.align_ylabels(list(all_axes))
    figure.suptitle(title, fontsize=10)
    figure.text(0.995, 0.003, ADVICE, ha="right", va="bottom", fontsize=7, color="0.4")
    return figure


def _draw(axes: "Axes", array: "xarray.DataArray", grey: bool) -> None:
    hours = array["time"].values / 3600.0
    mean, error = (array.sel(statistic=name).values.reshape(hours.size, -1) for name in ("mean", "error"))
    labels = array[array.dims[2]].values.tolist() if array.ndim == 3 else [None]
    for column, label in enumerate(labels):
        values, reach = mean[:, column], _ERRORS * np.nan_to_num(error[:, column])
        if np.isnan(values).all():
            continue
        colour = GREY if grey else POPULATIONS[column % len(POPULATIONS)]
        axes.plot(hours, values, color=colour, lw=1.0, label=None if grey else label)
        axes.fill_between(hours, values - reach, values + reach, color=colour, alpha=0.25, lw=0)
    if not grey and labels != [None]:
        axes.legend(frameon=False, fontsize=7, loc="upper right")
