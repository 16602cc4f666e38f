"""Rows of signals: what they belong to, and files that do not say so."""

from io import BytesIO

import h5py
import numpy as np
import pytest

from ketasim.storage import Column, TrajectoryWriter
from ketasim.trajectory import open_trajectory

RATE = Column("firing_rate", "Hz", "rate", ("population",))


@pytest.fixture
def written_rows():
    """File in memory whose baseline reaches beyond time zero, and whose node group has no signals."""
    memory = BytesIO()
    with TrajectoryWriter(memory) as writer:
        writer.create_samples("population", [RATE], {"population": ["PYR"]})
        writer.create_samples("subject", [])
        for time, stage in ((-60.0, "baseline"), (0.0, "baseline"), (60.0, "run")):
            writer.append("population", time, {"firing_rate": [time]}, stage)
            writer.append("subject", time, {}, stage)
        writer.finish()
    return memory


@pytest.mark.parametrize("group", ["population", "subject"])
def test_the_stage_of_a_row_is_what_was_written(written_rows, group):
    """Catches a stage that is guessed from the sign of time, is taken for a signal, or is lost where there is none."""
    with open_trajectory(written_rows) as trajectory:
        rows = trajectory.dataset(group)
        assert rows["stage"].values.tolist() == ["baseline", "baseline", "run"]
        assert rows["stage"].dims == ("time",)
        assert "stage" in rows.coords
        assert trajectory.names() == ("firing_rate",)


def test_the_file_says_what_its_numbers_mean(written_rows):
    """Catches flags that readers of CF conventions cannot translate."""
    with h5py.File(written_rows) as file:
        stage = file["trajectories/population/stage"]
        assert stage.dtype == "u1"
        assert stage[()].tolist() == [0, 0, 1]
        assert stage.attrs["flag_values"].tolist() == [0, 1]
        assert stage.attrs["flag_meanings"] == "baseline run"
        assert stage.dims[0][0] == file["trajectories/population/time"]


def test_an_old_file_has_its_baseline_before_time_zero(written_rows):
    """Catches a file of format 1.0 that cannot be read, or whose row at time zero counts as baseline."""
    with h5py.File(written_rows, "r+") as file:
        for group in file["trajectories"].values():
            del group["stage"]
        file.attrs["Conventions"] = "ketasim-1.0"
    with open_trajectory(written_rows) as trajectory:
        assert trajectory["firing_rate"]["stage"].values.tolist() == ["baseline", "run", "run"]


def test_an_unknown_stage_is_refused():
    """Catches a misspelt stage that is stored as another one."""
    with TrajectoryWriter(BytesIO()) as writer:
        writer.create_samples("population", [RATE], {"population": ["PYR"]})
        with pytest.raises(ValueError, match="not in tuple"):
            writer.append("population", 0.0, {"firing_rate": np.zeros(1)}, "warmup")
