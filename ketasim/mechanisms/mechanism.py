"""What a slow mechanism is: parameters, the signals it reads and writes, its step, and the edges it changes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from ketasim.drugs import Action, Drug, Ligands, ligands_of
from ketasim.drugs.compartments import Compartments
from ketasim.drugs.families import suppliers
from ketasim.drugs.model import row_of
from ketasim.kernels.graph import Synapses
from ketasim.network.build import Network
from ketasim.network.topology import Topology
from ketasim.signals import Signal

P = TypeVar("P")


class Clock(NamedTuple):
    """What a mechanism may know of time: the step's length and number, never the dose.

    Attributes
    ----------
    seed : int
        Random seed of the run.
    duration : float
        Length of the slow step in s.
    fast_step : int
        Absolute number of the 0.1 ms step at which the slow step starts (negative before time zero).
    """

    seed: int
    duration: float
    fast_step: int


@dataclass(frozen=True, eq=False)
class Setting:
    """What a mechanism is prepared for: subject, drugs and network of a run.

    Attributes
    ----------
    species : str
        Species of the subject.
    weight : float
        Body weight, kg.
    genotype : tuple of (gene, alleles)
        Genotype of the subject.
    drugs : tuple of Drug
        Drugs of the run.
    compartments : Compartments
        Linear system of these drugs in this body.
    topology : Topology or None
        Nodes and edges at the start; None without a network.
    network : Network or None
        Cells and synapses of a spiking network.
    """

    species: str
    weight: float
    genotype: tuple[tuple[str, str], ...]
    drugs: tuple[Drug, ...]
    compartments: Compartments
    topology: Topology | None
    network: Network | None

    def nodes(self, population: str) -> slice:
        """Return the nodes of a population.

        Raises
        ------
        ValueError
            There is no network.
        """
        if self.topology is None:
            raise ValueError(f"without a network there are no nodes of {population} to act on")
        return self.topology.slice_of(population)

    @property
    def compounds(self) -> tuple[str, ...]:
        """Compounds of all drugs of the run: the axis `compound`."""
        return tuple(suppliers(self.drugs))

    @property
    def blockers(self) -> tuple[str, ...]:
        """Compounds that block NMDA receptors: the axis `blocker`."""
        return tuple(name for name, drug in suppliers(self.drugs).items() if row_of(drug.nmda, name))

    def ligands(self, target: str, action: Action) -> Ligands:
        """Return the compounds with this action at a target, named as in drug files; there may be none."""
        return ligands_of(self.drugs, target, action)


class OnNodes(NamedTuple, Generic[P]):
    """What `advance` receives if the mechanism acts on one population and has no `prepare`: parameters and nodes."""

    parameters: P
    nodes: slice


class EdgeChanges(NamedTuple):
    """What a slow step did to the plastic edges of a class pair.

    Attributes
    ----------
    edges : Synapses
        All edges after the step, sorted by source and target; `weight` is relative, float64.
    died, born : Synapses
        Edges removed in the step, with their last weights, and edges added in it.
    own : nested NamedTuple of arrays
        State that the mechanism keeps of the edges, see `Mechanism`.
    """

    edges: Synapses
    died: Synapses
    born: Synapses
    own: Any


class Card(NamedTuple):
    """What a readout is good for: shown beside its parameters.

    Attributes
    ----------
    species : str
        Whose it is.
    fitted_to : str
        Findings or numbers that its parameters were set by.
    domain : str
        Doses, times and subjects that it is meant for.
    not_validated : str
        What nothing here was held against.
    refuted_by : str
        What would show it to be wrong.
    """

    species: str
    fitted_to: str
    domain: str
    not_validated: str
    refuted_by: str

    def lines(self) -> list[str]:
        """Return a line for each field, such as ``species: human``."""
        return [f"{name.replace('_', ' ')}: {text}" for name, text in self._asdict().items()]


@dataclass(frozen=True)
class Mechanism:
    """Declaration of one mechanism: the last lines of its file.

    Parameters
    ----------
    name : str
        Name of the module, key under ``mechanisms:`` in an experiment file, and attribute ``mechanism`` of the
        datasets it owns.
    Parameters : type of NamedTuple
        Its fields are ``Annotated[type, limits..., "unit", Source(...)] = value``, as shown by ``ketasim mechanisms``.
    advance : callable, optional
        Called with the arrays of ``reads``, ``writes`` and ``scales`` in that order, then the parameters (or what
        `prepare` made of them) and a `Clock`. It changes ``writes`` in place, multiplies into ``scales``, and treats
        ``reads`` as the values at the start of the step. A step of zero length leaves integrated states unchanged and
        sets algebraic ones to their steady state.
    reads, writes, scales : tuple of str
        Names from the signal table. A state has one owner: two mechanisms that write the same signal are refused.
    prepare : callable, optional
        Called once as ``prepare(parameters, setting)`` with the run's `Setting`; returns what `advance` receives
        instead of the parameters (tables per drug, per node).
    signals : tuple of Signal
        Signals that a user's own mechanism adds to the table.
    population : str, optional
        Population whose nodes the mechanism acts on; in a network without it the mechanism is left out. Without
        `prepare`, `advance` receives `OnNodes`.
    edges : str or (str, str), optional
        Source and target population whose edges it changes, or one population for the edges among its neurons. The
        edges of a pair have one owner. Under an engine with fixed edges the mechanism is left out.
    evolve : callable, optional
        Called after every `advance` as ``evolve(edges, own, before, after, prepared, clock)``; returns `EdgeChanges`.
        Nodes are numbered within their populations, delays are in fast steps. ``before`` maps the names of ``reads``
        and ``writes`` to their values at the start of the step, ``after`` those of ``writes`` and ``scales`` to their
        values at its end, which may be changed. ``own`` is a nested NamedTuple of arrays.
    begin : callable, optional
        Called once as ``begin(edges, parameters, setting, seed)`` with the edges at the start; returns ``prepared`` and
        ``own`` for `evolve`. Without it they are what `advance` receives, and ``()``.
    edges_born : callable, optional
        ``edges_born(parameters)``: edges born per day at rest, as a fraction of existing ones, for forecasts.
    remarks : callable, optional
        ``remarks(prepared, setting, signals)``: lines for the user once the resting network has been measured.
    targets : tuple of (target, action)
        Rows of drug files that `prepare` uses; ``ketasim drugs`` lists rows that no mechanism uses.
    species : str, optional
        Species of which its signals say something; in a run of another it is left out.
    by_default : bool
        Whether it is on in an experiment that does not name it; False for a hypothesis.
    card : Card, optional
        Of a mechanism whose signals are read as results about people or animals.
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
    species: str | None = None
    by_default: bool = True
    card: Card | None = None

    def prepared(self, parameters: Any, setting: Setting) -> Any:
        """Return what `advance` receives for these parameters in this setting."""
        if self.prepare is not None:
            return self.prepare(parameters, setting)
        return parameters if self.population is None else OnNodes(parameters, setting.nodes(self.population))

    @property
    def pair(self) -> tuple[str, str] | None:
        """Source and target population of the edges that it changes."""
        return (self.edges, self.edges) if isinstance(self.edges, str) else self.edges

    @property
    def populations(self) -> tuple[str, ...]:
        """Populations that the mechanism needs."""
        return tuple(name for name in (self.population, *(self.pair or ())) if name is not None)

    @property
    def title(self) -> str:
        """First line of the docstring of the mechanism's parameters."""
        return (self.Parameters.__doc__ or self.name).strip().splitlines()[0]
