"""Commands that show what there is: results on standard output, all of it JSON if asked."""

import json

import h5py
import numpy as np
import pandas
import pytest
from pandas.testing import assert_frame_equal

import ketasim
from ketasim.mechanisms import ORDER
from ketasim.signals import SIGNALS
from tests.drugs.drug_files import OWN_DRUG


def test_rows_without_a_prior_are_named(call, folder):
    """Catches an assumption that analyses of uncertainty pass over without a word."""
    (folder / "own.yaml").write_text(OWN_DRUG.replace("k_on: 3e6 1/M/s,", "prior: 2, k_on: 3e6 1/M/s,"))
    said = call("drugs", "own.yaml").stderr
    assert "without a prior: molar_mass (parent)" in said
    assert "k_on" not in said
    assert "without a prior" not in call("drugs", "ketamine").stderr


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (("drugs",), {"drug", "title", "species", "routes", "parameter sets"}),
        (("drugs", "ketamine"), {"parameter", "value", "unit", "prior", "status", "source"}),
        (("mechanisms",), {"mechanism", "by default", "what it is", "reads", "writes", "scales", "targets"}),
        (("mechanisms", "nmda_blockade"), {"parameter", "value", "unit", "prior", "status", "source"}),
        (("mechanisms", "schedule"), {"parameter", "value", "unit", "prior", "status", "source"}),
        (("signals",), {"signal", "unit", "dimensions", "kind", "neutral", "range", "meaning"}),
        (("examples",), {"example", "about", "file"}),
        (("info",), {"what", "value"}),
    ],
)
def test_tables_and_their_json(call, arguments, keys):
    """Catches JSON with remarks in it, a table without header, and a command that fails on its own data."""
    result = call(*arguments, "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert rows
    assert all(set(row) == keys for row in rows)
    plain = call(*arguments)
    assert plain.exit_code == 0
    assert len(plain.stdout.splitlines()) == len(rows) + 1
    assert plain.stdout.splitlines()[0].split()[0].lower() == next(iter(rows[0])).split()[0]


def test_info_is_short_and_its_json_whole(call):
    """Catches a thousand characters of processor flags in a terminal, or their loss."""
    rows = {row["what"]: row["value"] for row in json.loads(call("info", "--json").stdout)}
    shown = next(line for line in call("info").stdout.splitlines() if line.startswith("processor"))
    assert len(shown) <= 130
    assert rows["processor"].startswith(shown.split(maxsplit=1)[1].partition(",")[0])
    assert len(rows["processor"]) > 130


def test_lists_are_complete(call):
    """Catches a mechanism or signal that exists but is not shown."""
    mechanisms = json.loads(call("mechanisms", "--json").stdout)
    assert [row["mechanism"] for row in mechanisms] == [mechanism.name for mechanism in ORDER]
    off = [row["mechanism"] for row in mechanisms if row["by default"] == "off"]
    assert off == ["allosteric_site", "cortical_afferents", "tolerance", "liability"]
    assert [row["signal"] for row in json.loads(call("signals", "--json").stdout)] == list(SIGNALS)
    names = [row["example"] for row in json.loads(call("examples", "--json").stdout)]
    assert {"human_infusion", "quick", "rat_dose", "stress_then_ketamine", "pv_only", "surge_only"} < set(names)
    assert names.index("vehicle") < names.index("pv_only") < names.index("brunel_wang_2001") == len(names) - 1
    ketamine = json.loads(call("drugs", "ketamine", "--json").stdout)
    assert all(row["source"] and row["status"] for row in ketamine)


def test_targets_that_nobody_reads_are_named(call, folder):
    """Catches a row of a drug file that does nothing without a word, and a warning about one that acts."""
    text = OWN_DRUG.replace("target: ampa, action: potentiator", "target: nk1, action: agonist")
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    result = call("drugs", "own.yaml")
    assert result.exit_code == 0
    assert result.stderr.endswith("no mechanism of ketasim reads nk1 agonist; these rows have no effect\n")
    assert "targets.nk1.agonist (product)" in result.stdout
    assert call("drugs", "ketamine").stderr == ""
    read = {row["mechanism"]: row["targets"] for row in json.loads(call("mechanisms", "--json").stdout)}
    assert (read["autoreceptors"], read["bdnf"]) == (["mglu2_3 agonist"], [])


@pytest.mark.parametrize("mechanism", [mechanism.name for mechanism in ORDER])
def test_every_parameter_has_a_source_and_a_status(call, mechanism):
    """Catches a number that came from nowhere, and a mechanism without any that does not say where they are."""
    done = call("mechanisms", mechanism, "--json")
    rows = json.loads(done.stdout)
    assert rows or "of drug files" in done.stderr
    assert all(row["source"] and row["status"] for row in rows)


def test_what_is_off_by_default_says_so(call):
    """Catches a hypothesis whose numbers are shown as if they were part of every run."""
    said = "off by default; in an experiment, mechanisms: {cortical_afferents: on} or parameters switch it on\n"
    assert call("mechanisms", "cortical_afferents").stderr == said
    assert call("mechanisms", "glutamate").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "near"), [(("drugs", "ketamin"), "ketamine"), (("mechanisms", "glutamat"), "glutamate")]
)
def test_an_unknown_name_is_refused_with_the_nearest(call, arguments, near):
    """Catches an empty table for a misspelt name."""
    result = call(*arguments)
    assert result.exit_code == 2
    assert f"did you mean {near}?" in result.stderr
    assert result.stdout == ""


def test_schema_is_json_schema(call):
    """Catches a schema that editors cannot read."""
    schema = json.loads(call("schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "doses" in schema["properties"]


def test_inspect_tells_summary_digest_and_source(call, small_file, folder):
    """Catches numbers other than /summary's, and a source that would not run again."""
    with ketasim.open_trajectory(small_file) as trajectory:
        rows = json.loads(call("inspect", small_file, "--json").stdout)
        assert_frame_equal(pandas.DataFrame(rows), trajectory.summary, check_dtype=False)
        cost = {row["quantity"]: row["unit"] for row in rows if row["quantity"].startswith(("windows", "network"))}
        assert cost == {"windows_run": "1", "windows_skipped": "1", "network_time": "s"}
        assert call("inspect", small_file, "--digest").stdout.strip() == trajectory.digest()
        source = call("inspect", small_file, "--config").stdout
        (folder / "again.yaml").write_text(source)
        assert ketasim.load_experiment("again.yaml").sha256 == trajectory.provenance["config_sha256"]
    result = call("inspect", small_file)
    assert "not medical advice" in result.stderr
    assert result.stdout.splitlines()[1].split()[:3] == ["plasma_concentration", "ketamine", "peak"]
    assert "nan" not in result.stdout.lower()


def test_an_overridden_experiment_is_printed_as_it_was_run(call, folder):
    """Catches the file as it was written passed off as the experiment of a run that changed it."""
    changes = ["doses.0.amount=0.25 mg/kg", "network=none", "recording={}"]
    assert call("run", "small.yaml", *changes, "-o", "run.h5").exit_code == 0
    (folder / "again.yaml").write_text(call("inspect", "run.h5", "--config").stdout)
    again = ketasim.load_experiment("again.yaml")
    assert again.sha256 == ketasim.load_experiment("small.yaml", changes).sha256
    assert again.doses[0].amount != ketasim.load_experiment("small.yaml").doses[0].amount


def test_inspect_shows_what_an_unfinished_run_reached(call, small_file, folder):
    """Catches an empty table for a run that was killed after days."""
    copy = folder / "cut.h5.part"
    copy.write_bytes(small_file.read_bytes())
    with h5py.File(copy, "r+") as file:
        file.attrs["complete"] = 0
        del file["summary"], file.attrs["network_time"]
    result = call("inspect", "cut.h5", "--json")
    wanted = json.loads(call("inspect", small_file, "--json").stdout)
    assert json.loads(result.stdout) == [row for row in wanted if row["quantity"] != "network_time"]
    assert "unfinished, rows up to 1200 s of a run to 1200 s" in result.stderr


@pytest.mark.parametrize("command", ["inspect", "plot"])
def test_a_file_that_is_not_there(call, folder, command):
    """Catches a traceback, and exit code 1 for what is a wrong call."""
    result = call(command, "nothing.h5")
    assert result.exit_code == 2
    assert "nothing.h5" in result.stderr
    assert result.stdout == ""


def test_a_file_that_is_no_trajectory(call, folder):
    """Catches HDF5's own words for a text file."""
    (folder / "notes.h5").write_text("not HDF5")
    result = call("inspect", "notes.h5")
    assert result.exit_code in (1, 2)
    assert "notes.h5" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--signals", "firing_rate, nmda_block"),
        ("--signals", "firing_rate", "--vehicle", "VEHICLE"),
        ("--vehicle", "VEHICLE"),
        ("--network",),
        ("--network", "--time", "10 min", "--vehicle", "VEHICLE"),
    ],
)
def test_plot_draws_a_picture(call, small_file, folder, more):
    """Catches an empty or missing picture."""
    from matplotlib.image import imread

    more = [str(small_file) if word == "VEHICLE" else word for word in more]
    result = call("plot", small_file, "-o", "picture.png", *more)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "picture.png" in result.stderr
    picture = imread(folder / "picture.png")
    assert picture.shape[0] > 1000
    assert np.asarray(picture[..., :3]).std() > 0.02


def test_a_vehicle_changes_the_picture_of_signals(call, small, small_file, folder):
    """Catches an option that is accepted and does nothing."""
    from matplotlib.image import imread

    ketasim.run(small(doses=[]), folder / "vehicle.h5").close()
    arguments = ("plot", small_file, "--signals", "glutamate_ambient")
    assert call(*arguments, "-o", "alone.png").exit_code == 0
    assert call(*arguments, "--vehicle", "vehicle.h5", "-o", "both.png").exit_code == 0
    assert not np.array_equal(imread(folder / "alone.png"), imread(folder / "both.png"))


def test_the_network_has_a_picture_of_its_own(call, small_file, folder):
    """Catches the picture of the chain overwritten by that of the network."""
    copy = folder / "copy.h5"
    copy.write_bytes(small_file.read_bytes())
    assert call("plot", copy, "--network").exit_code == 0
    assert [path.name for path in folder.glob("*.png")] == ["copy_network.png"]


def test_a_run_without_a_network_has_no_sheet(call, small, folder):
    """Catches a traceback where there is no network to draw."""
    ketasim.run(small(network="none"), folder / "body.h5").close()
    result = call("plot", "body.h5", "--network")
    assert (result.exit_code, "no network" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--signals", "firing_rates"), "did you mean firing_rate?"),
        (("--signals", "firing_rate", "--network"), "cannot be combined"),
        (("--time", "10 min"), "--network"),
        (("--network", "--time", "3 d"), "outside the run"),
        (("--network", "--time", "soon"), "soon"),
        (("-o", "picture.xyz"), "picture.xyz"),
        (("-o", "small.yaml/folder.png"), "folder.png"),
    ],
)
def test_plot_refuses_what_it_cannot_draw(call, small_file, arguments, word):
    """Catches a traceback for a misspelt signal, an unknown format or a folder that is not there."""
    result = call("plot", small_file, *arguments)
    assert result.exit_code == 2
    assert word in result.stderr
    assert "Traceback" not in result.stderr


def test_two_runs_are_compared(call, small_file):
    """Catches words among the numbers, and arms that are mixed up."""
    result = call("compare", small_file, small_file, "--json")
    rows = json.loads(result.stdout)
    assert {row["verdict"] for row in rows} == {"same"}
    assert "share their noise" in result.stderr
    assert call("compare", small_file, small_file, "--quiet").stderr == ""
    assert call("compare", small_file, "nothing.h5").exit_code == 2


def test_what_to_cite_is_bibtex(call, small_file):
    """Catches remarks among the entries."""
    assert call("cite", small_file).stdout.startswith("@software{ketasim,\n")
    assert "Domino1982" in [row["key"] for row in json.loads(call("cite", small_file, "--json").stdout)]


def test_an_example_can_be_copied(call):
    """Catches a copy that differs from the file, and a misspelt name that makes an empty one."""
    text = call("examples", "quick").stdout
    assert text == ketasim.examples()["quick"].read_text(encoding="utf-8")
    assert json.loads(call("examples", "quick", "--json").stdout)["text"] == text
    refused = call("examples", "quik")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "did you mean quick?" in refused.stderr
    about = {row["example"]: row["about"] for row in json.loads(call("examples", "--json").stdout)}
    assert about["rat_dose"].startswith("The dose of most rodent studies")


@pytest.mark.parametrize(
    ("option", "keys"), [("--digest", {"digest"}), ("--verify", {"intact", "damages"}), ("--config", None)]
)
def test_inspect_has_json_throughout(call, small_file, option, keys):
    """Catches an option beside which --json is accepted and does nothing."""
    found = json.loads(call("inspect", small_file, option, "--json").stdout)
    assert set(found) == keys if keys else found["name"] == "small"


def test_a_picture_needs_nothing_of_the_users_settings(process, small_file, folder, monkeypatch):
    """Catches LaTeX, fonts, backends and styles of a user's settings in a picture, or an error because of them."""
    (folder / "matplotlibrc").write_text(
        "text.usetex: True\nfont.family: NoSuchFont\naxes.facecolor: black\nsavefig.format: pdf\n"
    )
    pictures = []
    for backend in ("agg", "nosuch"):
        if backend == "nosuch":
            monkeypatch.setenv("MATPLOTLIBRC", str(folder))
        monkeypatch.setenv("MPLBACKEND", backend)
        code, _, err = process("plot", str(small_file), "-o", f"{backend}.png")
        assert code == 0, err
        pictures.append((folder / f"{backend}.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_a_vehicle_without_the_signal_is_named(call, small, folder, caplog):
    """Catches a picture that is the same with and without --vehicle, without a word."""
    for name, doses in (("a", small().resolved()["doses"]), ("b", [])):
        ketasim.run(small(network="none", doses=doses, name=name), f"{name}.h5").close()
    with ketasim.open_trajectory("a.h5") as trajectory, ketasim.open_trajectory("b.h5") as vehicle:
        wanted = "plasma_concentration"
        lines = len(trajectory.plot(wanted).axes[0].lines)
        drawn = len(trajectory.plot(wanted, vehicle=vehicle).axes[0].lines)
    assert (drawn > lines) == (wanted in vehicle) == ("the vehicle has no plasma_concentration" not in caplog.text)


def test_a_readout_has_its_card(call):
    """Catches a score of people without what it was fitted to and what would refute it; and cards that lack a line."""
    said = call("mechanisms", "mood").stderr
    for words in ("species: human", "fitted to: ", "domain: ", "not validated: ", "refuted by: "):
        assert words in said
    assert "species:" not in call("mechanisms", "trkb").stderr
    assert all(all(one.card) for one in ORDER if one.card is not None)
