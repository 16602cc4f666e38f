"""SIGINT and SIGTERM at the command line: the first raises, the second ends the process, and nothing stays behind."""

import signal
import sys
import threading
import time

import pytest

from ketasim.cli import interruption
from ketasim.cli.interruption import interruptible
from ketasim.simulation.interrupts import SIGNALS, HeldInterrupts


@pytest.fixture(autouse=True)
def handlers():
    """Python's own handlers, also where tests are started with SIGINT ignored."""
    before = dict.fromkeys(SIGNALS, signal.SIG_DFL) | {signal.SIGINT: signal.default_int_handler}
    old = {number: signal.signal(number, handler) for number, handler in before.items()}
    yield
    found = {number: signal.signal(number, handler) for number, handler in old.items()}
    assert found == before
    wakeup = signal.set_wakeup_fd(-1)
    assert wakeup == -1


@pytest.fixture
def ended(monkeypatch):
    """Codes with which the process would have ended, and an event for the first."""
    codes, event = [], threading.Event()

    def end(code):
        codes.append(code)
        event.set()

    monkeypatch.setattr(interruption.os, "_exit", end)
    return codes, event


def until(condition):
    """Wait, for 10 s at most."""
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_raises_and_is_heard(number, ended, monkeypatch):
    """Catches a batch system's SIGTERM that kills without a checkpoint, and a silence that makes people press again."""
    said = []
    monkeypatch.setattr(interruption, "_say", said.append)
    with pytest.raises(KeyboardInterrupt), interruptible("ketasim resume out.h5"):
        signal.raise_signal(number)
        until(lambda: False)
    assert until(lambda: said)
    assert said == ["interrupted: finishing the current window; interrupt again to stop at once"]
    assert ended[0] == []


def test_the_second_ends_the_process_though_nothing_listens(ended, capsys):
    """Catches compiled code that runs on for minutes: Python's handlers wait for its end, this must not."""
    codes, event = ended
    with pytest.raises(KeyboardInterrupt), interruptible("ketasim resume out.h5"), HeldInterrupts():
        signal.raise_signal(signal.SIGTERM)
        assert codes == []
        signal.raise_signal(signal.SIGINT)
        assert event.wait(10.0)
    assert codes[0] == 130
    errors = capsys.readouterr().err
    assert errors.count("stopped at once; continue with: ketasim resume out.h5\n") == 1


@pytest.mark.skipif(not hasattr(signal, "SIGXCPU"), reason="a signal of POSIX")
def test_warnings_that_are_repeated_leave_time_for_the_checkpoint(ended, monkeypatch):
    """Catches a run that loses its last minutes: a closed terminal sends two, the limit of time one every second."""
    said = []
    monkeypatch.setattr(interruption, "_say", said.append)
    with pytest.raises(KeyboardInterrupt), interruptible("ketasim resume out.h5"), HeldInterrupts():
        for number in (signal.SIGXCPU, signal.SIGXCPU, signal.SIGHUP, signal.SIGHUP):
            signal.raise_signal(number)
            time.sleep(0.05)
    assert len(said) == 1
    assert ended[0] == []


def test_one_that_came_while_a_kernel_handed_over_is_one(ended, monkeypatch):
    """Catches a single Ctrl-C that is put off, counted twice, and ends the process without a checkpoint.

    Where the signal waits for the end of a window, the frame in which it came is no reason to put it off again.
    """
    said = []
    monkeypatch.setattr(interruption, "_say", said.append)

    class Result:
        def __new__(cls):
            signal.raise_signal(signal.SIGINT)
            return super().__new__(cls)

    with pytest.raises(KeyboardInterrupt), interruptible("ketasim resume out.h5"):
        Result()  # not here: numba would crash
        until(lambda: False)
    with pytest.raises(KeyboardInterrupt), interruptible("ketasim resume out.h5"), HeldInterrupts() as held:
        Result()
        reached = len(said)
        held.release()
        until(lambda: False)
    assert reached <= 2
    assert until(lambda: len(said) == 2)
    assert ended[0] == []


def test_what_was_ignored_stays_so(ended):
    """Catches a job started with nohup, or in the background of a shell, that takes a signal meant for others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible("ketasim resume out.h5"):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert ended[0] == []


def test_nothing_stays_behind():
    """Catches a thread or a handler that outlives the command, as in tests and notebooks that call it."""
    before = threading.active_count()
    for error in (ValueError, None):
        try:
            with interruptible("ketasim resume out.h5"):
                assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
                if error:
                    raise error
        except ValueError:
            assert error is not None
        else:
            assert error is None
    assert until(lambda: threading.active_count() <= before)
    assert sys.exc_info() == (None, None, None)
