"""Steps of the slow clock: short after each event, longer as time passes without one."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np

from ketasim.documents.units import about, in_words
from ketasim.sources import Source

#: s between windows up to which circuits come back to rest after a dose (docs/two_clocks.md, *A budget is for hours*).
LONGEST_GAP = 4.0 * 3600.0


class AutomaticSteps(NamedTuple):
    """Lengths of slow steps with ``step: auto``."""

    shortest: Annotated[float, "s", Source("assumed", "a fraction of the distribution half-life of ketamine")] = 60.0
    growth: Annotated[float, "1", Source("assumed", "step over time since the last event")] = 0.1
    longest: Annotated[float, "s", Source("assumed", "a fraction of a day")] = 3600.0


def slow_times(begin: float, end: float, events: Iterable[float], step: float | None, least: float) -> np.ndarray:
    """Times in s at which slow steps start and end, from `begin` to `end`, including every event.

    Parameters
    ----------
    begin, end : float
        First and last time in s.
    events : iterable of float
        Times in s at which something changes; those outside the interval are ignored.
    step : float or None
        Constant step in s; None for automatic steps (see `AutomaticSteps`).
    least : float
        Shortest step in s, except for steps cut short by an event.

    Examples
    --------
    >>> slow_times(0.0, 600.0, [300.0], 200.0, 1.3)
    array([  0., 150., 300., 450., 600.])
    """
    inside = {float(event) for event in events if begin < event < end}
    corners = sorted({begin, end} | inside)
    automatic = AutomaticSteps()
    times = [begin]
    for start, stop in pairwise(corners):
        if step is not None:
            wanted, most = np.ceil((stop - start) / step - 1e-9), np.floor((stop - start) / least + 1e-9)
            n_steps = max(1, round(min(wanted, most)))
            times += [start + (stop - start) * i / n_steps for i in range(1, n_steps)]
        else:
            times += _growing(start, stop, automatic, least)
        times.append(stop)
    return np.array(times)


def _growing(start: float, stop: float, automatic: AutomaticSteps, least: float) -> list[float]:
    """Times strictly between two events; the last step is never a short remainder."""
    times: list[float] = []
    now = start
    while True:
        step = min(max(automatic.shortest, automatic.growth * (now - start), least), max(automatic.longest, least))
        if now + 1.5 * step >= stop:
            return times
        now += step
        times.append(now)


def remarks_on_budget(budget: int | None, times: np.ndarray) -> tuple[str, ...]:
    """Return a remark if a budget leaves the network unwatched for longer than its own feedback takes.

    Parameters
    ----------
    budget : int or None
        Most windows, spread evenly over the slow times.
    times : (n,) array
        Slow times in s.

    Examples
    --------
    >>> remarks_on_budget(200, np.arange(1000.0) * 3600.0)  # doctest: +ELLIPSIS
    ('schedule.budget: 200 windows leave up to 5.0 h without one, more than 4 h: ... still follows what changes',)
    >>> remarks_on_budget(300, np.arange(1000.0) * 3600.0)
    ()
    """
    if budget is None or budget >= times.size:
        return ()
    gap = float(np.diff(times[np.arange(budget) * times.size // budget], append=times[-1]).max())
    if gap <= max(LONGEST_GAP, float(np.diff(times).max())):  # longer steps are what someone asked for
        return ()
    windows, most = f"{budget} window{'s' if budget > 1 else ''}", in_words(LONGEST_GAP)
    length = f"{gap / 3600.0:.1f} h" if gap < 2.0 * LONGEST_GAP else about(gap)
    return (
        f"schedule.budget: {windows} leave up to {length} without one, more than {most}: "
        "inhibition and scaling answer the network within hours, and circuits may swing; schedule.spacing runs fewer "
        "windows and still follows what changes",
    )
