"""Pictures: Axes in, Axes out. Nothing here opens a file."""

from ketasim.plots.chain import plot_chain, plot_signals

__all__ = ["plot_chain", "plot_signals"]
