"""What a trajectory says: summaries and statistics of spikes."""

from ketasim.analysis.spike_statistics import SpikeStatistics, spike_statistics
from ketasim.analysis.summary import summarise

__all__ = ["SpikeStatistics", "spike_statistics", "summarise"]
