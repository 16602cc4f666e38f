"""What a slow mechanism is: parameters, signals through which it meets others, its step, and edges that it changes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from ketasim.drugs import Action, Drug, Ligands, ligands_of
from ketasim.drugs.compartments import Compartments
from ketasim.kernels.graph import Synapses
from ketasim.network.build import Network
from ketasim.network.topology import Topology
from ketasim.signals import Signal

P = TypeVar("P")


class Clock(NamedTuple):
    """What a mechanism may know of time: how long the step is and which one it is, never the dose.

    seed : random seed of the run.
    duration : length of the slow step in s.
    fast_step : absolute number of the 0.1 ms step at which the slow step starts (negative before time zero).
    """

    seed: int
    duration: float
    fast_step: int


@dataclass(frozen=True, eq=False)
class Setting:
    """What a mechanism may prepare itself for.

    Parameters
    ----------
    species : str
    weight : float
        Of the body, kg.
    genotype : tuple of (gene, alleles)
    drugs : tuple of Drug
        Those in play.
    compartments : Compartments
        The linear system that they make in this body.
    topology : Topology or None
        Nodes and edges at the start; None without a network.
    network : Network or None
        Cells and synapses where the network is a spiking one.
    """

    species: str
    weight: float
    genotype: tuple[tuple[str, str], ...]
    drugs: tuple[Drug, ...]
    compartments: Compartments
    topology: Topology | None
    network: Network | None

    def nodes(self, population: str) -> slice:
        """Nodes of a population; without a network there are none to act on, which is an error."""
        if self.topology is None:
            raise ValueError(f"without a network there are no nodes of {population} to act on")
        return self.topology.slice_of(population)

    @property
    def compounds(self) -> tuple[str, ...]:
        """Compounds of all drugs in play: the axis `compound`."""
        return tuple(compound for drug in self.drugs for compound in drug.compounds)

    @property
    def blockers(self) -> tuple[str, ...]:
        """Compounds that block NMDA receptors: the axis `blocker`."""
        named = {name for drug in self.drugs for row in drug.nmda for name in row.of}
        return tuple(compound for compound in self.compounds if compound in named)

    def ligands(self, target: str, action: Action) -> Ligands:
        """Compounds that act on a target in this way, by its name in drug files; there may be none."""
        return ligands_of(self.drugs, target, action)


class OnNodes(NamedTuple, Generic[P]):
    """What `advance` is given by a mechanism of one population that needs no tables: parameters and its nodes."""

    parameters: P
    nodes: slice


class EdgeChanges(NamedTuple):
    """What a slow step did to the plastic edges of a class pair.

    edges : all edges after the step, by source and target; `weight` is relative, float64.
    died, born : those that were before and are no more, with the weights that they died with, and those that are new.
    own : what the mechanism itself keeps of the edges, see `Mechanism`.
    """

    edges: Synapses
    died: Synapses
    born: Synapses
    own: Any


@dataclass(frozen=True)
class Mechanism:
    """Declaration of one mechanism: the last lines of its file.

    Parameters
    ----------
    name : str
        The module's name, the key under ``mechanisms:`` in an experiment file, the attribute ``mechanism`` of the
        datasets it owns.
    Parameters : type of NamedTuple
        Its fields are ``Annotated[type, limits..., "unit", Source(...)] = value``, as shown by ``ketasim mechanisms``.
    advance : callable, optional
        Called with the arrays of ``reads``, ``writes`` and ``scales`` in that order, then the parameters (or what
        `prepare` made of them) and a `Clock`. It changes ``writes`` in place, multiplies into ``scales``, and treats
        ``reads`` as the values at the start of the step. A step of zero length leaves integrated states alone and puts
        algebraic ones at their balance.
    reads, writes, scales : tuple of str
        Names from the signal table. A state has one owner: two mechanisms that write the same signal are refused.
    prepare : callable, optional
        Called once as ``prepare(parameters, setting)`` with the run's `Setting`; returns what `advance` is given
        instead of the parameters (tables per drug, per node).
    signals : tuple of Signal
        Those that a user's own mechanism adds to the table.
    population : str, optional
        The mechanism acts on the nodes of this population; a network without it leaves the mechanism out. Without
        `prepare`, `advance` is given `OnNodes`.
    edges : str or (str, str), optional
        Source and target population whose edges it changes, or one population for the edges among its neurons. Edges of
        a pair have one owner. An engine whose edges are fixed leaves the mechanism out.
    evolve : callable, optional
        Called after every `advance` as ``evolve(edges, own, before, after, prepared, clock)``; returns `EdgeChanges`.
        Nodes are numbered within their populations, delays are in fast steps. ``before`` maps the names of ``reads``
        and ``writes`` to their values at the start of the step, ``after`` those of ``writes`` and ``scales`` to what
        they are at its end and may be changed to. ``own`` is a nested NamedTuple of arrays.
    begin : callable, optional
        Called once as ``begin(edges, parameters, setting, seed)`` with the edges at the start; returns what `evolve` is
        given as ``prepared`` and ``own``. Without it they are what `advance` is given and ``()``.
    edges_born : callable, optional
        ``edges_born(parameters)``: edges born a day at rest, as a share of those there are, for forecasts.
    remarks : callable, optional
        ``remarks(prepared, setting, signals)``: lines to be told to a person once the network is known at rest.
    targets : tuple of (target, action)
        Rows of drug files that `prepare` asks for; ``ketasim drugs`` says which nobody asks for.
    """

    name: str
    Parameters: type
    advance: Callable[..., None] | None = None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    prepare: Callable[[Any, Setting], Any] | None = None
    signals: tuple[Signal, ...] = ()
    population: str | None = None
    edges: str | tuple[str, str] | None = None
    evolve: Callable[..., EdgeChanges] | None = None
    begin: Callable[..., tuple[Any, Any]] | None = None
    edges_born: Callable[[Any], float] | None = None
    remarks: Callable[..., list[str]] | None = None
    targets: tuple[tuple[str, Action], ...] = ()

    def prepared(self, parameters: Any, setting: Setting) -> Any:
        """Return what `advance` is given for these parameters in this setting."""
        if self.prepare is not None:
            return self.prepare(parameters, setting)
        return parameters if self.population is None else OnNodes(parameters, setting.nodes(self.population))

    @property
    def pair(self) -> tuple[str, str] | None:
        """Source and target population of the edges that it changes."""
        return (self.edges, self.edges) if isinstance(self.edges, str) else self.edges

    @property
    def populations(self) -> tuple[str, ...]:
        """Populations without which there is nothing to act on."""
        return tuple(name for name in (self.population, *(self.pair or ())) if name is not None)

    @property
    def title(self) -> str:
        """First line of the docstring of the mechanism's parameters."""
        return (self.Parameters.__doc__ or self.name).strip().splitlines()[0]
