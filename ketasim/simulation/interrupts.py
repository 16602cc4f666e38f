"""Ctrl-C, and where it is treated alike SIGTERM, held back while compiled code and HDF5 are at work.

When a KeyboardInterrupt is raised while numba hands over the result of a kernel, numba goes on without the result and
crashes the interpreter. A run therefore takes Ctrl-C between its windows, where its state and its file are whole; but
at once while kernels are being compiled, which takes long and changes nothing that is kept.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

#: Held where Python code listens to them; as a rule SIGINT only.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_COMPILERS = ("numba", "llvmlite")


class HeldInterrupts:
    """Context in which signals wait for `release` or for the end of the context.

    Contexts may be nested. Outside the main thread, where Python raises no KeyboardInterrupt, this does nothing.
    """

    def __init__(self) -> None:
        self._waiting: int | None = None
        self._before: dict[int, signal._HANDLER] = {}
        self._open = False

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            if callable(signal.getsignal(number)):
                try:
                    self._before[number] = signal.signal(number, self._hold)
                except ValueError:  # not the main thread
                    break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None:
            self.release()

    def release(self) -> None:
        """Do now what the signal would have done, if it came: as a rule, raise KeyboardInterrupt."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._pass_on(waiting, None)  # not the frame in which it came, which is no longer being run

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Within this context, of long work that can be done again, a signal does at once what it would have done."""
        self.release()
        self._open = True
        try:
            yield
        except BaseException:
            self._waiting = None
            raise
        finally:
            self._open = False
        self.release()

    def _hold(self, number: int, frame: FrameType | None) -> None:
        # It waits, too, when it is passed on: what is raised in a finaliser, say, is printed and forgotten.
        self._waiting = number
        if self._open or _is_compiling(frame):
            self._pass_on(number, frame)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        handler = self._before.get(number)
        if callable(handler):
            handler(number, frame)


def _is_compiling(frame: FrameType | None) -> bool:
    """Whether a frame was called by the compiler; where numba hands over a result, no Python code of its own runs."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _COMPILERS:
            return True
        frame = frame.f_back
    return False
