"""A second mechanism that changes edges, declared here alone: PV to PYR synapses are pruned at a constant hazard."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest
from annotated_types import Ge

import ketasim
from ketasim.documents import KetasimError
from ketasim.kernels.graph import Synapses, synapses_of
from ketasim.mechanisms import Mechanism
from ketasim.mechanisms.mechanism import EdgeChanges
from ketasim.network.within import edges_within
from ketasim.pipeline import CancelledError
from ketasim.simulation import Simulation
from ketasim.simulation.roster import DeclarationError
from ketasim.sources import Source

PAIR = ("PV", "PYR")


class Parameters(NamedTuple):
    """Pruning of inhibitory synapses."""

    hazard: Annotated[float, Ge(0), "1/d", Source("assumed", "a trial")] = 0.3


def evolve(edges, own, before, after, parameters, clock):
    random = np.random.default_rng((clock.seed, clock.fast_step + 2**40))
    gone = random.random(edges.source.size) < -np.expm1(-parameters.hazard * clock.duration / 86_400.0)
    kept, died, born = (Synapses(*(column[chosen] for column in edges)) for chosen in (~gone, gone, slice(0)))
    return EdgeChanges(kept, died, born, own)


PRUNING = Mechanism("pruning", Parameters, edges=PAIR, evolve=evolve)


@pytest.fixture(scope="module")
def experiment(small):
    schedule = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "6 h"}
    return small(network={"neurons": 200}, duration="4 d", schedule=schedule, recording={"graph": ["2 d"]}, doses=[])


@pytest.fixture(scope="module")
def trajectory(experiment, tmp_path_factory):
    out = tmp_path_factory.mktemp("pruned") / "run.h5"
    with ketasim.run(experiment, out, mechanisms=[PRUNING]) as found:
        yield found


def test_edges_go_in_the_kernels_graph(experiment):
    """Catches a table that shrinks while the network still has the edges, and edges of other pairs that go too."""
    simulation = Simulation(experiment, mechanisms=[PRUNING])
    start = {pair: edges_within(simulation.topology, pair).source.size for pair in (PAIR, ("PYR", "PV"))}
    simulation.advance("4 d")
    now = synapses_of(simulation.engine.network.graph)
    population = simulation.topology.population
    names = np.array(simulation.topology.population_names)
    left = {
        pair: int(np.sum((names[population[now.source]] == pair[0]) & (names[population[now.target]] == pair[1])))
        for pair in start
    }
    assert left["PYR", "PV"] == start["PYR", "PV"]
    expected, spread = start[PAIR] * np.exp(-0.3 * 4.0), np.sqrt(start[PAIR] * 0.3 * 0.7)
    assert abs(left[PAIR] - expected) < 4.0 * spread
    assert left[PAIR] == simulation.plastic_edges[1].edges.source.size


def test_edges_go_in_the_file_and_in_the_graph_at_a_time(trajectory):
    """Catches events of the second pair that are lost, put to the first, or not applied to graph(time)."""
    events = trajectory.structure_events()
    assert set(events.pair.tolist()) == {"PYR__PYR", "PV__PYR"}
    pruned = events.pair == "PV__PYR"
    assert set(events.kind[pruned].tolist()) == {1}
    start = edges_within(trajectory.topology(0), PAIR).source.size
    for time in ("1 d", "2 d", "4 d"):
        gone = int(np.sum(pruned & (events.time <= 86_400.0 * float(time.split()[0]))))
        assert edges_within(trajectory.topology(time), PAIR).source.size == start - gone
        graph = trajectory.graph(time)
        kinds = dict(graph.nodes(data="population"))
        assert sum(kinds[a] == "PV" and kinds[b] == "PYR" for a, b in graph.edges) == start - gone
    assert gone > 0.5 * start


def test_both_mechanisms_change_the_graph(trajectory):
    """Catches births among PYR that stop, or that are applied to the wrong pair, beside a second mechanism."""
    events = trajectory.structure_events()
    births = (events.kind == 0) & (events.pair == "PYR__PYR")
    assert births.sum() > 10
    before, after = (edges_within(trajectory.topology(time), "PYR") for time in (0, "4 d"))
    deaths = (events.kind == 1) & (events.pair == "PYR__PYR")
    assert after.source.size - before.source.size == births.sum() - deaths.sum()


def test_a_run_with_both_goes_on_to_the_same_bits(experiment, trajectory, tmp_path):
    """Catches state of a second edge mechanism, or its edges in the kernel, that a checkpoint leaves out."""
    out, steps = tmp_path / "run.h5", []

    def until(progress):
        steps.append(progress.stage)
        return steps.count("run") < 7

    with pytest.raises(CancelledError):
        ketasim.run(experiment, out, mechanisms=[PRUNING], progress=until)
    with ketasim.resume(out, mechanisms=[PRUNING]) as resumed:
        assert resumed.digest() == trajectory.digest()


def test_edges_have_one_owner(experiment):
    """Catches two mechanisms that change the same edges, each from its own table; and an owner without a function."""
    other = Mechanism("other", Parameters, edges=PAIR, evolve=evolve)
    with pytest.raises(DeclarationError, match="other: the edges from PV to PYR already belong to pruning"):
        Simulation(experiment, mechanisms=[PRUNING, other])
    with pytest.raises(DeclarationError, match="`edges` and `evolve` belong together"):
        Simulation(experiment, mechanisms=[Mechanism("bare", Parameters, lambda parameters, clock: None, edges=PAIR)])
    with pytest.raises(DeclarationError, match="neither `advance` nor `evolve`"):
        Simulation(experiment, mechanisms=[Mechanism("nothing", Parameters)])


def changed(edges, **columns):
    """Changes without births and deaths, in which columns differ."""
    none = Synapses(*(column[:0] for column in edges))
    return EdgeChanges(edges._replace(**columns), none, none, ())


WRONG = {
    "must return EdgeChanges, not NoneType": lambda edges: None,
    "with those born and died there are": lambda edges: changed(Synapses(*(column[1:] for column in edges))),
    "sorted by source and target": lambda edges: changed(Synapses(*(column[::-1] for column in edges))),
    "a weight that is negative or not finite": lambda edges: changed(edges, weight=-edges.weight),
    "birth of .* already exists": lambda edges: changed(
        Synapses(*(np.repeat(c, 2)[: c.size + 1] for c in edges))
    )._replace(born=Synapses(*(column[:1] for column in edges))),
    "another state of its own": lambda edges: changed(edges)._replace(own={"extra": np.zeros(1)}),
}


@pytest.mark.parametrize("message", WRONG)
def test_impossible_changes_name_the_mechanism(experiment, message):
    """Catches weights put to other edges, a mechanism that makes them negative, and an error that names none."""

    def slip(edges, own, before, after, parameters, clock):
        return WRONG[message](edges)

    simulation = Simulation(experiment, mechanisms=[Mechanism("slip", Parameters, edges=PAIR, evolve=slip)])
    with pytest.raises(KetasimError, match=f"slip: edges from PV to PYR: .*{message}"):
        simulation.advance_mechanisms(3600.0)
