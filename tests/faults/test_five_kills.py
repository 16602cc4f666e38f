"""Five kills that every change has to survive; `make test-faults` has a hundred more."""

import random
import time

import pytest


@pytest.mark.parametrize("point", ["flush:9", "checkpoint:6", "rename:3"])
def test_a_kill_where_files_change_loses_nothing(quick, point):
    """Catches a commit, a checkpoint's replacement or an end that a kill leaves half done."""
    out = quick.fresh()
    child = quick.run(out, fault=point)
    assert child.wait_for_fault(), child.errors
    child.kill()
    carried = quick.carry_on(out)
    assert carried.digest == quick.digest
    assert carried.how == "resumed"


def test_a_kill_in_the_middle_of_a_run_loses_nothing(quick):
    """Catches a resumed run that starts anew, or that goes on with other numbers."""
    out = quick.fresh()
    child = quick.run(out)
    assert child.wait_for_stage("run", 600.0), child.errors
    child.kill()
    carried = quick.carry_on(out)
    assert carried.digest == quick.digest
    assert carried.at > 600.0, "steps before the checkpoint were run again"


def test_a_kill_at_any_time_loses_nothing(quick):
    """Catches a moment at which a kill can't be recovered from; another one each time."""
    out, delay = quick.fresh(), random.uniform(0.0, quick.seconds)
    child = quick.run(out)
    time.sleep(delay)
    child.kill()
    assert quick.carry_on(out).digest == quick.digest, f"killed after {delay:.3f} s"
