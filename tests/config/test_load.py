"""Finding experiment files, and own mechanisms."""

import subprocess
import sys
from typing import Annotated, NamedTuple

import pytest

from ketasim.config import examples, load_experiment
from ketasim.documents import DocumentError
from ketasim.mechanisms.mechanism import Mechanism


def test_examples_load_and_are_what_they_say():
    """Catches an example that ketasim itself refuses, with the drugs and mechanisms that it really has."""
    assert {"quick", "human_infusion", "vehicle", "rat_dose"} <= set(examples())
    quick, human, vehicle, rat = map(load_experiment, ("quick", "human_infusion", "vehicle", "rat_dose"))
    assert (quick.network.neurons, quick.duration) == (400, 3 * 3600)
    assert human.doses[0].amount.milligrams(human.subject.weight) == 35.0
    assert (rat.subject.species, rat.doses[0].route) == ("rat", "intraperitoneal")
    as_vehicle = human.replace(name="vehicle", **{"doses.0": vehicle.resolved()["doses"][0]})
    assert as_vehicle == vehicle
    for name, file in examples().items():
        assert load_experiment(name).name == name == file.stem
        up = "../" * (1 if file.parent.name == "configs" else 2)
        first = f"# yaml-language-server: $schema={up}ketasim.schema.json\n"
        assert file.read_text(encoding="utf-8").startswith(first)


def test_published_networks_are_examples_and_their_circuits_are_not():
    """Catches a circuit file offered as an experiment, and a published network that is not found by its name."""
    assert "brunel_wang_2001" in examples() and not any("circuit" in name for name in examples())
    assert sum(load_experiment("brunel_wang_2001").circuit.sizes.values()) == 1000


def test_a_file_goes_before_an_example(tmp_path, monkeypatch):
    """Catches an example that hides the user's own file."""
    (tmp_path / "quick").write_text("format: 1\nduration: 7 h\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_experiment("quick").duration == 7 * 3600


def test_name_follows_the_file(tmp_path):
    """Catches a name that cannot be a file's."""
    file = tmp_path / "my trial (1).yaml"
    file.write_text("format: 1\nduration: 7 h\n", encoding="utf-8")
    assert load_experiment(file).name == "my_trial_1"


def test_missing_file_names_the_nearest_example(tmp_path):
    """Catches a user left alone with a misspelt example, or a folder taken for a file."""
    with pytest.raises(DocumentError, match=r"there is no file 'quik'; examples: .*; did you mean quick\?"):
        load_experiment("quik")
    with pytest.raises(DocumentError, match="did you mean vehicle"):
        load_experiment("configs/vehicel.yaml")
    with pytest.raises(DocumentError, match="is a folder"):
        load_experiment(tmp_path)
    (tmp_path / "tiny.yaml").touch()
    with pytest.raises(DocumentError, match=r"there is no file .*; did you mean .*tiny\.yaml\?"):
        load_experiment(str(tmp_path / "tiny"))


def test_own_mechanisms_have_their_parameters(tmp_path):
    """Catches an own mechanism that the file cannot set, or that is lost on replace."""

    class Parameters(NamedTuple):
        """Mine."""

        tau: Annotated[float, "s"] = 60.0

    mine = Mechanism("mine", Parameters, lambda: None)
    file = tmp_path / "x.yaml"
    file.write_text("format: 1\nduration: 7 h\nmechanisms: {mine: {tau: 2 min}}\n", encoding="utf-8")
    experiment = load_experiment(file, ["seed=3"], [mine])
    assert experiment.replace(seed=4).mechanisms["mine"] == Parameters(120.0)
    assert experiment.own_mechanisms == (mine,)
    with pytest.raises(DocumentError, match="unknown mechanism 'mine'"):
        load_experiment(file)


def test_import_is_light():
    """Catches a heavy library at the top of a module: seconds for every call of the command line."""
    code = (
        "import sys, ketasim.config;"
        "heavy = {'scipy', 'numba', 'networkx', 'xarray', 'h5py', 'matplotlib'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_of_overrides_lie_in_the_current_folder(tmp_path, monkeypatch):
    """Catches a file that is looked for beside a packaged example, where nobody has put it."""
    (tmp_path / "net.csv").write_text("source,target,source_population,target_population\na,b,PYR,PV\n")
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment("quick", ["network={file: net.csv}"])
    assert experiment.network.file == tmp_path / "net.csv"


def test_words_of_other_places_are_taken_for_what_they_mean(tmp_path):
    """Catches 1e3 neurons refused as "1000 stands here", a strain that is no species, UTF-16 of Windows."""
    text = """format: 1
duration: 2 days
subject: {species: Sprague-Dawley, weight: 0.66 lb}
doses: [{drug: ketamine, route: IP, amount: 10 mg·kg⁻¹, repeat: {every: 12 hrs, count: 3}}]
network: {neurons: 1e3}
"""
    (tmp_path / "rats.yaml").write_text(text, encoding="utf-16")
    experiment = load_experiment(tmp_path / "rats.yaml", ["seed=2e1"])
    assert (experiment.subject.species, experiment.network.neurons, experiment.seed) == ("rat", 1000, 20)
    assert isinstance(experiment.network.neurons, int)
    assert [dose.start for dose in experiment.administrations] == [0.0, 43200.0, 86400.0]
    assert {dose.route for dose in experiment.administrations} == {"intraperitoneal"}
    assert experiment.resolved()["subject"]["species"] == "rat"
    assert experiment.administrations[0].amount == pytest.approx(10.0 * 0.66 * 0.45359237)


def test_an_example_takes_clinicians_words_in_overrides():
    """Catches overrides that know fewer words than files."""
    given = load_experiment(
        "human_infusion", ["doses.0={drug: Ketamine, route: IV, rate: 0.75 mg/kg/h, duration: 40 min}"]
    )
    usual = load_experiment("human_infusion")
    assert given.administrations == usual.administrations
    assert given.replace(**{"subject.species": "Humans"}).subject.species == "human"
