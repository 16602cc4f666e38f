"""SIGKILL of the whole process group at every stage of a run: resumed, it ends with the same bits."""

import random
import time

import pytest

from tests.faults.kills import leftovers

pytestmark = pytest.mark.faults

KILLS = 10


def carried_on(bench, note, out, stage, moment):
    """Carry on, compare, and note the outcome."""
    there = [path.name.removeprefix("out.h5").lstrip(".") or "output" for path in leftovers(out) if path.exists()]
    carried = bench.carry_on(out)
    same = carried.digest == bench.digest
    note("kill", stage, moment, carried.how if same else "MISMATCH", "+".join(there) or "nothing")
    assert same
    return carried


@pytest.mark.parametrize("share", [(i + 0.5) / KILLS for i in range(KILLS)])
def test_building(quick, note, share):
    """Catches a run that a kill before the first row leaves neither there nor not there."""
    begun = reported(quick)
    out = quick.fresh()
    child = quick.run(out)
    assert child.wait_for_stage("build"), child.errors
    time.sleep(0.6 * share * begun)  # the rest of it is writing the head, or the first window
    child.kill()
    carried_on(quick, note, out, child.stages[-1][0], f"{share:.2f} of building")


def reported(bench):
    """Seconds of wall time between the reports of building and of the baseline, measured once."""
    if not hasattr(bench, "building"):
        child = bench.run(bench.fresh())
        assert child.wait_for_stage("build")
        began = time.monotonic()
        assert child.wait_for_stage("baseline")
        bench.building = time.monotonic() - began
        child.kill()
    return bench.building


def test_compiling(quick, note, tmp_path):
    """Catches a kill during compilation that leaves kernels which later runs can't load, or load wrong."""
    outs, wanted = [], 0

    def compiled(_=None):
        return len(list(tmp_path.rglob("*.nbc")))

    for number in range(KILLS):  # each goes on with what the kills before have left of the cache
        out, wanted = quick.fresh(), compiled() + 6
        child = quick.run(out, cache=tmp_path)
        assert child.wait_until(lambda _: compiled() >= wanted), child.errors  # noqa: B023 - called at once
        time.sleep(0.1 * number)
        child.kill()
        outs.append((out, f"{compiled()} kernels compiled"))
    for out, moment in outs[:-1]:
        carried_on(quick, note, out, "compile", moment)
    out, moment = outs[-1]
    carried = quick.carry_on(out, cache=tmp_path)
    note("kill", "compile", f"{moment}, its cache used", carried.how, "")
    assert carried.digest == quick.digest


@pytest.mark.parametrize("share", [(i + 0.5) / KILLS for i in range(KILLS)])
def test_running(bench, note, share):
    """Catches a state that a checkpoint leaves out, at any time of a run."""
    out = bench.fresh()
    child = bench.run(out)
    assert child.wait_for_stage("run", share * 93600.0), child.errors
    child.kill()
    reached = max(seconds for stage, seconds in child.stages if stage == "run")
    carried = carried_on(bench, note, out, "run", f"at {reached / 3600.0:.2f} h")
    assert carried.how == "resumed"
    assert carried.at >= min(seconds for _, seconds in child.stages if seconds > 0)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7, 11, 16, 23, 31, 45])
def test_flushing(quick, note, number):
    """Catches a commit of the trajectory that a kill leaves half done."""
    fault(quick, note, "flush", number)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15, 16])
def test_replacing_the_checkpoint(quick, note, number):
    """Catches a moment without a whole checkpoint, and a half-written one that is believed."""
    fault(quick, note, "checkpoint", number)


@pytest.mark.parametrize("again", [0, 1, 2])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_end(quick, note, number, again):
    """Catches a run between unfinished and finished that neither `resume` nor a reader can take; killed again, too."""
    fault(quick, note, "rename", number, again)


def fault(bench, note, point, number, again=0):
    """Kill at a fault point, and the resumed run `again` times at the same one."""
    out = bench.fresh()
    child = bench.run(out, fault=f"{point}:{number}")
    if not child.wait_for_fault():
        pytest.skip(f"{point} is passed fewer than {number} times")
    child.kill()
    for _ in range(again):
        child = bench.resume(out, fault=f"{point}:{number}")
        if child.wait_for_fault():
            child.kill()
        else:
            assert child.end().code == 0, child.errors
    carried_on(bench, note, out, point, f"passing {number}{', again' * again}")


@pytest.mark.parametrize("seed", range(50))
def test_at_random(bench, note, seed):
    """Catches moments that nobody thought of; every third run is killed a second time while it is resumed."""
    generator = random.Random(seed)
    delay, alive = generator.uniform(0.0, bench.seconds), False
    while not alive:  # a run that was faster than the one that was measured
        out = bench.fresh()
        child = bench.run(out)
        time.sleep(delay)
        alive, words = child.process.poll() is None, f"after {delay:.2f} s"
        child.kill()
        delay *= 0.7
    if seed % 3 == 0:
        again = generator.uniform(0.0, delay)
        child = bench.resume(out)
        time.sleep(again)
        child.kill()
        words += f", again after {again:.2f} s"
    carried_on(bench, note, out, "random", words)


def test_every_few_steps(bench, note):
    """Catches what one resumption leaves slightly wrong for the next: killed again and again along one run."""
    out, child = bench.fresh(), None
    stops = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    for share in stops:
        child = bench.resume(out) if child else bench.run(out)
        assert child.wait_for_stage("run", share * 93600.0), child.errors
        child.kill()
    carried_on(bench, note, out, "chain", f"{len(stops)} times in one run")
