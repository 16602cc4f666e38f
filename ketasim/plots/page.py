"""Common parts of all pictures: colours, frame, title and advice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ketasim.analysis.summary import resting_of
from ketasim.network.resting import remarks_on_rest
from ketasim.plots.colours import DOSE, STIMULUS, WARNING
from ketasim.plots.time_axis import NARROW, mark_events, set_time_axis
from ketasim.storage import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ADVICE = "A research and teaching model; not medical advice."

_INCHES_A_PANEL = 1.5
_INCHES_AROUND = 1.0
#: Height of the title, and of a line of small text under it; its letters.
_INCHES_OF_TITLE, _INCHES_A_LINE, _LETTERS_AN_INCH = 0.25, 0.14, 14.0


_P = ParamSpec("_P")
_R = TypeVar("_R")


def own_style() -> AbstractContextManager[None]:
    """Matplotlib's own defaults, so that pictures need nothing of a user's settings: LaTeX, fonts, a dark style."""
    ours = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith("backend")}
    return matplotlib.rc_context(ours)


def in_own_style(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a function that draws in `own_style`."""

    @wraps(draw)
    def drawn(*args: _P.args, **options: _P.kwargs) -> _R:
        with own_style():
            return draw(*args, **options)

    return drawn


class Page(Figure):
    """Figure that notebooks display without pyplot."""

    @in_own_style
    def savefig(self, *args: Any, **options: Any) -> None:
        """Write the figure, see `matplotlib.figure.Figure.savefig`."""
        super().savefig(*args, **options)

    def _repr_png_(self) -> bytes:
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()


@in_own_style
def page_figure(width: float = 9.0, height: float = 11.0) -> Figure:
    """Return an empty figure; size in inches."""
    figure = Page(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def make_room(figure: Figure, panels: int) -> None:
    """Make a figure taller if it is too low for a column of so many panels."""
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, max(height, _INCHES_AROUND + _INCHES_A_PANEL * panels))


def known_columns(array: Any) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield label and values (T,) of each column that has any value.

    A cell class on which a mechanism does not act has only NaN. Labels are None if the signal has no second axis, or
    one too long for a legend.
    """
    values = array.values.reshape(array.shape[0], -1)
    count = values.shape[1]
    labels = array[array.dims[1]].values if array.ndim == 2 and count <= 12 else [None] * count
    for column, label in enumerate(labels):
        if not np.isnan(values[:, column]).all():
            yield label, values[:, column]


def ticks_and_frame(axes: "Axes") -> None:
    """Apply the common style to an Axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="0.92", lw=0.6)
    axes.set_axisbelow(True)


def is_linear(trajectory: Trajectory) -> bool:
    """Whether the time axis is linear: with doses a day or more after time zero, and runs that begin before it."""
    _, starts, _ = schedule_of(trajectory)
    return trajectory.begin < 0.0 or (starts.size > 0 and bool(starts.max() >= 24.0))


def finish_column(figure: Figure, all_axes: Any, trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    """Finish a column of panels: doses, one time axis, title and advice."""
    end, _, _ = schedule_of(trajectory)
    begin, linear = trajectory.begin / 3600.0, is_linear(trajectory)
    for axes in all_axes:
        mark_exposures(axes, trajectory, NARROW * (end - begin) if linear else 0.0)
        ticks_and_frame(axes)
    set_time_axis(all_axes[-1], end, linear, begin)
    for axes in all_axes[:-1]:
        axes.set_xlabel("")
    figure.align_ylabels(list(all_axes))
    finish_page(figure, trajectory, vehicle)


def mark_exposures(axes: "Axes", trajectory: Trajectory, narrow: float) -> None:
    """Mark doses, and below them stimuli in another colour; spans up to `narrow` h become lines."""
    _, starts, durations = schedule_of(trajectory)
    is_dose = np.array([event["kind"] == "dose" for event in trajectory.events], dtype=bool)
    for chosen, colour in ((~is_dose, STIMULUS), (is_dose, DOSE)):
        mark_events(axes, starts[chosen], durations[chosen], narrow, colour)


def finish_page(figure: Figure, trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    """Add the title above the panels, under it what is unusual in the network at rest, and the advice below."""
    title = f"{trajectory.config['name']}: {doses_in_words(trajectory.events)}"
    if vehicle is not None:
        name, doses = vehicle.config["name"], doses_in_words(vehicle.events)
        title += f" (grey: {name if doses == doses_in_words(trajectory.events) else doses})"
    figure.suptitle(title, fontsize=11)
    figure.text(0.995, 0.003, ADVICE, ha="right", va="bottom", fontsize=7, color="0.4")
    width, height = figure.get_size_inches()
    remarks = [
        line for one in remarks_on_rest(resting_of(trajectory)) for line in wrap(one, int(_LETTERS_AN_INCH * width))
    ]
    if remarks:
        top = 1.0 - _INCHES_OF_TITLE / height
        figure.text(0.5, top, "\n".join(remarks), ha="center", va="top", fontsize=8, color=WARNING, linespacing=1.15)
    room = _INCHES_A_LINE * len(remarks) / height
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0.0, 0.02, 1.0, 0.98 - room))  # type: ignore[call-arg]


def schedule_of(trajectory: Trajectory) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the run's planned end, and starts and durations of doses and stimuli, all in h."""
    end = float(trajectory.config["duration"].split()[0]) / 3600.0
    events = trajectory.events
    starts = np.array([event["start_s"] for event in events]) / 3600.0
    durations = np.array([event["duration_s"] for event in events]) / 3600.0
    return end, starts, durations


def doses_in_words(events: Sequence[dict[str, Any]]) -> str:
    """Describe the first dose, the number of doses of its drug, and name other drugs."""
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
    same = sum(event["drug"] == first["drug"] for event in doses)
    words += f", {same} doses" if same > 1 else ""
    others = dict.fromkeys(event["drug"] for event in doses if event["drug"] != first["drug"])
    return words + (f"; {', '.join(others)}" if others else "")
