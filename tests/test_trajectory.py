"""A trajectory as its user has it: its table, its figure, what a notebook shows; from a path or from memory."""

from io import BytesIO

import pandas
import pytest

import ketasim
from ketasim.analysis.summary import summarise
from ketasim.storage import StorageError


def test_the_summary_is_that_of_the_file(small_run):
    """Catches a table that is computed again where the file has one, or that differs from what its rows say."""
    assert isinstance(small_run.summary, pandas.DataFrame)
    pandas.testing.assert_frame_equal(small_run.summary, pandas.DataFrame(small_run.stored_summary()))
    pandas.testing.assert_frame_equal(small_run.summary, summarise(small_run), check_dtype=False)


def test_a_page_and_chosen_signals_are_drawn(small_run):
    """Catches a figure without the signals asked for, and a misspelt name that draws an empty one."""
    figure = small_run.plot("firing_rate", "bdnf", vehicle=small_run)
    assert [axes.get_ylabel().split("\n")[0] for axes in figure.axes] == ["firing rate", "bdnf"]
    with pytest.raises(KeyError, match="did you mean firing_rate"):
        small_run.plot("firing_rat")


def test_a_notebook_shows_what_is_in_a_run(small_run, small_file):
    """Catches a display that fails, that lacks doses or signals, or that fails once the file is closed."""
    shown = small_run._repr_html_()
    for text in ("small: complete", "ketamine", "PYR, PV, SST", "<td>firing_rate</td><td>Hz</td>", str(small_file)):
        assert text in shown, text
    closed = ketasim.open_trajectory(small_file)
    closed.close()
    assert "closed" in closed._repr_html_()


def test_a_run_in_memory_has_all_of_it(small):
    """Catches what works for files only."""
    with ketasim.run(small(network="none", duration="20 min")) as trajectory:
        assert trajectory.path is None
        assert "in memory" in trajectory._repr_html_()
        assert not trajectory.summary.empty
    with pytest.raises(StorageError):
        ketasim.open_trajectory(BytesIO(b"nothing"))
