"""Pictures: Axes in, Axes out. Nothing here opens a file."""

from ketasim.plots.chain import picture, plot_chain, plot_signals
from ketasim.plots.network import plot_network
from ketasim.plots.page import page_figure

__all__ = ["page_figure", "picture", "plot_chain", "plot_network", "plot_signals"]
