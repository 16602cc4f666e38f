"""`ketasim export`: the graph of a time as a network's file."""

import json

import numpy as np
import pandas
import pytest
from numpy.testing import assert_array_equal

import ketasim
from ketasim.network_files.exchange import read_network_file
from ketasim.storage import TrajectoryWriter
from ketasim.trajectory import open_trajectory

KNOWN = ("PYR", "PV", "SST")


@pytest.fixture
def changing(small_run, tmp_path):
    """File of a run in which one synapse dies after an hour."""
    path, topology = tmp_path / "out.h5", small_run.topology()
    with TrajectoryWriter(path) as writer:
        writer.write_topology(topology)
        writer.write_provenance({"config_resolved": json.dumps({"network": {"file": "net.graphml"}})})
        writer.write_schedule([0.0, 7200.0])
        one = [np.array([number]) for number in (1, topology.source[0], topology.target[0], 1.0, 1.0)]
        writer.create_edge_events([("PYR", "PYR")])
        writer.append_edge_events(3600.0, {("PYR", "PYR"): one})
        writer.finish()
    return path


def test_what_does_not_go_with_a_graph_is_said(call, small, folder):
    """Catches a circuit that comes back as another one without a word."""
    subunits = {"neurons": 60, "nmda_subunits": {"PV": {"GluN2A": 1.0}}}
    ketasim.run(small(network=subunits, duration="2 min", recording={}), folder / "out.h5").close()
    said = call("export", "out.h5", "-o", "net.graphml").stderr
    assert "network.nmda_subunits of this run does not go with its graph" in said
    assert "weights" not in said


@pytest.mark.parametrize("name", ["net.graphml", "net.h5"])
def test_graph_of_a_time(call, changing, name):
    """Catches another time's graph, and a file that `network: {file: ...}` does not read."""
    with open_trajectory(changing) as trajectory:
        expected = {"59 min": trajectory.topology(0), "1 h": trajectory.topology(3600)}
    assert expected["59 min"].n_edges == expected["1 h"].n_edges + 1
    for time, topology in expected.items():
        result = call("export", changing, "--time", time, "-o", name, "--force")
        assert result.exit_code == 0
        assert result.stdout == ""
        assert result.stderr == f"80 neurons and {topology.n_edges} synapses written to {name}\n"
        again, _ = read_network_file(name, KNOWN)
        for column in ("source", "target", "weight", "delay"):
            assert_array_equal(getattr(again, column), getattr(topology, column))
    assert call("export", changing, "-o", name, "--quiet", "--force").stderr == ""
    assert read_network_file(name, KNOWN)[0].n_edges == expected["59 min"].n_edges


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--time", "3 h", "-o", "net.h5"), "outside the run"),
        (("--time", "3 mg", "-o", "net.h5"), "expected a time"),
        (("-o", "net.gexf"), "allowed: .graphml, .h5, .hdf5"),
        (("-o", "out.h5"), "out.h5: exists and is not a graph"),
    ],
)
def test_wrong_calls_say_why(call, changing, arguments, message):
    """Catches a traceback, and a run that is overwritten by its own graph."""
    before = changing.read_bytes()
    result = call("export", changing, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert changing.read_bytes() == before


def test_a_run_without_network_has_no_graph(call, tmp_path):
    """Catches a KeyError's quotation marks, or an empty file."""
    with TrajectoryWriter(tmp_path / "none.h5") as writer:
        writer.finish()
    result = call("export", tmp_path / "none.h5", "-o", "net.h5")
    assert result.exit_code == 2
    assert result.stderr.endswith("none.h5: the run had no network\n")
    assert not (tmp_path / "net.h5").exists()


def test_tables_for_spreadsheets(call, small_file, folder):
    """Catches several header rows, a column without its unit, numbers that lose digits, a file that is replaced."""
    assert call("export", small_file, "-o", "summary.csv").exit_code == 0
    with open_trajectory(small_file) as trajectory:
        summary, rates = trajectory.summary, trajectory["firing_rate"]
    again = pandas.read_csv("summary.csv", keep_default_na=False, na_values={"error": [""]})
    pandas.testing.assert_frame_equal(again, summary, check_dtype=False, rtol=1e-15)
    assert (
        call("export", small_file, "--signals", "firing_rate, plasma_concentration", "-o", "out/c.csv").exit_code == 0
    )
    table = pandas.read_csv("out/c.csv")
    assert list(table.columns[:3]) == ["time (h)", "firing_rate PYR (Hz)", "firing_rate PV (Hz)"]
    assert table["firing_rate PYR (Hz)"].dropna().to_numpy() == pytest.approx(rates.sel(population="PYR").values)
    (folder / "mine.csv").write_text("precious")
    refused = call("export", small_file, "-o", "mine.csv")
    assert (refused.exit_code, (folder / "mine.csv").read_text()) == (2, "precious")


def test_only_earlier_tables_are_replaced(call, small_file, folder):
    """Catches a table of the user's that begins like one of ours, and an export with --force that works only once."""
    signals = ("--signals", "firing_rate,firing_rate_window,plasma_concentration")
    for name, more, mine in (
        ("a.csv", (), "quantity,foo\n1,2\n"),
        ("b.csv", (), "quantity,population,at,statistic,value,error,unit,meaning,mine\n"),
        ("c.csv", signals, "time (h),conc\n0,1\n"),
        ("d.csv", signals, "time (h),conc (ng/mL),firing_rate PYR (Hz)\n"),
        ("e.csv", signals, "time (h)\n0\n"),
    ):
        (folder / name).write_text(mine)
        refused = call("export", small_file, *more, "-o", name, "--force")
        assert (refused.exit_code, (folder / name).read_text()) == (2, mine)
        assert "exists and is not a table written by ketasim" in refused.stderr
        (folder / name).unlink()
        assert call("export", small_file, *more, "-o", name).exit_code == 0
        assert "--force" in call("export", small_file, *more, "-o", name).stderr
        assert call("export", small_file, *more, "-o", name, "--force").exit_code == 0
    assert call("export", small_file, "--signals", "firing_rate", "-o", "a.csv", "--force").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--signals", "firing_rat", "-o", "a.csv"), "did you mean firing_rate"),
        (("--signals", "bdnf", "-o", "a.h5"), "ends in .csv"),
    ],
)
def test_tables_that_are_refused(call, small_file, folder, arguments, words):
    """Catches an empty table for a misspelt signal, and signals written as a graph."""
    result = call("export", small_file, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not list(folder.glob("a.*"))
