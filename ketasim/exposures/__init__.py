"""What is done to the subject, one file per kind: a model of its entries, their times, the input signals they set."""

from ketasim.exposures.afferents import AFFERENTS, Afferents
from ketasim.exposures.doses import DOSES, Administration, Dose, Repeat
from ketasim.exposures.expectancy import EXPECTANCY, Expectancy
from ketasim.exposures.exposure import Exposure, TimedExposure
from ketasim.exposures.immune_challenge import IMMUNE_CHALLENGE, ImmuneChallenge
from ketasim.exposures.stress import STRESS, Stress, held

#: Kinds allowed under ``stimuli:`` in an experiment, by name; doses have a separate section.
STIMULI: dict[str, Exposure] = {one.kind: one for one in (AFFERENTS, STRESS, IMMUNE_CHALLENGE, EXPECTANCY)}

__all__ = [
    "AFFERENTS",
    "DOSES",
    "EXPECTANCY",
    "IMMUNE_CHALLENGE",
    "STIMULI",
    "STRESS",
    "Administration",
    "Afferents",
    "Dose",
    "Expectancy",
    "Exposure",
    "ImmuneChallenge",
    "Repeat",
    "Stress",
    "TimedExposure",
    "held",
]
