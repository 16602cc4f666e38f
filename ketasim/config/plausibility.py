"""Remarks on values that are possible but far from practice, most often by a slip of unit: a rat of 300 kg."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ketasim.config.models import USUAL_WEIGHT
from ketasim.documents import DoseAmount

if TYPE_CHECKING:
    from ketasim.config.experiment import Experiment

_HOUR = 3600.0


def remarks(experiment: "Experiment") -> tuple[str, ...]:
    """Return a line for each weight and dose outside the range in use for the species.

    Ranges of weights are in `USUAL_WEIGHT`, those of doses in the drug's file (`usual_dose`). Of an infusion longer
    than an hour, the amount per hour is compared.

    Examples
    --------
    >>> from ketasim.config import Experiment
    >>> given = {"format": 1, "duration": "1 h", "subject": {"species": "rat", "weight": "300 kg"}}
    >>> remarks(Experiment.from_mapping(given))
    ('subject.weight: 300 kg is unusual for a rat, 40 g to 1 kg; a slip of unit?',)
    """
    return (*_weight(experiment), *_doses(experiment))


def _weight(experiment: "Experiment") -> Iterator[str]:
    species, weight = experiment.subject.species, experiment.subject.weight
    least, most = USUAL_WEIGHT[species]
    if not least <= weight <= most:
        usual = f"{_mass(least)} to {_mass(most)}"
        yield f"subject.weight: {_mass(weight)} is unusual for a {species}, {usual}; a slip of unit?"


def _doses(experiment: "Experiment") -> Iterator[str]:
    species, weight = experiment.subject.species, experiment.subject.weight
    for number, dose in enumerate(experiment.doses):
        data = experiment.catalogue[dose.drug].species.get(species)
        usual = data.usual_dose if data else None
        if usual is None:
            continue
        amount = experiment.milligrams(dose)
        per_kg = amount / weight / max(1.0, dose.duration / _HOUR)
        if amount and not usual.least <= per_kg <= usual.most:
            per_hour = " per hour" if dose.duration > _HOUR else ""
            given = DoseAmount(float(f"{amount:.6g}"), "mg")
            yield (
                f"doses.{number}: {given} of {dose.drug} in a {species} of {_mass(weight)} are {per_kg:.3g} "
                f"mg/kg{per_hour}; in use are {usual.least:g} to {usual.most:g} mg/kg; a slip of unit?"
            )


def _mass(kilograms: float) -> str:
    return f"{kilograms:.4g} kg" if kilograms >= 1.0 else f"{1e3 * kilograms:.4g} g"
