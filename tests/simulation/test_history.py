"""What was before zero is computed once: with the same bits, for what shares it, and never for what does not."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

import ketasim
from ketasim import Mechanism, Signal
from ketasim.documents import KetasimError
from ketasim.drugs import load_catalogue
from ketasim.simulation import Simulation, history, stored

CATALOGUE = load_catalogue()

CIRCUIT = """\
format: 1
cells:
  p: {status: assumed, source: me, transmitter: glutamate, capacitance: 0.5 nF, leak: 25 nS, rest: -70 mV,
    threshold: -50 mV, reset: -55 mV, refractory: 2 ms, afferent_rate: 2.4 kHz, afferent_ampa: 2.08 nS, nmda_2a: 1}
populations: {PYR: {cell: p, neurons: 40}}
synapses: {e: {status: assumed, source: me, delay: 0.5 ms, ampa: 1 nS, nmda: 1 nS}}
connections: [{from: PYR, to: PYR, synapse: e, probability: 0.3}]
receptors: {status: assumed, source: me, afferent_unit_rate: RATE}
"""

STRESS = {"kind": "stress", "start": "-2 h", "duration": "3 h"}
SCHEDULE = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "20 min"}
KETAMINE = {"drug": "ketamine", "route": "intravenous", "amount": "0.5 mg/kg"}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Empty folder for what is stored."""
    place = tmp_path / "stored"
    monkeypatch.setattr(stored, "folder", lambda: place)
    return place


@pytest.fixture
def experiment(small):
    """Make an experiment of 40 neurons with two hours of stress before zero and one after it."""
    common = {"network": {"neurons": 40}, "recording": {}, "schedule": SCHEDULE, "stimuli": [STRESS], "duration": "1 h"}
    return lambda **changes: small(**common | {"doses": [KETAMINE]} | changes)


@pytest.fixture
def steps(monkeypatch):
    """Times at which steps begin, in s."""
    begun, step = [], Simulation.step
    monkeypatch.setattr(Simulation, "step", lambda self, *given: begun.append(self.time) or step(self, *given))
    return begun


def fresh(experiment, monkeypatch):
    """Digest of a run that has nothing stored."""
    with monkeypatch.context() as patch:
        patch.setattr(stored, "folder", lambda: None)
        return ketasim.run(experiment).digest()


#: What is given from zero on; a drug with three compounds has longer axes than none.
AFTER = {
    "the same": {},
    "nothing, for longer": {"doses": [], "duration": "2 h"},
    "other drugs": {
        "doses": [
            {"drug": "memantine", "route": "oral", "amount": "20 mg"},
            {"drug": "escitalopram", "route": "oral", "amount": "10 mg", "start": "10 min"},
        ],
        "stimuli": [STRESS | {"duration": "2 h"}, {"kind": "expectancy", "start": "0 h", "duration": "40 min"}],
    },
}


@pytest.mark.parametrize("after", AFTER)
def test_a_recalled_past_has_the_bits_of_a_computed_one(experiment, monkeypatch, steps, after):
    """Catches a state, slope, spine, row or birth that is lost on the way, and a drug that acts before it is given."""
    ketasim.run(experiment()).close()
    assert min(steps) == -7200.0
    steps.clear()
    found = ketasim.run(experiment(**AFTER[after])).digest()
    assert min(steps) == -1200.0
    assert found == fresh(experiment(**AFTER[after]), monkeypatch)


@pytest.mark.parametrize("drug", sorted(CATALOGUE))
def test_a_drug_that_was_not_given_yet_changes_nothing(experiment, drug):
    """Catches a mechanism that is prepared otherwise for a run in which a drug will be given, which would go stale."""
    rat, route = {"subject": {"species": "rat"}}, next(iter(CATALOGUE[drug].routes_for("rat")))
    amount = {"amount": "1 mg"} if CATALOGUE[drug].compounds else {}
    given = [{"drug": drug, "route": route, **amount}]
    with_it, without = (Simulation(experiment(doses=doses, **rat)) for doses in (given, []))
    for one in (with_it, without):
        while one.schedule[1] < 0.0:
            one.step()
    own = history._of_drugs(without)
    for name in without.signals.keys() - own:
        assert np.array_equal(with_it.signals[name], without.signals[name], equal_nan=True), name
    assert not history._drugs_have_moved(with_it)


def test_a_phenotype_is_the_stress_that_it_stands_for(experiment, place):
    """Catches a subject whose phenotype begins or ends otherwise than the page says, and a past computed twice."""
    weeks = {"stimuli": [STRESS | {"start": "-21 d", "duration": "22 d"}], "duration": "1 d", "doses": []}
    slow = {"schedule": SCHEDULE | {"step": "6 h"}}
    stated = experiment(**weeks | slow)
    named = experiment(**weeks | slow | {"stimuli": [], "subject": {"phenotype": "chronic_stress"}})
    assert named.all_stimuli == stated.all_stimuli
    one, other = (ketasim.run(run) for run in (stated, named))
    assert len(list(place.iterdir())) == 2  # a baseline and a past
    for name in ("madrs", "spine_density", "stress_hormone", "firing_rate"):
        assert np.array_equal(one[name].values, other[name].values, equal_nan=True)


#: What a past depends on.
OTHERS = {
    "seed": {"seed": 2},
    "neurons": {"network": {"neurons": 41}},
    "stress": {"stimuli": [STRESS | {"intensity": 0.5}]},
    "its end": {"stimuli": [STRESS | {"duration": "100 min"}]},
    "what else there was": {"stimuli": [STRESS, STRESS | {"kind": "immune_challenge"}]},
    "a number": {"mechanisms": {"chronic_stress": {"formation_cut": 0.6}}},
    "no mechanism": {"mechanisms": {"neuroinflammation": False}},
    "windows": {"schedule": SCHEDULE | {"window": "0.1 s"}},
    "a budget": {"schedule": SCHEDULE | {"budget": 5}},
    "weight": {"subject": {"species": "human", "weight": "60 kg"}},
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_past_is_computed(experiment, other):
    """Catches the past of one experiment taken for that of another."""
    keys = [history.key_of(Simulation(experiment(**changes))) for changes in ({}, {}, OTHERS[other])]
    assert None not in keys
    assert keys[0] == keys[1] != keys[2]


def test_a_budget_is_for_the_whole_run(experiment):
    """Catches windows before zero that another length would have allowed at other times."""
    budget = {"schedule": SCHEDULE | {"budget": 5}}
    keys = {history.key_of(Simulation(experiment(**budget, duration=one))) for one in ("1 h", "2 h")}
    assert len(keys) == 2


def test_other_code_has_another_past(experiment, monkeypatch, edited):
    """Catches the past of another version, or of changed code: mechanisms, loop, what is recorded."""
    simulation = Simulation(experiment())
    keys = {history.key_of(simulation)}
    files = ("mechanisms/chronic_stress.py", "simulation/loop.py", "recording/recorder.py", "simulation/history.py")
    for file in files:
        with monkeypatch.context() as patch:
            patch.setattr(history, "code_digest", edited(file))
            keys.add(history.key_of(simulation))
    assert len(keys) == 1 + len(files)
    with monkeypatch.context() as patch:
        patch.setattr(history, "code_digest", edited("plots/page.py"))
        assert history.key_of(simulation) in keys


#: What is recorded before zero, or not known in full.
NOT_SHARED = {
    "no past": {"stimuli": []},
    "no network": {"network": "none"},
    "neurons": {"recording": {"node_signals": ["firing_rate"]}},
    "spikes": {"recording": {"spikes": ["-2.0002 h", "-1 h"]}},
}


@pytest.mark.parametrize("what", NOT_SHARED)
def test_some_pasts_are_not_shared(experiment, what):
    """Catches a run that lacks neurons or spikes that were asked for, because its past was recalled."""
    assert history.key_of(Simulation(experiment(**NOT_SHARED[what]))) is None


def test_spikes_are_recorded_before_zero(experiment):
    """Catches a run whose past counts as before its baseline, and is refused spikes of it."""
    with ketasim.run(experiment(recording={"spikes": ["-1 h"]}, doses=[])) as trajectory:
        times = 1e-3 * trajectory.spikes("PV").times
    assert times.size
    assert -3600.0 <= times.min() <= times.max() < -3599.0


def test_a_graph_of_its_own_has_its_own_past(small, monkeypatch):
    """Catches the past of a sheet that wraps around taken for that of the same graph given, which does not."""
    stress, slow = {"kind": "stress", "start": "-1 d", "duration": "25 h"}, SCHEDULE | {"step": "4 h"}
    given = {"network": {"neurons": 80}, "stimuli": [stress], "schedule": slow, "doses": [], "duration": "1 h"}
    experiment = small(**given, recording={})
    graph = ketasim.run(experiment).topology("-1 d")
    found = ketasim.run(experiment, graph=graph)
    assert found.structure_events().kind.size > 10
    with monkeypatch.context() as patch:
        patch.setattr(stored, "folder", lambda: None)
        assert found.digest() == ketasim.run(experiment, graph=graph).digest()


def test_an_edited_circuit_file_has_another_past(experiment, tmp_path):
    """Catches a past found by the path of a file, not by what is in it: here what spines alone read."""
    file, keys = tmp_path / "mine.circuit.yaml", []
    for rate in ("3 Hz", "1 Hz"):
        file.write_text(CIRCUIT.replace("RATE", rate), encoding="utf-8")
        keys.append(history.key_of(Simulation(experiment(network={"file": str(file)}))))
    assert None not in keys
    assert keys[0] != keys[1]


def test_own_code_is_not_shared(experiment):
    """Catches a past with a mechanism of one's own that is not computed again after an edit of what it calls."""
    load = Signal("my_load", "1", (), "state", 0.0, "of a test")
    own = Mechanism("mine", NamedTuple("Parameters", []), lambda *given: None, writes=("my_load",), signals=(load,))
    assert history.key_of(Simulation(experiment(), mechanisms=[own])) is None
    resting = replace(own, species="rat")  # takes no part, but its signal has a column
    assert history.key_of(Simulation(experiment(), mechanisms=[resting])) is None


def test_a_resumed_past_is_not_stored(experiment, tmp_path, place, steps, monkeypatch):
    """Catches rows of half a past under the name of a whole one."""
    out = tmp_path / "run.h5"

    def stop(progress):
        return not (progress.stage == "run" and progress.time >= -3600.0)

    with pytest.raises(KetasimError, match="cancelled"):
        ketasim.run(experiment(), out, progress=stop)
    before = {*place.iterdir()}
    digest = ketasim.resume(out).digest()
    assert {*place.iterdir()} == before
    assert digest == fresh(experiment(), monkeypatch)


def test_a_run_stopped_after_its_past_was_recalled_goes_on(experiment, tmp_path, monkeypatch):
    """Catches rows written twice, or a checkpoint that does not know of them."""
    ketasim.run(experiment()).close()
    out = tmp_path / "run.h5"
    with pytest.raises(KetasimError, match="cancelled"):
        ketasim.run(experiment(), out, progress=lambda progress: not (progress.stage == "run" and progress.time >= 0.0))
    assert ketasim.resume(out).digest() == fresh(experiment(), monkeypatch)


MORE = [pytest.param(name, marks=pytest.mark.slow) for name in ("state/signals/stress_hormone", "rows/time/values")]


@pytest.mark.parametrize("damage", ["cut", "state/slopes/bdnf", *MORE])
def test_a_damaged_past_is_computed_anew(experiment, place, monkeypatch, damage):
    """Catches a run that fails, or goes on from rest, because of a file that is not whole."""
    ketasim.run(experiment()).close()
    (file,) = [one for one in place.iterdir() if one.stem == history.key_of(Simulation(experiment()))]
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    else:
        with np.load(file) as whole:
            assert damage in whole.files
            arrays = {name: whole[name] for name in whole.files if name != damage}
        np.savez(file, **arrays)
    assert ketasim.run(experiment()).digest() == fresh(experiment(), monkeypatch)


def test_rows_come_apart_as_they_were_joined():
    """Catches numbers that come back as arrays, and events counted to the wrong row."""
    rows = [
        {"time": np.array(float(number)), "mean": np.arange(3.0) + number, "edges/0/kind": np.full(number, 1, np.uint8)}
        for number in (2, 0, 1)
    ]
    for row, other in zip(rows, history._apart(history._joined(rows)), strict=True):
        assert row.keys() == other.keys()
        for name, array in row.items():
            assert np.array_equal(array, other[name])
            assert (array.dtype, array.shape) == (other[name].dtype, other[name].shape), name
