"""Trajectory files: one HDF5 file per run, written block by block and read as xarray, spikes and graphs."""

from ketasim.storage.datasets import StorageError, TrajectoryNotFoundError
from ketasim.storage.edges import EdgeEvents
from ketasim.storage.graph_files import write_graph
from ketasim.storage.reader import Trajectory, differing_datasets, digest
from ketasim.storage.samples import Column
from ketasim.storage.sonata import Spikes
from ketasim.storage.writer import TrajectoryWriter

__all__ = [
    "Column",
    "EdgeEvents",
    "Spikes",
    "StorageError",
    "Trajectory",
    "TrajectoryNotFoundError",
    "TrajectoryWriter",
    "differing_datasets",
    "digest",
    "write_graph",
]
