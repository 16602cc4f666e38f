"""Spines at rest with the library's parameters; spines of afferents; what raises and lowers formation and promotion."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

from ketasim.documents import KetasimError
from ketasim.kernels.spine_births import new_clocks, nothing_lost
from ketasim.kernels.spine_turnover import BORN, initial_edges, slow_step
from ketasim.mechanisms import synaptogenesis
from ketasim.mechanisms.synaptogenesis import Parameters, formation_rate, founding, solved_rates, turnover
from ketasim.signals import SIGNALS
from tests.kernels.spines import DAY, Tables, advance, drive, random_edges, sheet
from tests.mechanisms.subjects import clock, setting, three_nodes
from tests.reference.spine_turnover import stages_after

HOUR = 3600.0
DEFAULT = Parameters()


def table_at_rest(n, degree, seed):
    """Spines of n neurons as a run starts with them: log-normal weights of mean 1, stages drawn for them."""
    rng = np.random.default_rng(seed)
    weight = np.exp(0.93 * rng.standard_normal(n * n) - 0.5 * 0.93**2)
    edges = random_edges(n, degree / n, seed)
    weight = weight[: edges.source.size]
    found = turnover(DEFAULT, weight)
    synapses = edges.source, edges.target, weight, edges.delay
    edges = initial_edges(synapses, found.stage_probability(np.log(weight)), seed)
    return Tables(edges, nothing_lost(), new_clocks(n, seed)), found.rates


def measures(edges, start):
    """Density, shares of stages, mean weight, mean and SD of ln w, share of the first spines that is left."""
    share = np.bincount(edges.stage, minlength=3) / edges.source.size
    left = np.count_nonzero(edges.key_a < BORN) / start
    size = edges.log_weight
    return np.array([edges.source.size / start, *share, np.exp(size).mean(), size.mean(), size.std(), left])


def test_spines_at_rest_stay_at_rest():
    """Catches a start, a rate or a weight that drifts: 1e5 spines for 60 d in steps of 6 h (4 s).

    Density, shares, mean weight and mean ln w keep their values to within four errors of sampling, SD(ln w) to 0.01,
    since selection takes 0.0035 of it. Of the first spines, 0.9786, 0.8454 and 0.8258 are left after 1, 21 and 28 d;
    hazards that spare no size would leave 0.978, 0.841 and 0.822.
    """
    n, days = 1000, 60
    world, rates = table_at_rest(n, 100.0, 1)
    start = world.edges.source.size
    degree = np.bincount(world.edges.target, minlength=n)
    rows = {0: measures(world.edges, start)}
    for number in range(4 * days):
        density = np.bincount(world.edges.target, minlength=n) / degree
        now = drive(n, formation=formation_rate(DEFAULT, np.ones(n), density) * degree)
        world, _, _ = advance(world, sheet(n), rates, now, slow_step(1, number * DAY // 4, 0.25))
        rows[(number + 1) / 4] = measures(world.edges, start)
    share = np.array([0.05, 0.12, 0.83])
    errors = np.array([0.0020, *np.sqrt(share * (1.0 - share) / start), 1.17 / start**0.5, 0.93 / start**0.5])
    for day in (0, 1, 10, 28, 60):
        drift = rows[day][:6] - [1.0, *share, *rows[0][4:6]]
        assert (np.abs(drift) < 4.0 * errors).all(), (day, drift / errors)
        assert abs(rows[day][6] - 0.93) < 0.01
    for day, expected in ((1, 0.9786), (21, 0.8454), (28, 0.8258)):
        assert abs(rows[day][7] - expected) < 4.0 * np.sqrt(expected * (1.0 - expected) / start), day


def test_survival_of_spines_that_size_does_not_protect():
    """Catches other stages: 0.841 and 0.822 of spines are left after 21 and 28 d, 2.2 % are lost in one (matrix)."""
    from scipy.linalg import expm

    rates = solved_rates(DEFAULT)
    matrix = np.diag(-(rates.elimination + rates.promotion)) + np.diag(rates.promotion[:2], -1)
    left = [(expm(matrix * days) @ rates.share).sum() for days in (1, 21, 28)]
    assert_allclose(left, [0.978, 0.841, 0.822], atol=5e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"transient_share": 0.5, "consolidating_share": 0.6}, "must leave room for persistent spines"),
        ({"transient_share": 0.01, "consolidating_share": 0.4}, "cannot be stationary"),
    ],
)
def test_shares_without_rest_are_refused(changes, words):
    """Catches negative rates that would be run."""
    with pytest.raises(KetasimError, match=words):
        solved_rates(DEFAULT._replace(**changes))


def node_signals(**changes):
    """Signals of three nodes, PYR, PV and SST, in the order in which `advance` takes them."""
    names = (*synaptogenesis.MECHANISM.reads, *synaptogenesis.MECHANISM.writes, *synaptogenesis.MECHANISM.scales)
    signals = {name: np.ones((3,) * len(SIGNALS[name].dims)) for name in names}
    return signals | {name: value * np.ones_like(signals[name]) for name, value in changes.items()}


def advanced(signals, hours, parameters=DEFAULT):
    signals = {name: array.copy() for name, array in signals.items()}
    prepared = synaptogenesis.prepare(parameters, setting(network=three_nodes()))
    synaptogenesis.advance(*signals.values(), prepared, clock(hours * HOUR))
    return signals


@pytest.mark.parametrize("protein", [0.0, 0.6, 1.0, 1.3, 2.0])
@pytest.mark.parametrize(("hours", "formation", "elimination"), [(0.01, 1.0, 1.0), (6.0, 0.3, 2.0), (240.0, 1.7, 0.4)])
def test_afferent_spines_equal_an_ode_solver(protein, hours, formation, elimination):
    """Catches a wrong rate, share or power, a port on another rate, and a step that is not exact."""
    start = np.array([0.7, 1.2, 0.9])
    rates = solved_rates(DEFAULT)
    gains = {"formation_gain": formation, "elimination_gain": elimination * np.array([1.0, 1.5, 0.5])}  # by stage
    expected = stages_after(rates.share * start, protein, DEFAULT, rates, hours / 24.0, **gains) / rates.share
    ports = {"spine_formation_gain": np.array([formation, 1.0, 1.0]), "spine_elimination_gain": np.ones((3, 3))}
    ports["spine_elimination_gain"][:, 0] = gains["elimination_gain"]
    nascent = founding(DEFAULT, np.array([protein]))  # has been so for days
    signals = node_signals(synaptic_protein=protein, nascent_spines=nascent, afferent_spines=start[:, None], **ports)
    found = advanced(signals, hours)["afferent_spines"]
    assert_allclose(found[:, 0], expected, rtol=1e-8)
    assert_array_equal(found[:, 1:], np.tile(start, (2, 1)).T)


@pytest.mark.parametrize("hours", [0.0, 0.5, 4.0, 30.0])
def test_nascent_spines_equal_an_ode_solver(hours):
    """Catches a stage left out, another order or time, and a step that is not exact: three stages of 4 h in a row."""
    start, protein = np.array([1.3, 0.8, 1.1]), 1.04
    founded = 1.0 + 40.0 * 0.04

    def slope(_, x):
        return (np.array([founded, x[0], x[1]]) - x) / 4.0

    expected = solve_ivp(slope, (0.0, hours), start, rtol=1e-11, atol=1e-13).y[:, -1]
    found = advanced(node_signals(synaptic_protein=protein, nascent_spines=start[:, None]), hours)["nascent_spines"]
    assert_allclose(found[:, 0], expected, rtol=1e-8)
    assert_array_equal(found[:, 1:], np.tile(start, (2, 1)).T)


def test_spines_come_half_a_day_after_protein():
    """Catches formation that follows at once: of 1 h of protein a fifth is there at 6 h, half at 11 h."""
    signals = node_signals(synaptic_protein=1.1)
    signals = advanced(signals, 1.0)
    signals["synaptic_protein"][:] = 1.0
    arrived = [0.0]
    for _ in range(60):
        signals = advanced(signals, 1.0)
        arrived.append(arrived[-1] + signals["nascent_spines"][-1, 0] - 1.0)
    share = np.array(arrived) / arrived[-1]
    assert share[5] < 0.2 and share[2] < 0.05
    assert 9 <= np.searchsorted(share, 0.5) <= 12
    at_once = advanced(node_signals(synaptic_protein=1.1), 0.5, DEFAULT._replace(nascent_time=0.0))
    assert_allclose(at_once["nascent_spines"][:, 0], 5.0)


def test_protein_protects_transient_spines_alone():
    """Catches protection of old spines, one that acts on rest, or grows without bound when protein is low."""
    protein = np.array([0.5, 1.0, 1.1, 3.0])
    gain = synaptogenesis.elimination_gain(DEFAULT, protein)
    assert_array_equal(gain[1:], 1.0)
    assert_allclose(gain[0], [2.0, 1.0, 1.0 / 3.0, 2.0 / 82.0])
    assert_array_equal(synaptogenesis.elimination_gain(DEFAULT._replace(young_protection=0.0), protein), 1.0)


def test_afferent_spines_at_rest_stay_there():
    """Catches a residue of rounding that grows: a year in steps of 6 h."""
    signals = node_signals()
    for _ in range(4 * 365):
        signals = advanced(signals, 6.0)
    assert_array_equal(signals["nascent_spines"], 1.0)
    assert_allclose(signals["afferent_spines"], 1.0, rtol=1e-12)
    assert_allclose(signals["afferent_gain"], 1.0, rtol=1e-9)  # scaled at every step here


def test_afferent_gain_is_their_density():
    """Catches a gain that leaves a stage out, or is not scaled on; no length of step, no change of stages."""
    signals = node_signals(afferent_spines=np.array([[2.0], [1.5], [1.0]]), afferent_gain=0.5)
    found = advanced(signals, 0.0)
    assert_array_equal(found["afferent_spines"], signals["afferent_spines"])
    assert_allclose(found["afferent_gain"], [0.5 * (1.0 + 0.05 + 0.06), 0.5, 0.5])


def test_afferent_spines_can_be_held():
    """Catches a switch that leaves the gain on."""
    signals = node_signals(synaptic_protein=1.5, afferent_spines=1.2)
    found = advanced(signals, 24.0, DEFAULT._replace(afferent_spines=False))
    assert_array_equal(found["afferent_spines"], 1.2)
    assert_array_equal(found["afferent_gain"], 1.0)


@pytest.mark.parametrize("start", [0.5, 1.4, 1.5, 3.0])
def test_density_does_not_pass_its_limit(start):
    """Catches formation that goes on, or turns into loss, above n_max: there spines are only lost."""
    signals = node_signals(synaptic_protein=3.0, afferent_spines=start)
    share = solved_rates(DEFAULT).share
    before = start
    for _ in range(20):
        signals = advanced(signals, 24.0)
        density = share @ signals["afferent_spines"][:, 0]
        assert density < max(before, 1.5)
        if before > 1.5:
            assert density / before > 0.95  # 2.5 % a day at rest
        before = density
    assert (signals["afferent_spines"] > 0.0).all()


def test_trace_of_activity():
    """Catches another time than 12 h, and a silent node that would divide by zero."""
    signals = node_signals(firing_rate=3.0, firing_rate_baseline=2.0)
    assert_allclose(advanced(signals, 12.0)["activity_trace"], [1.5 - 0.5 / np.e, 1.0, 1.0])
    assert_array_equal(advanced(node_signals(firing_rate=3.0, firing_rate_baseline=0.0), 12.0)["activity_trace"], 1.0)


def test_formation_follows_founding_and_room():
    """Catches a wrong gain or room: 0.025 /d at rest, times 1 + 40 (S - 1), times 2 (1.5 - n), never negative."""
    protein, density = np.array([1.0, 1.2, 1.0, 1.0, 2.0, -0.1, 0.98]), np.array([1.0, 1.0, 0.9, 1.25, 1.6, 1.0, 1.0])
    expected = 0.025 * np.array([1.0, 9.0, 1.2, 0.5, 0.0, 0.0, 0.2])
    assert_allclose(formation_rate(DEFAULT, founding(DEFAULT, protein), density), expected, atol=1e-15)
    assert_array_equal(founding(DEFAULT._replace(formation_gain=0.0), protein), 1.0)
    assert_allclose(synaptogenesis.promotion_gain(DEFAULT, protein), [1.0, 1.2, 1.0, 1.0, 2.0, 0.0, 0.98])


def test_rates_of_afferents_balance():
    """Catches a rate that counts another stage: what forms less what is lost is the change of density."""
    spines = np.array([[1.4], [1.2], [0.97]])
    signals = node_signals(
        afferent_spines=spines, synaptic_protein=1.1, spine_formation_gain=1.3, spine_elimination_gain=0.6
    )
    signals["nascent_spines"][:] = 3.0
    found = synaptogenesis.afferent_rates(DEFAULT, signals, slice(0, 1))
    after = advanced(signals, 1e-3)["afferent_spines"][:, :1]
    change = (solved_rates(DEFAULT).share @ (after - spines))[0] / (1e-3 / 24.0)
    assert_allclose(found["spine_formation_rate"] - found["spine_elimination_rate"], change, rtol=1e-4)
    assert_allclose(synaptogenesis.afferent_density(DEFAULT, spines), 0.05 * 1.4 + 0.12 * 1.2 + 0.83 * 0.97)


@pytest.mark.parametrize("seconds", [60, 600])
def test_noise_of_rates_does_not_drive(seconds):
    """Catches a rectified drive: Poisson counts at 2 Hz leave the mean of promotion and of Hebbian growth at baseline.

    Within 0.5 % of baseline for promotion; for ln w less than 0.5 % of the mean weight.
    """
    rng = np.random.default_rng(1)
    source, target = (synaptogenesis.deviation(rng.poisson(2.0 * seconds, 200_000) / (2.0 * seconds)) for _ in range(2))
    together = source * target
    promotion = np.maximum(0.0, 1.0 + DEFAULT.correlation_gain * together)
    assert abs(promotion.mean() - 1.0) < 0.005
    assert abs(DEFAULT.hebbian_rate * DEFAULT.weight_time * together.mean()) < 0.005


@pytest.mark.parametrize("spread", [0.0, 0.5, 0.93])
def test_sizes_fluctuate_as_they_are_spread_in_the_graph(spread):
    """Catches a given graph that is not at rest because its weights tend to another spread, or another mean."""
    weight = 2.0 * np.exp(spread * np.random.default_rng(3).standard_normal(20_000) - 0.5 * spread**2)
    found = turnover(Parameters(), weight)
    assert found.rates.sd_log_weight == pytest.approx(max(spread, 0.05), rel=0.02)
    size = np.exp(found.rest.y + found.rates.mean_log_weight)
    density = found.rest.density.sum(axis=0)
    assert (size * density).sum() / density.sum() == pytest.approx(weight.mean(), rel=1e-3)
