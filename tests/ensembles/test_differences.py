"""Paired differences of arms: pairs, sources of error, and what cannot be compared."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ketasim
from ketasim.analysis.compare import ComparisonError
from ketasim.ensembles import open_sweep, sweep, sweep_summary
from ketasim.ensembles.differences import arms_of, compare, courses, pairs_of
from ketasim.ensembles.picture import comparison_figure
from tests.ensembles.conftest import ARMS


@pytest.fixture(scope="module")
def three_seeds(small, tmp_path_factory):
    """Two arms of the small network with three seeds; not to be changed."""
    out = tmp_path_factory.mktemp("sweep") / "arms"
    sweep(small(recording={"measures": False}), replicates=3, arms=ARMS, jobs=1, out=out)
    return out


def test_differences_are_those_of_pairs(three_seeds):
    """Catches means of arms whose seeds are not paired, and an error that is not that of the pairs."""
    found = open_sweep(three_seeds)
    table = compare(*arms_of(found))
    summary = sweep_summary(three_seeds).query(
        "quantity == 'firing_rate' and population == 'PYR' and statistic == 'mean' and at != 'baseline'"
    )
    wide = summary.pivot_table(index="seed", columns="arm", values="value")
    pairs = wide["drug"] - wide["vehicle"]
    row = table.query("quantity == 'firing_rate' and population == 'PYR' and statistic == 'mean' and at != 'baseline'")
    assert len(row) == 1
    assert_allclose(row["difference"], pairs.mean())
    assert_allclose(row["error"], pairs.std(ddof=1) / np.sqrt(3))
    assert row["pairs"].tolist() == [3]
    assert row["share_up"].tolist() == [(pairs > 0).mean()]
    parts = row[["error_seed", "error_windows"]].to_numpy()
    assert_allclose(np.sum(parts**2), row["error"].iloc[0] ** 2)
    assert row["unit"].tolist() == ["Hz"]


def test_a_baseline_shared_by_arms_does_not_differ(three_seeds):
    """Arms share graph, baseline and noise: catches arms with other random numbers."""
    table = compare(*arms_of(open_sweep(three_seeds)))
    rest = table.query("at == 'baseline' and quantity == 'firing_rate'")
    assert (rest["difference"] == 0.0).all()
    assert (rest["error"] == 0.0).all()


def test_numbers_of_one_arm_only_are_listed(three_seeds):
    """Catches concentrations that are left out because a vehicle has none."""
    table = compare(*arms_of(open_sweep(three_seeds)))
    peak = table.query("quantity == 'plasma_concentration' and statistic == 'peak' and population == 'ketamine'")
    assert peak["drug"].iloc[0] > 100.0
    assert np.isnan(peak["difference"].iloc[0])
    assert peak["pairs"].tolist() == [0]


def test_courses_have_means_and_errors(three_seeds):
    """Catches a course of other runs than the table's."""
    drug, vehicle = arms_of(open_sweep(three_seeds))
    found = courses(drug, vehicle, "firing_rate")
    values = drug["firing_rate"].values - vehicle["firing_rate"].values
    assert_allclose(found["difference"].sel(statistic="mean"), values.mean(axis=0))
    assert_allclose(found["difference"].sel(statistic="error"), values.std(axis=0, ddof=1) / np.sqrt(3), atol=1e-12)
    assert found["drug"].attrs["units"] == "Hz"


def test_values_of_other_dimensions_have_rows_of_their_own(alone, tmp_path):
    """Catches doses that are averaged as if they were seeds."""
    found = sweep(
        alone(), {"doses.0.duration": ["10 min", "40 min"]}, replicates=2, jobs=1, out=tmp_path / "s",
        arms={"full": {}, "half": {"doses.0.amount": "0.25 mg/kg"}},
    )  # fmt: skip
    table = compare(*arms_of(found, "full", "half"))
    peaks = table.query("quantity == 'plasma_concentration' and statistic == 'peak' and population == 'ketamine'")
    assert peaks["doses.0.duration"].tolist() == ["10 min", "40 min"]
    assert (peaks["pairs"] == 2).all()
    assert_allclose(peaks["drug"], 2.0 * peaks["vehicle"], rtol=1e-6)
    both = compare(*arms_of(found, "full", "half"), over=["doses.0.duration", "seed"])
    peak = both.query("quantity == 'plasma_concentration' and statistic == 'peak' and population == 'ketamine'")
    assert peak["pairs"].tolist() == [4]
    with pytest.raises(ComparisonError, match="choose one value"):
        courses(*arms_of(found, "full", "half"), "plasma_concentration")


def test_circuits_beside_their_seeds_are_averaged(alone, tmp_path):
    """Catches a row for each seed where seeds and their own networks are listed side by side."""
    design = {"zip": {"seed": [4, 7], "network": ["none", "none"]}}
    arms = {"full": {}, "half": {"doses.0.amount": "0.25 mg/kg"}}
    found = sweep(alone(), design=design, arms=arms, jobs=1, out=tmp_path / "s")
    table = compare(*arms_of(found, "full", "half"))
    peaks = table.query("quantity == 'plasma_concentration' and statistic == 'peak' and population == 'ketamine'")
    assert peaks["pairs"].tolist() == [2]


def test_sizes_of_the_network_are_not_averaged(small, tmp_path):
    """Catches networks of different sizes that are taken for circuits drawn at random."""
    experiment = small(recording={"measures": False}, duration="11 min")
    found = sweep(experiment, {"network.neurons": [60, 80]}, arms=ARMS, jobs=1, out=tmp_path / "s")
    table = compare(*arms_of(found)).query("quantity == 'firing_rate' and population == 'PYR' and at == 'baseline'")
    assert table["network.neurons"].tolist() == [60, 80]


def test_a_picture_without_names_shows_what_pictures_of_a_run_show(three_seeds):
    """Catches a list of signals of its own, which does not follow when a signal is renamed or added."""
    found = open_sweep(three_seeds)
    drawn = {axes.get_ylabel().split("\n")[0] for axes in comparison_figure(*arms_of(found)).axes}
    assert {"firing_rate", "surface_ampa", "spine_density"} <= drawn
    assert not {name for name in drawn if name.endswith(("_window", "_standard_error"))}


def test_numbers_of_runs_have_means_and_errors(three_seeds):
    """Catches a mean over an interval that cannot be compared because it has no times."""
    found = open_sweep(three_seeds)[["firing_rate"]].mean("time", keep_attrs=True)
    drug, vehicle = arms_of(found)
    means = courses(drug, vehicle, "firing_rate")["difference"]
    assert means.dims == ("statistic", "population")
    change = (drug["firing_rate"] - vehicle["firing_rate"].values).mean("seed")
    assert_allclose(means.sel(statistic="mean"), change)


def test_runs_that_are_not_done_have_no_pair(alone, tmp_path):
    """Catches a vehicle that is paired with another seed's drug."""
    found = sweep(alone(), replicates=3, arms=ARMS, jobs=1, out=tmp_path / "s")
    drug, vehicle = arms_of(found)
    pairs, averaged, kept = pairs_of(drug.sel(seed=[1, 3]), vehicle.sel(seed=[2, 3]))
    assert pairs["seed"].tolist() == [3]
    assert (averaged, kept) == (["seed"], [])
    with pytest.raises(ComparisonError, match="has a partner"):
        compare(drug.sel(seed=[1]), vehicle.sel(seed=[2]))


def test_wrong_arms_are_refused(alone, tmp_path):
    """Catches a comparison of what was not asked for."""
    found = sweep(alone(), replicates=2, arms=ARMS, jobs=1, out=tmp_path / "s")
    with pytest.raises(ComparisonError, match="no arm 'placebo'; it has drug, vehicle"):
        arms_of(found, "drug", "placebo")
    with pytest.raises(ComparisonError, match="no dimension 'seeds'"):
        compare(*arms_of(found), over=["seeds"])
    with pytest.raises(ketasim.ensembles.store.SweepError, match=r"not .part of. a dataset"):
        compare(found["plasma_concentration"].to_dataset(name="x").drop_vars("run"), found)
    other = sweep(alone(), replicates=2, arms=ARMS, jobs=1, out=tmp_path / "t")
    with pytest.raises(ComparisonError, match="two arms of one sweep"):
        compare(found, other)


def test_a_picture_shows_both_arms(three_seeds):
    """Catches an empty panel, and a vehicle in colour."""
    figure = comparison_figure(*arms_of(open_sweep(three_seeds)), "firing_rate", "bdnf")
    assert [axes.get_ylabel().split("\n")[0] for axes in figure.axes] == ["firing_rate", "bdnf"]
    lines = figure.axes[0].get_lines()
    grey = [line for line in lines if line.get_color() == "#9a9a9a"]
    assert len(grey) == len(lines) // 2 >= 3
    with pytest.raises(KeyError, match="no signal 'rate'"):
        comparison_figure(*arms_of(open_sweep(three_seeds)), "rate")
