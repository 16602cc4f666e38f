"""How near the kernel is to what the processor's memory and vector units allow.

A synaptic event must read its target and weight (and delay, where delays differ) from the graph, which is larger than
the caches near a core: bytes over the measured rate at which rows of a table of that size can be read in random order.
A neuron-step must do its arithmetic: instructions counted in the source of `membranes.advance` over the measured rate
of multiply-adds. One thread does one after the other, so the floor of a run is the sum.

What is left out, so that the floor is too low: the additions to the targets' slots, 16 bytes read and written for an
AMPA and NMDA event and 8 for GABA, which lie scattered in the second-level cache; 32 bytes of slots read and cleared
for each neuron and step; a division counts as one instruction; comparing random words with the Poisson table.
"""

import ast
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import ketasim.kernels
from benchmarks.measure import Row, interleaved, spread

_KERNELS = Path(ketasim.kernels.__file__).parent

#: Functions of the kernel that stand under another name where they are called.
_CALLED = {"exponential": "_exponential.implementation", "power_of_two": "_power_single"}

_MULTIPLY = """
import time, numpy as np
a, b = np.ones((2, 384, 384), np.float32)
c, best = a @ b, 1e9
for _ in range(30):
    begin = time.process_time()
    for _ in range(20):
        np.matmul(a, b, out=c)
    best = min(best, time.process_time() - begin)
print(20 * 384**3 / best)
"""


def measure(quick: bool) -> list[Row]:
    """Floor, time and the fraction reached for both cases at 10,000 neurons, on one thread."""
    rate = vector_rate()
    rows = []
    for case, bytes_read in (("nmda", 8), ("prefrontal", 10)):
        common: dict[str, Any] = {"simulator": "ketasim", "case": case, "n": 10_000}
        common |= {"duration": 300.0} if quick else {}
        active, quiet = interleaved([common, common | {"quiet": True}], 2 if quick else 5)
        bandwidth = read_rate(10_000, bytes_read * active["synapses"] // 10_000)
        instructions = vector_instructions(leaky=case == "nmda")
        events, steps = sum(active["events"]) / len(active["events"]), 1e8
        event_floor, step_floor = bytes_read / bandwidth, sum(instructions.values()) / rate
        seconds, silent = active["median"], quiet["median"]
        rows.append(
            {
                "case": case,
                "n": 10_000,
                "seconds": active["seconds"],
                "quiet_seconds": quiet["seconds"],
                "read_bytes_per_second": bandwidth,
                "vector_instructions_per_second": rate,
                "bytes_per_event": bytes_read,
                "instructions_per_neuron_step": instructions,
                "events": events,
                "ns_per_event": 1e9 * (seconds - silent) / events,
                "ns_per_event_floor": 1e9 * event_floor,
                "ns_per_neuron_step": 1e9 * silent / steps,
                "ns_per_neuron_step_floor": 1e9 * step_floor,
                "seconds_floor": event_floor * events + step_floor * steps,
                "fraction": (event_floor * events + step_floor * steps) / seconds,
            }
            | spread(active["seconds"])
        )
    return rows


def vector_rate() -> float:
    """Single-precision multiply-adds a second on one thread, one for each number.

    Measured by a product of matrices that fit into the second-level cache, the best of 30 times 20, in which
    libraries come near a processor's peak.
    """
    single = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM")}
    done = subprocess.run(
        [sys.executable, "-c", _MULTIPLY], env=os.environ | single, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def read_rate(rows: int, row_bytes: int) -> float:
    """Bytes a second at which rows of a table are read in random order into a buffer that stays in a near cache."""
    table = np.ones((rows, row_bytes // 4), np.float32)
    order = np.random.default_rng(1).permutation(rows)
    buffer = np.empty((16, row_bytes // 4), np.float32)
    seconds = []
    for _ in range(10):
        begin = time.process_time()  # of the processor, so that other programs do not count
        for first in range(0, rows - 15, 16):
            np.take(table, order[first : first + 16], axis=0, out=buffer, mode="clip")
        seconds.append(time.process_time() - begin)
    return (rows // 16) * 16 * (row_bytes // 4) * 4 / min(seconds)


def vector_instructions(leaky: bool) -> dict[str, float]:
    """Arithmetic of a neuron and step, as written: an operation, comparison or choice counts one, and so does a fused
    multiply-add.
    """
    functions = _functions("membranes.py", "vectors.py", "random.py")
    arithmetic = _Arithmetic(functions, leaky)
    membrane = sum(arithmetic.of(node) for node in functions["advance"].body if isinstance(node, ast.For | ast.If))
    # one call gives the words of four steps; products are of 64 bits, so that half as many fit into a register
    words = 2.0 * arithmetic.of(functions["philox"]) * 10 / 4
    return {"membrane": float(membrane), "random words": words}


def _functions(*names: str) -> dict[str, ast.FunctionDef]:
    trees = (ast.parse((_KERNELS / name).read_text(encoding="utf-8")) for name in names)
    outer = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    inner = [(f, node) for f in outer for node in f.body if isinstance(node, ast.FunctionDef)]
    return {node.name: node for node in outer} | {f"{f.name}.{node.name}": node for f, node in inner}


class _Arithmetic:
    def __init__(self, functions: dict[str, ast.FunctionDef], leaky: bool):
        self.functions, self.leaky = functions, leaky

    def of(self, node: ast.AST) -> int:
        """Count the arithmetic below a node, indices left out."""
        if isinstance(node, ast.Subscript):
            return 0
        if isinstance(node, ast.If):  # what is left out where a cell has no spike current, and in single precision
            optional = "spike_current" in ast.unparse(node.test) and not self.leaky
            return sum(map(self.of, node.body)) if optional else 0
        count = sum(map(self.of, ast.iter_child_nodes(node)))
        if isinstance(node, ast.BinOp | ast.AugAssign | ast.Compare | ast.IfExp):
            return count + 1
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = _CALLED.get(node.func.id, node.func.id)
            if name in ("multiply_add", "max", "min"):
                return count + 1
            if name in self.functions:
                return count + sum(map(self.of, self.functions[name].body))
        return count
