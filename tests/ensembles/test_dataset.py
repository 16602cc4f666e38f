"""The dataset of a sweep: every way to index it gives what is stored; times that differ are interpolated."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ketasim.ensembles import open_sweep, sweep, sweep_summary
from ketasim.ensembles.store import NAME, Store


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Three doses, two weights, two seeds; not to be changed."""
    from ketasim.config import Experiment
    from tests.ensembles.conftest import ALONE

    out = tmp_path_factory.mktemp("sweep") / "grid"
    parameters = {"doses.0.amount": ["0.25 mg/kg", "0.5 mg/kg", "1 mg/kg"], "subject.weight": ["60 kg", "80 kg"]}
    sweep(Experiment.from_mapping(ALONE), parameters, replicates=2, jobs=1, out=out)
    return out


def _index(draw, n):
    kind = draw(st.sampled_from(["all", "one", "slice", "list"]))
    if kind == "all":
        return slice(None)
    if kind == "one":
        return draw(st.integers(-n, n - 1))
    if kind == "slice":
        return draw(st.slices(n).filter(lambda one: range(n)[one]))  # xarray itself fails for some empty ones
    return draw(st.lists(st.integers(0, n - 1), max_size=4))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_index_gives_what_the_whole_array_has_there(data, grid):
    """Catches runs, times or compounds in another order, and a dropped dimension that stays."""
    lazy = open_sweep(grid)["plasma_concentration"]
    whole = open_sweep(grid)["plasma_concentration"].load()
    index = tuple(_index(data.draw, n) for n in lazy.shape)
    assert np.array_equal(lazy[index].values, whole[index].values)


def test_signals_are_read_when_they_are_asked_for(grid, monkeypatch):
    """Catches a sweep of gigabytes that is read to be looked at."""
    read = []
    monkeypatch.setattr(Store, "signal", lambda self, name, numbers: read.append((name, list(numbers))) or [])
    found = open_sweep(grid)
    repr(found)
    assert not read
    found["plasma_concentration"].sel({"doses.0.amount": "1 mg/kg", "subject.weight": "80 kg", "seed": 2}).load()
    assert read == [("plasma_concentration", [11])]


def test_times_that_differ_are_interpolated(alone, tmp_path):
    """A later dose has steps of its own: rows of a run are exact, those between are linear, those beyond NaN."""
    found = sweep(alone(), {"duration": ["50 min", "1 h"]}, jobs=1, out=tmp_path / "s").squeeze("seed")
    short, long = (found["plasma_concentration"].isel(duration=place).sel(compound="S-ketamine") for place in (0, 1))
    own = {number: signal for number, signal in Store(tmp_path / "s").signal("plasma_concentration", [0, 1])}
    assert np.isin(own[0].times, found["time"]).all()
    assert_allclose(short.sel(time=own[0].times), own[0].values[:, 0])
    assert np.isnan(short.sel(time=3600.0))
    assert not np.isnan(long).any()
    halfway = open_sweep(tmp_path / "s", times=[0.5 * (own[1].times[3] + own[1].times[4])])
    value = halfway["plasma_concentration"].isel(duration=1, seed=0, time=0).sel(compound="S-ketamine")
    assert_allclose(value, 0.5 * (own[1].values[3, 0] + own[1].values[4, 0]))


def test_arms_with_other_compounds_share_one_dimension(alone, tmp_path):
    """Catches columns of one drug under the names of another's."""
    found = sweep(alone(), {"doses.0.drug": ["ketamine", "saline"]}, jobs=1, out=tmp_path / "s").squeeze("seed")
    array = found["plasma_concentration"]
    assert np.isnan(array.sel({"doses.0.drug": "saline"})).all()
    assert not np.isnan(array.sel({"doses.0.drug": "ketamine"})).any()


def test_values_that_are_no_numbers_are_text(alone, tmp_path):
    """Catches mappings as coordinates, which xarray cannot select by."""
    found = sweep(alone(), {"subject": [{"species": "human"}, {"species": "human", "weight": "60 kg"}]}, jobs=1,
                  out=tmp_path / "s")  # fmt: skip
    assert found["subject"].values.tolist()[0] == '{"species": "human"}'


def test_a_dataset_goes_to_netcdf_and_to_another_process(grid, tmp_path):
    """Catches lazy arrays that cannot be pickled, as dask needs, and attributes that netCDF does not take."""
    import pickle

    import xarray

    found = open_sweep(grid)
    again = pickle.loads(pickle.dumps(found))
    assert again.identical(found)
    found.to_netcdf(tmp_path / "sweep.nc")
    with xarray.open_dataset(tmp_path / "sweep.nc") as stored:
        assert_allclose(stored["plasma_concentration"].values, found["plasma_concentration"].values)


def test_summaries_have_the_labels_of_their_runs(grid):
    """Catches numbers beside the parameters of another run: a concentration is proportional to its dose."""
    peaks = sweep_summary(grid).query(
        "quantity == 'plasma_concentration' and statistic == 'peak' and population == 'ketamine' and seed == 1"
    )
    by_dose = peaks[peaks["subject.weight"] == "60 kg"].set_index("doses.0.amount")["value"]
    assert_allclose(by_dose["1 mg/kg"], 4.0 * by_dose["0.25 mg/kg"], rtol=1e-6)
    assert (grid / NAME).is_file()
