"""`import ketasim`: one page of names, each loaded when it is used."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ketasim

ROOT = Path(ketasim.__file__).parents[1]


@pytest.mark.parametrize("name", sorted(set(ketasim.__all__) - {"__version__"}))
def test_every_public_name_resolves_and_is_described(name):
    """Catches a name on the page that is not where the page says, or has no docstring."""
    assert getattr(ketasim, name).__doc__
    assert name in dir(ketasim)


@pytest.mark.parametrize("name", ["Simulation", "run", "open_trajectory", "load_experiment"])
def test_a_name_means_the_same_after_its_modules_are_loaded(name):
    """Catches a function that is replaced by a module of the same name once something imports that."""
    code = (
        f"import ketasim, importlib, pkgutil\nbefore = ketasim.{name}\n"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(ketasim.__path__, 'ketasim.')]\n"
        f"assert ketasim.{name} is before\nassert callable(before)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_an_unknown_name_says_what_there_is():
    """Catches a bare AttributeError."""
    with pytest.raises(AttributeError, match=r"no attribute 'simulate'; it has .*Simulation"):
        ketasim.simulate  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean run"):
        ketasim.Run  # noqa: B018


def test_help_shows_first_steps():
    """Catches `help(ketasim)` without a line that can be copied."""
    assert 'ketasim.load_experiment("quick")' in ketasim.__doc__
    assert ketasim.examples()["quick"].is_file()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ketasim.load_experiment("quick", "seed=7"), r"a list, such as \['seed=7'\]"),
        (lambda: ketasim.load_experiment("quick", {"seed": 7}), r"experiment\.replace\(seed=7\)"),
        (lambda: ketasim.load_experiment({"format": 1}), "from_mapping takes a mapping"),
        (lambda: ketasim.compare("a.h5", "b.h5"), r"ketasim\.open_trajectory"),
        (lambda: ketasim.run("quick"), r"ketasim\.load_experiment\('quick'\)"),
        (lambda: ketasim.Simulation("quick"), r"Simulation takes an Experiment, such as ketasim\.load_experiment"),
        (lambda: ketasim.run(ketasim.load_experiment("quick"), engine="x"), "'x' lacks topology, measures, reads, age"),
        (lambda: ketasim.Simulation(ketasim.load_experiment("quick"), engine="x"), "'x' lacks topology, measures"),
    ],
)
def test_a_wrong_kind_of_argument_says_the_right_one(call, words):
    """Catches messages about letters of a text, or attributes of a path."""
    with pytest.raises(TypeError, match=words):
        call()


def test_the_version_stands_in_one_place():
    """Catches a version that is stated a second time and forgotten."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", ketasim.__version__)
    project = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in project
    assert not re.search(r'^version\s*=\s*"', project, re.MULTILINE)


def test_the_library_never_prints(small, capfd):
    """Catches a print in the library, which would mix with a user's own output."""
    ketasim.run(small())
    assert capfd.readouterr() == ("", "")
