"""Ctrl-C held back while compiled code and HDF5 are at work.

When a KeyboardInterrupt is raised while numba hands over the result of a kernel, numba goes on without the result and
crashes the interpreter. A run therefore takes Ctrl-C between its windows, where its state and its file are whole.
"""

import signal
from types import FrameType, TracebackType
from typing import Self


class HeldInterrupts:
    """Context in which Ctrl-C waits for `release` or for the end of the context.

    Contexts may be nested. Outside the main thread, where Python raises no KeyboardInterrupt, this does nothing.
    """

    def __init__(self) -> None:
        self._waiting: tuple[int, FrameType | None] | None = None
        self._before: signal._HANDLER = None

    def __enter__(self) -> Self:
        if callable(signal.getsignal(signal.SIGINT)):
            try:
                self._before = signal.signal(signal.SIGINT, self._hold)
            except ValueError:  # not the main thread
                self._before = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if callable(self._before):
            signal.signal(signal.SIGINT, self._before)
        if kind is None:
            self.release()

    def release(self) -> None:
        """Do now what Ctrl-C would have done, if it was pressed: as a rule, raise KeyboardInterrupt."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and callable(self._before):
            self._before(*waiting)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self._waiting = (number, frame)
