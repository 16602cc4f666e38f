"""Trajectories made up signal by signal."""

import json
from io import BytesIO

import numpy as np
import pytest

from ketasim.storage import Column, TrajectoryWriter
from ketasim.trajectory import open_trajectory

COMPOUNDS = ("S-ketamine", "R-ketamine", "norketamine")
MOIETIES = ("ketamine", "ketamine", "norketamine")


@pytest.fixture
def made_up():
    """Make an open trajectory of signals that are given row by row.

    population, subject : name -> values (T, P) or (T, C), or (T,). declared : name -> attributes `summary`, `shown`.
    """

    def make(times, population=None, subject=None, declared=None, populations=("PYR",), **marks):
        declared, target = declared or {}, BytesIO()
        groups = {
            "population": (population, "population", populations, {}),
            "subject": (subject, "compound", COMPOUNDS, {"moiety": ("compound", MOIETIES)}),
        }
        with TrajectoryWriter(target) as writer:
            writer.write_provenance({"config_resolved": json.dumps({"duration": f"{times[-1]} s", "name": "made up"})})
            for group, (signals, axis, labels, beside) in groups.items():
                if signals is None:
                    continue
                arrays = {name: np.asarray(values, float) for name, values in signals.items()}
                columns = [
                    Column(name, _unit(name), name, (axis,) * (array.ndim - 1), None, "f8", **declared.get(name, {}))
                    for name, array in arrays.items()
                ]
                used = any(array.ndim > 1 for array in arrays.values())
                writer.create_samples(group, columns, {axis: labels} if used else {}, beside if used else {})
                for row, time in enumerate(times):
                    stage = "baseline" if time < 0.0 else "run"
                    writer.append(group, time, {name: array[row] for name, array in arrays.items()}, stage)
            writer.mark(**marks)
            writer.flush()
        return open_trajectory(target)

    return make


def _unit(name):
    return {"plasma_concentration": "ng/mL", "firing_rate": "Hz", "glutamate_ambient": "uM"}.get(name, "1")
