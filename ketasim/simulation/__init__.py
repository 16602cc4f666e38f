"""Two clocks in one loop; `loop` is the page to read first."""

from ketasim.simulation.loop import Simulation

__all__ = ["Simulation"]
