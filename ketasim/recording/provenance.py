"""What is known of a run before its first step: provenance, schedule, graph, doses; the identity for resuming."""

import json
import logging
import os
import platform
from inspect import getsource
from pathlib import Path
from typing import Any

from ketasim import __version__
from ketasim.config import Experiment
from ketasim.digests import code_digest, text_digest
from ketasim.kernels.jit import processor
from ketasim.kernels.random import STREAMS
from ketasim.mechanisms import ORDER
from ketasim.network.prefrontal_microcircuit import Sheet
from ketasim.recording.defaults import defaults_digest
from ketasim.simulation import Simulation
from ketasim.storage.writer import TrajectoryWriter

_LOGGER = logging.getLogger("ketasim")

#: What computes a run and what of it is stored; pictures and words are not among what these import.
CODE = ("ketasim.recording.recorder", "ketasim.recording.resume", "ketasim.analysis.summary")


def identity(simulation: Simulation) -> dict[str, str]:
    """Return what two runs must share for their results to be identical bit for bit, by name."""
    packages = {name: version for name, version in environment().items() if name in ("numpy", "scipy", "numba")}
    mechanisms = [one for one in simulation.mechanisms if one not in ORDER]
    own = {f"code of {one.name}": own_code(one) for one in mechanisms}
    own |= {f"code of {one.kind}": own_code(one) for one in simulation.experiment.own_exposures}
    engine = simulation.engine
    if engine is not None and simulation.engine_is_given:
        own |= {"engine": text_digest(engine.digest(simulation.signals)), "code of the engine": _source(type(engine))}
    return {
        "ketasim": __version__,
        "experiment": _described(simulation)[1],
        "parameters": text_digest(_parameters(simulation)),
        "code": code_digest(*CODE),
        "processor": environment()["processor"],
    } | (packages | own)


def own_code(declared: Any) -> str:
    """Digest of the functions and models of a declaration, with plain values they enclose, not of what they call."""
    parts = [item for item in vars(declared).values() if callable(item)]
    texts = []
    for part in (getattr(item, "py_func", item) for item in parts):
        texts.append(_source(part))
        cells = [cell.cell_contents for cell in getattr(part, "__closure__", None) or ()]
        texts.append(repr([value for value in cells if isinstance(value, str | int | float)]))
    return text_digest("\n".join(texts))


def _source(part: Any) -> str:
    """Source of a function or class; what is known of it, if it was typed at a prompt."""
    try:
        return getsource(part)
    except (OSError, TypeError):
        code = getattr(part, "__code__", None)
        return f"{code.co_code.hex()} {code.co_names}" if code else type(part).__name__


def write_preamble(writer: TrajectoryWriter, simulation: Simulation) -> None:
    """Write what is known before the first step: provenance, schedule, graph, doses; tell the notes on the network."""
    for remark in simulation.notes[simulation.logged :]:
        _LOGGER.info(remark)
    experiment = simulation.experiment
    parameters = _parameters(simulation)
    resolved, sha256 = _described(simulation)
    how = {"threads": str(experiment.threads), "checkpoint_s": f"{experiment.schedule.checkpoint:g}"}
    how["code"] = code_digest(*CODE)[:16]
    writer.write_provenance(
        {
            "config_source": experiment.source_text,
            "config_resolved": json.dumps(resolved, sort_keys=True),
            "config_sha256": sha256,
            "parameters": parameters,
            "parameters_sha256": text_digest(parameters),
            "environment": json.dumps(environment() | how, sort_keys=True),
            "random": json.dumps(
                {
                    "generator": "philox4x32-10",
                    "seed": experiment.seed,
                    "streams": {name: int(stream) for name, stream in STREAMS.items()},
                }
            ),
            "notes": json.dumps(list(simulation.notes)),
        }
    )
    writer.write_schedule(simulation.schedule)
    if simulation.topology is not None:
        writer.write_topology(simulation.topology)
    writer.write_events(_events(experiment))


def _events(experiment: Experiment) -> list[dict[str, Any]]:
    """Doses and stimuli as given, one entry for each dose of a series."""
    return [one.row() for one in (*experiment.administrations, *experiment.all_stimuli)]


def _described(simulation: Simulation) -> tuple[dict[str, Any], str]:
    """Resolved experiment for the file, and its digest: files by relative path, what was given by its content."""
    experiment = simulation.experiment
    resolved, sha256 = experiment.resolved(), experiment.sha256
    del resolved["threads"], resolved["schedule"]["checkpoint"]  # they change no result; the environment has them
    folder = experiment.source_file.parent if experiment.source_file else Path.cwd()
    resolved["drugs"] = [_relative(path, folder) for path in resolved["drugs"]]
    if _is_given(simulation) and simulation.topology is not None:
        resolved["network"] = {"graph_sha256": simulation.topology.sha256}
        if simulation.engine_is_given:
            resolved["network"]["engine"] = type(simulation.engine).__name__
        sha256 = text_digest(" ".join([sha256, *resolved["network"].values()]))
    elif "file" in resolved["network"]:
        for key in {"file", "nodes"} & resolved["network"].keys():
            resolved["network"][key] = _relative(resolved["network"][key], folder)
    return resolved, sha256


def _relative(path: str, folder: Path) -> str:
    """Path relative to a folder, so that the file does not depend on where the experiment is kept."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return Path(path).name


def _is_given(simulation: Simulation) -> bool:
    """Whether a graph or an engine stands in for the experiment's network."""
    return simulation.graph_is_given or simulation.engine_is_given


def _parameters(simulation: Simulation) -> str:
    return json.dumps(parameters_of(simulation), sort_keys=True)


def parameters_of(simulation: Simulation) -> dict[str, Any]:
    """Return every parameter of a run as plain data: mechanisms, drugs given, and the network's tables."""
    mechanisms = simulation.experiment.resolved()["mechanisms"]
    for mechanism in simulation.mechanisms:  # custom ones, passed to `run`
        mechanisms.setdefault(mechanism.name, mechanism.Parameters()._asdict())
    drugs = {drug.name: drug.model_dump(mode="json") for drug in simulation.setting.drugs}
    network = simulation.setting.network
    if network is None:
        return {"mechanisms": mechanisms, "drugs": drugs}
    tables = network.tables
    parameters = {
        "mechanisms": mechanisms,
        "drugs": drugs,
        "cell_classes": {name: cell_class._asdict() for name, cell_class in tables.cells.items()},
        "synapses": {f"{source} to {target}": pair._asdict() for (source, target), pair in tables.synapses.items()},
        "receptors": tables.receptors._asdict(),
    }
    circuit = simulation.experiment.circuit
    if circuit is None or _is_given(simulation):
        return parameters | {"sheet": Sheet()._asdict()}
    wiring = {f"{source} to {target}": pair._asdict() for (source, target), pair in circuit.wiring.items()}
    origins = {name: {"status": one.status, "text": one.text} for name, one in tables.origins.items()}
    return parameters | {"wiring": wiring, "origins": origins}


def environment() -> dict[str, str]:
    """Return versions, machine, and the digest of all default numbers."""
    from importlib.metadata import version

    packages = ("numpy", "scipy", "numba", "h5py", "networkx", "xarray")
    return {
        "ketasim": __version__,
        "defaults": defaults_digest(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": f"{platform.machine()} {processor()}",
    } | {package: version(package) for package in packages}
