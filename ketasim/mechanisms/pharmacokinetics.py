"""Pharmacokinetics: dose to unbound brain concentration, by linear compartments and the exact matrix exponential.

Compartments, rate constants and their sources are data (`ketasim.drugs`). Within a step the input is constant, so the
step is exact whatever its length: with the augmented matrix, ``[x; 1](t + h) = expm(h [[A, u], [0, 0]]) [x; 1](t)``.
The largest concentration of each moiety and the area under the curve are followed within steps, so that they do not
depend on when samples are taken (`ketasim.drugs.course`).
"""

from typing import Annotated, NamedTuple

import numpy as np

from ketasim.drugs.course import Course, course
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting
from ketasim.network.topology import FAST_STEP
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
    of_moiety: np.ndarray  # (n_compounds, n_compounds), 1 where two compounds belong to one moiety


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Return the matrices of the drugs in this subject's body."""
    system = setting.compartments
    moiety = np.array(system.moieties)
    return Prepared(system.matrix, system.plasma, system.brain, (moiety[:, None] == moiety).astype(float))


def advance(  # noqa: PLR0913, PLR0917 - one argument per signal, as declared
    bolus: np.ndarray,
    infusion_rate: np.ndarray,
    drug_amount: np.ndarray,
    plasma_concentration: np.ndarray,
    brain_concentration: np.ndarray,
    plasma_concentration_peak: np.ndarray,
    plasma_concentration_peak_time: np.ndarray,
    plasma_concentration_area: np.ndarray,
    brain_concentration_peak: np.ndarray,
    brain_concentration_peak_time: np.ndarray,
    brain_concentration_area: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Advance exactly. Shapes: (n_compartments,) mg, mg/s, mg; all others (n_compounds,)."""
    n = drug_amount.size
    if n == 0:
        return
    state = np.append(drug_amount + bolus, 1.0)
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n] = prepared.matrix
    augmented[:n, n] = infusion_rate
    found = course(augmented, state, clock.duration)
    drug_amount[:] = found.states[-1, :n]
    plasma_concentration[:] = prepared.plasma @ drug_amount
    brain_concentration[:] = prepared.brain @ drug_amount
    if clock.duration > 0.0:
        amounts, start = (
            Course(found.times, found.states[:, :n], found.slopes[:, :n]),
            clock.fast_step * FAST_STEP * 1e-3,
        )
        of_plasma = plasma_concentration_peak, plasma_concentration_peak_time, plasma_concentration_area
        of_brain = brain_concentration_peak, brain_concentration_peak_time, brain_concentration_area
        follow(amounts.read(prepared.plasma), prepared.of_moiety, start, of_plasma)
        follow(amounts.read(prepared.brain), prepared.of_moiety, start, of_brain)


def follow(
    concentrations: Course, of_moiety: np.ndarray, start: float, so_far: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Update peaks, their times and areas by a step.

    Parameters
    ----------
    concentrations : Course
        Of all compounds.
    of_moiety : (n, n) array
        1 where two compounds belong to one moiety.
    start : float
        s, start of the step.
    so_far : (array, array, array)
        (n,) each: concentrations when the moiety's sum was largest, time of that in s, area in units times h; changed
        in place.
    """
    peak, time, area = so_far
    area += concentrations.integral() / 3600.0
    sums = concentrations.read(of_moiety)
    before = of_moiety @ peak
    for compound in range(peak.size):
        at = sums.time_of_largest(compound)
        if sums.at(at)[compound] > before[compound]:
            peak[compound], time[compound] = concentrations.at(at)[compound], start + at


MECHANISM = Mechanism(
    "pharmacokinetics",
    Parameters,
    advance,
    reads=("bolus", "infusion_rate"),
    writes=(
        "drug_amount",
        "plasma_concentration",
        "brain_concentration",
        *(f"{of}_concentration_{what}" for of in ("plasma", "brain") for what in ("peak", "peak_time", "area")),
    ),
    prepare=prepare,
)
