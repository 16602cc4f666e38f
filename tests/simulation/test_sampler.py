"""When the network is run, for how long it settles, and what is known of it meanwhile."""

import copy
import math

import numpy as np
import pytest

from ketasim.documents import KetasimError
from ketasim.engines import Inputs, SpikingEngine
from ketasim.simulation import Simulation, estimates
from ketasim.simulation.sampler import relative_change
from tests.simulation.sampling import WITHOUT_LIMIT, broken_means, changed, differing

#: What goes on at rest: spines are born and die, and their sizes fluctuate.
TURNOVER = {
    "spine_density",
    "spine_density_circuit",
    "spine_formation_rate",
    "spine_elimination_rate",
    "synaptic_weight",
}


def times_run(sampler, signals, times):
    """Those of the times (s) at which a window is run."""
    fresh = []
    for time in times:
        sampler.sample(time, signals, WITHOUT_LIMIT)
        if sampler.fresh:
            fresh.append(time)
    return fresh


def test_a_vehicle_skips_all_windows_and_stays_at_rest(resting):
    """Catches windows run for nothing, and estimates that drift where nothing happens."""
    simulation = Simulation(resting())
    simulation.measure_baseline()
    before = simulation.sampler.estimates.arrays()
    signals = {name: array.copy() for name, array in simulation.signals.items()}
    simulation.advance("1 h")
    assert (simulation.sampler.windows_run, simulation.sampler.windows_skipped) == (0, 13)
    assert differing(before, simulation.sampler.estimates.arrays()) == []
    for name in simulation.signals.keys() - TURNOVER:
        assert np.array_equal(simulation.signals[name], signals[name]), name
    assert simulation.signals["glutamate_perisynaptic"].tolist() == [1.0] * 40


def test_never_skipping_runs_every_window(resting):
    """Catches a switch that is not asked, and windows that are counted wrongly."""
    simulation = Simulation(resting({"skip": False}, duration="20 min"))
    simulation.advance("20 min")
    assert (simulation.sampler.windows_run, simulation.sampler.windows_skipped) == (5, 0)
    assert simulation.sampler.network_time == pytest.approx(2.0 + 60.0 + 5 * 1.0 + 4 * 0.05)


@pytest.mark.parametrize("baseline", [40, 59, 61])
def test_windows_are_run_until_there_are_60_s(sampler, baseline):
    """Catches skipping on a baseline too short to rest on, and a rule that never ends."""
    short, signals = sampler(baseline=f"{baseline} s")
    times = [2.0 * index for index in range(30)]
    wanted = max(0, 60 - baseline)
    assert times_run(short, signals, times) == times[:wanted]
    assert short.estimates.memory == max(60.0, baseline)
    assert short.windows_skipped == 30 - wanted


def test_windows_are_spaced_while_inputs_stay(sampler):
    """Catches a spacing that drifts later with every window, and one that holds back a window when inputs change."""
    spaced, signals = sampler(baseline="40 s", spacing="30 s")
    assert times_run(spaced, signals, [10.0 * index for index in range(13)]) == [30.0, 60.0, 90.0, 120.0]
    gains = [0.999, 0.998, 0.997, 0.996]  # 0.3 and 0.4 % from the last window, and from the baseline
    creeping = [changed(signals, release_gain=gain) for gain in gains]
    fresh = [times_run(spaced, one, [121.0 + 5.0 * index]) != [] for index, one in enumerate(creeping)]
    assert fresh == [False, False, True, False]


def test_spaced_windows_count_for_as_many_hours(sampler):
    """Catches estimates that lag the more the fewer windows are run: 30 s of hourly windows, 10 s of one in 3 h."""
    for spacing, share, kept in (("0 s", WITHOUT_LIMIT, 30.0), ("3 h", WITHOUT_LIMIT, 10.0), ("0 s", 1.0 / 3.0, 10.0)):
        moving, signals = sampler(spacing=spacing)
        drugged = changed(signals, nmda_unblocked=0.8)
        for index in range(60):  # a budget's share of hourly steps, or a spacing of them
            moving.sample(3.0 * 3600.0 * index, drugged, WITHOUT_LIMIT, share)
        assert moving.estimates.memory == pytest.approx(kept + 1.0, rel=0.2)


def test_what_moves_the_network_makes_it_run(sampler):
    """Catches a class, or the release gain, that nobody watches, and a tolerance of another size."""
    for name, classes in (("nmda_unblocked", (0, 1, 2)), ("release_gain", (0, 1, 2))):
        for index in classes:
            for factor, runs in ((0.9976, False), (0.994, True), (1.006, True)):
                moving, signals = sampler()
                moved = copy.deepcopy(signals)
                moved[name][..., moving.engine.topology.population == index] *= factor
                # of the PYR drive 2 % is tonic, which `nmda_unblocked` leaves alone
                assert bool(times_run(moving, moved, [0.0])) == runs, (name, index, factor)
                assert moving.estimates.memory == (3.0 if runs else 60.0)


def test_a_creeping_change_is_seen(sampler):
    """Catches each step compared with the one before: none of them is larger than the tolerance."""
    moving, signals = sampler()
    gains = [1.0 - 0.001 * index for index in range(10)]
    fresh, memory = [], []
    for index, gain in enumerate(gains):
        moving.sample(300.0 * index, changed(signals, release_gain=gain), WITHOUT_LIMIT)
        fresh.append(moving.fresh)
        memory.append(moving.estimates.memory)
    assert fresh == [False] * 3 + [True] * 7
    # the baseline counts on after 0.3 %, for it was near enough; after 0.6 % only the windows since, after 0.9 % again;
    # away from rest memory beyond 30 s fades by exp(-300 s / 12 h) between two times
    fading = np.exp(-300.0 / 43_200.0)
    creeping = [61.0, 61.0 * fading + 1.0, (61.0 * fading + 1.0) * fading + 1.0]
    assert memory == pytest.approx([60.0] * 3 + creeping + [4.0, 5.0, 6.0, 4.0], abs=1e-9)


def test_what_is_known_of_a_state_that_is_not_rest_fades(sampler):
    """Catches errors of single neurons that stay for days, in which slow mechanisms integrate them."""
    moving, signals = sampler()
    drugged = changed(signals, nmda_unblocked=0.8)
    times_run(moving, drugged, [10.0 * index for index in range(60)])
    for hours in (13.0, 26.0, 39.0):
        moving.sample(3600.0 * hours, drugged, WITHOUT_LIMIT)
        assert (moving.fresh, moving.estimates.memory) == (True, 31.0)  # 30 s are kept
    resting, signals = sampler()
    for hours in (13.0, 26.0):
        resting.sample(3600.0 * hours, signals, WITHOUT_LIMIT)
        assert (resting.fresh, resting.estimates.memory) == (False, 60.0)


def test_a_jump_leaves_nothing_of_what_was_known(sampler):
    """Catches windows of another state that count on because the state before was known for long."""
    for gain, memory in ((0.9955, 61.0), (0.9945, 3.0)):
        moving, signals = sampler()
        moving.sample(0.0, changed(signals, release_gain=gain), WITHOUT_LIMIT)
        assert moving.estimates.memory == memory


def test_a_new_state_is_known_after_60_s_and_rest_is_known_at_once(sampler):
    """Catches windows without end in a state that stays, and a baseline that is measured again, or not recalled."""
    moving, signals = sampler()
    rest = moving.estimates.signals()
    drugged = changed(signals, nmda_unblocked=0.8)
    times = [10.0 * index for index in range(70)]
    assert times_run(moving, drugged, times) == times[:59]  # 2 s are kept, and 0.4 s fade away
    assert differing(rest, moving.estimates.signals()) != []
    assert times_run(moving, signals, [700.0, 710.0]) == []
    for name, values in moving.estimates.signals().items():
        assert values == pytest.approx(rest[name], rel=1e-4, abs=1e-6), name
    assert moving.estimates.worth == pytest.approx(60.0, abs=1e-3)
    assert times_run(moving, drugged, [720.0]) == [720.0]
    assert moving.estimates.worth == pytest.approx(1.0, abs=1e-3)


def test_near_rest_is_measured(sampler):
    """Catches a baseline that takes the place of what is measured as soon as inputs are within the tolerance.

    At 0.1 % from rest the baseline of 60 s is worth 10 s (12.5 s by distance), as 2 s are left at the tolerance of
    0.25 %; the 2 s of the drugged state, 20 % away, are worth nothing there. 50 windows make it 60 s.
    """
    moving, signals = sampler()
    times_run(moving, changed(signals, nmda_unblocked=0.8), [0.0, 10.0, 20.0])
    near = changed(signals, release_gain=0.999)
    times = [30.0 + 10.0 * index for index in range(70)]
    run = times_run(moving, near, times)
    assert moving.estimates.prior == pytest.approx(1.0 / (1.0 / 60.0 + 1.0 / 12.5))
    assert run[:50] == times[:50]
    assert len(run) <= 52  # what fades is measured again
    far, _ = sampler()
    times_run(far, changed(signals, release_gain=0.99), [0.0, 10.0, 20.0])
    times_run(far, changed(signals, release_gain=0.9999), [30.0])
    assert far.estimates.memory == pytest.approx(1.12, abs=0.02)  # 2 s at the tolerance are 0.12 s at 1 %; one window


def test_what_has_only_crept_from_rest_comes_back_to_the_baseline(sampler):
    """Catches a resting network that loses the precision of its baseline by fluctuating about the tolerance."""
    moving, signals = sampler()
    rest = moving.estimates.arrays()
    times_run(moving, changed(signals, release_gain=0.996), [0.0, 10.0])
    assert times_run(moving, changed(signals, release_gain=0.999), [20.0]) == []
    assert differing(rest, moving.estimates.arrays()) == []
    times_run(moving, changed(signals, release_gain=0.994), [30.0])  # farther than twice the tolerance
    times_run(moving, changed(signals, release_gain=0.999), [40.0])
    assert differing(rest, moving.estimates.arrays()) != []


def test_stimuli_count_as_moved_and_then_as_rest(sampler):
    """Catches a stimulus that nobody notices, whose windows stay in what is known of rest."""
    driven, signals = sampler()
    strong, weak = (signals | {"afferent_rate": np.array([rate, 0.0, 0.0])} for rate in (0.3, 1e-3))  # 1/ms
    rest = driven.estimates.signals()
    assert times_run(driven, strong, [0.0]) == [0.0]
    before = driven.estimates.baseline["firing_rate"][driven.engine.topology.population == 0].mean()
    assert driven.window.population["firing_rate"][0] > 1.2 * before
    assert times_run(driven, signals, [3.0, 10.0]) == []
    assert differing(rest, driven.estimates.signals()) == []
    assert times_run(driven, weak, [20.0, 25.0]) == [20.0, 25.0]
    assert times_run(driven, signals, [30.0]) == []
    assert differing(rest, driven.estimates.signals()) == []


@pytest.mark.parametrize(
    ("budget", "step", "cut"),
    [(1, "1 min", 700.0), (4, "auto", 20.0), (7, "1 min", 1800.0), (16, "3 min", 95.0), (25, "auto", 130.0)],
)
def test_a_budget_bounds_windows_and_spreads_them(resting, budget, step, cut):
    """Catches a budget that is spent at the start, overdrawn, or not used."""
    simulation = Simulation(resting({"skip": False, "budget": budget, "step": step}, duration="30 min"))
    sampler = simulation.sampler
    sampler.estimates, runs = estimates.Estimates.from_arrays(dict(EMPTY)), []
    nothing = Inputs(np.zeros((3, 1)), np.zeros((1, 1)))
    sampler.engine.inputs = lambda signals, baseline: nothing
    sampler._rest = sampler._known_for = sampler._inputs = nothing

    def count(first, signals, inputs):
        sampler.windows_run += 1
        runs.append(first / 1e4)

    sampler._run_window, simulation._read_estimates = count, lambda: None
    simulation.advance_mechanisms = lambda duration: None
    simulation._baseline_done = True
    times = simulation.schedule
    simulation._sample()
    while simulation.time < 1800.0:
        simulation.advance(cut)  # pieces that cut steps
        passed = np.searchsorted(times, simulation.time, side="right")
        assert len(runs) <= math.ceil(budget * passed / times.size)
    assert len(runs) == sampler.windows_run <= budget
    assert len(runs) >= min(budget, times.size) - 1
    if 1 < budget < times.size:
        places = np.searchsorted(times, np.array(runs) + 1e-3, side="right") - 1
        assert np.max(np.diff(places)) <= math.ceil(times.size / budget)


EMPTY = {f"{table}/nothing": np.zeros(1) for table in estimates._TABLES}
EMPTY |= {
    "memory": np.array(90.0),
    "baseline_memory": np.array(90.0),
    "prior": np.array(0.0),
    "class_start": np.array([0, 1]),
}


def test_settling_depends_on_the_size_of_the_change(sampler, monkeypatch):
    """Catches synapses that have not settled after a large change, and seconds spent on a small one."""
    settled, measured = [], []
    settle, measure = SpikingEngine.settle, SpikingEngine.measure

    def note(self, signals, first_step, n_steps):
        settled.append(n_steps)
        settle(self, signals, first_step, n_steps)

    def note_start(self, signals, first_step, n_steps, traces):
        measured.append(first_step)
        return measure(self, signals, first_step, n_steps, traces)

    moving, signals = sampler(skip=False)
    monkeypatch.setattr(SpikingEngine, "settle", note)
    monkeypatch.setattr(SpikingEngine, "measure", note_start)
    for time, factors in (
        (0.0, {"nmda_unblocked": 0.5}),  # without a gap after the baseline
        (10.0, {"nmda_unblocked": 0.52}),
        (20.0, {"nmda_unblocked": 0.6}),
        (30.0, {"nmda_unblocked": 0.6, "release_gain": 0.96}),
        (40.0, {"nmda_unblocked": 0.6, "release_gain": 0.9}),
        (43.0, {}),  # 10 s on would be 10.05; here the last window ends at 43 s
        (60.0, {}),
    ):
        moving.sample(time, changed(signals, **factors), WITHOUT_LIMIT)
    assert settled == [500, 20_000, 500, 20_000, 500]
    assert measured == [0, 100_500, 220_000, 300_500, 420_000, 430_000, 600_500]
    long, signals = sampler(skip=False, settle="3 s")
    settled.clear()
    long.sample(10.0, changed(signals, nmda_unblocked=0.5), WITHOUT_LIMIT)
    assert settled == [30_000]


def test_a_window_reaches_into_no_other(sampler):
    """Catches noise that is seen twice, and a stimulus that is passed over inside a window."""
    moving, signals = sampler(skip=False)
    assert times_run(moving, signals, [0.0, 0.5, 1.0, 1.99, 2.01, 9.9]) == [0.0, 1.0, 2.01, 9.9]
    driven = signals | {"afferent_rate": np.array([0.05, 0.0, 0.0])}
    with pytest.raises(KetasimError, match=r"a stimulus starts or ends at t = 10\.5 s, inside the last window"):
        moving.sample(10.5, driven, WITHOUT_LIMIT)


def test_a_mean_that_is_no_number_stops_the_run(sampler, monkeypatch):
    """Catches a rate or drive that overflows while every membrane is fine, and enters the estimates."""
    moving, signals = sampler(skip=False)
    before = moving.estimates.arrays()
    broken_means(monkeypatch)
    with pytest.raises(KetasimError, match=r"the network made 'nmda_gating' inf at t = 11\.05 s at node 5 of PYR"):
        moving.sample(10.0, signals, WITHOUT_LIMIT)
    assert differing(before, moving.estimates.arrays()) == []


def test_relative_change_is_the_largest_of_all():
    """Catches a mean over classes, a change down that is no change, and a division by nothing."""
    before = np.array([[2.0, -4.0], [0.0, 1.0]])
    assert relative_change(before, before) == 0.0
    assert relative_change(before, before + np.array([[0.0, 1.0], [0.0, 0.0]])) == 0.25
    assert relative_change(before, before - np.array([[0.5, 0.0], [0.0, 0.0]])) == 0.25
    assert relative_change(before, before + np.array([[0.0, 0.0], [0.2, 0.0]])) == 0.2
    assert relative_change(np.empty(0), np.empty(0)) == 0.0
