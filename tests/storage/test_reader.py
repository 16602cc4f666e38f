"""Reading: signals, spikes, graph and tables of finished and unfinished runs; damage is found."""

import logging
import os
import shutil
import subprocess
import sys
from io import BytesIO

import h5py
import numpy as np
import pandas
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from ketasim.analysis import value_of
from ketasim.storage import Column, StorageError, TrajectoryNotFoundError, TrajectoryWriter, reader
from ketasim.storage.datasets import UnreadableError
from ketasim.storage.reader import damages
from ketasim.trajectory import open_trajectory


@pytest.fixture
def trajectory(written):
    with open_trajectory(written[0]) as opened:
        yield opened


def test_signal_has_dimensions_coordinates_and_unit(trajectory, written):
    """Catches values without their labels or unit, or of another type than stored."""
    glutamate = trajectory["glutamate_ambient"]
    assert glutamate.dims == ("time", "population")
    assert glutamate.attrs == {
        "units": "uM",
        "long_name": "ambient extracellular glutamate",
        "mechanism": "glutamate",
    }
    assert_array_equal(glutamate, written[1].glutamate)
    assert_array_equal(glutamate.sel(population="PV", time=60.0), written[1].glutamate[3, 1])
    assert glutamate["time"].attrs["units"] == "s"
    assert set(glutamate.coords) == {"time", "stage", "population"}
    plasma = trajectory["plasma_concentration"]
    assert plasma["moiety"].dims == ("compound",)
    assert trajectory["network_sampled"].dtype == np.uint8
    assert set(trajectory["network_sampled"].coords) == {"time", "stage"}


def test_population_comes_before_node(trajectory):
    """Catches a signal that is taken from another group than the documented one."""
    assert trajectory["firing_rate"].dims == ("time", "population")
    node = trajectory["node/firing_rate"]
    assert node.dims == ("time", "node")
    assert node["population"].values[-1] == "SST"
    assert node["node_id"].values[-1] == 2


def test_unknown_names_suggest_the_nearest(trajectory):
    """Catches a bare KeyError that leaves the reader guessing."""
    with pytest.raises(KeyError, match="did you mean glutamate_ambient"):
        trajectory["glutamat_ambient"]
    with pytest.raises(KeyError, match="did you mean node/firing_rate"):
        trajectory["node/firing_rat"]
    with pytest.raises(KeyError, match="no signal 'time'"):
        trajectory["time"]
    with pytest.raises(KeyError, match="did you mean population"):
        trajectory.dataset("populations")
    with pytest.raises(KeyError, match="it has PYR, SST"):
        trajectory.spikes("PV")
    assert "bdnf" not in trajectory
    assert "subject/plasma_concentration" in trajectory


def test_one_of_many_unknown_names_lists_five(tmp_path):
    """Catches forty names in answer to a misspelt one."""
    names = [f"signal_{letter}" for letter in "abcdefgh"] + ["firing_rate"]
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        writer.create_samples("subject", [Column(name, "1", name) for name in names])
        writer.finish()
    with open_trajectory(tmp_path / "run.h5") as trajectory, pytest.raises(KeyError) as error:
        trajectory["firing_rats"]
    words = str(error.value)
    assert "the nearest of 9 are firing_rate, " in words
    assert words.count("signal_") == 4


def test_signals_as_a_table(trajectory, written):
    """Catches columns under another's name, times in s, and rows of two clocks beside each other."""
    _, run = written
    one = trajectory.to_dataframe("glutamate_ambient")
    assert one.columns.tolist() == ["PYR", "PV", "SST"]
    assert one.index.name == "time (h)"
    assert_array_equal(one.index, np.array(run.times) / 3600.0)
    assert_array_equal(one["PV"], run.glutamate[:, 1])
    assert one.attrs == {"units": {"glutamate_ambient": "uM"}}
    several = trajectory.to_dataframe("plasma_concentration", "network_sampled", "node/firing_rate")
    assert several.columns[:4].tolist() == [
        *(("plasma_concentration", compound) for compound in ("S-ketamine", "R-ketamine", "norketamine")),
        ("network_sampled", ""),
    ]
    assert several["node/firing_rate"][3].isna().sum() == len(several) - run.node_rate[::2].shape[0]
    assert several.attrs["units"]["plasma_concentration"] == "ng/mL"
    with pytest.raises(KeyError, match="did you mean glutamate_ambient"):
        trajectory.to_dataframe("glutamat_ambient")
    with pytest.raises(TypeError, match="names of signals"):
        trajectory.to_dataframe()


def test_what_a_notebook_shows(trajectory, written):
    """Catches a representation that fails, leaves out signals or summary, or says that a run went to its end."""
    html = trajectory._repr_html_()
    for words in (
        "complete",
        "amount_mg: 35",
        "PYR, PV, SST",
        "glutamate_ambient</td><td>uM",
        "peak 181 ng/mL",
    ):
        assert words in html, words
    trajectory.close()
    assert "closed" in trajectory._repr_html_()


def test_what_a_notebook_shows_of_an_unfinished_run(tmp_path, example):
    """Catches a representation that needs what only a finished file has."""
    run = example.make_run(rows=40)
    run.finish = False
    example.write_run(tmp_path / "run.h5", run)
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert "unfinished" in trajectory._repr_html_()


@pytest.mark.parametrize(("column", "values"), [("unit", None), ("value", [1.0]), ("at", [1.0, 2.0]), ("error", 1.0)])
def test_a_summary_that_is_no_table_is_refused(written, tmp_path, column, values):
    """Catches a traceback of pandas, or rows that slip, for a summary that someone changed."""
    path = tmp_path / "copy.h5"
    path.write_bytes(written[0].read_bytes())
    with h5py.File(path, "r+") as file:
        del file["summary"][column]
        if values is not None:
            file["summary"][column] = values
    with open_trajectory(path) as trajectory, pytest.raises(StorageError, match="/summary is not a table"):
        trajectory.summary  # noqa: B018


def test_names_keep_the_order_of_recording(trajectory):
    """Catches coordinates among the signals, and names sorted so that the chain is torn apart."""
    expected = ("firing_rate", "glutamate_ambient", "plasma_concentration", "network_sampled")
    assert trajectory.names() == expected


def test_dataset_equals_xarrays_own_reading(trajectory, written):
    """Catches a difference between our reading and what xarray finds in the same group."""
    import xarray

    for group in ("subject", "population", "node"):
        with xarray.open_dataset(
            written[0], engine="h5netcdf", group=f"trajectories/{group}", decode_timedelta=False
        ) as theirs:
            ours = trajectory.dataset(group)
            assert set(ours.coords) == set(theirs.coords)
            assert set(ours.data_vars) == set(theirs.data_vars)
            meanings = theirs["stage"].attrs["flag_meanings"].split()
            assert ours["stage"].values.tolist() == [meanings[number] for number in theirs["stage"].values]
            for name in ours.drop_vars("stage").variables:
                assert ours[name].dims == theirs[name].dims
                assert_array_equal(ours[name].values, theirs[name].values.astype(ours[name].dtype))
                assert ours[name].attrs == theirs[name].attrs


def test_spikes(trajectory, written):
    """Catches ids as unsigned numbers, which turn into floats in arithmetic."""
    times, node_ids = trajectory.spikes("PYR")
    assert_array_equal(times, written[1].spikes["PYR"][0])
    assert_array_equal(node_ids, written[1].spikes["PYR"][1])
    assert node_ids.dtype == np.int64
    assert trajectory.spikes("SST").times.size == 0


def test_graph_only_inside_the_run(trajectory):
    """Catches a graph for a time that was never simulated, and times in text that are read in other units."""
    last = 67 * 60.0
    for time in (0, -120, last, "67 min"):
        assert trajectory.graph(time).number_of_nodes() == 19
    for time in (-121, last + 1, "2 h", float("nan")):
        with pytest.raises(ValueError, match="outside the run"):
            trajectory.graph(time)


def test_rates_of_stimuli_come_back_with_their_unit():
    """Catches a rate stored without its unit, or under another name than it was given."""
    memory = BytesIO()
    stimulus = {"kind": "afferents", "population": "A", "rate_hz": -50.0, "start_s": 1.0, "duration_s": 0.5}
    with TrajectoryWriter(memory, {}) as writer:
        writer.write_events([stimulus])
        writer.finish()
    with h5py.File(memory) as file:
        assert file["events/rate"].attrs["units"] == "Hz" and file["events/population"][0] == b"A"
    assert open_trajectory(memory).events == (stimulus,)


def test_units_of_own_kinds_come_back():
    """Catches a unit with a slash that becomes a group, a unit lost, and two kinds with one name in two units."""
    memory = BytesIO()
    events = (
        {"kind": "endotoxin", "level_ng_per_mL": 2.0, "start_s": 0.0},
        {"kind": "bath", "level_uM": 3.0, "rate_1_per_h": 4.0, "half_life": 5.0},
        {"kind": "afferents", "rate_hz": 6.0},
    )
    with TrajectoryWriter(memory, {}) as writer:
        writer.write_events(events)
        writer.finish()
    with h5py.File(memory) as file:
        units = {name: dataset.attrs["units"] for name, dataset in file["events"].items()}
    assert units == {
        "kind": "1",
        "level": "ng/mL",
        "start": "s",
        "level_uM": "uM",
        "rate": "1/h",
        "half_life": "1",
        "rate_hz": "Hz",
    }
    assert open_trajectory(memory).events == events


def test_tables_come_back(trajectory, written):
    """Catches doses, summaries or provenance that differ from what was given."""
    _, run = written
    assert trajectory.events == run.events
    assert_frame_equal(trajectory.summary, pandas.DataFrame(run.summary))
    assert trajectory.provenance == run.provenance
    assert trajectory.config == {"name": "test", "seed": 1}
    assert trajectory.attributes["run_id"] == "a"
    assert trajectory.attributes["version"] == [0, 1]
    assert trajectory.complete


def test_unfinished_run_is_read_and_said_to_be_so(tmp_path, example, caplog):
    """Catches a part that cannot be found under the run's name, or is taken for the finished run."""
    run = example.make_run(rows=40)
    run.finish = False
    example.write_run(tmp_path / "run.h5", run)
    with (
        caplog.at_level(logging.WARNING, logger="ketasim"),
        open_trajectory(tmp_path / "run.h5") as trajectory,
    ):
        assert not trajectory.complete
        assert trajectory.path == tmp_path / "run.h5.part"
        peak = trajectory["plasma_concentration"].values[:, :2].sum(axis=1).max()
        assert value_of(trajectory.summary, "plasma_concentration", "parent", statistic="peak") == peak
        assert trajectory["firing_rate"].sizes["time"] == 40
    assert "run.h5.part of an unfinished run" in caplog.text


def test_rows_cut_off_in_the_middle_are_left_out(tmp_path, example):
    """Catches ragged rows, and nan for what was never written, in a file cut off between two datasets."""
    run = example.make_run(rows=40)
    run.finish = False
    example.write_run(tmp_path / "run.h5", run)
    with h5py.File(tmp_path / "run.h5.part", "r+") as file:
        file["trajectories/population/glutamate_ambient"].resize(37, axis=0)
        file["trajectories/subject/time"].resize(35, axis=0)
        file["spikes/PYR/node_ids"].resize(30, axis=0)
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert trajectory["firing_rate"].sizes["time"] == 37
        assert trajectory["plasma_concentration"].sizes["time"] == 35
        assert len(trajectory.spikes("PYR").times) == 30
        with pytest.raises(ValueError, match="outside the run"):
            trajectory.graph(60 * 38.0)


def test_run_without_network_or_rows():
    """Catches failures on what a run need not have: a network, events, spikes, rows."""
    memory = BytesIO()
    with TrajectoryWriter(memory) as writer:
        writer.create_samples("subject", [], {})
        writer.write_events([])
        writer.finish()
    with open_trajectory(memory) as trajectory:
        assert trajectory.names() == ()
        assert trajectory.events == ()
        assert trajectory.provenance == {}
        assert trajectory.dataset("subject").sizes == {"time": 0}
        assert len(trajectory.digest()) == 64
        with pytest.raises(KeyError, match="no network"):
            trajectory.graph()
        assert repr(trajectory) == "<Trajectory in memory, complete, 0 signals>"


def test_files_that_are_not_trajectories(tmp_path):
    """Catches a traceback where a sentence is due: missing, not HDF5, foreign HDF5, a later format."""
    with pytest.raises(TrajectoryNotFoundError, match=r"no such file, and no run\.h5\.part"):
        open_trajectory(tmp_path / "run.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(StorageError, match=r"text\.h5: not a trajectory file"):
        open_trajectory(tmp_path / "text.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file.attrs["Conventions"] = "CF-1.8"
    with pytest.raises(StorageError, match="not a trajectory"):
        open_trajectory(tmp_path / "foreign.h5")
    with h5py.File(tmp_path / "later.h5", "w") as file:
        file.attrs["Conventions"] = "ketasim-9.0"
        file.attrs["format_version"] = 9
    with pytest.raises(StorageError, match="install a later one"):
        open_trajectory(tmp_path / "later.h5")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such pipes")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    """Catches a command that waits for ever for a pipe that nobody writes to, or reads a device without end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(UnreadableError, match="a device or pipe, not a file"):
            open_trajectory(path)
    with pytest.raises(UnreadableError, match="a folder, not a file"):
        open_trajectory(tmp_path)


def test_closed_trajectory_says_so(written):
    """Catches HDF5's words about invalid identifiers; and what was read must stay readable."""
    with open_trajectory(written[0]) as trajectory:
        rate = trajectory["firing_rate"]
    assert rate.mean() > 0
    assert repr(trajectory) == "<Trajectory, closed>"
    with pytest.raises(StorageError, match="closed"):
        trajectory["firing_rate"]


@pytest.fixture
def copied(written, tmp_path):
    """Path of a finished file that may be changed."""
    return shutil.copy(written[0], tmp_path / "run.h5")


def test_a_finished_file_is_intact(copied):
    """Catches a digest that differs as soon as the file is closed."""
    assert damages(copied) == []


@pytest.mark.parametrize("name", ["trajectories/subject/plasma_concentration", "trajectories/node/firing_rate"])
def test_a_block_that_went_bad_is_named(copied, name):
    """Catches a flipped byte that nobody notices until it is read."""
    with h5py.File(copied) as file:
        chunk = file[name].id.get_chunk_info(0)
    with open(copied, "r+b") as raw:
        raw.seek(chunk.byte_offset + chunk.size // 2)
        byte = raw.read(1)
        raw.seek(-1, 1)
        raw.write(bytes([byte[0] ^ 1]))
    (found,) = damages(copied)
    assert found.startswith(f"/{name}: cannot be read: ")


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file["summary/value"].__setitem__(0, 182.0),
        lambda file: file["trajectories/subject/network_sampled"].attrs.__setitem__("units", "mV"),
        lambda file: file.__delitem__("events"),
        lambda file: file["trajectories/subject/time"].resize(10, axis=0),
    ],
)
def test_what_was_changed_since_is_found(copied, change):
    """Catches a value, a unit, a table or rows that are not what the run wrote, though HDF5 has no complaint."""
    with h5py.File(copied, "r+") as file:
        change(file)
    (found,) = damages(copied)
    assert found.startswith("the digest of the content is ")


def test_an_unfinished_file_is_read_as_a_whole(tmp_path, example):
    """Catches a complaint that there is no digest yet, and a damaged block that is passed over for that reason."""
    run = example.make_run()
    run.finish = False
    example.write_run(tmp_path / "run.h5", run)
    path = tmp_path / "run.h5.part"
    assert damages(path) == []
    with h5py.File(path) as file:
        chunk = file["trajectories/node/firing_rate"].id.get_chunk_info(0)
    with open(path, "r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"damage")
    (found,) = damages(path)
    assert "/trajectories/node/firing_rate" in found


def test_what_is_no_trajectory_is_refused(tmp_path):
    """Catches 'intact' for nothing at all."""
    with pytest.raises(TrajectoryNotFoundError):
        damages(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(StorageError, match="not a trajectory file"):
        damages(tmp_path / "text.h5")


def test_a_name_that_is_no_text_is_damage(copied):
    """Catches a traceback where a flipped byte leaves the name of an attribute no UTF-8."""
    with h5py.File(copied, "r+") as file:
        place = file["trajectories/subject/network_sampled"].id
        h5py.h5a.create(place, b"\xffunits", h5py.h5t.NATIVE_INT8, h5py.h5s.create(h5py.h5s.SCALAR))
    (found,) = damages(copied)
    assert "/trajectories/subject/network_sampled cannot be read" in found


_HOLD = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); print('held', flush=True); sys.stdin.read()"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks otherwise")
def test_a_file_open_elsewhere_is_said_to_be(small_file, tmp_path):
    """Catches an intact file called no trajectory because another program has it open for writing."""
    path = shutil.copy(small_file, tmp_path / "run.h5")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match=r"cannot be read: .*another program has it open for writing"):
            open_trajectory(path)
        other.stdin.close()


def test_a_digest_that_cannot_be_read_is_damage(copied, monkeypatch):
    """Catches a traceback where damage is in the stored digest itself."""
    as_it_is = reader.native

    def broken(value):
        if isinstance(value, str | bytes) and len(value) == 64:
            raise OSError("Can't synchronously read data (ran off end of input buffer while decoding)")
        return as_it_is(value)

    monkeypatch.setattr(reader, "native", broken)
    (found,) = damages(copied)
    assert found.startswith("the content cannot be read: ")
