"""One trajectory file in every reader that is promised to open it."""

import warnings

import h5py
import numpy as np
import pytest
import xarray
from numpy.testing import assert_array_equal


def datasets_of(file):
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return found


def test_h5py_finds_every_block_and_a_unit_on_every_dataset(written):
    """Catches a block that is missing, and a dataset without unit or meaning."""
    path, run = written
    with h5py.File(path) as file:
        blocks = {"provenance", "trajectories", "spikes", "nodes", "edges", "structure", "events", "summary"}
        assert set(file) == blocks
        for name, dataset in datasets_of(file).items():
            assert dataset.attrs["units"], name
            assert dataset.attrs["long_name"], name
        assert file.attrs["Conventions"] == "ketasim-1.1"
        assert file.attrs["complete"] == 1
        assert file.attrs["magic"] == 0x0A7A
        assert file.attrs["advice"] == "A research and teaching model; not medical advice"
        signal = file["trajectories/subject/plasma_concentration"]
        assert signal.attrs["mechanism"] == "pharmacokinetics"
        assert signal.shuffle
        assert signal.fletcher32
        assert signal.compression == "gzip"
        assert_array_equal(signal[:], run.plasma)
        assert_array_equal(file["trajectories/population/glutamate_ambient"][:], run.glutamate)
        assert "mechanism" not in file["trajectories/population/firing_rate"].attrs


def test_only_filters_that_every_reader_has(written):
    """Catches a filter (lzf, scale-offset, szip, a plugin) that some HDF5 libraries lack."""
    gzip, shuffle, fletcher32 = 1, 2, 3
    with h5py.File(written[0]) as file:
        for name, dataset in datasets_of(file).items():
            properties = dataset.id.get_create_plist()
            used = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
            assert used <= {gzip, shuffle, fletcher32}, name


def test_scales_lie_in_the_groups_that_use_them(written):
    """Catches a scale that is shared between groups or lies in a parent, which xarray refuses."""
    with h5py.File(written[0]) as file:
        for name, dataset in datasets_of(file).items():
            if dataset.is_scale:
                assert name.startswith(("trajectories/", "structure/measures_"))
                assert name.count("/") == 2
            for dimension in dataset.dims:
                for scale in dimension.values():
                    assert scale.parent == dataset.parent


def test_xarray_opens_each_group(written):
    """Catches dimensions without scales in their own group, and times turned into dates."""
    path, run = written
    with xarray.open_dataset(path, engine="h5netcdf", group="trajectories/subject", decode_timedelta=False) as dataset:
        assert dataset["plasma_concentration"].dims == ("time", "compound")
        assert dataset["plasma_concentration"].attrs["units"] == "ng/mL"
        assert "moiety" in dataset.coords
        assert_array_equal(dataset["time"], run.times)
        assert dataset["time"].dtype == "f8"
        assert dataset.sel(compound="norketamine")["moiety"] == "metabolite"
    with xarray.open_dataset(path, engine="h5netcdf", group="trajectories/node") as dataset:
        assert_array_equal(dataset["firing_rate"], run.node_rate[::2])
        assert_array_equal(dataset["population"][:13], ["PYR"] * 12 + ["PV"])
        assert dataset["node_id"].dims == ("node",)
    with xarray.open_dataset(path, engine="h5netcdf", group="structure/measures_start") as dataset:
        assert dataset["histogram"].dims == ("degree",)
        assert dataset.attrs["time"] == 0.0
        assert_array_equal(dataset["histogram"], run.measures["histogram"][0])


def test_xarray_opens_the_whole_tree(written):
    """Catches groups that do not fit together, such as a child with another length of a shared dimension."""
    path, run = written
    with xarray.open_datatree(path, engine="h5netcdf", phony_dims="sort", decode_timedelta=False) as tree:
        assert {"subject", "population", "node"} == set(tree["trajectories"].children)
        assert tree["trajectories/population"]["firing_rate"].sizes["population"] == 3
        assert tree["summary"]["value"].values.tolist() == [181.25, 2.5]
        assert tree["summary"]["quantity"].values.tolist() == run.summary["quantity"]
        assert tree["edges/PYR__PV/0"]["delay"].attrs["units"] == "ms"


def test_netcdf4_reads_dimensions_and_strings(written):
    """Catches what the netCDF library refuses: types it has no word for, scales it cannot read."""
    netCDF4 = pytest.importorskip("netCDF4")
    path, run = written
    with netCDF4.Dataset(path) as file:
        group = file["trajectories/population"]
        assert group.dimensions["time"].isunlimited()
        assert group["firing_rate"].dimensions == ("time", "population")
        assert list(group["population"][:]) == ["PYR", "PV", "SST"]
        assert_array_equal(group["firing_rate"][:], run.rate)
        assert_array_equal(file["spikes/PYR"]["timestamps"][:], run.spikes["PYR"][0])
        assert file["provenance"]["config_source"][...] == run.provenance["config_source"]
        assert list(file["summary"]["unit"][:]) == ["ng/mL", "Hz"]


def test_libsonata_reads_spikes(written):
    """Catches a wrong type of the sorting mark or of times, and a population without spikes."""
    libsonata = pytest.importorskip("libsonata")
    path, run = written
    reader = libsonata.SpikeReader(str(path))
    assert sorted(reader.get_population_names()) == ["PYR", "SST"]
    assert reader["PYR"].sorting == "by_time"
    assert reader["PYR"].time_units == "ms"
    spikes = reader["PYR"].get_dict()
    assert_array_equal(spikes["timestamps"], run.spikes["PYR"][0])
    assert_array_equal(spikes["node_ids"], run.spikes["PYR"][1])
    assert len(reader["SST"].get()) == 0


def test_libsonata_reads_nodes(written):
    """Catches attributes that are not in the group SONATA looks in."""
    libsonata = pytest.importorskip("libsonata")
    path, run = written
    storage = libsonata.NodeStorage(str(path))
    assert storage.population_names == {"PYR", "PV", "SST"}
    population = storage.open_population("PV")
    assert population.size == 4
    assert_array_equal(population.get_attribute("y", population.select_all()), run.topology.position[12:16, 1])


def test_libsonata_reads_edges_and_their_indices(written):
    """Catches wrong ids, weights out of order, and an index that leads to other edges than a full search."""
    libsonata = pytest.importorskip("libsonata")
    path, run = written
    storage = libsonata.EdgeStorage(str(path))
    topology = run.topology
    n_edges = 0
    for name in storage.population_names:
        edges = storage.open_population(name)
        n_edges += edges.size
        every = edges.select_all()
        source, target = edges.source_nodes(every), edges.target_nodes(every)
        first = {end: topology.slice_of(getattr(edges, end)).start for end in ("source", "target")}
        ours = {
            pair: weight
            for *pair_, weight in zip(topology.source, topology.target, topology.weight, strict=True)
            for pair in [tuple(pair_)]
        }
        weights = edges.get_attribute("syn_weight", every)
        pairs = zip(source + first["source"], target + first["target"], strict=True)
        assert [ours[int(i), int(j)] for i, j in pairs] == weights.tolist()
        for end, ids, find in (
            ("target", target, edges.afferent_edges),
            ("source", source, edges.efferent_edges),
        ):
            members = topology.slice_of(getattr(edges, end))
            for node in range(members.stop - members.start):
                assert_array_equal(find(node).flatten(), np.flatnonzero(ids == node))
    assert n_edges == topology.n_edges


def test_our_index_is_libsonatas_own(written, tmp_path):
    """Catches an index that only happens to work: libsonata writes its own, and both must be the same."""
    libsonata = pytest.importorskip("libsonata")
    with h5py.File(written[0]) as ours, h5py.File(tmp_path / "edges.h5", "w") as file:
        group = file.create_group("edges/PYR__PV")
        for name in ("source_node_id", "target_node_id", "edge_type_id"):
            ours.copy(f"edges/PYR__PV/{name}", group)
    libsonata.EdgePopulation.write_indices(str(tmp_path / "edges.h5"), "PYR__PV", 12, 4)
    with h5py.File(written[0]) as ours, h5py.File(tmp_path / "edges.h5") as theirs:
        for name, dataset in datasets_of(theirs["edges/PYR__PV/indices"]).items():
            assert_array_equal(ours["edges/PYR__PV/indices"][name], dataset, err_msg=name)


def test_readers_are_quiet(written):
    """Catches warnings that users of xarray would see on every file."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for group in ("subject", "population", "node"):
            xarray.open_dataset(
                written[0], engine="h5netcdf", group=f"trajectories/{group}", decode_timedelta=False
            ).close()
