"""Standard streams that break: a reader that goes away, a full disk, a stream closed from the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ketasim

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell and /dev/full are wanted")

BODY = "run small.yaml network=none recording={} -o out.h5"


@pytest.fixture
def shell(folder):
    """Run a line of a shell; returns exit code, standard output, standard error."""

    def run(line):
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        command = f"ketasim() {{ '{sys.executable}' -m ketasim \"$@\"; }}; set -o pipefail; {line}"
        done = subprocess.run(
            ["bash", "-c", command], env=environment, cwd=folder, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize(
    "line", ["ketasim signals | head -1", "ketasim schema | true", "ketasim --help | true", "ketasim signals >&-"]
)
def test_a_reader_that_goes_away_ends_nothing(shell, line):
    """Catches exit code 1, or an exception of the interpreter as it ends, for `ketasim mechanisms | head`."""
    code, _, errors = shell(line)
    assert (code, errors) == (0, "")


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", "2> >(true)", ">&- 2>&-", "2>/dev/full >/dev/null"])
def test_a_message_that_cannot_be_told_ends_no_run(shell, folder, where):
    """Catches a run of hours that ends because the disk of its log is full, or the terminal closed."""
    assert shell(f"ketasim {BODY} {where}")[0] == 0
    assert ketasim.open_trajectory(folder / "out.h5").complete
    assert sorted(path.name for path in folder.iterdir()) == ["out.h5", "small.yaml"]


def test_errors_keep_their_code(shell):
    """Catches a mistake that passes for success because nobody could be told."""
    assert shell("ketasim run nothing.yaml 2>/dev/full")[0] == 2


def test_results_that_do_not_fit_are_an_error(shell):
    """Catches an empty file of results that passes for a whole one."""
    code, _, errors = shell("ketasim schema > /dev/full")
    assert (code, errors) == (1, "standard output cannot be written: No space left on device\n")


def test_an_experiment_from_standard_input(shell, folder):
    """Catches a pipe that is taken for a file of the name -, and a run without a name."""
    code, _, errors = shell(f"cat small.yaml | {BODY.replace('run small.yaml', 'ketasim run -')} -q")
    assert (code, errors) == (0, "")
    with ketasim.open_trajectory(folder / "out.h5") as run:
        assert run.provenance["config_source"] == (folder / "small.yaml").read_text()
    assert "standard input:1:1: " in shell("echo durration: 3 h | ketasim run -")[2]


@pytest.mark.parametrize(
    "line", ["{} <(cat small.yaml)", "cat small.yaml | {} /dev/stdin", "{} /dev/stdin <small.yaml"]
)
def test_an_experiment_from_a_pipe_with_a_name(shell, folder, line):
    """Catches "there is no file '/dev/fd/63'" for what a shell or a batch system hands over."""
    code, _, errors = shell(line.format("ketasim check -q --json") + " network=none recording={}")
    assert (code, errors) == (0, "")
    assert "is larger than 200 kB" in shell("ketasim check /dev/zero")[2]


def test_version_and_module(shell):
    """Catches `python -m ketasim` or `--version` that is missing."""
    assert shell("ketasim --version") == (0, f"ketasim {ketasim.__version__}\n", "")
