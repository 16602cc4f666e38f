"""Units and sources travel with numbers, everywhere that numbers stand in code."""

from typing import Annotated, NamedTuple, get_args, get_type_hints

import pytest
from annotated_types import Gt

from ketasim.documents import parse_quantity
from ketasim.network.cell_classes import CELL_CLASSES, CellClass
from ketasim.network.prefrontal_microcircuit import Sheet
from ketasim.network.resting import Ranges
from ketasim.network.synapses import SYNAPSES, Receptors, Synapse
from ketasim.simulation.schedule import AutomaticSteps
from ketasim.sources import Row, Source, Status, describe, source_of, unit_of


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
