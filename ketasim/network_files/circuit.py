"""Circuit files: a network described by its cells, populations, synapses and connections, in YAML.

Read like experiment and drug files: quantities with units, problems reported with their line, unknown keys rejected,
status and source for every block of numbers. A population is a class of the kernel: its neurons share their constants.

Conductances are those of continuous time: a synaptic event delivers ``g tau``, whatever the step of the kernel.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, Field, StrictInt, StrictStr, model_validator

from ketasim.documents import Document, DocumentError, Problem, read_document
from ketasim.documents.nearest import shown
from ketasim.documents.validation import Quantity, Record, unknown, validate
from ketasim.network.cell_classes import CellClass
from ketasim.network.synapses import Receptors, Synapse, Tables
from ketasim.network.topology import FAST_STEP, LONGEST_DELAY, Edges, Topology, make_topology
from ketasim.network_files.assemble import GRID_SPACING
from ketasim.sources import Source, Status

#: Suffixes of circuit files.
SUFFIXES = (".yaml", ".yml")

#: Largest number of neurons, of (expected) synapses, and of populations, which nodes store in 8 bits.
MOST_NEURONS, MOST_SYNAPSES, MOST_POPULATIONS = 1_000_000, 1_000_000_000, 100

_Share = Annotated[float, Ge(0), Le(1), Quantity("1")]
_Voltage = Annotated[float, Ge(-200), Le(200), Quantity("mV")]
_Conductance = Annotated[float, Ge(0), Quantity("nS")]
_Time = Annotated[float, Gt(0), Quantity("ms")]


class _Stated(Record):
    """A block of numbers with one status and one source."""

    status: Status = Field(description="how well the numbers are known, as in drug files")
    source: Annotated[StrictStr, Field(min_length=1)] = Field(description="where the numbers come from")


class Cell(_Stated):
    """Constants of one kind of cell, see `ketasim.network.cell_classes.CellClass`.

    Without sharpness it is a leaky integrate-and-fire neuron.
    """

    transmitter: Literal["glutamate", "gaba", "gaba_slow"] = Field(description="glutamate, gaba or gaba_slow")
    capacitance: Annotated[float, Gt(0), Quantity("pF")] = Field(description="such as 0.5 nF")
    leak: Annotated[float, Gt(0), Quantity("nS")] = Field(description="leak conductance, such as 25 nS")
    rest: _Voltage = Field(description="leak reversal, such as -70 mV")
    threshold: _Voltage = Field(description="such as -50 mV")
    sharpness: Annotated[float, Ge(0), Le(20), Quantity("mV")] = Field(default=0.0, description="of the upstroke")
    reset: _Voltage = Field(description="voltage after a spike, such as -55 mV")
    refractory: Annotated[float, Ge(0), Le(1000), Quantity("ms")] = Field(description="silence after a spike")
    adaptation: _Conductance = Field(default=0.0, description="subthreshold adaptation, a")
    adaptation_jump: Annotated[float, Ge(0), Quantity("pA")] = Field(default=0.0, description="per spike, b")
    adaptation_time: _Time = Field(default=100.0, description="time constant of adaptation")
    afferent_rate: Annotated[float, Ge(0), Le(1000), Quantity("1/ms")] = Field(
        default=0.0, description="background spikes onto one neuron, such as 2.4 kHz"
    )
    afferent_ampa: _Conductance = Field(default=0.0, description="per background spike")
    afferent_nmda: _Conductance = Field(default=0.0, description="per background spike")
    nmda_2a: _Share = Field(default=0.0, description="share of GluN2A in the NMDA conductance")
    nmda_2b: _Share = Field(default=0.0, description="share of GluN2B")
    nmda_2c: _Share = Field(default=0.0, description="share of GluN2C")
    nmda_2d: _Share = Field(default=0.0, description="share of GluN2D")

    @model_validator(mode="after")
    def _possible(self) -> "Cell":
        shares = self.nmda_2a + self.nmda_2b + self.nmda_2c + self.nmda_2d
        if abs(shares - 1.0) > 1e-6:
            raise ValueError(f"the shares nmda_2a, nmda_2b, nmda_2c and nmda_2d must add up to 1, not {shares:g}")
        if self.reset >= self.threshold + 10.0 * self.sharpness:
            raise ValueError("the reset must be below the voltage at which a spike is cut")
        return self


class Population(Record):
    """Neurons of one kind with the same connections."""

    cell: StrictStr = Field(description="name under `cells`")
    neurons: Annotated[StrictInt, Ge(1), Le(MOST_NEURONS)] = Field(description="how many")


class SynapseKind(_Stated):
    """Constants of one kind of synapse, see `ketasim.network.synapses.Synapse`."""

    delay: Annotated[float, Ge(FAST_STEP), Le(LONGEST_DELAY), Quantity("ms")] = Field(
        description="from spike to synaptic event, rounded to 0.1 ms"
    )
    ampa: _Conductance = Field(default=0.0, description="per spike")
    nmda: _Conductance = Field(default=0.0, description="with the presynaptic gate fully open")
    gaba: _Conductance = Field(default=0.0, description="per spike")
    utilisation: Annotated[float, Gt(0), Le(1), Quantity("1")] = Field(default=1.0, description="of rested synapses")
    recovery: Annotated[float, Ge(0), Quantity("ms")] = Field(default=0.0, description="from short-term depression")
    facilitation: Annotated[float, Ge(0), Quantity("ms")] = Field(default=0.0, description="decay of facilitation")

    @model_validator(mode="after")
    def _conducts(self) -> "SynapseKind":
        if not (self.ampa or self.nmda or self.gaba):
            raise ValueError("a synapse needs a conductance: ampa, nmda or gaba")
        if self.gaba and (self.ampa or self.nmda):
            raise ValueError("a synapse is excitatory (ampa, nmda) or inhibitory (gaba), not both")
        return self


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Names = Annotated[
    tuple[StrictStr, ...],
    BeforeValidator(_names),
    Field(min_length=1, description="name of a population, or a list of such names"),
]


class Connection(Record):
    """Which populations are connected by which synapse; with lists, every source with every target."""

    sources: _Names = Field(alias="from")
    targets: _Names = Field(alias="to")
    synapse: StrictStr = Field(description="name under `synapses`")
    probability: Annotated[float, Gt(0), Le(1), Quantity("1")] = Field(
        default=1.0,
        description="that a neuron contacts another; 1, the default, is all-to-all without self-connections",
    )
    weight: Annotated[float, Gt(0), Quantity("1")] = Field(default=1.0, description="scales the conductances")
    weight_sd_log: Annotated[float, Ge(0), Le(3), Quantity("1")] = Field(
        default=0.0, description="standard deviation of the log weights of single synapses; the mean weight is kept"
    )


class ReceptorTimes(_Stated):
    """Constants of all synapses, see `ketasim.network.synapses.Receptors`."""

    ampa_time: _Time = Receptors().ampa_time
    nmda_time: _Time = Receptors().nmda_time
    gaba_fast_time: _Time = Receptors().gaba_fast_time
    gaba_slow_time: _Time = Receptors().gaba_slow_time
    gaba_reversal: _Voltage = Receptors().gaba_reversal
    mg: Annotated[float, Ge(0), Quantity("mM")] = Receptors().mg
    mg_half_2a: Annotated[float, Gt(0), Quantity("mM")] = Receptors().mg_half_2a
    mg_half_2b: Annotated[float, Gt(0), Quantity("mM")] = Receptors().mg_half_2b
    mg_half_2c: Annotated[float, Gt(0), Quantity("mM")] = Receptors().mg_half_2c
    mg_half_2d: Annotated[float, Gt(0), Quantity("mM")] = Receptors().mg_half_2d
    afferent_unit_rate: Annotated[float, Gt(0), Quantity("Hz")] = Receptors().afferent_unit_rate
    extrasynaptic_ratio: Annotated[float, Ge(0), Quantity("1")] = Receptors().extrasynaptic_ratio

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, value: Any) -> Any:
        for old, one, other in (("mg_k_ab", "2a", "2b"), ("mg_k_cd", "2c", "2d")):
            if isinstance(value, Mapping) and old in value:
                raise ValueError(f"'{old}' is now two keys, 'mg_half_{one}' and 'mg_half_{other}'")
        return value

    def constants(self) -> Receptors:
        """Return the constants for the network; utilisation in a circuit file is used without correction."""
        return Receptors(**self.model_dump(exclude={"status", "source"}), utilisation_in_vivo=1.0)


def _format(value: Any) -> Any:
    if type(value) is int and value == 1:
        return value
    raise ValueError(f"unsupported format {shown(value)}; this version of ketasim reads format 1")


class CircuitFile(Record):
    """Content of a circuit file."""

    format: Annotated[Literal[1], BeforeValidator(_format)] = Field(description="version of the file format, 1")
    cells: dict[str, Cell] = Field(description="kinds of cells by name")
    populations: Annotated[dict[str, Population], Field(min_length=1)] = Field(description="populations by name")
    synapses: dict[str, SynapseKind] = Field(default={}, description="kinds of synapses by name")
    connections: tuple[Connection, ...] = Field(default=(), description="which populations are connected")
    receptors: ReceptorTimes = Field(
        default=ReceptorTimes(status="assumed", source="those of the default circuit"),
        description="constants of all synapses",
    )


class Wiring(NamedTuple):
    """How one population is connected to another."""

    probability: float
    weight_sd_log: float
    delay: float  # ms


class Circuit(NamedTuple):
    """A circuit read from its file.

    Attributes
    ----------
    tables : Tables
        Cells and synapses by population.
    sizes : mapping of str to int
        Number of neurons by population.
    wiring : mapping of (source, target) to Wiring
        How populations are connected.
    """

    tables: Tables
    sizes: Mapping[str, int]
    wiring: Mapping[tuple[str, str], Wiring]


def read_circuit(path: str | Path, scale: int = 1) -> Circuit:
    """Read a circuit file.

    Parameters
    ----------
    path : str or Path
        The file.
    scale : int
        Multiplies the number of neurons of every population and divides the conductances of connections, so that a
        neuron's mean input is kept and its fluctuations shrink.

    Raises
    ------
    DocumentError
        All problems of a stage: YAML syntax, keys and values, their consistency.
    """
    document = read_document(path)
    file = validate(CircuitFile, document)
    problems = [*_population_problems(file, document, scale), *_connection_problems(file, document, scale)]
    if problems:
        raise DocumentError(problems)
    return _circuit(file, scale)


def _population_problems(file: CircuitFile, document: Document, scale: int) -> Iterator[Problem]:
    for name, population in file.populations.items():
        path = ("populations", name)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", name):
            message = "a population's name has letters, digits and single underscores, a letter first"
            yield document.problem(path, message, "key")
        if population.cell not in file.cells:
            yield document.problem((*path, "cell"), unknown("cell", population.cell, file.cells))
    neurons = scale * sum(population.neurons for population in file.populations.values())
    if neurons > MOST_NEURONS or len(file.populations) > MOST_POPULATIONS:
        message = f"{neurons} neurons in {len(file.populations)} populations; at most {MOST_NEURONS} in "
        yield document.problem(("populations",), f"{message}{MOST_POPULATIONS} are allowed", "key")


def _connection_problems(file: CircuitFile, document: Document, scale: int) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    synapses = 0.0
    for number, connection in enumerate(file.connections):
        path = ("connections", number)
        kind = file.synapses.get(connection.synapse)
        if kind is None:
            yield document.problem((*path, "synapse"), unknown("synapse", connection.synapse, file.synapses))
        names = {"from": connection.sources, "to": connection.targets}
        missing = [(key, name) for key in names for name in names[key] if name not in file.populations]
        for key, name in missing:
            yield document.problem((*path, key), unknown("population", name, file.populations))
        if missing:
            continue
        for pair in [(source, target) for source in connection.sources for target in connection.targets]:
            if pair in seen:
                yield document.problem(path, f"{pair[0]} to {pair[1]} is already connected; list each pair only once")
            seen.add(pair)
            sizes = [file.populations[name].neurons for name in pair]
            synapses += connection.probability * sizes[0] * sizes[1] * scale**2
        for source in connection.sources if kind else ():
            cell = file.cells.get(file.populations[source].cell)
            if kind and cell and (cell.transmitter == "glutamate") == bool(kind.gaba):
                message = f"{source} releases {cell.transmitter}, which does not open the synapse {connection.synapse}"
                yield document.problem((*path, "synapse"), message)
    if synapses > MOST_SYNAPSES:
        yield document.problem(("connections",), f"{synapses:.3g} synapses; at most {MOST_SYNAPSES:.0e}", "key")


def _circuit(file: CircuitFile, scale: int) -> Circuit:
    """Assign the kinds of cells and synapses to populations and pairs of them."""
    neurons = sum(population.neurons for population in file.populations.values())
    cells = {}
    for name, population in file.populations.items():
        constants = file.cells[population.cell].model_dump(exclude={"transmitter", "status", "source"})
        inhibitory = file.cells[population.cell].transmitter != "glutamate"
        cells[name] = CellClass(inhibitory=inhibitory, share_of_nodes=population.neurons / neurons, **constants)
    synapses, wiring = {}, {}
    for connection in file.connections:
        kind = file.synapses[connection.synapse]
        conductances = {key: getattr(kind, key) * connection.weight / scale for key in ("ampa", "nmda", "gaba")}
        plasticity = {key: getattr(kind, key) for key in ("utilisation", "recovery", "facilitation")}
        synapse = Synapse(**conductances, **plasticity)
        for pair in [(source, target) for source in connection.sources for target in connection.targets]:
            synapses[pair] = synapse
            wiring[pair] = Wiring(connection.probability, connection.weight_sd_log, kind.delay)
    slow = {name for name, one in file.populations.items() if file.cells[one.cell].transmitter == "gaba_slow"}
    blocks: dict[str, _Stated] = {f"cells.{name}": block for name, block in file.cells.items()}
    blocks |= {f"synapses.{name}": block for name, block in file.synapses.items()}
    blocks["receptors"] = file.receptors
    origins = {name: Source(block.status, block.source) for name, block in blocks.items()}
    receptors = file.receptors.constants()
    tables = Tables(cells, synapses, frozenset(slow), receptors, exact_charge=True, origins=origins)
    return Circuit(tables, {name: scale * one.neurons for name, one in file.populations.items()}, wiring)


#: First number of a spawn key, which keeps these generators distinct from those of other circuits.
_STREAM = 1


def circuit_topology(circuit: Circuit, seed: int) -> Topology:
    """Draw the connections of a circuit, the same for the same seed.

    Every pair of populations has its own generator (Philox, keyed by seed and the pair's positions in the list of
    populations), so that changing one connection leaves the others unchanged. A circuit has no geometry: neurons are
    placed on a square grid, 20 um apart, in the order of the populations.
    """
    names = tuple(circuit.sizes)
    starts = np.concatenate([[0], np.cumsum(list(circuit.sizes.values()))])
    parts = []
    for i, source in enumerate(names):
        for j, target in enumerate(names):
            wiring = circuit.wiring.get((source, target))
            if wiring is not None:
                sizes = (circuit.sizes[source], circuit.sizes[target])
                rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(_STREAM, i, j))))
                edges = _draw(wiring, sizes, i == j, rng)
                parts.append(edges._replace(source=edges.source + starts[i], target=edges.target + starts[j]))
    nothing = Edges(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))
    number = np.arange(starts[-1])
    columns = math.ceil(math.sqrt(number.size))
    return make_topology(
        population_names=names,
        population=np.repeat(np.arange(len(names)), list(circuit.sizes.values())),
        position=GRID_SPACING * np.stack([number % columns, number // columns], axis=1).astype(np.float64),
        edges=Edges(*(np.concatenate(column) for column in zip(nothing, *parts, strict=True))),
    )


def _draw(wiring: Wiring, sizes: tuple[int, int], same: bool, rng: np.random.Generator) -> Edges:
    """Draw edges between `sizes` neurons, numbered from 0 in each population; `same` if it is one population."""
    place = chosen(sizes[0] * sizes[1], wiring.probability, rng)
    source, target = place // sizes[1], place % sizes[1]
    if same:  # no autapses
        other = source != target
        source, target = source[other], target[other]
    sd = wiring.weight_sd_log
    strength = sd * rng.standard_normal(source.size) if sd else np.zeros(source.size)
    # rounded to single precision, which the kernel uses and a file holds exactly
    weight = np.exp(strength - 0.5 * sd**2).astype(np.float32).astype(np.float64)
    return Edges(source, target, weight, np.full(source.size, wiring.delay))


def chosen(n: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Draw numbers below `n`, ascending, each independently with a probability: int64, in O(number drawn).

    Distances between successive numbers are geometrically distributed.
    """
    if probability == 1.0:
        return np.arange(n)
    found = []
    last = -1
    while last < n:
        expected = probability * (n - last)
        steps = rng.geometric(probability, size=int(expected + 4.0 * math.sqrt(expected) + 16.0))
        places = last + np.cumsum(steps)
        found.append(places[places < n])
        last = int(places[-1])
    return np.concatenate(found)
