"""A progress bar on terminals: stage, simulated time, remaining time."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ketasim.pipeline import Progress

_WORDS = {
    "build": "building the network",
    "baseline": "measuring the baseline",
    "run": "running",
    "store": "storing",
}


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
        self._bar.start()
        self._task = self._bar.add_task("starting", total=1.0, clock="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: "Progress") -> None:
        """Show the progress; once the baseline is known, print the remarks of mechanisms on it."""
        if progress.stage == "run" and not self._said and progress.simulation is not None:
            self._said = True
            if progress.simulation.steps_done == 1:  # not for a resumed run, whose network is not at rest
                self._say_remarks(progress.simulation)
        if self._bar is None:
            return
        from ketasim.kernels.jit import compiled_before

        words = _WORDS[progress.stage]
        if progress.done == 0.0 and not compiled_before():  # the first window compiles what is not in the cache
            words = "compiling kernels, first run only"
        clock = f"{_clock(progress.time)} of {_clock(progress.end)}"
        self._bar.update(self._task, completed=progress.done, description=words, clock=clock)

    def _say_remarks(self, simulation: Any) -> None:
        lines = simulation.remarks()
        if self._quiet or not lines:
            return
        if self._bar is not None:
            for line in lines:
                self._bar.console.print(line, highlight=False)
        else:
            print("\n".join(lines), file=sys.stderr)


def _clock(seconds: float) -> str:
    """Simulated time as text, from seconds to days.

    >>> _clock(5400.0), _clock(-20.0), _clock(172800.0)
    ('1.5 h', '-20 s', '2 d')
    """
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if abs(seconds) >= 2 * size or (unit == "h" and abs(seconds) >= size):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
