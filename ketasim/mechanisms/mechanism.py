"""What a slow mechanism is: parameters, the signals it meets others through, and its step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from ketasim.drugs import Action, Drug, Ligands, ligands_of
from ketasim.network.build import Network
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
    """What a mechanism may prepare itself for: the subject, the drugs in play, the network (None without one)."""

    species: str
    weight: float  # kg
    genotype: tuple[tuple[str, str], ...]
    drugs: tuple[Drug, ...]
    network: Network | None

    def nodes(self, population: str) -> slice:
        """Nodes of a population; without a network there are none to act on, which is an error."""
        if self.network is None:
            raise ValueError(f"there is no network; what acts on nodes of {population} does not run without one")
        return self.network.topology.slice_of(population)

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


@dataclass(frozen=True)
class Mechanism:
    """Declaration of one mechanism: the last lines of its file.

    Parameters
    ----------
    name : the module's name, the key under ``mechanisms:`` in an experiment file, the attribute
        ``mechanism`` of the datasets it owns.
    Parameters : NamedTuple whose fields are ``Annotated[type, limits..., "unit"] = value``; the comment above or
        beside each field carries source and status and is shown by ``ketasim mechanisms``.
    advance : called with the arrays of ``reads``, ``writes`` and ``scales`` in that order, then the parameters
        (or what `prepare` made of them) and a `Clock`. It changes ``writes`` in place, multiplies into ``scales``,
        and treats ``reads`` as the values at the start of the step. A step of zero length leaves integrated
        states alone and puts algebraic ones at their balance.
    reads, writes, scales : names from the signal table. A state has one owner: two mechanisms that write the
        same signal are refused.
    prepare : optional; called once as ``prepare(parameters, setting)`` with the run's `Setting` and returns what
        `advance` is given instead of the parameters (tables per drug, per node).
    signals : signals that a user's own mechanism adds to the table.
    population : the mechanism acts on the nodes of this population; a network without it leaves the mechanism out.
        Without `prepare`, `advance` is given `OnNodes`.
    targets : (target, action) of the rows of drug files that `prepare` asks for; ``ketasim drugs`` says which rows
        nobody asks for.
    """

    name: str
    Parameters: type
    advance: Callable[..., None]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    prepare: Callable[[Any, Setting], Any] | None = None
    signals: tuple[Signal, ...] = ()
    population: str | None = None
    targets: tuple[tuple[str, Action], ...] = ()

    def prepared(self, parameters: Any, setting: Setting) -> Any:
        """Return what `advance` is given for these parameters in this setting."""
        if self.prepare is not None:
            return self.prepare(parameters, setting)
        return parameters if self.population is None else OnNodes(parameters, setting.nodes(self.population))

    @property
    def title(self) -> str:
        """First line of the docstring of the mechanism's parameters."""
        return (self.Parameters.__doc__ or self.name).strip().splitlines()[0]
