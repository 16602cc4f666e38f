"""What the benchmarks promise: they time ketasim's own kernel, and their tables are what was measured."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import tables
from benchmarks.networks import STEP, nmda_network
from benchmarks.roofline import vector_instructions

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "benchmarks").glob("*.py"))
RESULTS = ROOT / "benchmarks" / "results.json"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_kernel_lives_in_the_benchmarks(module):
    """Catches a kernel made for a benchmark, which no user's run would ever call."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        assert not [name for name in names if name.split(".")[0] in ("numba", "llvmlite")], names
        assert not [name for name in names if name in ("ketasim.kernels.jit.kernel", "ketasim.kernels.jit.numba")]
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("njit", "jit", "kernel"), ast.unparse(node)


def test_the_measured_function_is_the_one_that_a_run_calls():
    """Catches a benchmark of another function, or of one with other outputs."""
    from benchmarks import ketasim_side
    from ketasim.engines import spiking
    from ketasim.kernels import spiking_network

    assert ketasim_side.run_window is spiking.run_window is spiking_network.run_window


def test_the_random_graph_has_the_synapses_it_promises():
    """Catches a synapse of a neuron onto itself, one drawn twice, and weights whose mean is not 1."""
    case = nmda_network(500, degree=60)
    target = case.graph.target.reshape(500, 60)
    assert (np.diff(target, axis=1) > 0).all()  # sorted, so none twice
    assert not (target == np.arange(500)[:, None]).any()
    assert target.min() == 0
    assert target.max() == 499
    counts = np.bincount(target.ravel(), minlength=500)
    assert counts.std() == pytest.approx(np.sqrt(60 * (1 - 60 / 499)), rel=0.15)  # as of independent draws
    error = np.sqrt(np.exp(0.25) - 1.0) / np.sqrt(case.synapses)
    assert case.graph.weight.mean() == pytest.approx(1.0, abs=5 * error)
    assert case.graph.delay[0] * STEP == 1.0


def test_arithmetic_is_counted_where_it_is_written():
    """Catches a rewritten kernel in which the roofline no longer finds its loops or the exponentials."""
    leaky, exponential = vector_instructions(leaky=True), vector_instructions(leaky=False)
    assert 50 < leaky["membrane"] < 150
    assert 12 < exponential["membrane"] - leaky["membrane"] < 40  # one more exponential
    assert 20 < leaky["random words"] < 100


def test_one_case_from_end_to_end(tmp_path):
    """Catches a worker that does not answer, and results that the tables cannot be made of."""
    code = """
import json, sys
from pathlib import Path
from benchmarks import growth, tables
from benchmarks.measure import machine, stamp, versions
growth._SIZES = ((300, 20.0, 10.0),)
parts = {"sizes": stamp() | {"took_seconds": 1.0, "rows": growth.sizes(True)}}
results = {"machine": machine(), "versions": versions(), "quick": True, "command": "none", "parts": parts}
Path(sys.argv[1]).write_text(json.dumps(results))
"""
    out = tmp_path / "results.json"
    subprocess.run([sys.executable, "-c", code, str(out)], check=True, cwd=ROOT, capture_output=True)
    results = json.loads(out.read_text())
    assert results["machine"].keys() == {"processor", "cores", "system", "python"}
    assert {"ketasim", "numpy", "numba"} <= results["versions"].keys()
    (row,) = results["parts"]["sizes"]["rows"]
    assert len(row["seconds"]) == len(row["quiet_seconds"]) == 2
    assert 0.0 < row["low"] <= row["median"] <= row["high"]
    assert row["synapses"] == 300 * 299
    assert row["bytes_per_synapse"] == pytest.approx(10.0, abs=0.2)
    assert tables.table("sizes", results).count("\n") == 2
    assert f"| {row['rate']:.1f} |" in tables.table("sizes", results)


def test_the_page_says_what_was_measured():
    """Catches results that were taken anew while the page keeps the old tables."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    page = tables.PAGE.read_text(encoding="utf-8")
    assert tables.filled(page, results) == page
    assert not results["quick"]
    assert results["parts"].keys() == {"peers", "sizes", "threads", "roofline", "startup", "weeks"}
    assert str(ROOT) not in RESULTS.read_text(encoding="utf-8")


def test_every_simulator_computed_the_same_network():
    """Catches a ratio to a simulator that computes something else, and one that the stored rows do not give."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["parts"]["peers"]["rows"]
    assert {row["simulator"] for row in rows} == {"ketasim", "brian2", "nest"}
    for row in rows:
        same = [other for other in rows if all(other.get(key) == row.get(key) for key in ("case", "n", "duration"))]
        ours = next(other for other in same if other["simulator"] == "ketasim")
        assert row["right"] == (abs(row["rate"] / ours["rate"] - 1.0) <= 0.03)
        if row.get("mode") == "standalone":  # what the ratios are made of; others may miss, and are marked
            assert row["right"], row
