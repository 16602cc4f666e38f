"""Pictures: Axes in, Axes out. Nothing here opens a file."""

from ketasim.plots.chain import plot_chain, plot_signals
from ketasim.plots.network import plot_network

__all__ = ["plot_chain", "plot_network", "plot_signals"]
