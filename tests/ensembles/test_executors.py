"""Where runs are computed changes no bit, and a killed worker loses no run."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ketasim.ensembles import resume_sweep, sweep, sweep_runs
from ketasim.ensembles.slurm import Slurm
from ketasim.ensembles.store import Store, read_outcome, write_outcome
from ketasim.ensembles.sweeps import executor_of
from tests.conftest import SMALL

DOSES = {"doses.0.amount": ["0.25 mg/kg", "0.5 mg/kg"]}


@pytest.fixture
def expected(alone, tmp_path):
    """Digests of six runs, computed one after the other in this process."""
    sweep(alone(), DOSES, replicates=3, jobs=1, out=tmp_path / "expected")
    return sweep_runs(tmp_path / "expected")["digest"].tolist()


@pytest.mark.parametrize(
    "name", ["local", *(pytest.param(one, marks=pytest.mark.slow) for one in ("dask", "submitit"))]
)
def test_engines_give_the_same_bits(name, alone, tmp_path, expected):
    """Catches an engine that computes runs twice, loses one, or in another setting."""
    engine = Slurm(2, runs=2, cluster="local") if name == "submitit" else executor_of(name, 2)
    sweep(alone(), DOSES, replicates=3, engine=engine, out=tmp_path / "s")
    runs = sweep_runs(tmp_path / "s")
    assert runs["digest"].tolist() == expected
    assert not list((tmp_path / "s").rglob("*.npz"))


def _kill_first_worker(after, ours):
    """Kill one of the worker processes that appear below this process."""
    time.sleep(after)
    for _ in range(600):
        children = [one for one in psutil.Process().children(recursive=True) if _is_worker(one, ours)]
        if children:
            children[-1].kill()
            return
        time.sleep(0.05)


def _is_worker(process, words):
    try:
        return any(word in " ".join(process.cmdline()) for word in words) and process.cpu_times().user > 0.5
    except psutil.Error:
        return False


@pytest.mark.slow
@pytest.mark.parametrize(("name", "words"), [("local", ["loky"]), ("dask", ["spawn_main", "distributed"])])
def test_a_killed_worker_loses_nothing(name, words, small, tmp_path):
    """Its run is computed again, from its checkpoint: catches a sweep that ends or hangs with one of its processes."""
    experiment = small(duration="2 h")
    killer = threading.Thread(target=_kill_first_worker, args=(4.0, words))
    killer.start()
    sweep(experiment, replicates=6, engine=name, jobs=2, out=tmp_path / "s")
    killer.join()
    runs = sweep_runs(tmp_path / "s")
    assert (runs["state"] == "done").all()
    sweep(experiment, replicates=6, jobs=1, out=tmp_path / "t")
    assert runs["digest"].tolist() == sweep_runs(tmp_path / "t")["digest"].tolist()


def test_a_run_that_always_kills_its_process_fails_alone(alone, tmp_path, monkeypatch):
    """Catches a sweep that tries for ever, and one that gives up the others."""
    from ketasim.ensembles import local

    monkeypatch.setattr(local, "perform", _deadly)
    monkeypatch.setattr(local, "MOST_DEATHS", 2)
    sweep(alone(), DOSES, replicates=2, jobs=2, out=tmp_path / "s")
    runs = sweep_runs(tmp_path / "s")
    assert runs["state"][1] == "failed"
    assert "killed 2 times" in runs["error"][1]
    assert (runs["state"] == "done").sum() == 3


def _deadly(task):
    from ketasim.ensembles.worker import perform

    if task.run.number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return perform(task)


def test_outcomes_survive_their_file(alone, tmp_path):
    """Catches a signal or number that changes on its way through a cluster's file system."""
    from ketasim.ensembles.plan import Run
    from ketasim.ensembles.worker import Task, perform

    outcome = perform(Task(alone(), Run(3, {}, {}), tmp_path, "signals"))
    write_outcome(tmp_path / "3.npz", outcome)
    found = read_outcome(tmp_path / "3.npz")
    assert found._replace(signals={}) == outcome._replace(signals={})
    for name, signal_ in outcome.signals.items():
        assert found.signals[name].layout == signal_.layout
        for one, other in zip(found.signals[name][:2], signal_[:2], strict=True):
            assert one.tobytes() == other.tobytes()
            assert one.dtype == other.dtype


@pytest.mark.slow
def test_outcomes_of_jobs_whose_sweep_was_killed_are_found(alone, tmp_path, expected):
    """Catches hours of a cluster that are computed again because the process that waited for them is gone."""
    from ketasim.config.sweeps import section_of
    from ketasim.ensembles.slurm import Chunk
    from ketasim.ensembles.sweeps import begin
    from ketasim.ensembles.worker import Task

    begun = begin(alone(), section_of({"grid": DOSES, "replicates": 3}), None, out=tmp_path / "s", jobs=1)
    tasks = [Task(begun.experiment, begun.plan.run(number), begun.folder, "signals") for number in (0, 4)]
    Chunk(tasks)()
    seen = []
    resume_sweep(begun.folder, engine=Slurm(1, cluster="local"), progress=lambda progress: seen.append(progress.done))
    assert seen[:3] == [0, 1, 2]
    assert sweep_runs(begun.folder)["digest"].tolist() == expected


_SWEEP = """
import json, signal, sys
from ketasim.config import Experiment
from ketasim.ensembles import sweep
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests are a shell's background job
    experiment = Experiment.from_mapping(json.loads(sys.argv[1]))
    doses = {"doses.0.amount": ["0.25 mg/kg", "0.5 mg/kg"]}
    sweep(experiment, doses, replicates=int(sys.argv[3]), jobs=2, out=sys.argv[2])
"""


def _started(experiment, out, replicates):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    arguments = [sys.executable, "-c", _SWEEP, json.dumps(experiment), str(out), str(replicates)]
    return subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.faults
def test_random_kills_of_sweep_and_workers_lose_nothing(tmp_path):
    """200 short runs, 20 kills at random of the sweep or a worker, resumed each time: bits of an undisturbed one."""
    import random

    stream, out = random.Random(1), tmp_path / "killed"
    short = {**SMALL, "duration": "10 min", "recording": {"measures": False}}
    for _ in range(20):
        child = _started(short, out, 100)
        time.sleep(stream.uniform(3.0, 9.0))
        if child.poll() is not None:
            break
        workers = psutil.Process(child.pid).children(recursive=True)
        victim = child if stream.random() < 0.5 or not workers else stream.choice(workers)
        with suppress(psutil.NoSuchProcess):  # a worker that has just ended by itself
            victim.kill()
        if victim is not child:  # the sweep must go on without it
            time.sleep(1.0)
            assert child.poll() is None, child.stderr.read()
            child.kill()
        child.communicate()
        assert psutil.wait_procs(workers, timeout=20)[1] == []  # workers end with their parent
    child = _started(short, out, 100)
    error = child.communicate()[1]
    assert child.returncode == 0, error
    whole = _started(short, tmp_path / "whole", 100)
    assert whole.wait() == 0
    assert sweep_runs(out)["digest"].tolist() == sweep_runs(tmp_path / "whole")["digest"].tolist()


def test_ctrl_c_lets_runs_stop_and_the_sweep_go_on(tmp_path):
    """Catches processes that are left behind, and a traceback in place of the command that continues."""
    long = {**SMALL, "duration": "3 d", "recording": {"measures": False}}
    child = _started(long, tmp_path / "s", 2)
    for _ in range(600):
        if (tmp_path / "s" / "runs").is_dir() and list((tmp_path / "s" / "runs").rglob("*.part")):
            break
        time.sleep(0.1)
    workers = psutil.Process(child.pid).children(recursive=True)
    child.send_signal(signal.SIGINT)
    error = child.communicate(timeout=60)[1]
    assert "resume_sweep" in error
    assert not (tmp_path / "s" / "stop").exists()
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    assert set(Store(tmp_path / "s").states()) == {"waiting"}
    assert list((tmp_path / "s" / "runs").rglob("*.checkpoint"))


def test_one_process_more_than_memory_allows_is_not_started(alone, monkeypatch):
    """Catches processes that each find enough memory, and together do not."""
    monkeypatch.setattr("ketasim.ensembles.forecast.free_memory", lambda: 450e6)  # a run without network takes 200 MB
    from ketasim.config.sweeps import section_of
    from ketasim.ensembles.forecast import processes_of
    from ketasim.ensembles.plan import plan_of

    plan = plan_of(alone(), section_of({"replicates": 9}))
    assert processes_of(alone(), plan, 4) == 2
    assert processes_of(alone(), plan, 4, here=False) == 4  # of a cluster, whose nodes have memory of their own
