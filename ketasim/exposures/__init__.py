"""What is done to the subject, one file per kind: a model of its entries, their times, the input signals they set."""

from ketasim.exposures.afferents import AFFERENTS, Afferents
from ketasim.exposures.doses import DOSES, Administration, Dose, Repeat
from ketasim.exposures.exposure import Exposure, TimedExposure

#: Kinds allowed under ``stimuli:`` in an experiment, by name; doses have a separate section.
STIMULI: dict[str, Exposure] = {AFFERENTS.kind: AFFERENTS}

__all__ = [
    "AFFERENTS",
    "DOSES",
    "STIMULI",
    "Administration",
    "Afferents",
    "Dose",
    "Exposure",
    "Repeat",
    "TimedExposure",
]
