"""Whether the fast step of the network is fine enough for the time constants of a circuit.

During a step of 0.1 ms the kernel holds conductances and the adaptation current, and advances the membrane exactly. A
conductance with a time constant of five steps would lose 18 % in one (``1 - exp(-1/5)``), with two steps 39 %. At least
five steps are required in each time constant, and in a radian of the oscillation of a membrane with subthreshold
adaptation a, ``sqrt(tau_m tau_w / (1 + a / g_L))``. A refractory time is a whole number of steps; rounding may change
it by a tenth. Delays are rounded, as their description says.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from ketasim.network.cell_classes import CellClass
from ketasim.network.synapses import Tables
from ketasim.network.topology import FAST_STEP

#: Fast steps in the shortest time constant.
STEPS = 5
_LEAST = STEPS * FAST_STEP

#: Largest relative change of a refractory time by rounding.
_ROUNDING = 0.1


class TooFast(NamedTuple):
    """A number for which the fast step is too coarse.

    Attributes
    ----------
    population : str or None
        Population of the cells that have it; None for a constant of all synapses.
    key : str
        Its name in a circuit file.
    message : str
        What is too fast, and what is allowed.
    """

    population: str | None
    key: str
    message: str


def too_fast(tables: Tables) -> Iterator[TooFast]:
    """Yield what is too fast in the cells and synapses of a circuit, cells first."""
    for name, cell in tables.cells.items():
        for key, message in _of_cell(cell):
            yield TooFast(name, key, message)
    for key in ("ampa_time", "nmda_time", "gaba_fast_time", "gaba_slow_time"):
        time = getattr(tables.receptors, key)
        if time < _LEAST:
            yield TooFast(None, key, f"{time:g} ms is {_words()}")


def _words() -> str:
    return f"less than {STEPS} fast steps of {FAST_STEP:g} ms; at least {_LEAST:g} ms is needed"


def _of_cell(cell: CellClass) -> Iterator[tuple[str, str]]:
    membrane = cell.capacitance / cell.leak  # ms
    adapts = cell.adaptation > 0.0 or cell.adaptation_jump > 0.0
    if membrane < _LEAST:
        made = f"the membrane's time constant {cell.capacitance:g} pF / {cell.leak:g} nS = {membrane:.3g} ms"
        yield "capacitance", f"{made} is {_words()}"
    if adapts and cell.adaptation_time < _LEAST:
        yield "adaptation_time", f"{cell.adaptation_time:g} ms is {_words()}"
    radian = math.sqrt(membrane * cell.adaptation_time / (1.0 + cell.adaptation / cell.leak))
    if adapts and membrane >= _LEAST and cell.adaptation_time >= _LEAST and radian < _LEAST:
        made = f"{cell.adaptation:g} nS makes membrane and adaptation oscillate at {radian:.3g} ms per radian, which"
        yield "adaptation", f"{made} is {_words()}"
    steps = round(cell.refractory / FAST_STEP)
    if abs(steps * FAST_STEP - cell.refractory) > _ROUNDING * cell.refractory:
        least = f"a multiple of {FAST_STEP:g} ms, or 0 ms"
        yield "refractory", f"{cell.refractory:g} ms would become {steps * FAST_STEP:g} ms; give {least}"
