"""Ctrl-C, a notebook's stop button, threads and asyncio: what was computed is kept, and the way on is said."""

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

import ketasim
from ketasim.pipeline import CancelledError, RunInterrupted

BODY = {"network": "none", "recording": {}}


@pytest.fixture(autouse=True)
def handler():
    """Python's own handler, also where tests are started with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pressed(report):
    """Press Ctrl-C once the run has begun."""
    if report.stage == "run":
        signal.raise_signal(signal.SIGINT)


def test_the_error_says_how_to_resume(small, tmp_path):
    """Catches an interrupt after which a user of Python does not learn that the run can go on."""
    path = tmp_path / "out.h5"
    with pytest.raises(RunInterrupted, match=r"^interrupted; resume it with ketasim\.resume\('.*out\.h5'\)$") as caught:
        ketasim.run(small(**BODY), path, progress=pressed)
    assert isinstance(caught.value, KeyboardInterrupt)
    with ketasim.resume(path) as run:
        assert run.digest() == ketasim.run(small(**BODY)).digest()
    with pytest.raises(RunInterrupted, match="a run without a file"):
        ketasim.run(small(**BODY), progress=pressed)


_SCRIPT = """
import os, signal, ketasim
from tests.conftest import SMALL
signal.signal(signal.SIGINT, signal.default_int_handler)
experiment = ketasim.Experiment.from_mapping(SMALL | {"network": "none", "recording": {}})
ketasim.run(experiment, "out.h5", progress=lambda report: report.stage == "run" and os.kill(os.getpid(), 2) or True)
"""


def test_a_script_ends_in_a_few_lines(tmp_path):
    """Catches a screen of traceback through compiled code, in which the word resume does not stand."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    assert len(lines) <= 10
    assert lines[-1].endswith("RunInterrupted: interrupted; resume it with ketasim.resume('out.h5')")
    assert (tmp_path / "out.h5.checkpoint").exists()


def test_under_asyncio(small, tmp_path):
    """Catches Ctrl-C that does nothing: asyncio's handler cancels the task, which never comes to wait."""
    seen = []

    async def task():
        ketasim.run(small(**BODY), tmp_path / "out.h5", progress=lambda report: seen.append(pressed(report)))

    with pytest.raises(KeyboardInterrupt, match=r"ketasim\.resume"):
        asyncio.run(task())
    assert len(seen) < 6
    assert ketasim.resume(tmp_path / "out.h5").complete


def test_in_a_thread_the_callback_cancels(small, tmp_path):
    """Catches a run in a thread, where nothing hears Ctrl-C, that cannot be stopped without loss."""
    stop, errors = threading.Event(), []

    def work():
        try:
            ketasim.run(small(**BODY), tmp_path / "out.h5", progress=lambda report: not stop.is_set())
        except CancelledError as error:
            errors.append(str(error))

    stop.set()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "resume it with ketasim.resume(" in errors[0]
    assert ketasim.resume(tmp_path / "out.h5").complete
