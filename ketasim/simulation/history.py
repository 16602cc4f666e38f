"""What was before a run's first dose, such as weeks of stress: computed once, and shared by all that comes after it.

Two runs that differ only in what is given from time zero on have the same past to the last bit, so it need not be
computed again for each dose, drug or arm. The last state before zero and the rows up to it are stored under a digest of
everything that determines them: code, network, subject, parameters, steps, and the inputs of each of them.

A drug that has not been given yet changes nothing: signals of compounds are not stored, and a run in which one has
moved before zero stores nothing.
"""

import json
import logging
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import scipy

from ketasim import __version__
from ketasim.digests import code_digest, value_digest
from ketasim.documents.units import in_words
from ketasim.exposures import DOSES
from ketasim.kernels.jit import CACHE_FOLDER
from ketasim.mechanisms import ORDER
from ketasim.nested import part_of
from ketasim.signals import SIGNALS
from ketasim.simulation import stored
from ketasim.simulation.loop import Simulation

_LOGGER = logging.getLogger("ketasim")

#: A row as plain arrays by name; the same names in each row.
Row = Mapping[str, np.ndarray]

#: Dimensions whose length depends on the drugs of the run.
_OF_DRUGS = {"compound", "compartment", "blocker"}

_CODE = ("ketasim.recording.recorder", "ketasim.simulation.history")


class History:
    """The past of one run: recalled at its beginning, or stored when it has been computed.

    Parameters
    ----------
    simulation : Simulation
        As it was made, before its baseline.
    """

    def __init__(self, simulation: Simulation):
        self._simulation, self._key = simulation, key_of(simulation)
        self._rows: list[Row] = []

    def recall(self) -> list[Row]:
        """Take the simulation from its beginning to its last step before zero; return the rows, none if none is stored.

        The baseline must have been measured.
        """
        simulation = self._simulation
        if simulation.time != simulation.experiment.begin:  # resumed; its rows are not all known
            self._key = None
        arrays = stored.load(self._key) if self._key and not _drugs_have_moved(simulation) else None
        if arrays is None:
            return []
        now, new = simulation.state, part_of(arrays, "state")
        try:
            rows = _apart(part_of(arrays, "rows"))
            lacking = {*_without_drugs(simulation), *_slopes(simulation)} - new.keys()
            if lacking:
                raise KeyError(min(lacking))
        except (KeyError, ValueError) as error:
            _LOGGER.info("what is stored as %s lacks %s and is computed again", self._key, error)
            return []
        slopes = {f"slopes/{name}": np.zeros_like(now[f"signals/{name}"]) for name in _smooth_of_drugs(simulation)}
        simulation.state = {**now, **slopes, **new}
        self._key = None
        begin, end = in_words(simulation.experiment.begin), in_words(simulation.time)
        _LOGGER.info("from %s to %s as in an earlier run with the same past", begin, end)
        return rows

    def keep(self, row: Row) -> None:
        """Note the row of the present time, and store all at the last step before zero."""
        if self._key is None:
            return
        drugs = _of_drugs(self._simulation)
        self._rows.append({name: one for name, one in row.items() if name.rpartition("/")[2] not in drugs})
        if self._simulation.schedule[1] >= 0.0:
            if not _drugs_have_moved(self._simulation):
                state = {f"state/{name}": array for name, array in _without_drugs(self._simulation).items()}
                stored.save(self._key, state | {f"rows/{name}": array for name, array in _joined(self._rows).items()})
            self._key = None
            self._rows = []


def is_stored(simulation: Simulation) -> bool:
    """Whether there is a stored past for a simulation as it was made."""
    key = key_of(simulation)
    return key is not None and stored.holds(key)


def key_of(simulation: Simulation) -> str | None:
    """Return the digest of a run's past; None if there is none before zero, or it can't be shared.

    Own mechanisms, exposures and engines are not shared, as their code is not known in full; nor is a past of which
    single neurons or spikes are recorded.

    Parameters
    ----------
    simulation : Simulation
        As it was made, before its baseline.
    """
    experiment, recording = simulation.experiment, simulation.experiment.recording
    if experiment.begin >= 0.0 or simulation.sampler is None or simulation.network is None:
        return None
    assert simulation.topology is not None
    if simulation.engine_is_given or experiment.own_exposures or {*simulation.mechanisms} - {*ORDER}:
        return None
    if simulation.signal_table.keys() - SIGNALS.keys():  # of an own mechanism that takes no part
        return None
    if recording.node_signals or any(first < 0.0 for first, _ in recording.spikes):
        return None
    times, budget = simulation.schedule, experiment.schedule.budget
    if times[1] >= 0.0:
        return None
    resolved = experiment.resolved()
    del resolved["schedule"]["checkpoint"]
    del resolved["subject"]["phenotype"]  # whose stress is among the inputs
    what = {name: resolved[name] for name in ("seed", "subject", "network", "schedule", "mechanisms")}
    code = (__version__, CACHE_FOLDER.name, np.__version__, scipy.__version__, code_digest(*_CODE))
    network = simulation.sampler.baseline_key(simulation.signals), simulation.topology.sha256, _tables_of(simulation)
    past = times[: np.searchsorted(times, 0.0) + 1]
    spread = times.size if budget is not None else 0  # over all steps of the run
    text = json.dumps(what, sort_keys=True)
    return value_digest(code, network, text, past, spread, *_inputs(simulation, past))


def _tables_of(simulation: Simulation) -> str:
    """Everything that mechanisms may read of a network beside its topology; the engine's digest is of what it reads."""
    network = simulation.network
    assert network is not None
    tables = network.tables
    cells = {name: one._asdict() for name, one in tables.cells.items()}
    synapses = {" to ".join(pair): one._asdict() for pair, one in tables.synapses.items()}
    others = (tables.receptors._asdict(), sorted(tables.slow_inhibition), tables.exact_charge, network.period)
    return json.dumps([cells, synapses, *others], sort_keys=True)


def _inputs(simulation: Simulation, times: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Input signals of each step up to zero; doses are never before it."""
    exposures = [(one, events) for one, events in simulation.experiment.exposures.items() if one is not DOSES]
    return [
        tuple(found[name] for name in sorted(found))
        for begin, end in pairwise(times.tolist())
        for one, events in exposures
        for found in (one.inputs(events, simulation.setting, begin, end),)
    ]


def _of_drugs(simulation: Simulation) -> set[str]:
    return {name for name, one in simulation.signal_table.items() if _OF_DRUGS & {*one.dims}}


def _smooth_of_drugs(simulation: Simulation) -> set[str]:
    return {name for name in _of_drugs(simulation) if simulation.signal_table[name].smooth}


def _slopes(simulation: Simulation) -> set[str]:
    """Names of the slopes of other signals, which there are after the first step."""
    smooth = {name for name, one in simulation.signal_table.items() if one.smooth}
    return {f"slopes/{name}" for name in smooth - _of_drugs(simulation)}


def _without_drugs(simulation: Simulation) -> dict[str, np.ndarray]:
    """State without doses and signals of drugs."""
    left = {f"{part}/{name}" for part in ("signals", "slopes") for name in _of_drugs(simulation)} | {"doses"}
    return {name: array for name, array in simulation.state.items() if name not in left}


def _drugs_have_moved(simulation: Simulation) -> bool:
    """Whether a signal of drugs is not neutral, or is changing."""
    state, table = simulation.state, simulation.signal_table
    moved = [name for name in _of_drugs(simulation) if np.any(state[f"signals/{name}"] != table[name].neutral)]
    return bool(moved) or any(np.any(state.get(f"slopes/{name}", 0.0)) for name in _smooth_of_drugs(simulation))


def _joined(rows: list[Row]) -> dict[str, np.ndarray]:
    """Rows as one array for each name, with the lengths of what it holds; -1 for a number."""
    values = {f"{name}/values": np.concatenate([np.ravel(row[name]) for row in rows]) for name in rows[0]}
    sizes = {name: [row[name].size if row[name].ndim else -1 for row in rows] for name in rows[0]}
    return values | {f"{name}/sizes": np.array(found) for name, found in sizes.items()}


def _apart(arrays: Mapping[str, np.ndarray]) -> list[Row]:
    """Return the rows from `_joined`."""
    columns = {}
    for name in [one.removesuffix("/sizes") for one in arrays if one.endswith("/sizes")]:
        sizes, values = arrays[f"{name}/sizes"], arrays[f"{name}/values"]
        parts = np.split(values, np.cumsum(np.abs(sizes))[:-1])
        columns[name] = [part if size >= 0 else part[0] for size, part in zip(sizes, parts, strict=True)]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
