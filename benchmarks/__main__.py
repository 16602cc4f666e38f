"""Measure, print, and write results.json: `python -m benchmarks [--quick] [--parts PART ...] [--out FILE]`.

Parts that are not measured keep their rows if the file has them, each with the date and the kernels of its own.
"""

import argparse
import json
import time
from pathlib import Path

from benchmarks import growth, peers, roofline, startup, tables, weeks
from benchmarks.measure import machine, stamp, versions

PARTS = {
    "peers": peers.measure,
    "sizes": growth.sizes,
    "threads": growth.threads,
    "roofline": roofline.measure,
    "startup": startup.measure,
    "weeks": weeks.measure,
}
RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five minutes instead of thirty; fewer rows and repeats")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--out", type=Path, help="file to write; results.json here, or quick.json with --quick")
    chosen = parser.parse_args()
    out = chosen.out or (RESULTS.with_name("quick.json") if chosen.quick else RESULTS)
    here, installed = machine(), versions()
    results = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    if results.get("machine") != here or results.get("versions") != installed or results.get("quick") != chosen.quick:
        results = {"machine": here, "versions": installed, "quick": chosen.quick, "parts": {}}
    results["command"] = "python -m benchmarks" + (" --quick" if chosen.quick else "")
    for part in chosen.parts:
        print(f"{part}:", flush=True)
        begin = time.perf_counter()
        rows = PARTS[part](chosen.quick)
        results["parts"][part] = stamp() | {"took_seconds": round(time.perf_counter() - begin, 1), "rows": rows}
        out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"\n{tables.table(part, results)}\n", flush=True)


if __name__ == "__main__":
    main()
