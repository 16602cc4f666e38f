"""Remarks on values that are possible but far from practice, most often by a slip of unit: a rat of 300 kg."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from ketasim.config.models import USUAL_WEIGHT
from ketasim.documents import DoseAmount
from ketasim.documents.units import in_words
from ketasim.drugs import PERSON
from ketasim.drugs.practice import OUTSIDE, Practice, practice
from ketasim.exposures.doses import Administration

if TYPE_CHECKING:
    from ketasim.config.experiment import Experiment

_HOUR = 3600.0
_DAY = 86400.0
#: Sum of doses within 24 h above which they are remarked on, as a multiple of the largest single dose in use.
_DOSES_A_DAY = 5
#: s by which times of a series may be off.
_ROUNDING = 1e-6


def remarks(experiment: "Experiment") -> tuple[str, ...]:
    """Return a line for each weight and dose outside the range in use for the species, and for doses that add up.

    Ranges of weights are in `USUAL_WEIGHT`, those of doses in the drug's file (`usual_dose`). Of an infusion longer
    than an hour, the amount per hour is compared. Doses of a drug by one route that start within 24 h are remarked on
    if their sum is more than 5 times the top of the range, of infusions longer than that the amount in 24 h. So are
    infusions of a drug that overlap, and those that the end of the run cuts off; and doses of a human that are in no
    setting of ``ketasim/drugs/practice.yaml``. And so is stress beside that of the subject's phenotype.

    Examples
    --------
    >>> from ketasim.config import Experiment
    >>> given = {"format": 1, "duration": "1 h", "subject": {"species": "rat", "weight": "300 kg"}}
    >>> remarks(Experiment.from_mapping(given))
    ('subject.weight: 300 kg is unusual for a rat, 40 g to 1 kg; a slip of unit?',)
    """
    published = (remark for *_, remark in dosing_of_people(experiment) if remark)
    of_doses = (*_doses(experiment), *_sums(experiment), *_infusions(experiment))
    return (*_weight(experiment), *_stress(experiment), *of_doses, *published)


def dosing_of_people(experiment: "Experiment") -> Iterator[tuple[str, str, list[Practice], str]]:
    """Yield each drug given to a human, its route, the published settings that all doses are in, and a remark.

    The remark is on the first dose that is in no setting; empty if there is none. Drugs of which no dosing of people is
    stored are left out.
    """
    if experiment.subject.species != PERSON:
        return
    before: dict[str, float] = {}
    given: dict[tuple[str, str], list[tuple[Administration, float]]] = {}
    together: dict[tuple[str, str, float, float], Administration] = {}  # sprays of one session are one dose
    for one in sorted(experiment.administrations, key=lambda one: one.start):
        if one.amount and practice(one.drug):
            key = (one.drug, one.route, one.start, one.duration)
            together[key] = one._replace(amount=one.amount + (together[key].amount if key in together else 0.0))
    for one in together.values():
        apart = one.start - before.get(one.drug, -math.inf)
        given.setdefault((one.drug, one.route), []).append((one, apart or math.inf))  # a bolus and its infusion
        before[one.drug] = one.start
    for (drug, route), doses in given.items():
        rows = practice(drug, route)
        fits = [
            [row.holds(one.amount, experiment.subject.weight, one.duration, apart) for row in rows]
            for one, apart in doses
        ]
        settings = [row for number, row in enumerate(rows) if all(one[number] for one in fits)]
        first = next((one for one, held in zip(doses, fits, strict=True) if not any(held)), None)
        yield drug, route, settings, _outside(*first, rows) if first else ""


def _outside(dose: Administration, apart: float, rows: list[Practice]) -> str:
    over = f"over {in_words(dose.duration)}" if dose.duration else "at once"
    after = f", {in_words(apart)} after the one before" if math.isfinite(apart) else ""
    given = f"{dose.amount:.4g} mg of {dose.drug} ({dose.route}) {over} at {in_words(dose.start)}{after}"
    known = f" ({'; '.join(row.words() for row in rows)})" if rows else ", of which none by this route is stored"
    return f"doses: {given}: {OUTSIDE}{known}"


def _weight(experiment: "Experiment") -> Iterator[str]:
    species, weight = experiment.subject.species, experiment.subject.weight
    least, most = USUAL_WEIGHT[species]
    if not least <= weight <= most:
        usual = f"{_mass(least)} to {_mass(most)}"
        yield f"subject.weight: {_mass(weight)} is unusual for a {species}, {usual}; a slip of unit?"


def _stress(experiment: "Experiment") -> Iterator[str]:
    given = any(one.kind == "stress" for one in experiment.stimuli)
    if given and experiment.subject.phenotype != "healthy":
        yield "stimuli: stress is given beside that of subject.phenotype; their intensities add up"


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
                f"doses.{number}: {given} of {dose.drug} in a {species} of {_mass(weight)} is {per_kg:.3g} "
                f"mg/kg{per_hour}; usual doses are {usual.least:g} to {usual.most:g} mg/kg; a slip of unit?"
            )


def _sums(experiment: "Experiment") -> Iterator[str]:
    """Remark on several doses within a day whose sum is far above what is in use."""
    species, weight = experiment.subject.species, experiment.subject.weight
    given = sorted(experiment.administrations, key=lambda one: one.start)
    for drug, route in dict.fromkeys((one.drug, one.route) for one in given):
        data = experiment.catalogue[drug].species.get(species)
        usual = data.usual_dose if data else None
        ours = [one for one in given if (one.drug, one.route) == (drug, route)]
        daily = [one.amount * min(1.0, _DAY / one.duration if one.duration else 1.0) / weight for one in ours]
        first, total, most, at = 0, 0.0, 0.0, 0.0
        for last, one in enumerate(ours):
            total += daily[last]
            while ours[first].start <= one.start - _DAY:
                total -= daily[first]
                first += 1
            if last > first and total > most:
                most, at = total, ours[first].start
        if usual is not None and most > _DOSES_A_DAY * usual.most:
            yield (
                f"doses: {most:.3g} mg/kg of {drug} ({route}) within 24 h from {in_words(at)}; single doses in use are "
                f"up to {usual.most:g} mg/kg; is one listed or repeated too often?"
            )


def _infusions(experiment: "Experiment") -> Iterator[str]:
    """Remark on infusions of a drug that overlap, once for each drug, and on those that do not end within the run."""
    infusions = sorted(
        (one for one in experiment.administrations if one.duration and one.amount), key=lambda one: one.start
    )
    for drug in dict.fromkeys(one.drug for one in infusions):
        ours = [one for one in infusions if one.drug == drug]
        for before, after in pairwise(ours):
            if after.start < before.end - _ROUNDING:
                begin, end = in_words(after.start), in_words(before.end)
                yield f"doses: an infusion of {drug} begins at {begin}, before another one ends at {end}; both count"
                break
        last = max(ours, key=lambda one: one.end)
        if last.end > experiment.duration + _ROUNDING:
            ends, end = in_words(last.end), in_words(experiment.duration)
            yield f"doses: an infusion of {drug} would end at {ends}; the run ends at {end}, before all is given"


def _mass(kilograms: float) -> str:
    return f"{kilograms:.4g} kg" if kilograms >= 1.0 else f"{1e3 * kilograms:.4g} g"
