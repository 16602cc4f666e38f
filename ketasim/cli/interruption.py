"""Ctrl-C and signals of batch systems: the first lets the window finish, a second Ctrl-C or SIGTERM stops at once."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Those that stop at once when they come second. Of the others, a closed terminal sends two, and a limit of processor
#: time one every second.
_IMPATIENT = (signal.SIGINT, signal.SIGTERM)

#: Postponed signals, which the interpreter reports twice.
_put_off = threading.Semaphore(0)


@contextmanager
def interruptible(command: str) -> Iterator[None]:
    """Raise KeyboardInterrupt for the first signal; at a second SIGINT or SIGTERM end the process, with exit code 130.

    Python runs its handlers only when compiled code has returned, which takes long for a window of a large network. So
    a thread is notified of each signal by the interpreter itself.

    Parameters
    ----------
    command : str
        Command that resumes the run, for the message.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    from ketasim.simulation.interrupts import SIGNALS

    before = {number: signal.getsignal(number) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as in a job started with nohup
            signal.signal(number, _interrupt)
    listening = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    threading.Thread(target=_listen, args=(ours, listening, command), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        theirs.close()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; later if numba is building its result, a named tuple, or the interpreter would crash."""
    if frame is not None and frame.f_code.co_name == "__new__":
        threading.Timer(0.02, _once_more, (number,)).start()
        return
    raise KeyboardInterrupt


def _once_more(number: int) -> None:
    _put_off.release()
    signal.raise_signal(number)


def _listen(ours: socket.socket, numbers: list[int], command: str) -> None:
    """Acknowledge the first signal, and end the process at a second one that is meant so."""
    heard = 0
    with ours:
        while received := ours.recv(16):
            new = [number for number in received if number in numbers and not _put_off.acquire(blocking=False)]
            heard += len(new)
            if new and heard == 1:
                _say("interrupted: finishing the current window; interrupt again to stop at once")
            elif any(number in _IMPATIENT for number in new):
                _say(f"stopped at once; continue with: {command}")
                os._exit(130)


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")
    sys.stderr.flush()
