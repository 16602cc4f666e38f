"""A small run written to a trajectory file, for all tests of storage."""

from types import SimpleNamespace

import numpy as np
import pytest

from ketasim.network.topology import Topology
from ketasim.storage import Column, TrajectoryWriter

POPULATIONS = ("PYR", "PV", "SST")
PAIR = ("PYR", "PYR")
COMPOUNDS = ("S-ketamine", "R-ketamine", "norketamine")

SUBJECT = (
    Column("plasma_concentration", "ng/mL", "total plasma concentration", ("compound",), "pharmacokinetics"),
    Column("network_sampled", "1", "1 fresh, 0 reused", dtype="u1"),
)
POPULATION = (
    Column("firing_rate", "Hz", "spikes per second in the window", ("population",)),
    Column("glutamate_ambient", "uM", "ambient extracellular glutamate", ("population",), "glutamate", "f8"),
)
NODE = (Column("firing_rate", "Hz", "spikes per second in the window", ("node",)),)

PROVENANCE = {
    "config_source": "format: 1\nname: täst  # comment\n",
    "config_resolved": '{"name": "test", "seed": 1}',
    "config_sha256": "00ff",
    "parameters_sha256": "ff00",
    "environment": '{"python": "3.11"}',
    "random": '{"seed": 1}',
    "parameters": "{}",
}
EVENTS = (
    {
        "kind": "dose",
        "drug": "ketamine",
        "route": "intravenous",
        "amount_mg": 35.0,
        "start_s": 0.0,
        "duration_s": 2400.0,
    },
    {"kind": "stress", "start_s": 60.0, "duration_s": 10.0, "intensity": 1.0},
)
SUMMARY = {
    "quantity": ["plasma_concentration", "firing_rate"],
    "population": ["ketamine", "PYR"],
    "at": ["", "10 min to 60 min"],
    "statistic": ["peak", "mean"],
    "value": [181.25, 2.5],
    "error": [np.nan, 0.125],
    "unit": ["ng/mL", "Hz"],
    "meaning": ["highest plasma concentration", "mean firing rate"],
}


def random_topology(sizes=(12, 4, 3), probability=0.3, seed=0, labels=None):
    random = np.random.default_rng(seed)
    n_nodes = sum(sizes)
    chosen = random.random((n_nodes, n_nodes)) < probability
    np.fill_diagonal(chosen, False)
    source, target = np.nonzero(chosen)
    return Topology(
        population_names=POPULATIONS[: len(sizes)],
        population=np.repeat(np.arange(len(sizes), dtype=np.int16), sizes),
        position=random.uniform(0, 300, (n_nodes, 2)),
        source=source.astype(np.int32),
        target=target.astype(np.int32),
        weight=random.lognormal(0, 0.5, source.size),
        delay=random.uniform(0.5, 3, source.size),
        labels=labels,
    )


def random_steps(topology, times, most=4, seed=0):
    """Births and deaths among PYR at each time, as they would follow each other: (time, kind, source, ... delay)."""
    random = np.random.default_rng(seed)
    size = topology.sizes["PYR"]
    inside = (topology.source < size) & (topology.target < size)
    pairs = zip(topology.source[inside].tolist(), topology.target[inside].tolist(), strict=True)
    present = dict.fromkeys(pairs, 1.0)
    steps = []
    for time in times:
        rows = []
        for source, target in random.integers(0, size, (random.integers(0, most + 1), 2)).tolist():
            if source == target or (source, target) in {row[1:3] for row in rows}:
                continue
            dies = present.pop((source, target), None)
            delay = random.integers(5, 30) * 0.1 if dies is None else dies
            rows.append((int(dies is not None), source, target, random.lognormal(), delay))
            if dies is None:
                present[source, target] = delay
        steps.append((time, *(np.array(column) for column in (zip(*rows, strict=True) if rows else [()] * 5))))
    return steps


def make_run(rows=70, topology=None):
    """All values of a run; tests change some and write it."""
    random = np.random.default_rng(7)
    topology = topology or random_topology()
    n_spikes = 40
    return SimpleNamespace(
        topology=topology,
        times=[60.0 * (i - 2) for i in range(rows)],
        stages=["baseline" if i < 3 else "run" for i in range(rows)],
        plasma=random.random((rows, len(COMPOUNDS))).astype("f4"),
        sampled=random.integers(0, 2, rows).astype("u1"),
        rate=random.random((rows, len(topology.population_names))).astype("f4"),
        glutamate=random.random((rows, len(topology.population_names))),
        node_rate=random.random((rows, topology.n_nodes)).astype("f4"),
        spikes={
            "PYR": (np.sort(random.uniform(0, 1000, n_spikes)), random.integers(0, 12, n_spikes)),
            "SST": (np.empty(0), np.empty(0, dtype=int)),
        },
        attributes={"run_id": "a", "created": "2030-01-01T00:00:00+00:00"},
        provenance=dict(PROVENANCE),
        events=EVENTS,
        steps=random_steps(topology, [60.0 * i for i in range(1, rows - 3)]),
        snapshots={"start": 0.0, "10_min": 600.0},
        measures={"clustering": (0.25, "1", "clustering"), "histogram": (np.arange(5), "1", "neurons by degree")},
        summary={name: list(values) for name, values in SUMMARY.items()},
        flush_after=(),
        finish=True,
    )


def write_run(target, run):
    with TrajectoryWriter(target, run.attributes) as writer:
        writer.write_provenance(run.provenance)
        writer.write_schedule(run.times)
        writer.write_topology(run.topology)
        writer.write_events(run.events)
        create_tables(writer, run.topology)
        steps = {step[0]: step for step in run.steps}
        for name, time in run.snapshots.items():
            writer.write_snapshot(name, time, run.topology, [PAIR])
            writer.write_graph_measures(name, time, "PYR", run.measures)
        for row, time in enumerate(run.times):
            append_row(writer, run, row, time)
            if time in steps:
                writer.append_edge_events(time, {PAIR: steps[time][1:]})
            if row in run.flush_after:
                writer.flush()
        for population, (times, node_ids) in run.spikes.items():
            half = len(times) // 2
            writer.append_spikes(population, times[:half], node_ids[:half])
            writer.append_spikes(population, times[half:], node_ids[half:])
        if run.finish:
            writer.write_summary(run.summary)
            writer.finish()


def create_tables(writer, topology):
    populations = topology.population_names
    moiety = ("compound", ["parent", "parent", "metabolite"])
    writer.create_samples("subject", SUBJECT, {"compound": COMPOUNDS}, {"moiety": moiety})
    writer.create_samples("population", POPULATION, {"population": populations})
    extra = {
        "population": ("node", [populations[index] for index in topology.population]),
        "node_id": ("node", topology.node_id),
    }
    writer.create_samples("node", NODE, {"node": np.arange(topology.n_nodes)}, extra)
    writer.create_edge_events([PAIR])


def append_row(writer, run, row, time):
    stage = run.stages[row]
    subject = {"plasma_concentration": run.plasma[row], "network_sampled": run.sampled[row]}
    writer.append("subject", time, subject, stage)
    writer.append("population", time, {"firing_rate": run.rate[row], "glutamate_ambient": run.glutamate[row]}, stage)
    if row % 2 == 0:
        writer.append("node", time, {"firing_rate": run.node_rate[row]}, stage)


@pytest.fixture(scope="session")
def example():
    """Functions and values that tests of this folder share."""
    return SimpleNamespace(
        make_run=make_run,
        write_run=write_run,
        random_topology=random_topology,
        random_steps=random_steps,
        compounds=COMPOUNDS,
        summary=SUMMARY,
    )


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A finished file and the values that went into it."""
    path = tmp_path_factory.mktemp("run") / "run.h5"
    run = make_run()
    write_run(path, run)
    return path, run
