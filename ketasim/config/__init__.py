"""Experiment files: their sections, and the frozen `Experiment` read from one."""

from ketasim.config.experiment import Experiment
from ketasim.config.load import examples, load_experiment
from ketasim.config.models import (
    Genotype,
    NetworkFile,
    NetworkModel,
    Recording,
    Subject,
)
from ketasim.config.schedule import Schedule
from ketasim.config.schema import experiment_schema
from ketasim.exposures import Afferents, Dose, Repeat

__all__ = [
    "Afferents",
    "Dose",
    "Experiment",
    "Genotype",
    "NetworkFile",
    "NetworkModel",
    "Recording",
    "Repeat",
    "Schedule",
    "Subject",
    "examples",
    "experiment_schema",
    "load_experiment",
]
