"""Two clocks in one loop; read `loop` first."""

from ketasim.simulation.loop import Simulation

__all__ = ["Simulation"]
