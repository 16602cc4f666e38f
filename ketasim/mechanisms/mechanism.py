"""What a slow mechanism is: parameters, the signals it meets others through, and its step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple


class Clock(NamedTuple):
    """What a mechanism may know of time: how long the step is and which one it is, never the dose.

    seed : random seed of the run.
    duration : length of the slow step in s.
    fast_step : absolute number of the 0.1 ms step at which the slow step starts (negative before time zero).
    """

    seed: int
    duration: float
    fast_step: int


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
    """

    name: str
    Parameters: type
    advance: Callable[..., None]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    prepare: Callable[[Any, Any], Any] | None = None

    @property
    def title(self) -> str:
        """First line of the docstring of the mechanism's parameters."""
        return (self.Parameters.__doc__ or self.name).strip().splitlines()[0]
