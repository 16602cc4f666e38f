"""Runs written by hand, so that pictures are tested without a simulation."""

import json
from io import BytesIO

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ketasim.network.prefrontal_microcircuit import side_of
from ketasim.network.resting import resting_text
from ketasim.network.topology import Topology
from ketasim.storage import Column, TrajectoryWriter
from ketasim.trajectory import open_trajectory

POPULATIONS = ("PYR", "PV", "SST")
DAY = 86_400.0


@pytest.fixture
def figure():
    """Empty figure of the size that the command line starts with."""
    figure = Figure(figsize=(9.0, 11.0), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def topology_of(sizes, seed=0):
    """Random graph on a sheet as large as that of the default circuit."""
    random = np.random.default_rng(seed)
    neurons = sum(sizes)
    chosen = random.random((neurons, neurons)) < 0.3
    np.fill_diagonal(chosen, False)
    source, target = np.nonzero(chosen)
    return Topology(
        population_names=POPULATIONS[-len(sizes) :],
        population=np.repeat(np.arange(len(sizes), dtype=np.int16), sizes),
        position=random.uniform(0, side_of(neurons), (neurons, 2)),
        source=source.astype(np.int32),
        target=target.astype(np.int32),
        weight=np.ones(source.size),
        delay=np.full(source.size, 1.5),
    )


def turnover_of(topology, times, seed=0):
    """Random deaths and births among PYR at each time: (kind, source, target) rows, deaths before births."""
    random = np.random.default_rng(seed)
    n = topology.sizes["PYR"]
    inside = (topology.source < n) & (topology.target < n)
    alive = set(zip(topology.source[inside].tolist(), topology.target[inside].tolist(), strict=True))
    everyone = [(i, j) for i in range(n) for j in range(n) if i != j]
    steps = []
    for _ in times:
        dead = [pair for pair in sorted(alive) if random.random() < 0.1]
        alive -= set(dead)
        born = [pair for pair in everyone if pair not in alive and random.random() < 0.04]
        alive |= set(born)
        steps.append([(1, *pair) for pair in dead] + [(0, *pair) for pair in born])
    return steps


@pytest.fixture(scope="session")
def by_hand():
    """Make a run of `days` with these signals of PYR, a dose at each of `doses` (s), and births and deaths.

    signals : name -> function of times (T,) in s; the other classes have no value, or the same with `others`.
    shown : name -> attribute `shown`.
    turnover : whether edges come and go, eight times in the run.
    resting : class -> its activity at rest.
    finish : False leaves the file as a kill would.
    """

    def make(
        signals=None,
        days=8.0,
        doses=(0.0,),
        sizes=(16, 3, 2),
        turnover=False,
        seed=0,
        finish=True,
        shown=None,
        others=False,
        resting=None,
    ):
        signals = signals or {"spine_density": np.ones_like}
        topology, target = topology_of(sizes), BytesIO()
        times = np.concatenate([[-60.0], np.linspace(0.0, days * DAY, 25)])
        names = topology.population_names
        config = {"name": "by hand", "duration": f"{days * DAY} s"}
        config["network"] = {"model": "prefrontal_microcircuit", "neurons": sum(sizes)}
        with TrajectoryWriter(target) as writer:
            writer.write_provenance({"config_resolved": json.dumps(config)})
            writer.write_schedule(times[1:])
            writer.write_topology(topology)
            dose = {"kind": "dose", "drug": "ketamine", "route": "intravenous", "amount_mg": 35.0, "duration_s": 2400.0}
            writer.write_events([dose | {"start_s": start} for start in doses])
            declared = shown or {}
            columns = [
                Column(name, "1", name, ("population",), None, "f8", shown=declared.get(name, "")) for name in signals
            ]
            writer.create_samples("population", columns, {"population": names})
            values = {name: function(times) for name, function in signals.items()}
            for row, time in enumerate(times):
                rest = 1.0 if others else np.nan  # times the value of the first class
                with_value = {
                    name: series[row] * np.array([1.0, rest, rest])[: len(names)] for name, series in values.items()
                }
                writer.append("population", time, with_value, "baseline" if time < 0.0 else "run")
            if turnover:
                writer.create_edge_events([("PYR", "PYR")])
                steps = times[3::3]
                for time, rows in zip(steps, turnover_of(topology, steps, seed), strict=True):
                    kind, source, sink = np.array(rows, int).reshape(-1, 3).T
                    events = (kind, source, sink, np.ones(kind.size), np.full(kind.size, 1.5))
                    writer.append_edge_events(time, {("PYR", "PYR"): events})
            writer.flush()
            if resting:
                writer.mark(resting=resting_text(resting))
            if finish:
                writer.finish()
        return open_trajectory(target)

    return make
