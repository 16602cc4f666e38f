"""What stops a run: signal, node, value, range, time and a hint, before anything reads what is wrong."""

from dataclasses import replace

import numpy as np
import pytest

import ketasim
from ketasim.documents import KetasimError
from ketasim.mechanisms import ORDER, Mechanism
from ketasim.network.topology import Edges, make_topology, node_in_words
from ketasim.signals import SIGNALS, Signal
from ketasim.simulation import Simulation
from ketasim.simulation.guards import Scene, check_signals, check_window
from ketasim.simulation.roster import owners_of
from tests.simulation.test_loop import Nothing

INF = float("inf")


@pytest.fixture(scope="module")
def topology():
    return make_topology(
        ("PYR", "PV"), np.array([0, 0, 0, 1, 1]), np.zeros((5, 2)), Edges(*(np.empty(0, int) for _ in range(4)))
    )


def scene_of(topology, *own):
    axes = {"node": 5, "subunit": ("GluN2A", "GluN2B", "GluN2C", "GluN2D"), "compound": ("ketamine",), "blocker": ()}
    return Scene(SIGNALS | {signal.name: signal for signal in own}, axes, topology)


def refusal(topology, name, values, *own):
    """Message for values of a signal, or nothing."""
    try:
        check_signals([name], {name: values}, "mine", 90.0, scene_of(topology, *own))
    except KetasimError as error:
        assert error.exit_code == 1
        return str(error)
    return ""


@pytest.mark.parametrize("value", [np.nan, INF, -INF, -0.001, 1.001])
def test_a_share_that_is_no_share_is_refused(topology, value):
    """Catches a value that passes, the wrong node or subunit, and a message without value, range, time or hint."""
    values = np.full((4, 5), 0.5)
    values[2, 3] = value
    assert refusal(topology, "nmda_unblocked", values) == (
        f"mine made 'nmda_unblocked' {value!r} at t = 90 s at node 0 of PV, subunit GluN2C; allowed: 0 to 1; "
        "look at the parameters of mine and at the doses"
    )


def test_the_worst_of_several_values_is_named(topology):
    """Catches the first of many named where another is far worse, a count that is wrong, and a missing unit."""
    message = refusal(topology, "glutamate_ambient", np.array([1.0, -1e-3, 2.0, 0.0, -5.0]))
    assert (
        "'glutamate_ambient' -5.0 uM at t = 90 s at node 1 of PV, one of 2 such values; allowed: 0 or more" in message
    )
    message = refusal(topology, "glutamate_ambient", np.array([1.0, np.nan, 2.0, 0.0, -5.0]))
    assert "nan uM at t = 90 s at node 1 of PYR; allowed" in message


def test_rounding_is_no_fault_and_the_bounds_belong_to_the_range(topology):
    """Catches a run stopped by the last bit of a sum, and a range that leaves out its ends."""
    for values in ([0.0, 1.0], [-1e-12, 1.0 + 1e-12]):
        assert refusal(topology, "nmda_block", np.array([*values, 0.5, 0.5, 0.5])) == ""
    assert refusal(topology, "drug_amount", np.array([1e6, -1e-5])) == ""
    assert "-1e-05" in refusal(topology, "plasma_concentration", np.array([-1e-5]))
    assert refusal(topology, "plasma_concentration", np.empty(0)) == ""


def test_an_own_signal_has_its_own_range(topology):
    """Catches a declared range that is ignored, and a hint that does not say how to declare one."""
    mine = Signal("morale", "1", (), "state", 0.0, "of a test", within=(-1.0, INF))
    assert refusal(topology, "morale", np.array(-1.0), mine) == ""
    message = refusal(topology, "morale", np.array(-1.5), mine)
    assert "mine made 'morale' -1.5 at t = 90 s; allowed: -1 or more" in message
    assert "Signal('morale', ..., within=(least, most))" in message
    assert "within" not in refusal(topology, "morale", np.array(np.nan), mine)


def test_a_window_is_the_networks(topology):
    """Catches means of a window that nobody looks at, or that are put down to a mechanism."""
    means = {"firing_rate": np.array([1.0, 2.0, 3.0, 4.0, np.nan]), "nmda_gating": np.full(5, 0.5)}
    with pytest.raises(KetasimError, match=r"^the network made 'firing_rate' nan Hz at t = 2\.5 s at node 1 of PV;"):
        check_window(means, topology, 2.5)
    check_window(means | {"firing_rate": np.zeros(5)}, topology, 2.5)


def test_nodes_are_named_as_in_files():
    """Catches a node numbered over the whole network, and one with a name of its own that is only numbered."""
    edges = Edges(*(np.empty(0, int) for _ in range(4)))
    named = make_topology(("PYR", "PV"), np.array([1, 0, 0]), np.zeros((3, 2)), edges, ["basket", "first", "second"])
    plain = make_topology(("PYR", "PV"), np.array([0, 0, 1]), np.zeros((3, 2)), edges)
    assert [node_in_words(plain, node) for node in range(3)] == ["node 0 of PYR", "node 1 of PYR", "node 0 of PV"]
    assert node_in_words(named, 2) == "node 'basket' of PV"


def test_every_range_holds_the_neutral_value():
    """Catches a range that would stop every run at its start, and one without any value."""
    for signal in SIGNALS.values():
        least, most = signal.within
        assert least < most and least <= signal.neutral <= most, signal.name
        if signal.kind == "port":
            assert signal.within == ((0.0, INF) if signal.neutral else (-INF, INF))


SHORT = {"baseline": "0.4 s", "settle": "0 s", "window": "0.2 s"}


@pytest.mark.parametrize("name", [name for mechanism in ORDER for name in mechanism.writes])
def test_a_state_that_is_no_number_stops_the_run(small, name):
    """Catches a state of any mechanism that may turn to nan and go on unseen, or under another's name."""
    owner = owners_of(ORDER)[name]
    simulation = Simulation(small(schedule=SHORT, mechanisms={owner: "on"}))
    simulation.measure_baseline()
    simulation.mechanisms = tuple(_poisoned(one, name) if one.name == owner else one for one in simulation.mechanisms)
    with pytest.raises(KetasimError, match=rf"{owner} made '{name}' nan.* at t = 60 s( at .*)?; allowed"):
        simulation.advance("1 min")
    assert simulation.time == 0.0


def test_what_is_written_with_the_edges_is_looked_at_too(small, monkeypatch):
    """Catches a fault of the changing graph, which writes its signals after all mechanisms."""
    simulation = Simulation(small(schedule=SHORT))
    simulation.measure_baseline()

    def advance(start, end, prepared, clock):
        end["spine_density"][3] = -1.0

    monkeypatch.setattr(simulation.plastic_edges[0], "advance", advance)
    with pytest.raises(KetasimError, match=r"synaptogenesis made 'spine_density' -1.0 at t = 60 s at node 3 of PYR;"):
        simulation.advance("1 min")


def _poisoned(mechanism, name):
    """The mechanism, which writes nan into one of its states at the end of a step."""
    place = len(mechanism.reads) + mechanism.writes.index(name)

    def advance(*arrays):
        mechanism.advance(*arrays)
        arrays[place][...] = np.nan

    return replace(mechanism, advance=advance)


def test_a_run_that_is_stopped_says_why_in_its_file(small, tmp_path):
    """Catches a stopped run whose file ends without a reason, or whose time is that of another step."""

    def drift(strange, parameters, clock):
        strange += clock.duration

    row = Signal("strange", "1", ("node",), "state", 0.0, "of a test", within=(0.0, 400.0))
    mine = Mechanism("mine", Nothing, drift, writes=("strange",), signals=(row,))
    path = tmp_path / "run.h5"
    with pytest.raises(KetasimError, match=r"mine made 'strange' 600.0 at t = 600 s at node 0 of PYR, one of 80 such"):
        ketasim.run(small(), path, mechanisms=[mine])
    with ketasim.open_trajectory(path) as part:
        assert "allowed: 0 to 400" in part.attributes["stopped_because"]
        assert not part.complete


def test_an_exception_in_a_mechanism_keeps_its_kind_and_names_it(small):
    """Catches a bug of the user's that comes without the mechanism, or as an error of another kind."""

    def advance(parameters, clock):
        np.zeros(2)[int(clock.duration)] = 1.0

    mine = Mechanism("mine", Nothing, advance)
    with pytest.raises(IndexError) as caught:
        ketasim.run(small(network="none"), mechanisms=[mine])
    (note,) = caught.value.__notes__
    assert note.startswith(f"in the mechanism 'mine' at t = 0 s: {__file__}, line ")
    assert note.endswith("np.zeros(2)[int(clock.duration)] = 1.0")
