"""Every mechanism declares what it is: name, units, sources, signals; and meets the others through signals alone."""

import inspect
import re
from importlib import import_module, resources
from pathlib import Path
from typing import get_args

import pytest

from ketasim.documents import parse_quantity
from ketasim.drugs import SPECIES, load_catalogue
from ketasim.exposures import DOSES
from ketasim.mechanisms import ORDER, Setting
from ketasim.signals import SIGNALS, SLOPE
from ketasim.sources import Status, describe
from tests.mechanisms.subjects import setting, three_nodes

BY_NAME = {mechanism.name: mechanism for mechanism in ORDER}
NAMED = [
    (name, kind, signal)
    for name, m in BY_NAME.items()
    for kind in ("reads", "writes", "scales")
    for signal in getattr(m, kind)
]


def test_every_module_is_in_order_under_its_own_name():
    """Catches a mechanism that is not listed, or whose key, file and attribute differ."""
    folder = resources.files("ketasim.mechanisms")
    modules = {Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".py")}
    assert set(BY_NAME) == modules - {"__init__", "mechanism"}
    assert len(BY_NAME) == len(ORDER)
    for name, mechanism in BY_NAME.items():
        assert import_module(f"ketasim.mechanisms.{name}").MECHANISM is mechanism


@pytest.mark.parametrize("name", BY_NAME)
def test_every_parameter_has_unit_source_and_status(name):
    """Catches a number without unit or origin, and a unit that an experiment file could not write."""
    for row in describe(BY_NAME[name].Parameters):
        assert row.status in get_args(Status), row.name
        assert len(row.source) > 3, row.name
        if isinstance(row.value, float | int) and not isinstance(row.value, bool):
            assert parse_quantity(row.value if row.unit == "1" else f"{row.value} {row.unit}", row.unit) == row.value
        else:
            assert row.unit == "", row.name


@pytest.mark.parametrize(("name", "kind", "signal"), NAMED)
def test_every_signal_is_in_the_table(name, kind, signal):
    """Catches a misspelt signal, a state written that is none, a port that is none."""
    assert signal in SIGNALS
    allowed = {"reads": ("input", "state", "network", "port"), "writes": ("state",), "scales": ("port",)}
    assert SIGNALS[signal].kind in allowed[kind]


def test_every_state_has_one_owner():
    """Catches two mechanisms that write one state, and a state that nobody writes; the loop knows slopes."""
    written = [signal for mechanism in ORDER for signal in mechanism.writes]
    states = [name for name, signal in SIGNALS.items() if signal.kind == "state"]
    assert sorted(written) == sorted(name for name in states if not name.endswith(SLOPE))


def test_arguments_are_the_declared_signals_in_order():
    """Catches arrays that would be handed over in another order than the function takes them."""
    for mechanism in (one for one in ORDER if one.advance is not None):  # others change edges alone
        arguments = list(inspect.signature(mechanism.advance).parameters)
        assert arguments[-1] == "clock"
        assert arguments[-2] == ("prepared" if mechanism.prepare or mechanism.population else "parameters")
        assert tuple(arguments[:-2]) == (*mechanism.reads, *mechanism.writes, *mechanism.scales)


def test_only_pharmacokinetics_sees_the_dose():
    """Catches an effect that is written in as a function of the dose instead of emerging."""
    seen = {name for name, _, signal in NAMED if signal in DOSES.sets}
    assert seen == {"pharmacokinetics"}


def test_no_mechanism_names_a_drug_a_compound_or_a_species():
    """Catches code for one drug: drugs are data. Words of docstrings are free."""
    drugs = load_catalogue()
    words = {*drugs, *SPECIES, *(compound for drug in drugs.values() for compound in drug.compounds)}
    for name in BY_NAME:
        module = import_module(f"ketasim.mechanisms.{name}")
        items = [getattr(item, "py_func", item) for item in vars(module).values()]  # kernels are compiled functions
        functions = [item for item in items if inspect.isfunction(item) and item.__module__ == module.__name__]
        constants = {c for f in functions for c in f.__code__.co_consts if isinstance(c, str) and c != f.__doc__}
        assert functions
        assert not {word for word in words for constant in constants if re.search(rf"\b{word}\b", constant.lower())}


@pytest.mark.parametrize("name", BY_NAME)
def test_targets_are_those_asked_for(name):
    """Catches a target that a mechanism asks for and does not declare, which `ketasim drugs` would call unread."""
    asked = set()

    class Place(Setting):
        def ligands(self, target, action):
            asked.add((target, action))
            return super().ligands(target, action)

    BY_NAME[name].prepared(BY_NAME[name].Parameters(), Place(**vars(setting(network=three_nodes()))))
    assert asked == set(BY_NAME[name].targets)


def test_titles_say_what_a_mechanism_does():
    """Catches a mechanism that shows up in the list without a word about itself."""
    titles = [mechanism.title for mechanism in ORDER]
    assert all(len(title) > 10 and title.endswith(".") for title in titles)
    assert len(set(titles)) == len(titles)
