"""Engines run the network: the interface that the loop needs (`engine`), and the spiking network (`spiking`)."""

from ketasim.engines.engine import STEPS_PER_SECOND, Engine, Inputs, Measurement, PlasticEngine, check_engine
from ketasim.engines.spiking import SpikingEngine

__all__ = ["STEPS_PER_SECOND", "Engine", "Inputs", "Measurement", "PlasticEngine", "SpikingEngine", "check_engine"]
