"""Spines in a running simulation: the table, the kernel's graph, the events and the signals say the same."""

import numpy as np
import pytest
from ketasim.simulation.structure import BIRTH, DEATH, Structure
from numpy.testing import assert_array_equal

import ketasim
from ketasim.kernels.graph import synapses_of
from ketasim.mechanisms import Clock

DAY = 864_000_000  # fast steps
SPINES = {"step": "6 h", "baseline": "0.4 s", "window": "0.2 s", "settle": "50 ms"}


@pytest.fixture
def simulation(small):
    return ketasim.Simulation(small(duration="10 d", doses=[], schedule=SPINES, recording={}))


def pairs_of(graph):
    source, target, weight, delay = synapses_of(graph)
    return {(int(i), int(j)): (w, d) for i, j, w, d in zip(source, target, weight, delay, strict=True)}


def test_kernel_graph_is_the_start_and_the_events(simulation):
    """Catches an event that is not applied, one that is applied and not told, and edges of other classes touched."""
    n_pyr = simulation.network.topology.sizes["PYR"]
    start = pairs_of(simulation.network.graph)
    alive, kinds = set(start), []
    while simulation.time < simulation.experiment.duration:
        simulation.step()
        events = simulation.structure.events
        for kind, source, target in zip(events.kind, events.source, events.target, strict=True):
            pair = int(source), int(target)
            assert source != target
            assert (pair in alive) == (kind == DEATH)
            (alive.discard if kind == DEATH else alive.add)(pair)
        kinds += events.kind.tolist()
        found = pairs_of(simulation.network.graph)
        assert set(found) == alive
        edges = simulation.structure.edges
        for source, target, log_weight, delay in zip(
            edges.source, edges.target, edges.log_weight, edges.delay, strict=True
        ):
            assert found[int(source), int(target)] == (np.float32(np.exp(log_weight)), delay)
    assert kinds.count(BIRTH) > 50 and kinds.count(DEATH) > 50
    for pair, what in start.items():
        if max(pair) >= n_pyr:
            assert found[pair] == what
    assert max(delay for _, delay in found.values()) <= simulation.network.graph.longest_delay


def test_signals_count_the_edges(simulation):
    """Catches rates per step instead of per day, a density over the wrong number, a mean weight of other neurons."""
    structure, n = simulation.structure, simulation.network.topology.sizes["PYR"]
    resting = np.bincount(structure.edges.target, minlength=n)
    weight = np.bincount(structure.edges.target, np.exp(structure.edges.log_weight), minlength=n) / resting
    axons = structure._axons
    simulation.step()
    signals, events = simulation.signals, structure.events
    degree = np.bincount(structure.edges.target, minlength=n)
    assert signals["spine_density_circuit"][:n] == pytest.approx(degree / resting)
    afferents = signals["afferent_gain"][:n]
    assert signals["spine_density"][:n] == pytest.approx((degree + axons * afferents) / (resting + axons))
    born = np.bincount(events.target[events.kind == BIRTH], minlength=n) / 0.25
    per_day = 0.05 / 2.0  # at rest: share of transient spines over their time
    assert signals["spine_formation_rate"][:n] == pytest.approx((born + axons * per_day) / (resting + axons))
    now = np.bincount(structure.edges.target, np.exp(structure.edges.log_weight), minlength=n) / degree
    assert signals["synaptic_weight"][:n] == pytest.approx(now / weight)
    assert_array_equal(signals["spine_density"][n:], 1.0)


def test_spines_at_the_same_network_have_the_same_fate_again(simulation, small):
    """Catches random numbers that depend on anything but seed and edge, and one stream for all seeds."""
    other = ketasim.Simulation(small(duration="10 d", doses=[], schedule=SPINES, recording={}))
    differing = ketasim.Simulation(small(seed=2, duration="10 d", doses=[], schedule=SPINES, recording={}))
    for each in (simulation, other, differing):
        each.advance("3 d")
    for name, array in simulation.structure.state.items():
        assert_array_equal(other.structure.state[name], array, err_msg=name)
    assert not np.array_equal(differing.structure.edges.key_b, simulation.structure.edges.key_b)


def test_a_step_of_no_length_changes_nothing(simulation):
    """Catches noise or births that come with the number of steps instead of with time."""
    before = {name: array.copy() for name, array in simulation.structure.state.items()}
    simulation.structure.advance(simulation.signals, simulation.signals, Clock(1, 0.0, 0))
    for name, array in simulation.structure.state.items():
        assert_array_equal(array, before[name], err_msg=name)


def test_a_structure_goes_on_from_its_state(simulation):
    """Catches anything that later steps depend on and the state does not hold: the same bits, and the same graph."""
    simulation.advance("2 d")
    structure, start = simulation.structure, dict(simulation.signals)
    stored = {name: array.copy() for name, array in structure.state.items()}
    resumed = Structure(structure._start, structure._parameters, simulation.experiment.seed)
    resumed.state = stored
    for step in range(4):
        ends = []
        for each in (structure, resumed):
            end = {name: array.copy() for name, array in start.items()}
            each.advance(start, end, Clock(simulation.experiment.seed, 43_200.0, 2 * DAY + step * DAY // 2))
            ends.append(end)
        for name in ends[0]:
            assert_array_equal(ends[1][name], ends[0][name], err_msg=name)
        assert pairs_of(resumed.network.graph) == pairs_of(structure.network.graph)
        assert_array_equal(resumed.network.nmda_circuit, structure.network.nmda_circuit)


def test_protein_makes_spines(simulation):
    """Catches a formation that does not follow the protein: three quarters more of it for a day."""
    structure = simulation.structure
    ends = []
    for protein in (1.0, 1.75):
        own = Structure(structure._start, structure._parameters, 1)
        start = {name: array.copy() for name, array in simulation.signals.items()}
        start["synaptic_protein"][:64] = protein
        end = {name: array.copy() for name, array in start.items()}
        for hour in range(0, 24, 6):
            own.advance(start, end, Clock(1, 21_600.0, hour * DAY // 24))
        ends.append(end["spine_density_circuit"][:64].mean())
    assert ends[1] > ends[0] + 0.02
