"""What a trajectory says: summaries, statistics of spikes, measures of the graph."""

from ketasim.analysis.graph_measures import Measure, graph_measures
from ketasim.analysis.spike_statistics import SpikeStatistics, spike_statistics
from ketasim.analysis.summary import summarise

__all__ = ["Measure", "SpikeStatistics", "graph_measures", "spike_statistics", "summarise"]
