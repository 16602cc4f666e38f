"""Ctrl-C waits until it does no harm, and is not lost."""

import signal
import threading

import numba
import pytest
from numba.extending import overload

import ketasim
from ketasim.simulation import Simulation
from ketasim.simulation.interrupts import HeldInterrupts


@pytest.fixture(autouse=True)
def handler():
    """Python's own handler, also where tests are started with SIGINT ignored; it has to be there again afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_for_the_end_of_the_context():
    """Catches an interrupt that is raised at once, or never."""
    reached = False
    with pytest.raises(KeyboardInterrupt), HeldInterrupts():
        signal.raise_signal(signal.SIGINT)
        reached = True
    assert reached


def test_an_interrupt_waits_for_release_and_comes_once():
    """Catches an interrupt that is raised again at the end."""
    with HeldInterrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.release()
        interrupts.release()


def test_nested_contexts_hand_it_outwards():
    """Catches an inner context that raises within an outer one."""
    reached = False
    with pytest.raises(KeyboardInterrupt), HeldInterrupts():
        with HeldInterrupts():
            signal.raise_signal(signal.SIGINT)
        reached = True
    assert reached


def test_long_work_that_can_be_done_again_lets_it_through():
    """Catches seconds of waiting where nothing would be lost, one that waited and is forgotten, a door left open."""
    reached = False
    with HeldInterrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.let_through():
            signal.raise_signal(signal.SIGINT)
            reached = True
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interrupts.let_through():
            reached = True
    assert not reached


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_a_finaliser_swallows_comes_again():
    """Catches a Ctrl-C that falls into a `__del__`, where exceptions are printed and forgotten, and is lost."""

    class Finalised:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    reached = False
    with HeldInterrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.let_through():
            Finalised()
            reached = True
        interrupts.release()
    assert reached


def test_another_error_is_not_replaced():
    """Catches the reason of a failure hidden behind an interrupt."""
    with pytest.raises(ZeroDivisionError), HeldInterrupts():
        signal.raise_signal(signal.SIGINT)
        raise ZeroDivisionError


def test_other_threads_can_run(small):
    """Catches runs that work in the main thread only, where alone signals may be set."""
    results = []
    thread = threading.Thread(target=lambda: results.append(ketasim.run(small(network="none")).complete))
    thread.start()
    thread.join()
    assert results == [True]


def test_an_interrupted_simulation_is_whole_and_goes_on(small):
    """Catches an interrupt in the middle of a step, after which time has gone by but no window was run."""
    whole, interrupted = Simulation(small()), Simulation(small())
    whole.advance("20 min")
    original = interrupted.advance_mechanisms

    def pressed(duration):
        signal.raise_signal(signal.SIGINT)
        original(duration)

    interrupted.advance_mechanisms = pressed
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            interrupted.advance("20 min")
    assert interrupted.time == 1200.0
    assert (whole.window.signals["firing_rate"] == interrupted.window.signals["firing_rate"]).all()


def test_an_interrupted_baseline_is_measured_anew(small):
    """Catches a simulation that goes on without the baseline that it was not given the time to measure."""
    whole, interrupted = Simulation(small()), Simulation(small())
    whole.advance("5 min")

    def pressed(time, window):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        interrupted.measure_baseline(pressed)
    interrupted.advance("5 min")
    for name, array in whole.signals.items():
        assert (interrupted.signals[name] == array).all(), name


def test_compiling_is_stopped_at_once():
    """Catches minutes of compilation that can't be stopped: in Python called by the compiler a signal need not wait."""
    reached = []

    def pressed():
        """Stands for a line of the compiler."""

    @overload(pressed)
    def typed():
        signal.raise_signal(signal.SIGINT)
        reached.append("the rest of the compilation")

    @numba.njit
    def compiled():
        pressed()

    with pytest.raises(KeyboardInterrupt), HeldInterrupts():
        compiled()
    assert reached == []
