"""Rates of background afferents: whom they reach, from when to when, and how much."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.config import Experiment
from ketasim.documents import DocumentError, KetasimError
from ketasim.exposures import AFFERENTS
from ketasim.simulation import Simulation

CIRCUIT = """\
format: 1
cells:
  relay: {status: assumed, source: a cell that follows its background, transmitter: glutamate, capacitance: 200 pF,
    leak: 20 nS, rest: -70 mV, threshold: -50 mV, reset: -60 mV, refractory: 2 ms, nmda_2a: 1,
    afferent_rate: 1 kHz, afferent_ampa: 5 nS}
populations:
  A: {cell: relay, neurons: 30}
  B: {cell: relay, neurons: 20}
"""
OFF = dict.fromkeys(("glutamate", "autoreceptors", "extrasynaptic_nmda"), "off")


def afferents(population, start, duration, rate):
    return {
        "kind": "afferents",
        "population": population,
        "start": f"{start} s",
        "duration": f"{duration} s",
        "rate": f"{rate} Hz",
    }


@pytest.fixture
def experiment(tmp_path):
    """Two populations without synapses, in windows of 0.2 s without a gap, for 2 s."""
    (tmp_path / "net.yaml").write_text(CIRCUIT, encoding="utf-8")

    def make(*stimuli, **changes):
        data = {
            "format": 1,
            "duration": "2 s",
            "network": {"file": str(tmp_path / "net.yaml")},
            "schedule": {"baseline": "1 s", "settle": "0 s", "window": "0.2 s", "step": "0.2 s"},
            "mechanisms": OFF,
            "stimuli": list(stimuli),
        }
        return Experiment.from_mapping(data | changes)

    return make


def windows(experiment):
    """Time, rates of A and B, and spikes of each window from the baseline on."""
    simulation, rows = Simulation(experiment), []

    def note(time, window):
        spikes = np.stack([window.spike_step, window.spike_node])
        rows.append((round(time, 3), *window.population["firing_rate"], spikes))

    simulation.measure_baseline(note, cached=False)
    note(simulation.time, simulation.window)
    while simulation.time < experiment.duration:
        simulation.step()
        note(simulation.time, simulation.window)
    return simulation, rows


def test_a_stimulus_reaches_its_population_in_its_windows_only(experiment):
    """Catches a stimulus in the baseline, one window early or late, to the wrong population, or that never ends."""
    _, plain = windows(experiment())
    _, driven = windows(experiment(afferents("A", 0.4, 0.4, 500.0)))
    assert [row[0] for row in plain] == [row[0] for row in driven]
    for (time, rate, _, spikes), (_, other, _, driven_spikes) in zip(plain, driven, strict=True):
        of_a, of_b = spikes[1] < 30, spikes[1] >= 30
        assert_array_equal(spikes[:, of_b], driven_spikes[:, driven_spikes[1] >= 30], str(time))
        if time < 0.4:
            assert_array_equal(spikes[:, of_a], driven_spikes[:, driven_spikes[1] < 30], str(time))
        assert (other > 1.5 * rate) == (0.4 <= time < 0.8), (time, rate, other)


def test_without_background_a_population_is_silent(experiment):
    """Catches a negative rate that is cut to another one, and a background that does not come back."""
    _, rows = windows(experiment(afferents("A", 0.4, 0.8, -1000.0)))
    rate = {time: rate for time, rate, *_ in rows}
    assert rate[0.2] > 5.0 and rate[1.2] > 5.0  # the membrane forgets in 10 ms
    assert rate[0.6] == rate[0.8] == rate[1.0] == 0.0


def test_network_time_has_no_gap(experiment):
    """Catches settling that is run although none is asked for, windows that overlap, and time left out."""
    simulation, rows = windows(experiment(afferents("A", 0.4, 0.4, 500.0)))
    seconds = 2.0 + 1.0 + 2.2  # before the baseline, baseline, run with the window at its end
    assert simulation.sampler.network_time == pytest.approx(seconds)
    steps = np.concatenate([spikes[0] for *_, spikes in rows])
    assert np.all(np.diff(steps) >= 0)


def test_starts_and_ends_are_slow_times(experiment):
    """Catches a schedule that steps over the start or the end of a stimulus."""
    long = {"baseline": "1 s", "settle": "0 s", "window": "0.2 s", "step": "auto"}
    simulation = Simulation(experiment(afferents("B", 61.5, 0.7, 10.0), duration="10 min", schedule=long))
    assert {61.5, 62.2} <= set(simulation.schedule.tolist())


def test_a_stimulus_before_zero_reaches_the_network_as_one_after_it(experiment):
    """Catches a run that begins at zero, a baseline in which a stimulus is on, and windows dated from another time."""
    simulation, rows = windows(experiment(afferents("A", -1.0, 0.4, 500.0)))
    assert simulation.schedule[-1] == 2.0
    assert [row[0] for row in rows] == np.arange(-2.0, 2.1, 0.2).round(1).tolist()
    rate = {time: rate for time, rate, *_ in rows}
    rest = np.mean([rate for time, rate in rate.items() if not -1.0 <= time < -0.6])
    assert min(rate[-1.0], rate[-0.8]) > 1.5 * rest
    assert max(rate[time] for time in rate if time < -1.0) < 1.5 * rest
    steps = np.concatenate([spikes[0] for *_, spikes in rows])
    assert -20_000 < steps[0] < -19_000 and np.all(np.diff(steps) >= 0)


def test_rates_add_up_in_their_signal(experiment):
    """Catches overlapping stimuli of which one wins, and a signal that stays as it was when a stimulus has ended."""
    given = experiment(
        afferents("A", 0.4, 0.8, 300.0), afferents("A", 0.8, 0.8, -100.0), afferents("B", 0.8, 0.2, 50.0)
    )
    times = (0.0, 0.4, 0.8, 1.0, 1.2, 1.6)
    wanted = np.array([[0, 0], [0.3, 0], [0.2, 0.05], [0.2, 0], [-0.1, 0], [0, 0]])
    simulation = Simulation(given)
    added = [AFFERENTS.inputs(given.stimuli, simulation.setting, time, time + 0.2)["afferent_rate"] for time in times]
    assert np.array(added) == pytest.approx(wanted, abs=1e-12)
    simulation.measure_baseline()
    for time, rates in zip(times, wanted, strict=True):
        simulation.advance(time - simulation.time)
        assert simulation.signals["afferent_rate"] == pytest.approx(rates, abs=1e-12)


def test_a_stimulus_inside_a_window_is_not_passed_over(experiment):
    """Catches a start that falls into a window already taken, here by stepping to just before it."""
    schedule = {"baseline": "1 s", "settle": "0 s", "window": "0.2 s", "step": "1 s"}
    simulation = Simulation(experiment(afferents("A", 0.4, 0.4, 500.0), schedule=schedule))
    simulation.advance(0.3)
    with pytest.raises(KetasimError, match=r"a stimulus starts or ends at t = 0\.4 s, inside the last window"):
        simulation.advance(0.2)


def test_a_given_graph_without_the_population_is_refused(small, random_graph):
    """Catches a stimulus that finds nobody in a graph given in Python."""
    graph = random_graph()
    graph.remove_nodes_from([node for node, name in graph.nodes(data="population") if name == "SST"])
    experiment = small(stimuli=[afferents("SST", 0, 60, 100.0)])
    with pytest.raises(DocumentError, match=r"stimuli\.0\.population: unknown population 'SST'; allowed: PYR, PV"):
        Simulation(experiment, graph)
