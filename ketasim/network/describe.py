"""The network's parameters as rows with unit, status and source."""

from ketasim.network.cell_classes import CELL_CLASSES
from ketasim.network.prefrontal_microcircuit import Sheet, wiring_rows
from ketasim.network.synapses import SYNAPSES, Receptors
from ketasim.sources import Row, describe


def network_rows() -> dict[str, list[Row]]:
    """Return the rows of each part of the network: cells, synapses, receptors, prefrontal_microcircuit."""
    cells = [
        row._replace(name=f"{name}.{row.name}")
        for name, cell_class in CELL_CLASSES.items()
        for row in describe(cell_class)
        if row.unit
    ]
    synapses = [
        row._replace(name=f"{source} to {target}.{row.name}")
        for (source, target), synapse in SYNAPSES.items()
        for row in describe(synapse)
        if row.value != 0.0
    ]
    return {
        "cells": cells,
        "synapses": synapses,
        "receptors": describe(Receptors),
        "prefrontal_microcircuit": [*describe(Sheet), *wiring_rows()],
    }
