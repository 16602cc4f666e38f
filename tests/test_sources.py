"""Units and sources travel with numbers, everywhere that numbers stand in code."""

from typing import Annotated, NamedTuple, get_args, get_type_hints

import pytest
from annotated_types import Gt

from ketasim.documents import parse_quantity
from ketasim.mechanisms import ORDER
from ketasim.network.cell_classes import CELL_CLASSES, CellClass
from ketasim.network.prefrontal_microcircuit import Sheet
from ketasim.network.resting import Ranges
from ketasim.network.synapses import SYNAPSES, Receptors, Synapse
from ketasim.simulation.schedule import AutomaticSteps
from ketasim.sources import UNCERTAIN, Prior, Row, Source, Status, describe, source_of, unit_of


class Sample(NamedTuple):
    """A parameter with everything, one with a unit only, one with nothing."""

    full: Annotated[float, Gt(0), "uM", Source("assumed", "why")] = 2.0
    plain: Annotated[float, "s"] = 3.0
    bare: bool = True


def test_unit_and_source_are_found_among_other_annotations():
    """Catches a unit taken from a limit or a source, and a crash on a field without any."""
    hints = get_type_hints(Sample, include_extras=True)
    assert [unit_of(hints[name]) for name in Sample._fields] == ["uM", "s", None]
    assert [source_of(hints[name]) for name in Sample._fields] == [Source("assumed", "why"), None, None]


def test_describe_takes_a_class_or_values():
    """Catches defaults shown where a run has its own values."""
    assert describe(Sample)[0] == Row("full", 2.0, "uM", "assumed", "why")
    assert describe(Sample)[1:] == [Row("plain", 3.0, "s", "", ""), Row("bare", True, "", "", "")]
    assert describe(Sample(full=5.0))[0].value == 5.0


TABLES = {
    "sheet": Sheet(),
    "receptors": Receptors(),
    "automatic steps": AutomaticSteps(),
    "resting": Ranges(),
    **CELL_CLASSES,
    **{f"{source} to {target}": synapse for (source, target), synapse in SYNAPSES.items()},
}


@pytest.mark.parametrize("name", TABLES)
def test_every_constant_of_the_circuit_has_unit_and_source(name):
    """Catches a number of a cell, synapse, receptor or the sheet without unit, status or origin."""
    rows = [row for row in describe(TABLES[name]) if not isinstance(row.value, bool)]
    assert rows
    for row in rows:
        assert row.status in get_args(Status), row.name
        assert len(row.source) > 3, row.name
        assert parse_quantity(1.0 if row.unit == "1" else f"1 {row.unit}", row.unit) == 1.0


def test_only_a_yes_or_no_goes_without_a_unit():
    """Catches a number that hides among the definitions."""
    bare = [row.name for table in (CellClass, Synapse, Receptors, Sheet) for row in rows_of(table) if not row.unit]
    assert bare == ["inhibitory"]


def rows_of(table):
    """Rows of a table, with some cell class for the one that has no defaults."""
    return describe(next(iter(CELL_CLASSES.values())) if table is CellClass else table)


PRIORS = {one.name: one.Parameters() for one in ORDER} | {
    name: table for name, table in TABLES.items() if name not in ("automatic steps", "resting")
}


@pytest.mark.parametrize("name", PRIORS)
def test_every_uncertain_number_has_a_prior_around_it(name):
    """Catches a number that nobody read and that analyses of uncertainty pass over, and a range beside its value.

    Settings of the numerics and accepted ranges are no properties of a brain and have none.
    """
    for row in describe(PRIORS[name]):
        uncertain = row.status in UNCERTAIN and isinstance(row.value, float) and row.value != 0.0
        assert (row.prior is not None) == uncertain or row.value == 0.0, row.name
        if row.prior is not None:
            assert row.prior.low <= row.value <= row.prior.high, row.name
            assert row.prior.low < row.prior.high, row.name
            assert row.prior.scale == "linear" or row.prior.low > 0.0, row.name


def test_a_share_is_drawn_up_to_one():
    """Catches a range by a factor that leaves what a number may be."""
    assert describe(CELL_CLASSES["PYR"]._replace(nmda_2a=0.8, nmda_2b=0.2))[-4].prior == Prior(0.4, 1.0)


def test_a_factor_becomes_a_range_around_each_value():
    """Catches a range of negative numbers that is upside down or logarithmic, and one of nothing."""
    source = Source("assumed", "why", 2.0)
    assert source.prior_of(3.0) == Prior(1.5, 6.0, "log")
    assert source.prior_of(-60.0) == Prior(-120.0, -30.0, "linear")
    assert source.prior_of(0.0) is None
    assert Source("assumed", "why", Prior(0.0, 1.0, "linear")).prior_of(0.0) == Prior(0.0, 1.0, "linear")
    assert Source("assumed", "why").prior_of(3.0) is None
