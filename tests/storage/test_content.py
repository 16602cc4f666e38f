"""The digest: blind to how a file is stored, awake to everything that it holds."""

import shutil
from io import BytesIO

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.storage import StorageError, differing_datasets, digest


def digest_of(example, run):
    memory = BytesIO()
    example.write_run(memory, run)
    return digest(memory)


@pytest.fixture(scope="module")
def reference(example):
    return digest_of(example, example.make_run())


@settings(max_examples=8, deadline=None)
@given(rows=st.sets(st.integers(0, 69)))
def test_flushes_do_not_enter(example, reference, rows):
    """Catches a digest that depends on when rows were flushed."""
    run = example.make_run()
    run.flush_after = rows
    assert digest_of(example, run) == reference


@settings(max_examples=10, deadline=None)
@given(
    chunk=st.integers(1, 80),
    compression=st.sampled_from([None, "gzip", "lzf"]),
    backwards=st.booleans(),
)
def test_storage_does_not_enter(written, reference, chunk, compression, backwards):
    """Catches a digest that depends on chunks, filters, the order of creation or addresses of scales."""
    memory = BytesIO()
    with h5py.File(written[0]) as file, h5py.File(memory, "w") as copy:
        copy_stored_otherwise(file, copy, {"chunk": chunk, "compression": compression}, backwards)
    assert digest(memory) == reference


def copy_stored_otherwise(file, copy, storage, backwards):
    items = []
    file.visititems(lambda _, item: items.append(item))
    datasets = [item for item in items if isinstance(item, h5py.Dataset)]
    for dataset in reversed(datasets) if backwards else datasets:
        copy_dataset(dataset, copy, storage)
    for item in [file, *items]:
        if isinstance(item, h5py.Group):
            copy.require_group(item.name)
        copy_attributes(item, copy[item.name])
    for scale in (dataset for dataset in datasets if dataset.is_scale):
        copy[scale.name].make_scale(scale.name.rpartition("/")[2])
    for dataset in datasets:
        for axis, dimension in enumerate(dataset.dims):
            for scale in dimension.values():
                copy[dataset.name].dims[axis].attach_scale(copy[scale.name])


def copy_attributes(item, target):
    for key in item.attrs.keys() - {"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME"}:
        identifier = item.attrs.get_id(key)
        target.attrs.create(key, item.attrs[key], shape=identifier.shape, dtype=identifier.dtype)


def copy_dataset(dataset, copy, storage):
    options = {}
    if dataset.ndim and dataset.size and h5py.check_string_dtype(dataset.dtype) is None:
        options = {"chunks": (storage["chunk"], *dataset.shape[1:]), "maxshape": (None, *dataset.shape[1:])}
        options["compression"] = storage["compression"]
    copy.create_dataset(dataset.name, data=dataset[()], dtype=dataset.dtype, **options)


CHANGES = {
    "a signal": lambda run: run.plasma.__setitem__((5, 1), np.nextafter(run.plasma[5, 1], 9, dtype="f4")),
    "the sign of zero": lambda run: run.glutamate.__setitem__((5, 1), -0.0),
    "a time": lambda run: run.times.__setitem__(3, np.nextafter(run.times[3], 1e9)),
    "a spike": lambda run: run.spikes["PYR"][1].__setitem__(3, 11 - run.spikes["PYR"][1][3]),
    "a weight": lambda run: run.topology.weight.__setitem__(0, 2.0),
    "a position": lambda run: run.topology.position.__setitem__((0, 0), 2.0),
    "a birth or death": lambda run: run.steps[9][2].__setitem__(0, 11 - run.steps[9][2][0]),
    "a step without births or deaths": lambda run: run.steps.append((run.times[-1], *[np.empty(0, int)] * 5)),
    "the time of a snapshot": lambda run: run.snapshots.update(start=1.0),
    "a measure of the graph": lambda run: run.measures.update(clustering=(0.26, "1", "clustering")),
    "a summary": lambda run: run.summary["value"].__setitem__(0, 181.26),
    "a unit": lambda run: run.summary["unit"].__setitem__(0, "ug/mL"),
    "a name": lambda run: run.summary["quantity"].__setitem__(0, "plasma_konzentration"),
    "the configuration": lambda run: run.provenance.update(config_resolved="{}"),
    "a root attribute": lambda run: run.attributes.update(title="another"),
    "an event": lambda run: setattr(run, "events", run.events[:1]),
    "a population without spikes": lambda run: run.spikes.pop("SST"),
    "the last row": lambda run: run.times.pop(),
    "the end": lambda run: setattr(run, "finish", False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_enters(example, reference, change):
    """Catches content that the digest leaves out."""
    run = example.make_run()
    CHANGES[change](run)
    assert digest_of(example, run) != reference


def test_volatile_content_does_not_enter(example, reference):
    """Catches digests that differ between two runs of one file because of clock or machine."""
    run = example.make_run()
    run.attributes = {"run_id": "b", "created": "2031-01-01T00:00:00+00:00", "wall_time_s": 3.5}
    run.provenance["environment"] = '{"python": "3.14"}'
    assert digest_of(example, run) == reference


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_byte_of_any_dataset_enters(written, reference, data, tmp_path_factory):
    """Catches a dataset, or a part of one, whose values the digest does not see."""
    path = tmp_path_factory.mktemp("changed") / "run.h5"
    shutil.copy(written[0], path)
    with h5py.File(path, "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if getattr(item, "size", 0) else None)
        name = data.draw(st.sampled_from(sorted(set(names) - {"provenance/environment"})))
        dataset = file[name]
        if h5py.check_string_dtype(dataset.dtype) is not None:
            values = np.atleast_1d(dataset.asstr()[()]).astype(object)
            values[data.draw(st.integers(0, values.size - 1))] += "x"
            dataset[...] = values.reshape(dataset.shape)
        else:
            values = np.array(dataset[()])
            bits = values.reshape(-1).view("u1")
            bits[data.draw(st.integers(0, bits.size - 1))] ^= 1 << data.draw(st.integers(0, 7))
            dataset[...] = bits.view(values.dtype).reshape(values.shape)
    assert digest(path) != reference
    expected = [] if name.startswith("provenance/") else ["/" + name]
    assert differing_datasets(path, written[0]) == expected


def test_text_cannot_move_between_values(example):
    """Catches texts that are joined without their lengths, so that ("ab", "c") equals ("a", "bc")."""
    runs = [example.make_run(), example.make_run()]
    for run, names in zip(runs, (("ab", "c"), ("a", "bc")), strict=True):
        run.events = [{"kind": name} for name in names]
    assert digest_of(example, runs[0]) != digest_of(example, runs[1])


def test_differing_datasets_are_named(example):
    """Catches a comparison of two files that misses a dataset or compares what only one of them has."""
    files = []
    for change in (False, True):
        run, memory = example.make_run(), BytesIO()
        if change:
            run.rate[3, 1] += 1
            run.spikes.pop("SST")
            run.provenance["config_source"] = "recorded otherwise"
        example.write_run(memory, run)
        files.append(memory)
    assert differing_datasets(*files) == ["/trajectories/population/firing_rate"]
    assert differing_datasets(files[0], files[0]) == []


def test_missing_file_is_named(tmp_path):
    """Catches a traceback of HDF5 for a misspelt path."""
    with pytest.raises(StorageError, match=r"nothing\.h5: no such file"):
        digest(tmp_path / "nothing.h5")
