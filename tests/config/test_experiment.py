"""The experiment as a value: internal units, changes, resolved form, digest."""

import copy
import json
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ketasim.config import Experiment, NetworkFile, NetworkModel, load_experiment
from ketasim.documents import DocumentError
from ketasim.network.synapses import PREFRONTAL
from tests.drugs.drug_files import OWN_DRUG

MINIMAL = {"format": 1, "duration": "3 h"}
SHARED_WORLD = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_attributes_are_in_internal_units(read):
    """Catches minutes taken for seconds, milligrams per kg for milligrams."""
    experiment = read()
    dose = experiment.doses[0]
    assert (experiment.duration, experiment.subject.weight) == (86400.0, 80.0)
    assert (dose.start, dose.duration, dose.starts) == (0.0, 2400.0, (0.0,))
    assert dose.amount.milligrams(experiment.subject.weight) == 40.0
    assert experiment.recording.spikes == ((0.0, 0.0), (0.0, 2400.0))
    assert experiment.mechanisms["block"].ec50 == 3000.0
    assert experiment.mechanisms["block"].cells == ("PV",)


def test_defaults_are_filled(small_world):
    """Catches a default that is missing or is in other units."""
    experiment = Experiment.from_mapping(MINIMAL)
    schedule = experiment.schedule
    assert (experiment.name, experiment.seed, experiment.doses) == ("experiment", 1, ())
    assert (schedule.baseline, schedule.settle, schedule.window, schedule.step) == (300.0, 0.3, 1.0, None)
    assert (schedule.memory, schedule.tolerance, schedule.skip, schedule.budget) == (2.0, 0.0025, True, None)
    assert experiment.network == NetworkModel(model="prefrontal_microcircuit", neurons=1000)
    assert experiment.mechanisms["block"].on_rate == 0.6
    weights = {"human": 70.0, "rat": 0.3, "mouse": 0.025}
    for species, weight in weights.items():
        assert experiment.replace(**{"subject.species": species}).subject.weight == weight


def test_how_windows_are_chosen_is_read_and_written_back(read, text):
    """Catches a key that is read in other units, does not decide the digest, or is lost in the resolved experiment."""
    plain = read(text)
    given = ("memory=500 ms", "tolerance=0", "skip=false", "budget=40")
    for word, value in zip(given, (0.5, 0.0, False, 40), strict=True):
        key = word.split("=")[0]
        experiment = read(text, f"schedule.{word}")
        assert getattr(experiment.schedule, key) == value
        assert Experiment.from_mapping(experiment.resolved()) == experiment
        assert experiment.sha256 != plain.sha256
    assert read(text, "schedule.tolerance=1").schedule.tolerance == 1.0
    assert read(text, "schedule.memory=0 s").schedule.memory == 0.0
    assert Experiment.from_mapping(plain.resolved()).schedule.budget is None


def test_words_for_switches_and_networks(read, text):
    """Catches `off`, `false` and "off" meaning different things, and `none` taken for a file."""
    for word in ("off", "false", '"off"'):
        assert read(text, f"mechanisms.block={word}").mechanisms["block"] is False
    for word in ("on", "true", "{}"):
        assert read(text, f"mechanisms.block={word}").mechanisms["block"].ec50 == 10.0
    assert read(text, "mechanisms.block=off", "mechanisms.block.slope=2").mechanisms["block"].slope == 2.0
    assert read(text, "network=none", "recording={}").network is None


def test_repeats_have_their_starts(read, text):
    """Catches a series that is one dose short or drifts."""
    experiment = read(text, "duration=14 d", "doses.0.repeat={every: 3.5 d, count: 4}")
    assert experiment.doses[0].starts == (0.0, 302400.0, 604800.0, 907200.0)


def test_nothing_can_be_changed_in_place(read):
    """Catches an experiment that changes under a run."""
    experiment = read()
    with pytest.raises(AttributeError, match="cannot be set"):
        experiment.seed = 2
    with pytest.raises(TypeError):
        experiment.mechanisms["block"] = False


def test_replace_keeps_what_was_left_to_defaults(read, text):
    """Catches a default of the old value that stays when the value it hangs on changes."""
    changed = read(text).replace(seed=7, **{"doses.0.amount": "0.25 mg/kg", "mechanisms.block": False})
    assert (changed.seed, changed.doses[0].amount.value, changed.mechanisms["block"]) == (7, 0.25, False)
    assert read(text).replace() == read(text)
    with pytest.raises(DocumentError, match=r"doses.0.amuont: unknown key"):
        read(text).replace(**{"doses.0.amuont": "1 mg"})


def test_resolved_experiment_loads_to_an_equal_one(read, text):
    """Catches a run that cannot be repeated from what its file stores."""
    for overrides in (
        [],
        ["network=none", "recording={}"],
        ["subject={species: rat}", "doses.0.route=intraperitoneal"],
        ["doses=[{drug: saline, route: oral}, {drug: ketamine, route: oral, amount: 1 ug/kg, start: 0.1 h}]"],
        ["schedule.step=100.1 s", "mechanisms.block=off"],
    ):
        experiment = read(text, *overrides)
        again = Experiment.from_mapping(experiment.resolved())
        assert again == experiment
        assert again.resolved() == experiment.resolved()
        assert again.sha256 == experiment.sha256


@SHARED_WORLD
@given(
    seed=st.integers(0, 2**63 - 1),
    weight=st.floats(1e-3, 1000),
    amount=st.just(0.0) | st.floats(1e-9, 1e6),
    per_kg=st.booleans(),
    duration=st.floats(2, 5e6),
    step=st.none() | st.floats(2, 1e6),
    ec50=st.floats(1e-14, 1e14),
    off=st.booleans(),
)
def test_any_valid_experiment_goes_round(small_world, per_kg, off, **values):
    """Catches values that lose digits or change through the resolved form, replace and pickling."""
    experiment = Experiment.from_mapping(MINIMAL).replace(
        **{
            "seed": values["seed"],
            "duration": f"{values['duration']} s",
            "subject.weight": f"{values['weight']} kg",
            "doses.0": {
                "drug": "ketamine",
                "route": "oral",
                "amount": f"{min(values['amount'], 9e5 * min(1.0, values['weight']))} mg{'/kg' * per_kg}",
            },
            "schedule.step": "auto" if values["step"] is None else f"{values['step']} s",
            "mechanisms.block": "off" if off else {"ec50": f"{values['ec50']} uM"},
        }
    )
    assert (experiment.duration, experiment.schedule.step) == (values["duration"], values["step"])
    assert off or experiment.mechanisms["block"].ec50 == values["ec50"]
    for again in (
        Experiment.from_mapping(experiment.resolved()),
        pickle.loads(pickle.dumps(experiment)),
        copy.deepcopy(experiment),
        experiment.replace(seed=0).replace(seed=values["seed"]),
    ):
        assert again == experiment
        assert hash(again) == hash(experiment)
        assert again.sha256 == experiment.sha256


def test_digest_leaves_out_recording_and_threads_only(read, text):
    """Catches a resume that is refused for another recording, or allowed for another dose."""
    digest = read(text).sha256
    assert read(text, "recording={}").sha256 == digest
    assert read(text, "threads=2").sha256 == digest
    assert read(text, "duration=1 d").sha256 == digest
    for override in ("seed=2", "doses.0.amount=0.6 mg/kg", "mechanisms.block.slope=2", "network.neurons=301"):
        assert read(text, override).sha256 != digest


def test_digest_follows_the_content_of_files(small_world, tmp_path):
    """Catches equal digests for different networks, and different ones for the same file elsewhere."""
    digests = []
    for folder, content in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / folder).mkdir()
        for name in ("net.csv", "own.yaml"):
            (tmp_path / folder / name).write_text(content, encoding="utf-8")
        file = tmp_path / folder / "e.yaml"
        file.write_text("format: 1\nduration: 1 h\nnetwork: {file: net.csv}\ndrugs: [own.yaml]\n", encoding="utf-8")
        experiment = load_experiment(file)
        assert experiment.network == NetworkFile(file=str(tmp_path / folder / "net.csv"))
        assert experiment.drugs == (tmp_path / folder / "own.yaml",)
        digests.append(experiment.sha256)
    assert digests[0] == digests[1] != digests[2]


def test_a_drug_file_that_changed_is_another_experiment(tmp_path):
    """Catches two experiments that are equal with different drugs, and half an ensemble made with each."""
    file = tmp_path / "own.yaml"
    file.write_text(OWN_DRUG, encoding="utf-8")
    given = {"format": 1, "duration": "1 h", "network": "none", "drugs": [str(file)]}
    before = Experiment.from_mapping(given)
    assert before.replace(seed=2).replace(seed=1) == before
    file.write_text(OWN_DRUG.replace("volume: 2 L/kg", "volume: 3 L/kg"), encoding="utf-8")
    assert Experiment.from_mapping(given) != before
    with pytest.raises(DocumentError, match=r"drugs\.0: .*own\.yaml has changed since the experiment was loaded"):
        before.replace(seed=2)


def test_source_text_is_what_was_written(read, text, small_world):
    """Catches a file that stores something else than the user's own text."""
    assert read(text, "seed=7").source_text == text
    experiment = Experiment.from_mapping(MINIMAL)
    assert '"duration": "3 h"' in experiment.source_text
    assert experiment.source_file is None


def test_whole_numbers_may_be_written_with_an_exponent(text, read):
    """Catches `network.neurons=1e3` being refused as "1000 stands here", and 10.5 neurons being rounded."""
    assert read(text.replace("neurons: 300", "neurons: 1e3")).network.neurons == 1000
    with pytest.raises(DocumentError, match=r"neurons: expected a whole number, got 10\.5"):
        read(text.replace("neurons: 300", "neurons: 10.5"))


def test_how_a_network_is_read_is_part_of_the_experiment(tmp_path):
    """Catches classes or a table of nodes that change results without changing the digest, or are lost on the way."""
    (tmp_path / "net.csv").write_text("source,target\na,b\n", encoding="utf-8")
    (tmp_path / "cells.csv").write_text("node,kind\na,E\nb,1\n", encoding="utf-8")
    (tmp_path / "e.yaml").write_text(
        "format: 1\nduration: 1 h\nnetwork: {file: net.csv, nodes: cells.csv, population: kind, "
        "classes: {E: PYR, 1: none}}\n",
        encoding="utf-8",
    )
    experiment = load_experiment(tmp_path / "e.yaml")
    assert experiment.network.classes == {"E": "PYR", "1": None}
    plain = experiment.resolved()["network"]
    assert plain["classes"] == {"E": "PYR", "1": "none"} and "rows" not in plain
    assert Experiment.from_mapping(experiment.resolved()) == experiment
    assert Experiment.from_given(json.loads(json.dumps(experiment.given()))).sha256 == experiment.sha256
    before = {experiment.sha256, experiment.replace(**{"network.classes": {"E": "SST", "1": "none"}}).sha256}
    (tmp_path / "cells.csv").write_text("node,kind\na,E\nb,E\n", encoding="utf-8")
    assert len(before | {load_experiment(tmp_path / "e.yaml").sha256}) == 3
    with pytest.raises(DocumentError, match=r"e.yaml:3:.*network.nodes: there is no file"):
        (tmp_path / "cells.csv").unlink()
        load_experiment(tmp_path / "e.yaml")


SUBUNITS = {"PV": {"GluN2A": 0.6, "GluN2B": 0.4}}


def test_shares_of_subunits_are_those_of_the_circuit_but_for_what_is_given():
    """Catches populations that lose their shares, and a run that cannot be repeated with its own."""
    default = Experiment.from_mapping(MINIMAL)
    changed = Experiment.from_mapping(MINIMAL | {"network": {"nmda_subunits": SUBUNITS}})
    shares = {name: cell.nmda_shares for name, cell in PREFRONTAL.cells.items()}
    assert default.network.nmda_subunits.shares == shares
    assert changed.network.nmda_subunits.shares == shares | {"PV": (0.6, 0.4, 0.0, 0.0)}
    assert changed.sha256 != default.sha256
    assert Experiment.from_mapping(changed.resolved()) == changed


@pytest.mark.parametrize(
    ("subunits", "message"),
    [
        ({"PV": {"GluN2A": 0.6, "GluN2B": 0.3}}, "network.nmda_subunits.PV: .* must add up to 1, not 0.9"),
        ({"PV": {"GluN2a": 1.0}}, r"unknown key 'GluN2a'; .* did you mean GluN2A\?"),
        ({"PVB": {"GluN2A": 1.0}}, r"unknown key 'PVB'; .* did you mean PV\?"),
        ({"PV": {"GluN2A": 1.5, "GluN2B": -0.5}}, "at most 1"),
        ({"PV": 0.5}, "PV"),
    ],
)
def test_shares_that_cannot_be_are_refused(subunits, message):
    """Catches a circuit with more or less NMDA conductance than its weights say."""
    with pytest.raises(DocumentError, match=message):
        Experiment.from_mapping(MINIMAL | {"network": {"nmda_subunits": subunits}})
