"""The command line as a process: what it imports, exit codes, and being interrupted."""

import signal
import subprocess
import sys
import time

import pytest

import ketasim

COMMANDS = (
    *("run", "resume", "check", "warmup", "inspect", "compare", "plot", "export", "drugs", "mechanisms", "signals"),
    *("examples", "schema", "info", "cite", "new", "sweep", "findings"),
)
HEAVY = ("numpy", "numba", "scipy", "pydantic", "matplotlib", "xarray", "h5py", "networkx", "ruamel")


_HELP = "import sys; sys.argv = ['ketasim', {}]; from ketasim.cli import main\ntry: main()\nexcept SystemExit: pass"


@pytest.mark.parametrize("code", ["import ketasim; assert ketasim.__version__", _HELP.format("'--help'")])
def test_import_and_help_load_nothing_heavy(code):
    """Catches an import at the top of a module that makes `ketasim --help` take a second."""
    check = (
        f"\nimport sys; print('loaded', sorted({{name.partition('.')[0] for name in sys.modules}} & set({HEAVY!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_help_names_every_command_and_says_what_it_is_not(process):
    """Catches a command that is not registered."""
    code, out, err = process("--help")
    assert (code, err) == (0, "")
    for name in COMMANDS:
        assert f" {name} " in out
    assert "not medical advice" in out


@pytest.mark.parametrize(
    "arguments",
    [(), ("rum",), ("run",), ("run", "small.yaml", "--forse"), ("inspect", "a.h5", "b.h5"), ("signals", "x")],
)
def test_a_wrong_call_exits_with_2_and_leaves_standard_output_alone(process, arguments):
    """Catches usage errors among the results, or with another exit code."""
    code, out, err = process(*arguments)
    assert code == 2
    assert out == "" or not arguments  # without arguments the help is the result
    assert out + err
    assert "Traceback" not in err


def test_debug_shows_the_traceback(process):
    """Catches --debug that is accepted and does nothing."""
    plain, debug = process("check", "small.yaml", "sed=3"), process("check", "small.yaml", "sed=3", "--debug")
    assert plain[0] == debug[0] == 2
    assert "did you mean seed?" in plain[2]
    assert "Traceback" not in plain[2]
    assert "Traceback" in debug[2]


def test_a_reader_that_goes_away_is_no_error(start):
    """Catches a BrokenPipeError shown for `ketasim signals | head -1`."""
    child = start("signals")
    child.stdout.close()
    assert child.wait(timeout=60) in (0, 1)
    assert "Traceback" not in child.stderr.read()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_an_interrupted_run_exits_with_130_and_keeps_its_rows(start, process, folder):
    """Catches Ctrl-C that shows a traceback, loses what was computed, or passes for a finished run."""
    child = start("run", "small.yaml", "duration=3 d", "schedule.step=10 s", "-o", "long.h5", "seed=5")
    # the half-times come after the first slow step, and after remarks on a network as small as this one
    assert any(line.startswith("half-times of block") for line in iter(child.stderr.readline, ""))
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "interrupted; continue with: ketasim resume long.h5"
    assert not (folder / "long.h5").exists()
    with ketasim.open_trajectory(folder / "long.h5") as part:
        assert not part.complete
        assert part.dataset("population").sizes["time"] > 6
    code, out, err = process("inspect", "long.h5")
    assert code == 0
    assert "long.h5.part" in err
    assert "unfinished, rows up to" in err
    code, _, err = process("run", "small.yaml", "-o", "long.h5")
    assert code == 2
    assert "unfinished" in err
