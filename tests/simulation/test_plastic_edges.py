"""Edges that mechanisms change in a running simulation: table, kernel's graph, events and signals say the same."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import ketasim
from ketasim.engines import SpikingEngine
from ketasim.kernels.graph import Synapses, synapses_of
from ketasim.mechanisms import Clock, Mechanism
from ketasim.mechanisms.mechanism import EdgeChanges
from ketasim.network.topology import Edges
from ketasim.network.within import edges_within, with_edges_within
from ketasim.simulation.plastic_edges import BIRTH, DEATH, PlasticEdges, topology_now
from tests.simulation.test_loop import Nothing

DAY = 864_000_000  # fast steps
SPINES = {"step": "6 h", "baseline": "0.4 s", "window": "0.2 s", "settle": "50 ms"}


@pytest.fixture
def simulation(small):
    return ketasim.Simulation(small(duration="10 d", doses=[], schedule=SPINES, recording={}))


def spines_of(simulation):
    (spines,) = simulation.plastic_edges
    return spines


def new_spines(simulation):
    """Table of the edges at the start, with an engine of its own."""
    mechanism = spines_of(simulation).mechanism
    engine = SpikingEngine(ketasim.Simulation(simulation.experiment).network, simulation.experiment.seed)
    return PlasticEdges(mechanism, mechanism.Parameters(), simulation.setting, engine, simulation.experiment.seed)


def pairs_of(graph):
    source, target, weight, delay = synapses_of(graph)
    return {(int(i), int(j)): (w, d) for i, j, w, d in zip(source, target, weight, delay, strict=True)}


def test_kernel_graph_is_the_start_and_the_events(simulation):
    """Catches an event that is not applied, one that is applied and not told, and edges of other classes touched."""
    n_pyr = simulation.topology.sizes["PYR"]
    start = pairs_of(simulation.network.graph)
    alive, kinds = set(start), []
    while simulation.time < simulation.experiment.duration:
        simulation.step()
        events = spines_of(simulation).events
        for kind, source, target in zip(events.kind, events.source, events.target, strict=True):
            pair = int(source), int(target)
            assert source != target
            assert (pair in alive) == (kind == DEATH)
            (alive.discard if kind == DEATH else alive.add)(pair)
        kinds += events.kind.tolist()
        found = pairs_of(simulation.network.graph)
        assert set(found) == alive
        for source, target, weight, delay in zip(*spines_of(simulation).edges, strict=True):
            assert found[int(source), int(target)] == (np.float32(weight), delay)
    assert kinds.count(BIRTH) > 50 and kinds.count(DEATH) > 50
    for pair, what in start.items():
        if max(pair) >= n_pyr:
            assert found[pair] == what
    assert max(delay for _, delay in found.values()) <= simulation.network.graph.longest_delay


def test_events_carry_weight_and_delay_of_the_edge(simulation):
    """Catches a weight of another edge or in another unit, and a delay in fast steps."""
    simulation.step()
    before = spines_of(simulation).edges
    delay = dict(zip(zip(before.source, before.target, strict=True), before.delay, strict=True))
    simulation.step()
    after, events = spines_of(simulation).edges, spines_of(simulation).events
    weight = dict(zip(zip(after.source, after.target, strict=True), after.weight, strict=True))
    delay |= dict(zip(zip(after.source, after.target, strict=True), after.delay, strict=True))
    assert set(events.kind.tolist()) == {BIRTH, DEATH}
    for kind, source, target, w, ms in zip(*events, strict=True):
        assert ms == pytest.approx(0.1 * delay[source, target])
        assert kind == DEATH or w == weight[source, target]
    mean = events.weight[events.kind == DEATH].mean()
    assert 0.05 < mean < 1.0  # small ones die


def test_signals_count_the_edges(simulation):
    """Catches rates per step instead of per day, a density over the wrong number, a mean weight of other neurons."""
    spines, n = spines_of(simulation), simulation.topology.sizes["PYR"]
    resting = np.bincount(spines.edges.target, minlength=n)
    weight = np.bincount(spines.edges.target, spines.edges.weight, minlength=n) / resting
    cell, tables = simulation.network.tables.cells["PYR"], simulation.network.tables
    axons = cell.afferent_rate * 1e3 / tables.receptors.afferent_unit_rate
    simulation.step()
    signals, events = simulation.signals, spines.events
    degree = np.bincount(spines.edges.target, minlength=n)
    assert signals["spine_density_circuit"][:n] == pytest.approx(degree / resting)
    afferents = signals["afferent_gain"][:n]
    assert signals["spine_density"][:n] == pytest.approx((degree + axons * afferents) / (resting + axons))
    born = np.bincount(events.target[events.kind == BIRTH], minlength=n) / 0.25
    per_day = 0.05 / 2.0  # at rest: share of transient spines over their time
    assert signals["spine_formation_rate"][:n] == pytest.approx((born + axons * per_day) / (resting + axons))
    now = np.bincount(spines.edges.target, spines.edges.weight, minlength=n) / degree
    assert signals["synaptic_weight"][:n] == pytest.approx(now / weight)
    assert_array_equal(signals["spine_density"][n:], 1.0)


def test_spines_at_the_same_network_have_the_same_fate_again(simulation, small):
    """Catches random numbers that depend on anything but seed and edge, and one stream for all seeds."""
    other = ketasim.Simulation(small(duration="10 d", doses=[], schedule=SPINES, recording={}))
    differing = ketasim.Simulation(small(seed=2, duration="10 d", doses=[], schedule=SPINES, recording={}))
    for each in (simulation, other, differing):
        each.advance("3 d")
    for name, array in spines_of(simulation).state.items():
        assert_array_equal(spines_of(other).state[name], array, err_msg=name)
    assert not np.array_equal(spines_of(differing).state["own/key_b"], spines_of(simulation).state["own/key_b"])


def test_a_step_of_no_length_changes_nothing(simulation):
    """Catches noise or births that come with the number of steps instead of with time."""
    spines, graph = spines_of(simulation), simulation.network.graph
    before = {name: array.copy() for name, array in spines.state.items()}
    signals = {name: array.copy() for name, array in simulation.signals.items()}
    spines.advance(simulation.signals, signals, None, Clock(1, 0.0, 0))
    for name, array in spines.state.items():
        assert_array_equal(array, before[name], err_msg=name)
    for name, array in signals.items():
        assert_array_equal(array, simulation.signals[name], err_msg=name)
    assert simulation.network.graph is graph and spines.events.kind.size == 0


def test_edges_go_on_from_their_state(simulation):
    """Catches anything that later steps depend on and the state does not hold: the same bits, and the same graph."""
    simulation.advance("2 d")
    spines, start = spines_of(simulation), dict(simulation.signals)
    resumed = new_spines(simulation)
    resumed.state = {name: array.copy() for name, array in spines.state.items()}
    for step in range(4):
        ends = []
        for each in (spines, resumed):
            end = {name: array.copy() for name, array in start.items()}
            each.advance(start, end, None, Clock(simulation.experiment.seed, 43_200.0, 2 * DAY + step * DAY // 2))
            ends.append(end)
        for name in ends[0]:
            assert_array_equal(ends[1][name], ends[0][name], err_msg=name)
        for name in spines.events._fields:
            assert_array_equal(getattr(resumed.events, name), getattr(spines.events, name), err_msg=name)
        ours, other = simulation.network, resumed._engine.network
        assert pairs_of(other.graph) == pairs_of(ours.graph)
        assert_array_equal(other.nmda_circuit, ours.nmda_circuit)


def test_a_mechanism_of_edges_is_given_its_own_signals_alone(simulation):
    """Catches a mechanism that can read or change what it has not declared."""
    spines, seen = spines_of(simulation), []

    def evolve(edges, own, before, after, prepared, clock):
        seen.append((set(before), set(after)))
        return evolves(edges, own, before, after, prepared, clock)

    evolves, spines._evolve = spines._evolve, evolve
    simulation.step()
    one = spines.mechanism
    assert seen == [({*one.reads, *one.writes}, {*one.writes, *one.scales})]


def test_edges_learn_of_a_drug_that_is_given_meanwhile(small):
    """Catches tables of the drugs at the start, by which a compound that is new on its axis does nothing."""
    seen = []

    def evolve(edges, own, before, after, compounds, clock):
        seen.append(compounds)
        none = Synapses(*(column[:0] for column in edges))
        return EdgeChanges(edges, none, none, own)

    def prepare(parameters, setting):
        return setting.compounds

    mine = Mechanism("mine", Nothing, edges=("PV", "PYR"), evolve=evolve, prepare=prepare)
    simulation = ketasim.Simulation(small(doses=[], schedule=SPINES | {"step": "5 min"}), mechanisms=[mine])
    simulation.step()
    simulation.dose("ketamine", "7 mg")
    simulation.step()
    assert seen == [(), simulation.setting.compounds]
    assert len(seen[1]) > 1


def test_topology_now_is_that_of_the_kernel(simulation):
    """Catches edges of other classes lost, delays in steps, and the start told where edges have changed."""
    assert simulation.topology_now() is simulation.topology
    simulation.advance("2 d")
    now = simulation.topology_now()
    found = {
        (int(i), int(j)): (np.float32(w), round(float(d) * 10.0))
        for i, j, w, d in zip(now.source, now.target, now.weight, now.delay, strict=True)
    }
    assert found == {pair: (w, int(d)) for pair, (w, d) in pairs_of(simulation.network.graph).items()}
    assert now.n_edges != simulation.topology.n_edges
    assert topology_now(simulation.topology, ()) is simulation.topology
    none = Edges(*(column[:0] for column in edges_within(now, "PYR")))
    without = with_edges_within(simulation.topology, "PYR", none)
    assert with_edges_within(now, "PYR", none).sha256 == without.sha256


def test_protein_makes_spines(simulation):
    """Catches a formation that does not follow the protein: three quarters more of it for a day."""
    ends = []
    for protein in (1.0, 1.75):
        own = new_spines(simulation)
        start = {name: array.copy() for name, array in simulation.signals.items()}
        start["synaptic_protein"][:64] = protein
        start["nascent_spines"][:, :64] = 1.0 + 40.0 * (protein - 1.0)  # for days
        end = {name: array.copy() for name, array in start.items()}
        for hour in range(0, 24, 6):
            own.advance(start, end, None, Clock(1, 21_600.0, hour * DAY // 24))
        ends.append(end["spine_density_circuit"][:64].mean())
    assert ends[1] > ends[0] + 0.02
