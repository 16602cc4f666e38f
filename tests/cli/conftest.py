import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import SMALL

# A shell may start tests with SIGINT ignored, which children inherit; Python then leaves it so.
_START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from ketasim.simulation import stored; stored.folder = lambda: None; "  # nor the user's cache
    "from ketasim.cli import main; main()"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Empty current folder with the small experiment as ``small.yaml``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(json.dumps(SMALL, indent=1))
    return tmp_path


@pytest.fixture
def call(folder):
    """Call a command in this process: ``call("run", "small.yaml").stdout``."""
    from ketasim.cli.main import app

    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def start(folder):
    """Start a command in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "100", "NO_COLOR": "1"}

    def starter(*arguments):
        command = [sys.executable, "-c", _START, *arguments]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder
        )

    return starter


@pytest.fixture
def process(start):
    """Run a command in a process of its own; returns exit code, standard output, standard error."""

    def run(*arguments):
        child = start(*arguments)
        out, err = child.communicate(timeout=120)
        return child.returncode, out, err

    return run
