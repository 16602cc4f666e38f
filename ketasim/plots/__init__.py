"""Pictures, drawn into given figures; only `save_picture` writes a file."""

from ketasim.plots.chain import picture, plot_chain, plot_signals
from ketasim.plots.network import plot_network
from ketasim.plots.page import page_figure
from ketasim.plots.save import save_picture
from ketasim.plots.subject import plot_subject

__all__ = ["page_figure", "picture", "plot_chain", "plot_network", "plot_signals", "plot_subject", "save_picture"]
