"""Write the golden trajectory of this version: ``python -m tests.golden.make``.

Beside the file stands what is in it, read by h5py alone, and how far each number that depends on the network's chaos
moves between runs of which a weight differs by half a thousandth at most: 8 of them, which takes half a minute.
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
_NUDGES = (-4, -3, -2, -1, 1, 2, 3, 4)  # of both signs: a spike that one brings about the other does not


def place_of(release: str) -> Path:
    """Where the golden trajectory of a version lies."""
    return HERE / f"ketasim-{release}.h5.gz"


def facts_of(release: str) -> Path:
    """What is in it, as JSON."""
    return HERE / f"ketasim-{release}.json"


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
        ketasim.run(golden_experiment(), path).close()
        with h5py.File(path, "r+") as file:
            # of the machine only what decides the bits; the digest does not see it
            text = json.dumps(machine(), sort_keys=True)
            file["provenance/environment"][...] = text
        with h5py.File(path) as file:
            facts = {"contents": plain(file), "chance": with_deviations(chance(file), Path(folder))}
        facts |= {"digest": digest(path), "machine": machine()}
        place_of(ketasim.__version__).write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
        facts_of(ketasim.__version__).write_text(text, encoding="utf-8")


def with_deviations(values: dict[str, float], folder: Path) -> dict[str, dict[str, float]]:
    """Numbers of a run, each with its standard deviation between runs that differ by chance."""
    others = []
    for number in _NUDGES:
        ketasim.run(nudged(number), folder / f"{number}.h5").close()
        with h5py.File(folder / f"{number}.h5") as file:
            others.append(chance(file))
    found = {}
    for name, value in values.items():
        seen = [other[name] for other in others]
        # of equal numbers exactly 0, which `std` is not
        found[name] = {"value": value, "deviation": float(np.std(seen, ddof=1)) if len(set(seen)) > 1 else 0.0}
    return found


if __name__ == "__main__":
    main()
