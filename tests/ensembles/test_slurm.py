"""Sweeps as jobs of a real scheduler, without accounting, on a cluster of one node that these tests start."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ketasim.ensembles import resume_sweep, sweep, sweep_runs
from ketasim.ensembles import slurm as slurm_engine
from ketasim.ensembles.plan import Run
from ketasim.ensembles.slurm import Chunk, Slurm
from ketasim.ensembles.store import Store, SweepError
from ketasim.ensembles.worker import Task
from tests.conftest import SMALL
from tests.ensembles.slurm_cluster import UnavailableError, cluster

#: Checkpoints twice a second, so that a killed run goes on where it was.
RUN = {**SMALL, "schedule": {**SMALL["schedule"], "checkpoint": "0.5 s"}, "recording": {"measures": False}}


@pytest.fixture(scope="module")
def slurm():
    """A cluster, as SLURM_CONF in the environment of tests and jobs; jobs import what is tested."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_"))]:
            patch.delenv(name)  # of a job that runs these tests
        try:
            conf = stack.enter_context(cluster())
        except UnavailableError as why:
            pytest.skip(f"no SLURM on this machine: {why}")
        patch.setenv("SLURM_CONF", conf)
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.setattr(slurm_engine, "_ASK", 2.0)
        patch.setattr(slurm_engine, "_APPEARS", 4.0)
        yield


@pytest.fixture
def digests(small, tmp_path):
    """Compute digests of runs on this machine without a scheduler, by duration and number."""

    def make(duration, replicates):
        sweep(small(**RUN | {"duration": duration}), replicates=replicates, jobs=2, out=tmp_path / "expected")
        return sweep_runs(tmp_path / "expected")["digest"].tolist()

    return make


def _queue():
    return subprocess.check_output(["squeue", "--array", "--noheader", "--format=%i %T"], text=True).split("\n")[:-1]


def _until(ready, seconds=300.0):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.1)


def _checkpoints(out, number):
    return list((out / "runs").rglob(f"{number:06d}*.checkpoint"))


@contextlib.contextmanager
def _cancelled(out, number, *options):
    """Context during which the only or first job of a sweep is cancelled, or sent a signal, when a run has begun."""

    def act():
        _until(lambda: _checkpoints(out, number))
        first = min(file.name for file in (out / "jobs").glob("*_submitted.pkl"))
        subprocess.run(["scancel", *options, first.removesuffix("_submitted.pkl")], check=True)

    thread = threading.Thread(target=act)
    thread.start()
    yield
    thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("runs", [2, None])
def test_slurm_gives_the_same_bits(runs, slurm, alone, tmp_path):
    """An array of three jobs, and by name one job; catches runs computed in another setting, twice or not at all."""
    doses = {"doses.0.amount": ["0.25 mg/kg", "0.5 mg/kg"]}
    sweep(alone(), doses, replicates=3, jobs=1, out=tmp_path / "expected")
    sweep(alone(), doses, replicates=3, engine=Slurm(2, runs=runs) if runs else "slurm", out=tmp_path / "s")
    assert sweep_runs(tmp_path / "s")["digest"].tolist() == sweep_runs(tmp_path / "expected")["digest"].tolist()
    assert len(list((tmp_path / "s" / "jobs").glob("*_submitted.pkl"))) == (3 if runs else 1)
    assert not list((tmp_path / "s" / "outcomes").iterdir())


@pytest.mark.slow
def test_a_cancelled_job_is_noticed(slurm, small, tmp_path, digests, caplog):
    """Catches a sweep that waits for ever for a job that is gone, says nothing of it, or loses its checkpoint."""
    out = tmp_path / "s"
    with _cancelled(out, 0):
        sweep(small(**RUN | {"duration": "16 h"}), replicates=2, engine=Slurm(2, runs=1), out=out)
    assert sweep_runs(out)["state"].tolist() == ["waiting", "done"]
    assert "left 1 run undone: slurmstepd" in caplog.text
    assert "CANCELLED AT" in caplog.text
    assert _checkpoints(out, 0)
    resume_sweep(out, engine=Slurm(2, runs=1))
    assert sweep_runs(out)["digest"].tolist() == digests("16 h", 2)


@pytest.mark.slow
def test_a_job_that_is_started_again_goes_on(slurm, small, tmp_path, digests):
    """Catches a preemption or a limit of time that counts as a failure of the run, or ends the job."""
    out = tmp_path / "s"
    with _cancelled(out, 1, "--signal=USR2"):  # as at a preemption, or before the limit of time
        sweep(small(**RUN | {"duration": "12 h"}), replicates=2, engine=Slurm(1, runs=2), out=out)
    (log,) = (out / "jobs").glob("*_log.out")
    assert "Requeued" in log.read_text()
    assert log.read_text().count("Starting with") == 2
    assert sweep_runs(out)["digest"].tolist() == digests("12 h", 2)


def test_a_job_repeats_no_run_whose_outcome_is_stored(alone, tmp_path):
    """Catches a preempted job that computes all its runs again, and perhaps never comes to the last one."""
    (tmp_path / "outcomes").mkdir()
    (tmp_path / "outcomes" / "000000.stored").touch()
    Chunk([Task(alone(), Run(number, {}, {}), tmp_path, "signals") for number in (0, 1)])()
    assert [file.name for file in (tmp_path / "outcomes").glob("*.npz")] == ["000001.npz"]


_SWEEP = """
import json, sys
from ketasim.config import Experiment
from ketasim.ensembles import sweep
from ketasim.ensembles.slurm import Slurm
experiment = Experiment.from_mapping(json.loads(sys.argv[1]))
sweep(experiment, replicates=int(sys.argv[3]), engine=Slurm(1, runs=1), out=sys.argv[2])
"""


def _started(duration, replicates, out):
    arguments = [json.dumps({**RUN, "duration": duration}), str(out), str(replicates)]
    return subprocess.Popen([sys.executable, "-c", _SWEEP, *arguments], stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_jobs_outlive_the_process_that_submitted_them(slurm, tmp_path, digests):
    """Catches hours of a cluster that are computed again, or twice at once, after the sweep's process was killed."""
    out = tmp_path / "s"
    child = _started("2 h", 3, out)
    _until(lambda: any("RUNNING" in line for line in _queue()))
    child.kill()
    child.communicate()
    _until(lambda: list((out / "outcomes").glob("*.npz")))
    assert set(Store(out).states()) == {"waiting"}
    assert len(_queue()) >= 1  # the other jobs wait or run
    seen = []
    resume_sweep(out, engine=Slurm(1, runs=1), progress=lambda progress: seen.append(progress.done))
    assert seen == [0, 1, 2, 3]
    assert len({file.name.partition("_")[0] for file in (out / "jobs").glob("*_submitted.pkl")}) == 1  # one array
    assert sweep_runs(out)["digest"].tolist() == digests("2 h", 3)


@pytest.mark.slow
def test_ctrl_c_cancels_jobs_that_wait_and_lets_others_stop(slurm, tmp_path):
    """Catches jobs that are left in the queue, and runs that are killed in place of stopping with a checkpoint."""
    out = tmp_path / "s"
    child = _started("3 d", 3, out)
    _until(lambda: _checkpoints(out, 0))
    child.send_signal(signal.SIGINT)
    error = child.communicate(timeout=60)[1]
    assert "resume_sweep" in error
    assert not _queue()
    assert set(Store(out).states()) == {"waiting"}
    assert not (out / "stop").exists()
    (log,) = (out / "jobs").glob("*_log.out")  # of the one that had begun
    assert "completed successfully" in log.read_text()


def test_an_array_has_at_most_1000_jobs():
    """Catches a large sweep that SLURM refuses."""
    chunks = Slurm(1, runs=1, cluster="local")._chunks(range(2500))
    assert [task for chunk in chunks for task in chunk.tasks] == list(range(2500))
    assert len(chunks) <= 1000


@pytest.mark.slow
def test_jobs_that_slurm_refuses(slurm, alone, tmp_path):
    """Catches a traceback of the library in place of what SLURM said."""
    with pytest.raises(SweepError, match="invalid partition"):
        sweep(alone(), engine=Slurm(1, slurm_partition="none"), out=tmp_path / "s")


def test_without_slurm(monkeypatch, tmp_path):
    """Catches a sweep that finds out only when it has compiled and planned everything."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SweepError, match="sbatch is missing"):
        Slurm(1)
