"""Graph measures in files."""

from io import BytesIO

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.storage import TrajectoryWriter, open_trajectory


def test_measures_come_back_by_time(example):
    """Catches measures in the order of their names, curves of another length cut off, and units that are lost."""
    memory = BytesIO()
    with TrajectoryWriter(memory) as writer:
        for name, at, length in (("end", 86400.0, 3), ("start", 0.0, 5)):
            curve = (np.arange(length) + 0.5, "1", "curve")
            histogram = (np.arange(length), "1", "neurons")
            measures = {"edges": (at, "1", "edges"), "curve": curve, "histogram": histogram}
            writer.write_graph_measures(name, at, measures)
        with pytest.raises(ValueError, match="shapes"):
            writer.write_graph_measures("x", 1.0, {"a": (np.arange(2), "1", "a"), "b": (np.arange(3), "1", "b")})
        writer.finish()
    dataset = open_trajectory(memory).graph_measures()
    assert dataset["name"].values.tolist() == ["start", "end"]
    assert_array_equal(dataset["edges"], [0.0, 86400.0])
    assert_array_equal(dataset["curve"].sel(time=86400.0), [0.5, 1.5, 2.5, np.nan, np.nan])
    assert_array_equal(dataset["histogram"], [[0, 1, 2, 3, 4], [0, 1, 2, 0, 0]])
    assert dataset["curve"].dims == ("time", "degree")
    assert dataset["edges"].attrs == {"units": "1", "long_name": "edges"}
