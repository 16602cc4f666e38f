"""A trajectory as its user has it: its table, its figure, what a notebook shows; from a path or from memory."""

import copy
import pickle
from io import BytesIO

import pandas
import pytest

import ketasim
from ketasim.analysis.summary import summarise
from ketasim.analysis.words import closing_words
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


@pytest.fixture(scope="module")
def stressed(small):
    """A rat with two hours of stress before its dose."""
    stress = {"kind": "stress", "start": "-2 h", "duration": "3 h"}
    slow = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "20 min"}
    changes = {"network": {"neurons": 40}, "recording": {}, "schedule": slow, "stimuli": [stress], "duration": "1 h"}
    dose = {"drug": "ketamine", "route": "ip", "amount": "10 mg/kg"}
    return ketasim.run(small(subject={"species": "rat"}, doses=[dose], **changes))


def test_peaks_are_those_after_time_zero(stressed):
    """Catches noise of weeks before the dose passed off as its peak, and a dose whose begin nobody can subtract."""
    table = stressed.summary
    assert (table.loc[table.statistic == "time_of_peak", "value"] >= 0.0).all()
    at_zero = ketasim.value_of(table, "spine_density", "PYR", "0 h")
    assert at_zero == float(stressed["spine_density"].sel(population="PYR", time=0.0))
    assert at_zero < 1.0


def test_the_baseline_is_said_to_be_before_the_stress(stressed):
    """Catches a change since weeks ago that reads as one since the dose."""
    words = "\n".join(closing_words(stressed))
    assert "Hz at baseline (before -2 h)" in words
    assert "relative to baseline (before -2 h)" in words


def test_a_score_asked_of_a_rat_says_whose_it_is(stressed):
    """Catches forty names of proteins in answer to a score that this subject cannot have."""
    for ask in (lambda: stressed["madrs"], lambda: stressed.plot("madrs")):
        with pytest.raises(KeyError, match="madrs is of a human, and this subject is a rat"):
            ask()


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


def test_all_signals_at_a_time(small_run):
    """Catches the wrong row, values between rows that are off, units that are lost, a time outside the run."""
    rates, time = small_run["firing_rate"], small_run["firing_rate"].time.values
    at = small_run.sel("10 min")
    assert at["firing_rate"].values.tolist() == rates.sel(time=600.0).values.tolist()
    assert {"plasma_concentration", "bdnf"} <= set(at)
    assert (at["firing_rate"].attrs["units"], at.time.attrs["units"], float(at.time)) == ("Hz", "s", 600.0)
    later = time[time > 600.0][0]
    between = small_run.sel(0.25 * 600.0 + 0.75 * later)["plasma_concentration"]
    ends = [small_run.sel(one)["plasma_concentration"].values for one in (600.0, later)]
    assert between.values == pytest.approx(0.25 * ends[0] + 0.75 * ends[1])
    assert small_run.sel(float(time[-1])).sizes["population"] == 3
    with pytest.raises(ValueError, match="outside the run"):
        small_run.sel("3 d")


def test_it_is_used_like_a_mapping(small_run):
    """Catches a loop over integers, no completion of names, and an item or attribute that ends in a riddle."""
    assert list(small_run) == list(small_run.keys()) == small_run._ipython_key_completions_()
    assert len(small_run) == len(dict(small_run))
    with pytest.raises(TypeError, match="by its name"):
        small_run[0]
    with pytest.raises(AttributeError, match=r"signals are items: trajectory\['firing_rate'\]"):
        small_run.firing_rate  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean plot"):
        small_run.plott  # noqa: B018


def test_it_is_read_only(small_run):
    """Catches a value that is set without a word and without an effect."""
    with pytest.raises(AttributeError, match="read-only"):
        small_run.complete = False
    with pytest.raises(AttributeError, match="read-only"):
        small_run.firing_rate = 3
    with pytest.raises(TypeError, match="read-only"):
        small_run["firing_rate"] = 3


def test_an_experiment_is_read_only(small):
    """Catches pydantic's own words, which do not name the way to change an experiment."""
    experiment = small()
    for part, name in ((experiment, "seed"), (experiment.doses[0], "amount"), (experiment, "sed")):
        with pytest.raises(AttributeError, match=rf"{name} cannot be set.*experiment\.replace\(seed=7\)"):
            setattr(part, name, 3)
    with pytest.raises(AttributeError, match="seed cannot be set"):  # pydantic would take any value
        experiment.model_copy(update={"seed": "x"})
    assert experiment.model_copy() == experiment


def test_it_goes_to_other_processes(small_run, small):
    """Catches an error of HDF5 in a pool of workers, and a copy whose closing closes the original."""
    with pickle.loads(pickle.dumps(small_run)) as again, copy.copy(small_run) as third:
        assert again["bdnf"].equals(third["bdnf"])
    assert small_run.is_open
    with ketasim.run(small(network="none", duration="20 min")) as memory, pytest.raises(TypeError, match="in memory"):
        pickle.dumps(memory)


@pytest.mark.parametrize("time", [None, slice("10 min", "1 h"), ["10 min"]])
def test_what_is_no_time(small_run, time):
    """Catches Python's words on float()."""
    with pytest.raises(TypeError, match="number of s, or text such as '40 min'"):
        small_run.sel(time)
