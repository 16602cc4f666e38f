"""Holds back Ctrl-C, and what batch systems send where it has a Python handler, while compiled code and HDF5 work.

A KeyboardInterrupt raised while numba returns the result of a kernel makes numba continue without the result and crash
the interpreter. A run therefore acts on Ctrl-C between windows, where its state and file are consistent, but
immediately while kernels compile, which takes long and leaves no state behind.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

#: What ends a run with a checkpoint, where the platform has it: Ctrl-C, the end of a batch job or its first warning,
#: the limit of processor time, a closed connection. Held where they have a Python handler; usually SIGINT only.
SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)

_COMPILERS = ("numba", "llvmlite")


class HeldInterrupts:
    """Context in which signals wait for `release` or the end of the context.

    Contexts can be nested. Outside the main thread, where Python raises no KeyboardInterrupt, this does nothing.
    """

    def __init__(self) -> None:
        self._waiting: int | None = None
        self._before: dict[int, signal._HANDLER] = {}
        self._open = False

    def __enter__(self) -> Self:
        for number in SIGNALS:
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
        """Handle a signal that has arrived, usually by raising KeyboardInterrupt."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._pass_on(waiting, None)  # not the frame it arrived in, which has ended
            if _task_is_cancelled():
                raise KeyboardInterrupt

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Context for long work that can be repeated: signals are handled immediately."""
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
        # Also kept when passed on: an exception raised in a finaliser, for example, is printed and lost.
        self._waiting = number
        if self._open or _is_compiling(frame):
            self._pass_on(number, frame)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        handler = self._before.get(number)
        if callable(handler):
            handler(number, frame)


def _task_is_cancelled() -> bool:
    """Whether the asyncio task that calls is to end: at Ctrl-C asyncio's handler cancels in place of raising."""
    try:
        task = sys.modules["asyncio"].current_task()
    except (KeyError, RuntimeError):  # not imported; no loop is running
        return False
    return task is not None and task.cancelling() > 0


def _is_compiling(frame: FrameType | None) -> bool:
    """Whether a frame was called by the compiler; numba runs no Python code of its own when it returns a result."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _COMPILERS:
            return True
        frame = frame.f_back
    return False
