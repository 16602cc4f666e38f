"""What runs the network: what the loop needs of it (`engine`), and the spiking network that gives it (`spiking`)."""

from ketasim.engines.engine import STEPS_PER_SECOND, Engine, Inputs, Measurement, PlasticEngine
from ketasim.engines.spiking import SpikingEngine

__all__ = ["STEPS_PER_SECOND", "Engine", "Inputs", "Measurement", "PlasticEngine", "SpikingEngine"]
