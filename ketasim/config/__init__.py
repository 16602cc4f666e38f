"""Experiment files: what may stand in them, and the frozen `Experiment` made of one."""

from ketasim.config.experiment import Experiment
from ketasim.config.load import examples, load_experiment
from ketasim.config.models import (
    Dose,
    Genotype,
    NetworkFile,
    NetworkModel,
    Recording,
    Repeat,
    Schedule,
    Stimulus,
    Subject,
)
from ketasim.config.schema import experiment_schema

__all__ = [
    "Dose",
    "Experiment",
    "Genotype",
    "NetworkFile",
    "NetworkModel",
    "Recording",
    "Repeat",
    "Schedule",
    "Stimulus",
    "Subject",
    "examples",
    "experiment_schema",
    "load_experiment",
]
