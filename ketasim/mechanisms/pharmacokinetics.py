"""Pharmacokinetics: dose to unbound brain concentration, by linear compartments and the exact matrix exponential.

Compartments, rate constants and their sources are data (`ketasim.drugs`). Within a step the input is constant, so the
step is exact whatever its length: with the augmented matrix, ``[x; 1](t + h) = expm(h [[A, u], [0, 0]]) [x; 1](t)``.
"""

from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import numpy as np

from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting
from ketasim.sources import Source


class Parameters(NamedTuple):
    """Dose to plasma and unbound brain concentration.

    The numbers are data of each drug; ``ketasim drugs NAME`` shows them.
    """

    disposition: Annotated[str, Source("assumed", "which of a drug's parameter sets; 'default' is the drug's own")] = (
        "default"
    )


class Prepared(NamedTuple):
    """The linear system of the drugs of the run."""

    matrix: np.ndarray  # (n, n) 1/s
    plasma: np.ndarray  # (n_compounds, n)
    brain: np.ndarray  # (n_compounds, n)


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Return the matrices of the drugs in this subject's body."""
    system = setting.compartments
    return Prepared(system.matrix, system.plasma, system.brain)


def advance(
    bolus: np.ndarray,
    infusion_rate: np.ndarray,
    drug_amount: np.ndarray,
    plasma_concentration: np.ndarray,
    brain_concentration: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Advance exactly. Shapes: (n_compartments,) mg, mg/s, mg; (n_compounds,) ng/mL; (n_compounds,) uM."""
    n = drug_amount.size
    if n == 0:
        return
    state = np.append(drug_amount + bolus, 1.0)
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n] = prepared.matrix
    augmented[:n, n] = infusion_rate
    drug_amount[:] = (_exponential((augmented * clock.duration).tobytes(), n + 1) @ state)[:n]
    plasma_concentration[:] = prepared.plasma @ drug_amount
    brain_concentration[:] = prepared.brain @ drug_amount


@lru_cache(maxsize=64)
def _exponential(matrix: bytes, size: int) -> Any:
    """Exponential (size, size) of a matrix of float64; the steps between equal doses are the same again and again."""
    from scipy.linalg import expm  # takes a second to import; needed only once something runs

    return expm(np.frombuffer(matrix).reshape(size, size))


MECHANISM = Mechanism(
    "pharmacokinetics",
    Parameters,
    advance,
    reads=("bolus", "infusion_rate"),
    writes=("drug_amount", "plasma_concentration", "brain_concentration"),
    prepare=prepare,
)
