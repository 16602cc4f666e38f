"""The table of the network's parameters: complete, and each row with unit, status and source."""

from typing import get_args

import pytest

from ketasim.network.cell_classes import CELL_CLASSES, CellClass
from ketasim.network.describe import network_rows
from ketasim.network.prefrontal_microcircuit import Sheet
from ketasim.network.synapses import SYNAPSES, Receptors
from ketasim.sources import Status

ROWS = network_rows()


@pytest.mark.parametrize("part", ROWS)
def test_every_row_says_where_its_number_comes_from(part):
    """Catches a number without unit or source, and two rows of one name."""
    assert ROWS[part]
    for row in ROWS[part]:
        assert isinstance(row.value, float), row.name
        assert row.unit, row.name
        assert row.status in get_args(Status), row.name
        assert len(row.source) > 10, row.name
    names = [row.name for row in ROWS[part]]
    assert len(set(names)) == len(names)


def values(part):
    return {row.name: row.value for row in ROWS[part]}


def test_cells_are_complete():
    """Catches a constant of a cell class that the table leaves out, or shows for another class."""
    shown = values("cells")
    numbers = [name for name in CellClass._fields if name != "inhibitory"]
    assert shown == {
        f"{name}.{field}": getattr(cell, field) for name, cell in CELL_CLASSES.items() for field in numbers
    }


def test_synapses_are_complete():
    """Catches a synapse that the table leaves out; what a synapse does not have is left out rightly."""
    shown = values("synapses")
    stated = {
        f"{source} to {target}.{field}": value
        for (source, target), synapse in SYNAPSES.items()
        for field, value in synapse._asdict().items()
    }
    assert {name: value for name, value in stated.items() if value} == shown


def test_receptors_and_wiring_are_complete():
    """Catches a constant without a row, and probabilities that are shown transposed."""
    assert values("receptors") == Receptors()._asdict()
    wiring = values("prefrontal_microcircuit")
    assert Sheet()._asdict().items() <= wiring.items()
    assert len(wiring) == len(Sheet._fields) + 3 * 9
    assert wiring["SST to PV: probability at 75 um"] == 0.857
    assert wiring["PV to SST: probability at 75 um"] == 0.030
    assert wiring["PYR to PV: width of fall-off"] == 99.84
    assert wiring["PYR to PV: latency"] == 1.17
