# ruff: noqa: N815 - names of weights hold names of populations
"""Weights of the default circuit: one set of 18 conductances, and the sets accepted on drug-free data.

``experiments/calibrate_network.py`` draws sets, accepts some on drug-free data alone and measures their response to
ketamine; ``docs/network_choice.md`` says how. Accepted sets are in ``weight_sets.csv`` beside this file: weights in nS,
activity of the resting circuit with them, and changes with ketamine.
"""

import csv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge

from ketasim.network.cell_classes import NMDA_SHARES
from ketasim.network.synapses import PREFRONTAL, Tables
from ketasim.sources import Source

#: Number of the set in `ketasim.network.synapses` and `ketasim.network.cell_classes`: its place in the draw.
DEFAULT_SET = 483

_TABLE = Path(__file__).with_name("weight_sets.csv")

_SIZE = Source("fitted", "published unitary EPSP times a drawn factor; accepted without any drug", 2.5)
_RATIO = Source("fitted", "drawn ratio to AMPA, the same wide prior everywhere; accepted without any drug", 8.0)
_INHIBITION = Source("fitted", "published unitary IPSP times a drawn factor; accepted without any drug", 2.5)
_AFFERENT = Source("fitted", "solved for a drawn resting rate of calibration C0, without any drug", 2.5)

Size = Annotated[float, Ge(0), "nS", _SIZE]
Ratio = Annotated[float, Ge(0), "nS", _RATIO]
Inhibition = Annotated[float, Ge(0), "nS", _INHIBITION]
Afferent = Annotated[float, Ge(0), "nS", _AFFERENT]


class WeightSet(NamedTuple):
    """Conductances of the default circuit by receptor, source class, target class; for in-degrees of 800 neurons."""

    ampa_PYR_PYR: Size
    ampa_PYR_PV: Size
    ampa_PYR_SST: Size
    nmda_PYR_PYR: Ratio
    nmda_PYR_PV: Ratio
    nmda_PYR_SST: Ratio
    gaba_PV_PYR: Inhibition
    gaba_PV_PV: Inhibition
    gaba_PV_SST: Inhibition
    gaba_SST_PYR: Inhibition
    gaba_SST_PV: Inhibition
    gaba_SST_SST: Inhibition
    afferent_ampa_PYR: Afferent
    afferent_ampa_PV: Afferent
    afferent_ampa_SST: Afferent
    afferent_nmda_PYR: Ratio
    afferent_nmda_PV: Ratio
    afferent_nmda_SST: Ratio


def default() -> WeightSet:
    """Return the weights in the tables of the default circuit."""
    return WeightSet(*(_value(PREFRONTAL, name) for name in WeightSet._fields))


def tables_of(weights: WeightSet, nmda_shares: Mapping[str, tuple[float, ...]] = MappingProxyType({})) -> Tables:
    """Return cells and synapses of the default circuit with these weights, and with other shares of GluN2A-D."""
    cells, synapses = dict(PREFRONTAL.cells), dict(PREFRONTAL.synapses)
    for name, value in weights._asdict().items():
        receptor, source, target = name.split("_")
        if receptor == "afferent":
            cells[target] = cells[target]._replace(**{f"afferent_{source}": value})
        else:
            synapses[source, target] = synapses[source, target]._replace(**{receptor: value})
    for name, shares in nmda_shares.items():
        named: dict[str, Any] = dict(zip(NMDA_SHARES, shares, strict=True))
        cells[name] = cells[name]._replace(**named)
    return PREFRONTAL._replace(cells=MappingProxyType(cells), synapses=MappingProxyType(synapses))


def weight_set(number: int) -> WeightSet:
    """Return the weights of an accepted set.

    Raises
    ------
    ValueError
        There is no such set; the message names the nearest.

    Examples
    --------
    >>> weight_set(DEFAULT_SET) == default()
    True
    """
    if number == DEFAULT_SET:  # without the table, which a new search overwrites
        return default()
    rows = stored_sets()
    if number not in rows:
        near = " and ".join(map(str, sorted(sorted(rows, key=lambda one: abs(one - number))[:2])))
        known = f"the nearest are {near}, and ketasim.weight_sets() lists all {len(rows)}"
        raise ValueError(f"there is no set of weights {number}; {known}")
    return WeightSet(*(rows[number][name] for name in WeightSet._fields))


def weight_sets(agree: str | None = None) -> list[int]:
    """Return the numbers of the accepted sets: those that agree with calibration C1 first, then by robustness.

    Parameters
    ----------
    agree : str, optional
        ``C1``: only sets that agree with this calibration finding (the default circuit is one of them).

    Raises
    ------
    ValueError
        The sets were not compared with this finding.

    Examples
    --------
    >>> DEFAULT_SET in weight_sets(agree="C1")
    True
    """
    rows = stored_sets()
    if agree not in (None, "C1"):
        raise ValueError(f"the sets were compared with calibration finding C1, not {agree!r}")
    wanted = ("agrees_c1", "robust")
    chosen = [number for number in rows if agree is None or rows[number].get("agrees_c1") == 1.0]
    return sorted(chosen, key=lambda number: [-rows[number].get(name, 0.0) for name in wanted])


@lru_cache
def stored_sets() -> Mapping[int, Mapping[str, Any]]:
    """Return the table of accepted sets by number; columns are described in `docs/network_choice.md`."""
    with open(_TABLE, newline="", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
    return MappingProxyType({int(row["id"]): MappingProxyType(row) for row in rows})


def _value(tables: Tables, name: str) -> float:
    receptor, source, target = name.split("_")
    if receptor == "afferent":
        return float(getattr(tables.cells[target], f"afferent_{source}"))
    return float(getattr(tables.synapses[source, target], receptor))
