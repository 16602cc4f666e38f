"""What is done to the subject, one file per kind: a model of its entries, their times, the input signals they set."""

from ketasim.exposures.afferents import AFFERENTS, Afferents
from ketasim.exposures.doses import DOSES, Administration, Dose, Repeat
from ketasim.exposures.exposure import Exposure, TimedExposure
from ketasim.exposures.stress import STRESS, Stress

#: Kinds allowed under ``stimuli:`` in an experiment, by name; doses have a separate section.
STIMULI: dict[str, Exposure] = {one.kind: one for one in (AFFERENTS, STRESS)}

__all__ = [
    "AFFERENTS",
    "DOSES",
    "STIMULI",
    "STRESS",
    "Administration",
    "Afferents",
    "Dose",
    "Exposure",
    "Repeat",
    "Stress",
    "TimedExposure",
]
