"""What graphs cost: building them, births and deaths, and the network's speed after a month of turnover.

`python -m benchmarks.graphs` prints all measurements as lines of JSON, each taken in a process of its own, so that its
peak memory is its own; `--quick` leaves out the largest. Seconds are of processor time where that is said, since it
suffers less from what else the machine does.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.networks import STEP, Case, nmda_network, prefrontal
from ketasim.kernels.graph import Graph, Synapses, bytes_per_synapse, synapses_of
from ketasim.kernels.records import Activity, FastClock, new_activity
from ketasim.kernels.rewiring import ChangingGraph, change, with_room
from ketasim.kernels.spiking_network import run_window
from ketasim.network.build import Network, build
from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit
from ketasim.network.topology import Edges, Topology, make_topology

#: Neurons and synapses of each, for 1e5, 1e6 and 1e7 synapses, and for 1e7 in longer rows.
SIZES = ((1000, 100), (10_000, 100), (100_000, 100), (10_000, 1000))

#: Share of synapses that die, and as many that are born, in a day; days of a month.
TURNOVERS, DAYS = (0.15, 1.0), 28

#: Births and deaths applied in one call: half of it each.
EVENTS = 1000


def build_default(neurons: int) -> dict[str, Any]:
    """Time and peak memory of the default circuit's topology and kernel graph."""
    prefrontal_microcircuit(30, 1)  # compiles
    begin, cpu = time.perf_counter(), time.process_time()
    topology = prefrontal_microcircuit(neurons, 1)
    drawn = {"draw_seconds": time.perf_counter() - begin, "draw_cpu": time.process_time() - cpu, "draw_peak": _peak()}
    return drawn | _built(topology, lambda: build(topology))


def build_random(synapses: int, shuffled: bool = False) -> dict[str, Any]:
    """Time and peak memory of a network given as arrays of edges, 1,000 synapses a neuron, in any order or sorted."""
    neurons = synapses // 1000
    edges = nmda_network(neurons).graph
    source = np.repeat(np.arange(neurons, dtype=np.int32), 1000)
    columns = [source, edges.target, edges.weight, np.ones(source.size, np.float32)]
    del edges
    if shuffled:
        rng = np.random.default_rng(1)
        for place, column in enumerate(columns):
            rng = np.random.default_rng(1)  # the same order for every column
            columns[place] = rng.permutation(column)
    population = np.repeat([0, 1], [neurons * 4 // 5, neurons - neurons * 4 // 5])
    begin, cpu, peak = time.perf_counter(), time.process_time(), _peak()
    topology = make_topology(("PYR", "PV"), population, np.zeros((neurons, 2)), Edges(*columns))
    drawn = {"given_peak": peak, "sort_seconds": time.perf_counter() - begin, "sort_cpu": time.process_time() - cpu}
    return drawn | {"sort_peak": _peak()} | _built(topology, lambda: build(topology))


def _built(topology: Topology, make: Callable[[], Network]) -> dict[str, Any]:
    begin, cpu = time.perf_counter(), time.process_time()
    network = make()
    columns = (topology.source, topology.target, topology.weight, topology.delay)
    return {
        "neurons": topology.n_nodes,
        "synapses": topology.n_edges,
        "build_seconds": time.perf_counter() - begin,
        "build_cpu": time.process_time() - cpu,
        "peak": _peak(),
        "topology_bytes": sum(column.nbytes for column in columns) / topology.n_edges,
        "graph_bytes": bytes_per_synapse(network.graph),
    }


def _peak() -> float:
    """Most memory that this process has had so far, in GB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1e9 if sys.platform == "darwin" else 1e6)


class Turnover:
    """Synapses of a changing graph, of which random ones die while random pairs of neurons get new ones."""

    def __init__(self, graph: Graph, seed: int):
        self.changing: ChangingGraph = with_room(graph)
        self.rng = np.random.default_rng(seed)
        self.n = graph.row_start.size
        self.synapses = synapses_of(graph)
        self.laid_out_anew = 0

    def draw(self, count: int) -> tuple[np.ndarray, Synapses]:
        """Draw ``count`` synapses that die, by their places in the list, and as many pairs that get their sizes."""
        dying = self.rng.choice(self.synapses.source.size, count, replace=False)
        pairs = np.empty(0, np.int64)
        while pairs.size < count:
            source, target = self.rng.integers(0, self.n, (2, 2 * count))
            free = (source != target) & ~_connected(self.changing.graph, source, target)
            pairs = np.unique(np.concatenate([pairs, source[free] * self.n + target[free]]))
        source, target = np.divmod(self.rng.permutation(pairs)[:count], self.n)
        return dying, Synapses(source, target, self.synapses.weight[dying], self.synapses.delay[dying])

    def apply(self, dying: np.ndarray, births: Synapses) -> float:
        """Change the graph and return the seconds of processor time that this took."""
        deaths = self.synapses.source[dying], self.synapses.target[dying]
        arrays = self.changing.graph.target
        begin = time.process_time()
        self.changing = change(self.changing, deaths, births)
        taken = time.process_time() - begin
        self.laid_out_anew += self.changing.graph.target is not arrays
        for column, new in zip(self.synapses, births, strict=True):
            column[dying] = new
        return taken


def _connected(graph: Graph, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Whether there is a synapse, by bisection of every pair's row at once."""
    low, end = graph.row_start[source], graph.row_end[source]
    high = end.copy()
    while (searched := low < high).any():
        middle = (low + high) // 2
        before = searched & (graph.target[np.minimum(middle, end - 1)] < target)
        low, high = np.where(before, middle + 1, low), np.where(searched & ~before, middle, high)
    return (low < end) & (graph.target[np.minimum(low, end - 1)] == target)


def turnover_cost(neurons: int, degree: int) -> dict[str, Any]:
    """Milliseconds of processor time for 1,000 births and deaths: median and range of 200 calls."""
    turnover = Turnover(nmda_network(neurons, degree).graph, seed=1)
    turnover.apply(*turnover.draw(EVENTS // 2))  # compiles
    begin = time.process_time()
    with_room(turnover.changing.graph)
    anew = 1e3 * (time.process_time() - begin)
    taken = [1e3 * turnover.apply(*turnover.draw(EVENTS // 2)) for _ in range(200)]
    return {
        "neurons": neurons,
        "synapses": turnover.synapses.source.size,
        "ms_median": float(np.median(taken)),
        "ms_mean": float(np.mean(taken)),
        "ms_least": min(taken),
        "ms_most": max(taken),
        "laid_out_anew": turnover.laid_out_anew,
        "ms_laying_out_anew": anew,
    }


def month(neurons: int, per_day: float, repeats: int = 9) -> dict[str, Any]:
    """Seconds for a simulated second on a graph after 28 days of turnover, and on one built fresh from its edges."""
    case = prefrontal(neurons)
    turnover = Turnover(case.graph, seed=2)
    events = int(per_day * DAYS * turnover.synapses.source.size)
    for begin in range(0, events, EVENTS):
        turnover.apply(*turnover.draw(min(EVENTS, events - begin)))
    old = turnover.changing.graph
    moved = np.mean(np.diff(old.row_start) < 0)
    graphs = {"old": old, "fresh": _fresh(old), "start": case.graph}
    taken: dict[str, list[float]] = {name: [] for name in graphs}
    for _ in range(repeats):
        for name, graph in graphs.items():
            activity = new_activity(graph, case.parameters)
            _window(case, graph, activity, 0, 3000)
            begin = time.process_time()
            _window(case, graph, activity, 3000, 10_000)
            taken[name].append(time.process_time() - begin)
    ratios = np.array(taken["old"]) / taken["fresh"]
    return {
        "neurons": neurons,
        "turnover_per_day": per_day,
        "births": events,
        "laid_out_anew": turnover.laid_out_anew,
        "rows_before_their_predecessor": float(moved),
        "bytes_per_synapse": bytes_per_synapse(old),
        **{f"seconds_{name}": float(np.median(values)) for name, values in taken.items()},
        "ratio_median": float(np.median(ratios)),
        "ratio_least": float(ratios.min()),
        "ratio_most": float(ratios.max()),
    }


def _fresh(graph: Graph) -> Graph:
    synapses = synapses_of(graph)
    row_end = np.cumsum(graph.row_end - graph.row_start)
    row_start = np.concatenate([[0], row_end[:-1]])
    return graph._replace(
        row_start=row_start, row_end=row_end, target=synapses.target, weight=synapses.weight, delay=synapses.delay
    )


def _window(case: Case, graph: Graph, activity: Activity, first: int, steps: int) -> None:
    clock = FastClock(np.uint64(1), np.int64(first), np.int64(first))
    window = run_window(activity, graph, case.modulation, case.parameters, clock, steps)
    if window.overflow or window.spike_node.size < 0.1 * case.n * steps * STEP * 1e-3:
        raise RuntimeError(f"{case.name} is silent or has run away")


def measurements(quick: bool) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments of everything that is measured."""
    rows: list[tuple[str, dict[str, Any]]] = []
    rows += [("build_default", {"neurons": neurons}) for neurons in (1000, 10_000, 100_000)[: 2 if quick else 3]]
    rows += [("build_random", {"synapses": 10**7 if quick else 10**8, "shuffled": mixed}) for mixed in (False, True)]
    rows += [("turnover_cost", {"neurons": n, "degree": degree}) for n, degree in (SIZES[:2] if quick else SIZES)]
    rows += [("month", {"neurons": 1000, "per_day": per_day}) for per_day in TURNOVERS]
    if not quick:
        rows += [("month", {"neurons": 10_000, "per_day": TURNOVERS[0], "repeats": 5})]
    return rows


def measured(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Take one measurement in a new process."""
    call = [sys.executable, "-m", "benchmarks.graphs", name, json.dumps(arguments)]
    done = subprocess.run(call, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False)
    if done.returncode:
        raise RuntimeError(f"{name} {arguments}: {done.stderr}")
    return json.loads(done.stdout)


def main(arguments: list[str]) -> None:
    """Print one measurement, or all of them."""
    if arguments and not arguments[0].startswith("-"):
        functions = (build_default, build_random, turnover_cost, month)
        function = {function.__name__: function for function in functions}[arguments[0]]
        print(json.dumps(function(**json.loads(arguments[1]))))
        return
    for name, options in measurements("--quick" in arguments):
        print(json.dumps({"measured": name} | options | measured(name, options)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
