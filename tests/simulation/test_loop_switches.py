"""Mechanisms, cells and the network switched off: what must vanish, and what must not move."""

from itertools import combinations

import h5py
import numpy as np
import pytest
import xarray

import ketasim
from ketasim.mechanisms import ORDER
from ketasim.signals import SIGNALS
from ketasim.storage import differing_datasets
from tests.simulation.everything import DRUGS, everything

NAMES = [mechanism.name for mechanism in ORDER]
ACTS_ON = {mechanism.name: mechanism.population for mechanism in ORDER}


@pytest.mark.parametrize("name", NAMES)
def test_a_mechanism_switched_off_leaves_no_trace_of_its_signals(small, small_run, name):
    """Catches a column of neutral values under the name of a mechanism that is off, and others lost with it."""
    (mechanism,) = (one for one in ORDER if one.name == name)
    run = ketasim.run(small(mechanisms={name: "off"}))
    assert set(run.names()) == set(small_run.names()) - set(mechanism.writes)
    for signal in run.names():
        found = run[signal]
        assert found.attrs.get("mechanism") != name
        values = found.values
        if signal.endswith(("_standard_error", "_window")):  # of running estimates; of windows, all of which are run
            values = values[found["time"].values >= 0.0]
        known = np.isfinite(values)
        if "population" in found.dims:  # classes that the signal's owner leaves alone have no value
            only = ACTS_ON.get(found.attrs.get("mechanism"))
            acts = np.array([only in (None, each) for each in found["population"].values])
            assert not known[:, ~acts].any(), signal
            known = known[:, acts]
        assert known.all(), signal
    assert run.complete


def _neutral_of(run, off):
    """Signals that are owned by what is off and stand in a run all the same, as neutral values."""
    return {name for name in run.names() if run[name].attrs.get("mechanism") in off}


@pytest.mark.slow
@pytest.mark.parametrize("species", DRUGS)
@pytest.mark.parametrize("name", NAMES)
def test_a_mechanism_is_switched_off_where_all_have_something_to_do(small, species, name):
    """Catches a run that cannot do without a mechanism that acts, and values that are lost with it."""
    run = ketasim.run(everything(small, species, mechanisms={name: "off"}))
    assert run.complete
    assert not _neutral_of(run, {name})
    assert all(np.isfinite(run[one].values[-1]).any() for one in run.names())


@pytest.mark.slow
@pytest.mark.parametrize("pair", [*combinations(NAMES, 2)], ids="-".join)
def test_any_two_mechanisms_are_switched_off_together(small, pair):
    """Catches two paths to a signal, each of which is missed only when the other is gone as well."""
    run = ketasim.run(everything(small, "human", mechanisms=dict.fromkeys(pair, "off")))
    assert run.complete
    assert not _neutral_of(run, set(pair))


@pytest.mark.parametrize("name", NAMES)
def test_every_dataset_of_a_mechanism_bears_its_name(small, small_run, name):
    """Catches a dataset without the attribute by which one finds the page that explains it."""
    (mechanism,) = (one for one in ORDER if one.name == name)
    run = small_run if mechanism.by_default else ketasim.run(small(mechanisms={name: "on"}))
    for signal in mechanism.writes:
        if SIGNALS[signal].recorded:
            assert run[signal].attrs["mechanism"] == name


def test_without_a_network_the_pharmacokinetics_are_the_same(small, small_run):
    """Catches a step of the drug that depends on the network, and groups for neurons that are not there."""
    run = ketasim.run(small(network="none"))
    alone = run.dataset("subject")
    xarray.testing.assert_identical(alone, small_run.dataset("subject")[[*alone]])
    recorded = [signal.name for signal in SIGNALS.values() if signal.recorded and signal.dims == ("compound",)]
    assert set(run.names()) == set(recorded)
    assert set(run.summary["quantity"]) == {"plasma_concentration", "brain_concentration"}
    with pytest.raises(KeyError, match="no network"):
        run.graph(0)


def test_drug_without_blockade_is_saline_to_the_network(small, tmp_path):
    """Catches a second way from drug to network: with blockade off every bit has to be that of the vehicle."""
    saline = [{"drug": "saline", "route": "intravenous", "duration": "10 min"}]
    off, vehicle = tmp_path / "off.h5", tmp_path / "vehicle.h5"
    ketasim.run(small(mechanisms={"nmda_blockade": "off"}), off).close()
    ketasim.run(small(doses=saline), vehicle).close()
    different = differing_datasets(off, vehicle)
    assert [name for name in different if not name.startswith(("/events/", "/summary/"))] == []
    with h5py.File(off) as file:
        assert len(file["spikes/PYR/timestamps"]) > 0
        assert set(file["trajectories/population"]) > {"firing_rate", "glutamate_perisynaptic", "time"}


def test_the_drug_does_something_to_the_network(small_run, small, tmp_path):
    """Catches a chain that is cut between receptor and network: then the test above would pass for nothing."""
    saline = [{"drug": "saline", "route": "intravenous", "duration": "10 min"}]
    vehicle = tmp_path / "vehicle.h5"
    ketasim.run(small(doses=saline), vehicle).close()
    different = differing_datasets(small_run.path, vehicle)
    for name in ("firing_rate", "nmda_throughput", "nmda_block"):
        assert f"/trajectories/population/{name}" in different
    rows = small_run["firing_rate"]["time"].values <= 0
    other = ketasim.open_trajectory(vehicle)
    assert np.array_equal(small_run["firing_rate"].values[rows], other["firing_rate"].values[rows])


@pytest.mark.parametrize("cells", [["PYR"], ["PV", "SST"]])
def test_only_chosen_cells_are_blocked(small, cells):
    """Catches `cells` that is ignored or means the opposite."""
    run = ketasim.run(small(mechanisms={"nmda_blockade": {"cells": cells}}))
    block = run["nmda_block"].max("time")
    for population in ("PYR", "PV", "SST"):
        found = float(block.sel(population=population))
        assert (found > 0.02) if population in cells else (found == 0.0), population
