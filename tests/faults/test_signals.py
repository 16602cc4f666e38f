"""Ctrl-C and SIGTERM at every stage: exit code 130, the command to go on with, the same bits, and how long it takes."""

import random
import signal
import time

import pytest

import ketasim
from ketasim.storage.datasets import part_path
from tests.faults.kills import WHOLE, Bench

pytestmark = pytest.mark.faults

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])


def stopped(child, number, note, stage):
    """Send a signal, check how the process ends, and note the seconds until it has."""
    sent = time.monotonic()
    child.signal(number)
    ended = child.end()
    taken = time.monotonic() - sent
    note("signal", stage, signal.Signals(number).name, f"exit {ended.code}", f"{taken:.2f}")
    assert ended.code == 130, ended
    assert ended.is_clear, ended
    return ended


def reports(child, stage):
    """How often a stage was reported."""
    return sum(1 for said, _ in child.stages if said == stage)


def goes_on(bench, out, ended):
    """Check the words and what follows from them."""
    assert f"ketasim resume {out}" in ended.errors, ended
    carried = bench.carry_on(out)
    assert carried.how == "resumed"
    assert carried.digest == bench.digest
    return carried


@BOTH
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
def test_while_building(bench, note, number, delay):
    """Catches a signal that is lost, or taken as a failure, before there is a row to write."""
    out = bench.fresh()
    child = bench.run(out)
    assert child.wait_for_stage("build")
    time.sleep(delay)
    goes_on(bench, out, stopped(child, number, note, child.stages[-1][0]))


@BOTH
def test_while_compiling(bench, note, tmp_path, number):
    """Catches compilation, a minute of it, that nobody can stop."""
    out = bench.fresh()
    child = bench.run(out, cache=tmp_path)
    assert child.wait_until(lambda _: len(list(tmp_path.rglob("*.nbc"))) >= 8)
    goes_on(bench, out, stopped(child, number, note, "compile"))


@BOTH
def test_while_measuring_the_baseline(bench, note, number):
    """Catches a baseline that is neither stopped nor measured again as it was."""
    out = bench.fresh()
    child = bench.run(out)
    assert child.wait_until(lambda child: reports(child, "baseline") >= 5)
    goes_on(bench, out, stopped(child, number, note, "baseline"))


@BOTH
@pytest.mark.parametrize("share", [0.01, 0.3, 0.8])
def test_while_running(bench, note, number, share):
    """Catches a run that stops without its last step, or goes on from elsewhere."""
    out = bench.fresh()
    child = bench.run(out)
    assert child.wait_for_stage("run", share * 93600.0)
    ended = stopped(child, number, note, "run")
    reached = max(seconds for stage, seconds in child.stages if stage == "run")
    carried = goes_on(bench, out, ended)
    assert carried.at > reached, "the last step before the signal was run again"


def test_a_resumed_run_can_be_stopped(bench, note):
    """Catches signals that only a first run takes."""
    out, ended = bench.fresh(), None
    for share in (0.2, 0.4, 0.6):
        child = bench.resume(out) if ended else bench.run(out)
        assert child.wait_for_stage("run", share * 93600.0)
        ended = stopped(child, signal.SIGTERM, note, "resumed run")
    goes_on(bench, out, ended)


@BOTH
def test_at_the_start_of_the_process(bench, note, number):
    """Catches a run that can't be started again; Python itself answers a signal while it loads the libraries."""
    out = bench.fresh()
    child = bench.run(out, cache=bench.cache)  # in a new interpreter
    assert child.wait_for_stage("start")
    child.signal(number)
    ended = child.end()
    note("signal", "start", signal.Signals(number).name, f"exit {ended.code}", "")
    assert ended.code in (130, -number), ended
    assert bench.carry_on(out).digest == bench.digest


@pytest.mark.parametrize("seed", range(10))
def test_a_second_signal(bench, note, seed):
    """Catches an impatient user's broken file: whatever the second signal cuts off, the file opens and goes on."""
    generator = random.Random(seed)
    out = bench.fresh()
    child = bench.run(out)
    assert child.wait_for_stage("run", generator.uniform(0.0, 0.9) * 93600.0)
    child.signal(signal.SIGINT)
    time.sleep(generator.uniform(0.0, 0.03))
    sent = time.monotonic()
    child.signal(signal.SIGINT)
    ended = child.end()
    note("signal", "second", "SIGINT", f"exit {ended.code}", f"{time.monotonic() - sent:.2f}")
    assert ended.code == 130, ended
    assert "Traceback" not in ended.errors, ended
    with ketasim.open_trajectory(part_path(out)) as trajectory:
        assert not trajectory.complete
        assert trajectory["firing_rate"].size
    assert bench.carry_on(out).digest == bench.digest


@pytest.fixture(scope="module")
def human(tmp_path_factory):
    """The human infusion with 1,000 neurons, for times only: it is never run to its end."""
    data = WHOLE | {"name": "human", "duration": "14 d", "network": {"neurons": 1000}, "schedule": {"baseline": "20 s"}}
    made = Bench(tmp_path_factory.mktemp("human"), data)
    yield made
    made.close()


@BOTH
@pytest.mark.parametrize(
    "stage, count, delay",
    [("build", 1, 0.3), ("baseline", 5, 0.0), ("baseline", 20, 0.5), ("run", 5, 0.05), ("run", 30, 0.05)],
)
def test_times_with_a_thousand_neurons(human, note, number, stage, count, delay):
    """Catches a network of usual size that does not stop; measures how long it takes."""
    child = human.run(human.fresh())
    assert child.wait_until(lambda child: reports(child, stage) >= count)
    time.sleep(delay)
    stopped(child, number, note, f"1,000 neurons, {child.stages[-1][0]}")
