"""The loop one can hold: pieces, doses given by hand, state, order of mechanisms, gaps between windows."""

import copy
from itertools import permutations

import numpy as np
import pytest

import ketasim
from ketasim.documents import DocumentError, KetasimError
from ketasim.kernels.spiking_network import Activity
from ketasim.mechanisms import ORDER
from ketasim.simulation import Simulation
from ketasim.storage import digest


def states_equal(first, second):
    assert first.keys() == second.keys()
    return [name for name in first if not np.array_equal(first[name], second[name], equal_nan=True)]


def test_order_of_mechanisms_changes_no_bit(small, small_file, tmp_path, monkeypatch):
    """Catches a mechanism that reads what another has just written."""
    orders = [ORDER[::-1], ORDER[2:] + ORDER[:2], list(permutations(ORDER))[77]]
    for number, order in enumerate(orders):
        monkeypatch.setattr("ketasim.simulation.roster.ORDER", tuple(order))
        path = tmp_path / f"{number}.h5"
        ketasim.run(small(), path).close()
        assert digest(path) == digest(small_file)


def test_pieces_that_end_with_steps_change_no_bit(small):
    """Catches state that is lost or windows that are run again between two calls of `advance`."""
    whole, pieces = Simulation(small()), Simulation(small())
    whole.advance("20 min")
    for _ in range(4):
        pieces.advance(300.0)
    assert pieces.time == whole.time == 1200.0
    assert states_equal(whole.state, pieces.state) == []


def test_pieces_that_cut_steps_conserve_the_dose(small):
    """Catches an infusion or bolus lost or doubled where a step is cut, and time that drifts."""
    bolus = {"drug": "ketamine", "route": "intravenous", "amount": "10 mg", "start": "7 min"}
    experiment = small(network="none", doses=[small().resolved()["doses"][0], bolus])
    whole, pieces = Simulation(experiment), Simulation(experiment)
    whole.advance("20 min")
    for seconds in (100.0, 320.0, 0.5, 179.5, 0.0, 400.0, 1e9):
        pieces.advance(seconds)
    assert pieces.time == 1200.0
    amounts = pieces.signals["drug_amount"]
    assert amounts == pytest.approx(whole.signals["drug_amount"], rel=1e-10)
    assert amounts[[not name.endswith("effect") for name in pieces.compartments.names]].sum() > 44.0


def test_a_dose_by_hand_is_the_dose_of_a_file(small):
    """Catches a dose by hand at the wrong time, of the wrong size, or without its infusion, in a run of saline."""
    saline = [{"drug": "saline", "route": "intravenous", "duration": "10 min"}]
    ketamine = [{"drug": "ketamine", "route": "oral", "amount": "0.5 mg/kg", "start": "5 min"}]
    ketamine.append(
        {"drug": "ketamine", "route": "intravenous", "amount": "7 mg", "start": "7 min", "duration": "2 min"}
    )
    by_file = Simulation(small(network="none", doses=ketamine))
    by_hand = Simulation(small(network="none", doses=saline))
    assert by_hand.signals["plasma_concentration"].size == 0
    by_hand.advance("5 min")
    by_hand.dose("ketamine", "0.5 mg/kg", "oral")
    by_hand.advance("2 min")
    by_hand.dose("ketamine", "7 mg", duration="2 min")
    for simulation in (by_hand, by_file):
        simulation.advance("1 d")
    assert by_hand.setting.compounds == by_file.setting.compounds
    plasma = by_hand.signals["plasma_concentration"]
    assert plasma[0] > 10.0
    assert plasma == pytest.approx(by_file.signals["plasma_concentration"], rel=1e-9)


def test_a_dose_by_hand_reaches_the_receptors(small):
    """Catches arrays that lose their values, or receptors that do not learn of a drug on a new axis."""
    simulation = Simulation(small(doses=[]))
    simulation.advance("5 min")
    before = {name: array.copy() for name, array in simulation.signals.items()}
    simulation.dose("ketamine", "0.5 mg/kg", duration="5 min")
    for name, array in before.items():
        if simulation.signals[name].shape == array.shape:
            assert np.array_equal(simulation.signals[name], array), name
    simulation.advance("15 min")
    assert simulation.signals["trapped_block"].shape[0] == len(simulation.setting.blockers) > 0
    assert simulation.signals["nmda_block"].min() > 0.01


@pytest.mark.parametrize(
    ("arguments", "path", "word"),
    [
        (("ketamine", "1 mg", "orally"), "doses.0.route", "did you mean oral?"),
        (("ketamin", "1 mg"), "doses.0.drug", "did you mean ketamine?"),
        (("ketamine", "1 mgkg"), "doses.0.amount", "did you mean mg?"),
        (("ketamine", "-1 mg"), "doses.0.amount", "-1 mg"),
        (("ketamine", "1 mg", "intravenous", "40 mn"), "doses.0.duration", "did you mean min?"),
    ],
)
def test_a_wrong_dose_by_hand_is_refused_and_changes_nothing(small, arguments, path, word):
    """Catches other checks, or other words, than for a file, and half a dose left behind."""
    simulation = Simulation(small(network="none", doses=[]))
    with pytest.raises(DocumentError) as caught:
        simulation.dose(*arguments)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert word in problem.message
    assert simulation.setting.compounds == ()
    simulation.advance("20 min")


def test_nothing_comes_after_the_end(small):
    """Catches a run that goes on beyond its duration, and a loop without end at it."""
    simulation = Simulation(small(network="none"))
    simulation.advance("1 d")
    assert simulation.time == 1200.0
    assert simulation.schedule.tolist() == [1200.0]
    simulation.advance("1 min")
    with pytest.raises(KetasimError, match="ends at 1200 s"):
        simulation.step()
    with pytest.raises(DocumentError, match="not before the end of the run"):
        simulation.dose("ketamine", "1 mg")


def test_state_is_all_that_the_future_depends_on(small):
    """Catches an array that `state` leaves out: a run continued from its state would differ."""
    first, second = Simulation(small()), Simulation(small())
    first.advance("10 min")
    state = copy.deepcopy(first.state)
    signals = {f"signals/{name}" for name in first.signal_table}
    network = {f"network/{name}" for name in first.sampler.state}
    assert {f"network/activity/{name}" for name in Activity._fields} < network
    assert set(state) == signals | network | {"time", "doses"}
    second.measure_baseline()
    second.signals = {name: state[f"signals/{name}"] for name in first.signal_table}
    second.sampler.state = {name.removeprefix("network/"): state[name] for name in network}
    second.time = state["time"].item()
    for simulation in (first, second):
        simulation.advance("10 min")
    assert first.sampler.windows_run > 3
    assert states_equal(first.state, second.state) == []


def test_events_closer_than_a_window_reuse_it(small):
    """Catches two windows at the same network time, whose noise would be seen twice and whose spikes would go back."""
    twice = {"drug": "ketamine", "route": "intravenous", "amount": "1 mg", "repeat": {"every": "0.1 s", "count": 2}}
    run = ketasim.run(small(doses=[twice], recording={"spikes": [{"from": "0 s", "to": "20 min"}]}))
    population = run.dataset("population")
    sampled = population["network_sampled"]
    assert sampled.sel(time=0.1) == 0
    assert sampled.sel(time=0.0) == 1
    for name in ("firing_rate", "firing_rate_standard_error"):
        assert np.array_equal(population[name].sel(time=0.1), population[name].sel(time=0.0))
    assert np.isnan(population["firing_rate_window"].sel(time=0.1)).all()
    assert int(sampled.sum()) == sampled.size - 1
    times = run.spikes("PYR").times
    assert times.size > 0
    assert np.all((times <= 200.0) | (times > 300_000.0))  # ms; none of a second window at 0.1 s


def test_windows_with_gaps_have_the_rates_of_windows_without(small):
    """Catches synapses that take the time between windows for silence and recover in it.

    They once did: release from PYR onto SST was 9 % too low. Slow mechanisms that would change the input are off;
    the tolerance is four standard errors of the difference.
    """
    off = dict.fromkeys(("glutamate", "autoreceptors"), False)
    schedule = {"baseline": "40 s", "settle": "50 ms", "window": "1 s", "step": "1 min", "skip": False}
    experiment = small(
        doses=[], duration="40 min", mechanisms=off, schedule=schedule, network={"neurons": 200}, recording={}
    )
    population = ketasim.run(experiment).dataset("population")
    before = population["time"].values < 0
    for name, most in (("firing_rate", 0.12), ("vesicle_release", 0.06)):
        values = population[f"{name}_window"].values
        mean = values[before].mean(axis=0)
        difference = values[~before].mean(axis=0) - mean
        error = np.sqrt(values[before].var(axis=0, ddof=1) / before.sum() * 2)
        assert np.all(4 * error < most * mean), f"{name}: too noisy to tell"
        assert np.all(np.abs(difference) < 4 * error), name
