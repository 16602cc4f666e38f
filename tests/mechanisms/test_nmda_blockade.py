"""The blockade kernel against its slow twin, and what must hold for any blockers, gates and steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

from ketasim.documents import KetasimError, parse_document
from ketasim.documents.validation import validate
from ketasim.drugs import Drug
from ketasim.mechanisms import nmda_blockade
from ketasim.mechanisms.nmda_blockade import Gating, advance_block
from ketasim.network.build import build
from ketasim.network.synapses import Receptors
from tests.drugs.drug_files import OWN_DRUG
from tests.mechanisms.receptors import block_after, blockers_of, clamped, new_block, prepared
from tests.mechanisms.subjects import KETAMINE, clock, setting, three_nodes
from tests.reference import nmda_blockade as twin
from tests.reference.nmda_blockade import Blocker
from tests.reference.pharmacokinetics import Subject

DAY = 86_400.0

fractions = st.floats(0.0, 1.0)
potencies = st.floats(0.002, 50.0)
blockers = st.builds(
    Blocker,
    k_on=st.floats(0.02, 6.0),
    ic50=st.tuples(potencies, potencies, potencies, potencies),
    delta=fractions,
    sigma=st.one_of(st.just(0.0), st.floats(0.2, 0.5)),
)


@st.composite
def situations(draw):
    """Blockers with concentrations in uM, gates of one node, a start and a length of step in s."""
    found = draw(st.lists(blockers, min_size=1, max_size=3))
    amount = st.one_of(st.just(0.0), st.floats(1e-4, 20.0))
    concentration = draw(st.lists(amount, min_size=len(found), max_size=len(found)))
    gate = draw(st.one_of(st.just(0.0), st.floats(1e-4, 1.0)))
    voltage, m = draw(st.floats(-90.0, -20.0)), np.array([draw(st.floats(0.01, 0.9)) for _ in range(4)])
    tonic = [draw(st.floats(0.0, 0.2)) for _ in range(4)]
    opened = draw(st.one_of(st.just(0.0), st.floats(1e-4, 5.0)))
    rows = (np.array([gate]), gate * m[:, None], np.array([opened]), np.array([-opened * voltage]))
    gating = Gating(*rows, np.array(tonic)[:, None])
    # occupancies of one subunit add up to less than 1
    part = np.array(draw(st.lists(st.floats(0.01, 1.0), min_size=2 * len(found), max_size=2 * len(found))))
    part *= draw(fractions) / part.sum()
    duration = draw(st.sampled_from([1.0, 60.0, 3600.0, DAY]))
    return found, np.array(concentration), gating, part, duration


@settings(max_examples=80, deadline=None)
@given(situations(), st.integers(0, 3))
def test_kernel_equals_slow_twin(situation, subunit):
    """Catches a wrong rate, subunit, voltage or mean, and an exponential that loses digits; block stays in 0-1."""
    found, concentration, gating, part, duration = situation
    n = len(found)
    receptors = prepared(found, (0.5, 0.12, 0.011, 0.01), floor=0.003)
    trapped, superficial = new_block(found)
    trapped[:] = part[:n, None, None]
    superficial[:] = part[n:, None, None] * (receptors.escape > 0)[:, None, None]
    start = np.concatenate([trapped[:, 0, 0], superficial[:, 0, 0]])
    advance_block(concentration, gating, trapped, superficial, receptors, duration)
    numbers = [values[..., 0] for values in gating]
    channel = twin.channel_of(subunit, numbers, receptors.open_probability, 0.003, -70.0, receptors.mg_over_k)
    expected = twin.advance(start, found, concentration, subunit, channel, duration)
    block = np.concatenate([trapped[:, subunit, 0], superficial[:, subunit, 0]])
    # squaring the exponential costs digits in proportion to the step over the fastest time constant (ms here)
    lost = 1e-12 * duration
    assert_allclose(block, expected, rtol=1e-9, atol=lost)
    assert block.min() > -lost
    assert block.sum() < 1.0 + lost


def test_twin_solves_its_equations():
    """Catches a twin that shares a mistake with the kernel's matrix: the same equations through an ODE solver."""
    found = [Blocker(0.6, (0.2, 0.2, 0.3, 0.5), 0.55, 0.0), Blocker(3.0, (1.0, 1.0, 0.6, 0.4), 0.8, 0.4)]
    channel, start = twin.Channel(0.02, 0.06, -60.0), np.array([0.1, 0.2, 0.0, 0.05])
    arguments = (found, [0.3, 2.0], 0, channel)

    def derivative(_time, block):
        return twin.right_hand_side(block, *arguments)

    solution = solve_ivp(derivative, (0, 900), start, "LSODA", rtol=1e-11, atol=1e-14)
    assert_allclose(twin.advance(start, *arguments, 900.0), solution.y[:, -1], rtol=1e-8, atol=1e-12)


def test_one_step_of_six_hours_equals_seconds():
    """Catches a step that is only accurate when it is short, over all 21,600 of them."""
    found = [Blocker(0.6, (0.206, 0.194, 0.319, 0.519), 0.55, 0.0), Blocker(0.6, (1.2, 1.1, 0.9, 0.4), 0.8, 0.3)]
    gating, receptors = clamped(0.05), prepared(found, (0.5, 0.12, 0.011, 0.01))
    concentration = np.array([0.05, 0.2])
    long, short = new_block(found), new_block(found)
    advance_block(concentration, gating, *long, receptors, 21_600.0)
    for _ in range(21_600):
        advance_block(concentration, gating, *short, receptors, 1.0)
    assert long[0].min() > 1e-3
    for one, many in zip(long, short, strict=True):
        assert_allclose(one, many, rtol=1e-9)


def test_closed_channels_keep_what_is_trapped():
    """Catches trapping that leaks: without opening T stays to the last digit for a day, while U goes."""
    found = [Blocker(0.6, (0.33, 0.31, 0.51, 0.83), 0.55, 0.0), Blocker(0.6, (0.9, 0.8, 0.7, 0.6), 0.8, 0.4)]
    receptors, closed = prepared(found), clamped(0.0)
    for concentration in ([0.0, 0.0], [0.5, 0.0], [0.5, 3.0]):
        trapped, superficial = new_block(found)
        trapped[:], superficial[1] = 0.2, 0.1
        before = trapped.copy()
        advance_block(np.array(concentration), closed, trapped, superficial, receptors, DAY)
        assert_allclose(trapped, before, rtol=1e-12)
        if concentration[1] == 0.0:
            assert_allclose(superficial, 0.0, atol=1e-12)


def test_superficial_block_leaves_alone_too():
    """Catches a node that is skipped because nothing is trapped: with channels closed all block is superficial."""
    found = [Blocker(0.6, (0.9, 0.8, 0.7, 0.6), 0.8, 0.4)]
    trapped, superficial = block_after(found, [3.0], clamped(0.0), 60.0)
    assert not trapped.any()
    assert superficial.min() > 1e-3
    advance_block(np.zeros(1), clamped(0.0), trapped, superficial, prepared(found), 60.0)
    assert superficial.max() < 1e-12


def nodes_of(mechanism_parameters=None, drugs=(KETAMINE,)):
    """Mechanism prepared for a PYR, a PV and an SST cell, its readings at rest, and its states."""
    place = setting(*drugs, network=three_nodes(), subject=Subject("rat", 0.3))
    receptors = nmda_blockade.prepare(mechanism_parameters or nmda_blockade.Parameters(), place)
    gate, m = np.array([0.1, 0.05, 0.02]), np.array([0.1, 0.11, 0.12]) + np.array([0.0, 0.02, 0.25, 0.2])[:, None]
    tonic = np.array([0.002, 0.003, 0.004, 0.03])[:, None] * np.ones(3)
    opened = np.array([0.4, 0.3, 0.2])
    readings = [gate, *(gate * m), opened, opened * np.array([58.0, 54.0, 52.0]), tonic]
    free = np.zeros((len(place.blockers), 4, 3))
    states = [free, free.copy(), np.ones((4, 3)), np.ones((4, 3)), np.zeros(3)]
    return place, receptors, readings, states


def test_mg_is_that_of_each_subunit_in_the_network():
    """Catches K_Mg of another subunit, or of the default circuit in a network with its own."""
    _, receptors, _, _ = nodes_of()
    assert receptors.mg_over_k.tolist() == [1.0 / 3.57, 1.0 / 3.1, 1.0 / 21.0, 1.0 / 15.0]
    halves = Receptors(mg=2.0, mg_half_2a=4.0, mg_half_2b=2.0, mg_half_2c=16.0, mg_half_2d=8.0)
    place = setting(network=build(three_nodes().topology, receptors=halves))
    assert nmda_blockade.prepare(nmda_blockade.Parameters(), place).mg_over_k.tolist() == [0.5, 1.0, 0.125, 0.25]


def test_mechanism_gives_each_node_its_own_block():
    """Catches compounds, subunits or nodes that are mixed up between drug files, network and kernel."""
    own = validate(Drug, parse_document(OWN_DRUG))
    place, receptors, readings, states = nodes_of(drugs=(own, KETAMINE))
    concentration = np.zeros(len(place.compounds))
    for name, amount in (("S-ketamine", 0.15), ("R-ketamine", 0.1), ("2R6R-hydroxynorketamine", 2.0), ("parent", 0.2)):
        concentration[place.compounds.index(name)] = amount
    concentration[place.compounds.index("product")] = 50.0  # no blocker
    nmda_blockade.advance(concentration, *readings, *states, receptors, clock(900.0))

    found = blockers_of((own, KETAMINE), place.blockers)
    assert len(found) == 7  # of eight compounds, one that blocks nothing stands between them
    by_blocker = [concentration[place.compounds.index(name)] for name in place.blockers]
    shares = np.array([[0.55, 0.45, 0.0, 0.0], [0.5, 0.25, 0.0, 0.25], [0.25, 0.55, 0.0, 0.2]]).T
    unblocked = np.ones((4, 3))
    for node, rest in enumerate((-70.0, -68.0, -64.0)):
        for subunit in range(4):
            if shares[subunit, node] > 0.0:
                gate, *m, opened, current, tonic = (values[..., node] for values in readings)
                numbers = gate, m, opened, current, tonic
                channel = twin.channel_of(subunit, numbers, (0.5, 0.12, 0.011, 0.01), 0.003, rest, receptors.mg_over_k)
                block = twin.advance(np.zeros(14), found, by_blocker, subunit, channel, 900.0)
                unblocked[subunit, node] = 1.0 - block.sum()
    assert unblocked.min(axis=0).max() < 0.95  # every node has something to be wrong about
    for free in states[2:4]:
        assert_allclose(free, unblocked, rtol=1e-9)
    assert_allclose(states[4], 1.0 - (shares * unblocked).sum(axis=0), rtol=1e-8)


@pytest.mark.parametrize(("receptors", "reached"), [("synaptic", 2), ("extrasynaptic", 3)])
def test_block_of_one_kind_of_receptor_leaves_the_other_its_current(receptors, reached):
    """Catches a control that blocks both, neither, or the wrong kind, or that changes how blockers bind."""
    place, both, readings, wanted = nodes_of()
    concentration = np.full(len(place.compounds), 0.3)
    nmda_blockade.advance(concentration, *readings, *wanted, both, clock(3600.0))
    _, one, _, states = nodes_of(nmda_blockade.Parameters(receptors=receptors))
    nmda_blockade.advance(concentration, *readings, *states, one, clock(3600.0))
    assert wanted[2][:2].max() < 0.99
    for index in (0, 1, reached):
        assert_array_equal(states[index], wanted[index])
    assert_array_equal(states[5 - reached], 1.0)
    # what eEF2 follows is transmission at synapses
    assert_array_equal(states[4], wanted[4] if receptors == "synaptic" else 0.0)


def test_only_the_named_cells_are_reached():
    """Catches ``cells`` that is ignored: the others must stay as they were, to the last bit."""
    place, receptors, readings, states = nodes_of(nmda_blockade.Parameters(cells=("PV", "SST")))
    nmda_blockade.advance(np.full(len(place.compounds), 0.3), *readings, *states, receptors, clock(3600.0))
    assert states[4][0] == 0.0
    assert not states[0][:, :, 0].any()
    assert states[4][1:].min() > 0.01


def test_without_drug_nothing_is_blocked():
    """Catches a neutral value that drifts, and a run without blockers that breaks."""
    place, receptors, readings, states = nodes_of()
    nmda_blockade.advance(np.zeros(len(place.compounds)), *readings, *states, receptors, clock(DAY))
    for free in states[2:4]:
        assert_array_equal(free, 1.0)
    assert_array_equal(states[4], 0.0)
    _, receptors, readings, states = nodes_of(drugs=())
    nmda_blockade.advance(np.zeros(0), *readings, *states, receptors, clock(DAY))
    assert_array_equal(states[2], 1.0)


def test_a_step_of_no_length_keeps_block_and_balances_the_rest():
    """Catches block that moves at start-up, and an unblocked fraction that lags the block."""
    place, receptors, readings, states = nodes_of()
    states[0][0] = 0.2
    nmda_blockade.advance(np.full(len(place.compounds), 5.0), *readings, *states, receptors, clock(0.0))
    assert_allclose(states[0][0], 0.2, rtol=1e-15)
    assert_allclose(states[0][1:], 0.0, atol=1e-16)
    for free in states[2:4]:
        assert_allclose(free, 0.8, rtol=1e-14)
    assert_allclose(states[4], 0.2, rtol=1e-13)


def test_it_needs_a_network():
    """Catches block on nodes that do not exist."""
    with pytest.raises(ValueError, match="cannot run without a network"):
        nmda_blockade.prepare(nmda_blockade.Parameters(), setting(KETAMINE))


def test_an_impossible_concentration_is_refused_by_name():
    """Catches numbers that are none any more and spread through the network."""
    found = [Blocker(k_on=0.6, ic50=(0.33, 0.31, 0.51, 0.83), delta=0.55, sigma=0.0)]
    gate, unblocked, *rest = clamped(0.5)
    states = (*new_block(found), np.ones((4, 1)), np.ones((4, 1)), np.zeros(1))
    with pytest.raises(KetasimError, match="nmda_blockade: block at node 0 is no longer finite"):
        nmda_blockade.advance(np.array([np.inf]), gate, *unblocked, *rest, *states, prepared(found), clock(60.0))
