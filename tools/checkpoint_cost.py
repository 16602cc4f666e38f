"""What checkpoints and checksums cost in one run: processor time, in per cent of the run's.

python tools/checkpoint_cost.py [CONFIG] [KEY=VALUE ...]     (default: human_infusion)
"""

import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import h5py

import ketasim
from ketasim.recording.resume import Checkpointer
from ketasim.storage import writer as writing
from ketasim.storage.checkpoint import checkpoint_path
from ketasim.storage.datasets import filters


class Timed:
    """A function that adds up its own processor and wall time, calls, and what `size` says after each."""

    def __init__(self, function, size=lambda: 0):
        self.function, self.size = function, size
        self.calls, self.processor, self.wall, self.largest = 0, 0.0, 0.0, 0

    def __call__(self, *arguments):
        """Call it."""
        wall, processor = time.perf_counter(), time.process_time()
        try:
            return self.function(*arguments)
        finally:
            self.calls += 1
            self.wall += time.perf_counter() - wall
            self.processor += time.process_time() - processor
            self.largest = max(self.largest, self.size())


def checksum_seconds(path: Path) -> float:
    """Processor time that Fletcher checksums take when all filtered datasets of a file are written at once."""

    def seconds(with_checksums: bool) -> float:
        options = filters() | {"fletcher32": with_checksums}
        with h5py.File(BytesIO(), "w") as file:
            begin = time.process_time()
            for number, (values, chunks) in enumerate(found):
                shape = (None, *values.shape[1:])
                file.create_dataset(str(number), data=values, chunks=chunks, maxshape=shape, **options)
            file.flush()
            return time.process_time() - begin

    found = []
    with h5py.File(path) as file:
        file.visititems(
            lambda _, item: (
                found.append((item[()], item.chunks)) if isinstance(item, h5py.Dataset) and item.fletcher32 else None
            )
        )
    return min(seconds(True) for _ in range(5)) - min(seconds(False) for _ in range(5))


def main() -> None:
    """Run, time, print."""
    config, *changes = sys.argv[1:] or ["human_infusion"]
    experiment = ketasim.load_experiment(config, changes)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run.h5"
        place = checkpoint_path(out)
        checkpoints = Timed(Checkpointer.write, lambda: place.stat().st_size)
        digest = Timed(writing.file_digest)

        def write(self: Checkpointer) -> None:
            checkpoints(self)

        Checkpointer.write = write
        writing.file_digest = digest
        wall, processor = time.perf_counter(), time.process_time()
        ketasim.run(experiment, out).close()
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        checksums = checksum_seconds(out)
        print(f"run: {processor:.1f} s of processor time, {wall:.1f} s of wall time, {out.stat().st_size / 1e6:.1f} MB")
        print(f"checkpoints: {checkpoints.calls} of up to {checkpoints.largest / 1e6:.1f} MB")
        parts = {"checkpoints": checkpoints.processor, "content digest": digest.processor, "checksums": checksums}
        for name, seconds in (parts | {"all": sum(parts.values())}).items():
            print(f"{name}: {seconds:.3f} s of processor time, {100.0 * seconds / processor:.2f} %")
        print(f"wall time in checkpoints, waiting for the disk included: {100.0 * checkpoints.wall / wall:.2f} %")


if __name__ == "__main__":
    main()
