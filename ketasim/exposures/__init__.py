"""What is done to the subject, one kind a file: a model of an entry, its times, the input signals that it sets."""

from ketasim.exposures.afferents import AFFERENTS, Afferents
from ketasim.exposures.doses import DOSES, Administration, Dose, Repeat
from ketasim.exposures.exposure import Exposure, TimedExposure

#: Kinds that stand under ``stimuli:`` in an experiment, by name; doses have a section of their own.
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
