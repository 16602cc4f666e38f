"""A progress bar on terminals: stage, simulated time, remaining time; elsewhere lines of the log."""

import logging
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ketasim.ensembles.sweeps import SweepProgress
    from ketasim.progress import Progress


class ProgressBar:
    """Progress callback of `ketasim.run` that draws a bar on standard error if that is a terminal."""

    def __init__(self, quiet: bool):
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._said = False

    def __enter__(self) -> Self:
        if self._quiet or not sys.stderr.isatty():
            return self
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[clock]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        logging.getLogger("ketasim.progress").setLevel(logging.WARNING)  # its lines would break the bar
        self._bar.start()
        self._task = self._bar.add_task("starting", total=1.0, clock="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            logging.getLogger("ketasim.progress").setLevel(logging.NOTSET)

    def __call__(self, progress: "Progress") -> None:
        """Show the progress; once the baseline is known, print the remarks of mechanisms on it."""
        if progress.stage == "run" and not self._said and progress.simulation is not None:
            self._said = True
            if progress.simulation.steps_done == 1:  # not for a resumed run, whose network is not at rest
                self._say_remarks(progress.simulation)
        if self._bar is None:
            return
        self._bar.update(self._task, completed=progress.done, description=progress.words, clock=progress.clock)

    def _say_remarks(self, simulation: Any) -> None:
        lines = simulation.remarks()
        if self._quiet or not lines:
            return
        if self._bar is not None:
            for line in lines:
                self._bar.console.print(line, highlight=False)
        else:
            print("\n".join(lines), file=sys.stderr)


class SweepBar(ProgressBar):
    """Progress callback of a sweep that draws a bar on standard error if that is a terminal."""

    def __call__(self, progress: "SweepProgress") -> None:  # type: ignore[override]
        """Show how many runs have ended."""
        if self._bar is not None:
            done = (progress.done + progress.failed) / progress.total
            self._bar.update(self._task, completed=done, description=progress.words)
