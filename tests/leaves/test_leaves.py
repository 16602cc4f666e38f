"""Every key of the experiment file does something, or is one of those that by design change nothing."""

from functools import cache

import h5py
import pytest

import ketasim
from ketasim.config import Experiment
from ketasim.config.schema import experiment_schema
from tests.leaves.cases import BASES, CASES, FILES, WITHOUT_EFFECT

#: What a run computes; /provenance and /events repeat what the experiment says, /edges and /nodes how it starts.
RESULTS = ("trajectories/", "structure/", "spikes/")


def leaves(schema):
    """Dotted paths of all values that an experiment file may hold, by its JSON Schema; 0 stands in a list."""
    definitions = schema["$defs"]

    def found(node, path):
        node = definitions[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
        if "anyOf" in node:
            return set().union(*(found(option, path) for option in node["anyOf"]))
        if "properties" in node:
            return set().union(*(found(child, (*path, key)) for key, child in node["properties"].items()))
        return found(node["items"], (*path, "0")) if "items" in node else {".".join(path)}

    return found(schema, ())


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run a base with some keys changed: name -> shape and bytes of each signal, spike and edge. A base is run once."""
    folder, bases = tmp_path_factory.mktemp("leaves"), {}
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")

    def run(base, changes):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            if base not in bases:
                bases[base] = Experiment.from_mapping(BASES[base])
            experiment = bases[base].replace(**changes) if changes else bases[base]
            ketasim.run(experiment, folder / "run.h5", force=True).close()
        return contents(folder / "run.h5")

    @cache
    def unchanged(base):
        return run(base, {})

    return lambda base, changes: run(base, changes) if changes else unchanged(base)


def contents(path):
    """Name -> shape and bytes of every dataset that a run computes: signals, spikes, births and deaths."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and name.startswith(RESULTS):
            values = item[()]
            found[name] = (item.shape, values.tolist() if values.dtype == object else values.tobytes())

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def test_every_leaf_of_the_schema_is_listed_once():
    """Catches a new key of which nobody has said what it changes, and a list of keys that are no more."""
    of_one_run = {leaf for leaf in leaves(experiment_schema()) if leaf.split(".")[0] not in ("arms", "sweep")}
    assert of_one_run == CASES.keys() | WITHOUT_EFFECT.keys()
    assert not CASES.keys() & WITHOUT_EFFECT.keys()


@pytest.mark.parametrize(
    "leaf", [pytest.param(leaf, marks=[pytest.mark.slow] if number % 3 else []) for number, leaf in enumerate(CASES)]
)
def test_a_leaf_changes_what_is_simulated(results, leaf):
    """Catches a parameter that is read, checked and stored, and does nothing."""
    base, changes = CASES[leaf]
    before, after = results(base, {}), results(base, changes)
    assert [name for name in before if name in after and after[name] != before[name]]


@pytest.mark.parametrize("leaf", [leaf for leaf, (_, value) in WITHOUT_EFFECT.items() if value is not None])
def test_a_leaf_that_is_not_to_change_anything_does_not(results, leaf):
    """Catches a way of looking, or of computing, that reaches what is looked at."""
    before, after = results("recorded", {}), results("recorded", {leaf: WITHOUT_EFFECT[leaf][1]})
    shared = [name for name in before if name in after and not name.startswith("spikes/")]
    assert {name: after[name] for name in shared} == {name: before[name] for name in shared}
    assert len(shared) > 20
