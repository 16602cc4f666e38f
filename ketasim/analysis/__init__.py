"""What a trajectory says: summaries, statistics of spikes, measures of the graph."""

from ketasim.analysis.graph_measures import Measure, graph_measures
from ketasim.analysis.spike_statistics import SpikeStatistics, spike_statistics
from ketasim.analysis.summary import error_of, summarise, value_of

__all__ = ["Measure", "SpikeStatistics", "error_of", "graph_measures", "spike_statistics", "summarise", "value_of"]
