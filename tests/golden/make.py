"""Write the golden trajectory of this version: ``python -m tests.golden.make``.

Beside the file stands what is in it, read by h5py alone, and how far each number that depends on the network's chaos
moves between runs of which a weight differs by up to a thousandth: 8 of them, which takes half a minute.
"""

import gzip
import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np

import ketasim
from ketasim.kernels.jit import processor
from ketasim.storage import digest
from tests.golden.contents import chance, plain

HERE = Path(__file__).parent
#: What decides whether the same bits are to be expected.
PACKAGES = ("numba", "numpy", "scipy", "h5py")
_RUNS = 8


def place_of(release: str) -> Path:
    """Where the golden trajectory of a version lies; what is in it lies beside it as JSON."""
    return HERE / f"ketasim-{release}.h5.gz"


def machine() -> dict[str, str]:
    """Versions and the processor that code is compiled for."""
    return {"ketasim": ketasim.__version__, "cpu": processor()} | {name: version(name) for name in PACKAGES}


def golden_experiment(**changes: object) -> ketasim.Experiment:
    """The experiment of all golden trajectories of this format of experiments."""
    return ketasim.load_experiment(HERE / "experiment.yaml").replace(**changes)


def nudged(number: int) -> ketasim.Experiment:
    """The same with a weight that differs by less than its statistics show: spikes move, means stay."""
    weights = golden_experiment().network.weights.values
    return golden_experiment(
        **{"network.weights.ampa_PYR_PYR": f"{weights.ampa_PYR_PYR * (1 + number * 1.25e-4):.12g} nS"}
    )


def main() -> None:
    """Write both files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "golden.h5"
        with ketasim.run(golden_experiment(), path) as trajectory:
            values = chance(trajectory)
        with h5py.File(path, "r+") as file:
            # of the machine only what decides the bits; the digest does not see it
            text = json.dumps(machine(), sort_keys=True)
            file["provenance/environment"][...] = text
        with h5py.File(path) as file:
            contents = plain(file)
        others = [chance(ketasim.run(nudged(number))) for number in range(1, _RUNS + 1)]
        deviations = {name: float(np.std([other[name] for other in others], ddof=1)) for name in values}
        stored = {name: {"value": values[name], "deviation": deviations[name]} for name in values}
        facts = {"digest": digest(path), "machine": machine(), "chance": stored, "contents": contents}
        place = place_of(ketasim.__version__)
        place.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        place.with_suffix("").with_suffix(".json").write_text(
            json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
