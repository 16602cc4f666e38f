"""What is told of a run while it goes on: to a callback, to the log, and in notebooks."""

import logging
import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

from ketasim.documents.units import about
from ketasim.simulation import Simulation

#: Lines now and then; the command line silences it where it draws a bar.
LOGGER = logging.getLogger("ketasim.progress")

#: Wall time in s before the first line; each later one takes twice as long, up to the longest.
_FIRST, _LONGEST = 15.0, 600.0

#: Fraction done from which the rest can be told: the first window may have compiled the kernels.
_TELLS = 0.02

_WORDS = {
    "build": "building the network",
    "baseline": "measuring the baseline",
    "run": "running",
    "store": "storing",
}


class Progress(NamedTuple):
    """Progress of a run.

    Attributes
    ----------
    stage : str
        ``build``, ``baseline``, ``run`` or ``store``.
    time, end : float
        Simulated time now and at the end of the run, s.
    done : float
        Estimated fraction of the wall time that has passed.
    simulation : Simulation, optional
        The simulation, once it is built.
    """

    stage: str
    time: float
    end: float
    done: float
    simulation: Simulation | None = None

    @property
    def words(self) -> str:
        """What is going on."""
        from ketasim.kernels.jit import compiled_before

        if self.done == 0.0 and not compiled_before():  # the first window compiles what is not in the cache
            return "compiling kernels, first run only"
        return _WORDS[self.stage]

    @property
    def clock(self) -> str:
        """Simulated time of the whole, such as '1.5 h of 24 h'; in the baseline time from its end, such as '-3 min'."""
        return about(self.time) if self.stage == "baseline" else f"{about(self.time)} of {about(self.end)}"


#: Called between windows; returning False cancels the run, which can be resumed.
ProgressCallback = Callable[[Progress], Any]


class Lines:
    """Logs a line now and then, so that a long run in a batch job is not silent."""

    def __init__(self) -> None:
        self._begin = self._last = time.monotonic()
        self._wait = _FIRST

    def due(self) -> bool:
        """Whether it is time for a line, which is then counted as written."""
        now = time.monotonic()
        if now - self._last < self._wait:
            return False
        self._last, self._wait = now, min(2.0 * self._wait, _LONGEST)
        return True

    def __call__(self, progress: Progress) -> None:
        """Log the progress of a run if it is time for it."""
        if not self.due():
            return
        now = self._last
        left = (now - self._begin) * (1.0 / progress.done - 1.0) if progress.done > _TELLS else None
        words = f", about {about(left)} left" if left is not None else ""
        LOGGER.info("%s: %s, %.0f %% of the work done%s", progress.words, progress.clock, 100.0 * progress.done, words)


def notebook_bar() -> ProgressCallback | None:
    """Return a progress callback that draws a bar below the cell of a Jupyter notebook; None elsewhere."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or not hasattr(shell, "kernel"):  # a terminal's IPython has none
        return None
    import IPython.display as notebook  # type: ignore[import-not-found, unused-ignore]

    handle = notebook.display(notebook.HTML(""), display_id=True)
    drawn = -1.0

    def draw(progress: Progress) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn < 0.2 and progress.stage != "store":  # each change is a message to the browser
            return
        drawn = now
        words = escape(f"{progress.words}, {progress.clock}")
        handle.update(notebook.HTML(f'<progress value="{progress.done:.3f}" max="1"></progress> {words}'))

    return draw
