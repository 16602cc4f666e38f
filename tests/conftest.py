"""Experiments small enough that a run takes half a second once the kernels are compiled."""

import importlib.util
import os
import shutil
from pathlib import Path

import hypothesis
import networkx
import numpy as np
import pytest

import ketasim
from ketasim.config import Experiment
from ketasim.simulation import stored

# In CI the same examples each time, elsewhere others; what fails prints a line that repeats it.
hypothesis.settings.register_profile("ketasim", derandomize="CI" in os.environ, print_blob=True, deadline=None)
hypothesis.settings.load_profile("ketasim")

#: The chain with everything in it: 80 neurons, a 10 min infusion, windows of 0.2 s every 5 min.
SMALL = {
    "format": 1,
    "name": "small",
    "duration": "20 min",
    "doses": [{"drug": "ketamine", "route": "intravenous", "amount": "0.5 mg/kg", "duration": "10 min"}],
    "network": {"neurons": 80},
    "schedule": {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "5 min"},
    "recording": {"node_signals": ["firing_rate"], "spikes": ["0 s", "10 min"]},
}


@pytest.fixture(scope="session", autouse=True)
def stored_baselines(tmp_path_factory):
    """Folder for baselines of these tests, which neither read nor fill the user's cache."""
    folder = tmp_path_factory.mktemp("baselines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "folder", lambda: folder)
        yield folder


@pytest.fixture(scope="session")
def small():
    """Make the small experiment with other values by key, such as ``small(seed=2, network="none")``."""

    def make(**changes):
        data = {**SMALL, **changes}
        if data["network"] == "none" and "recording" not in changes:
            del data["recording"]
        return Experiment.from_mapping(data)

    return make


@pytest.fixture(scope="session")
def small_file(small, tmp_path_factory):
    """Path of the small experiment's trajectory; not to be changed."""
    path = tmp_path_factory.mktemp("run") / "small.h5"
    ketasim.run(small(), path).close()
    return path


@pytest.fixture
def small_run(small_file):
    """Open trajectory of the small experiment."""
    with ketasim.open_trajectory(small_file) as trajectory:
        yield trajectory


@pytest.fixture
def edited(tmp_path):
    """Make `code_digest` of a copy of the package, in another place, in which each of some files has a byte more."""

    def make(*files):
        package = tmp_path / f"copy {len(list(tmp_path.iterdir()))}" / "ketasim"
        shutil.copytree(Path(ketasim.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
        for file in files:
            (package / file).write_bytes((package / file).read_bytes() + b"#")
        spec = importlib.util.spec_from_file_location("copied_digests", package / "digests.py")
        copied = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(copied)
        return copied.code_digest

    return make


@pytest.fixture
def random_graph():
    """Make a graph of 30 named neurons, given in no particular order, with random edges, weights and delays."""

    def make(label=str, weight=1.0):
        generator = np.random.default_rng(5)
        populations = generator.permutation(["PYR"] * 20 + ["PV"] * 6 + ["SST"] * 4)
        graph = networkx.DiGraph()
        for number, population in enumerate(populations):
            x, y = generator.uniform(0.0, 300.0, 2)
            graph.add_node(label(number), population=str(population), x=x, y=y)
        for source, target in generator.integers(0, 30, (250, 2)).tolist():
            if source != target:
                strength, delay = weight * generator.lognormal(), generator.uniform(0.5, 3.0)
                graph.add_edge(label(source), label(target), weight=strength, delay=delay)
        return graph

    return make
