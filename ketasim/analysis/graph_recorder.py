"""Snapshots and measures of the graph, at the times at which they are asked for."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from ketasim.analysis.graph_measures import graph_measures
from ketasim.config.graph_times import graph_times
from ketasim.simulation import Simulation
from ketasim.storage import TrajectoryWriter


class GraphRecorder:
    """Writes the edges among PYR and the graph's measures at the first slow time at or after each time asked for.

    Parameters
    ----------
    writer : open trajectory file.
    simulation : what is recorded; without plastic edges nothing is written.
    while_measuring : makes a context for the seconds that measures take; what is raised there leaves all as it was.
    """

    def __init__(
        self,
        writer: TrajectoryWriter,
        simulation: Simulation,
        while_measuring: Callable[[], AbstractContextManager[None]] = nullcontext,
    ):
        self._writer, self._simulation, self._while_measuring = writer, simulation, while_measuring
        self._due = list(graph_times(simulation.experiment).items()) if simulation.plastic_edges else []

    @property
    def state(self) -> int:
        """How many times are still to come."""
        return len(self._due)

    @state.setter
    def state(self, number: int) -> None:
        self._due = self._due[len(self._due) - number :]

    def record(self) -> None:
        """Write what is due at the present time; the last of several that are."""
        time = self._simulation.time
        due = [name for name, at in self._due if at <= time]
        if not due:
            return
        topology = self._simulation.topology_now()
        measures = None
        if self._simulation.experiment.recording.measures:
            with self._while_measuring():
                measures = graph_measures(topology)
        self._due = self._due[len(due) :]
        self._writer.write_snapshot(due[-1], time, topology)
        if measures is not None:
            self._writer.write_graph_measures(due[-1], time, measures)
