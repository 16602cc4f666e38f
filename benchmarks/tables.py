"""Tables of results.json; `python benchmarks/tables.py` writes them between the markers of docs/performance.md."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"

Row = dict[str, Any]


def table(part: str, results: Row) -> str:
    """Markdown table of a part of the results; `machine` is a part, too."""
    return _TABLES[part](results)


def filled(page: str, results: Row) -> str:
    """Return the page with the table of each part between its markers, ``<!-- part -->`` and ``<!-- end -->``."""
    for part in _TABLES:
        if part in ("machine", "ratios") or part in results["parts"]:
            new = f"<!-- {part} -->\n{table(part, results)}\n<!-- end -->"
            page, found = re.subn(rf"<!-- {part} -->.*?<!-- end -->", lambda _, new=new: new, page, flags=re.DOTALL)
            if found != 1:
                raise ValueError(f"{PAGE.name} has {found} places for the table of {part}")
    return page


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _range(row: Row, scale: float = 1.0, digits: int = 3) -> str:
    """Median and range, to so many significant digits."""
    median, low, high = (f"{row[name] * scale:.{digits}g}" for name in ("median", "low", "high"))
    return f"{median} ({low}-{high})"


def _machine(results: Row) -> str:
    facts = results["machine"]
    rows = [
        ["processor", f"{facts['processor']}, {facts['cores']} cores, {facts['system']}"],
        ["versions", ", ".join(f"{name} {number}" for name, number in results["versions"].items())],
        ["python", facts["python"]],
        ["command", f"`{results['command']}`"],
    ]
    for part, content in results["parts"].items():
        took = f"{content['date']}, kernels {content['kernels']}, {content['took_seconds']:.0f} s"
        rows.append([f"measured: {part}", took])
    return _markdown(["", ""], rows)


def _peers(results: Row) -> str:
    rows = []
    for row in results["parts"]["peers"]["rows"]:
        what = ", ".join(str(row[name]) for name in ("mode", "precision", "formulation") if name in row)
        preparation = row["network_seconds"] + row["build_seconds"]
        rows.append(
            [
                f"{row['case']}_{row['n']}",
                row["simulator"] + (f" ({what})" if what else ""),
                str(row["threads"]),
                _range(row),
                f"{row['rate']:.2f}",
                f"{100 * (row['rate_over_ketasim'] - 1):+.1f} %" + ("" if row["right"] else " **wrong**"),
                f"{preparation:.1f}",
                f"{row['compile_seconds']:.1f}",
            ]
        )
    head = ["network", "simulator", "threads", "seconds per simulated second", "rate, Hz", "rate against ketasim"]
    return _markdown([*head, "construction, s", "compilation, s"], rows)


def _ratios(results: Row) -> str:
    if "peers" not in results["parts"]:
        return ""
    from benchmarks.peers import ratios

    found = ratios(results["parts"]["peers"]["rows"])
    return _markdown(
        ["ketasim against the best Brian2", "times as fast"], [[name, f"{value:.2f}"] for name, value in found.items()]
    )


def _sizes(results: Row) -> str:
    rows = [
        [
            f"{row['n']:,}",
            f"{row['synapses']:,}",
            f"{row['bytes_per_synapse']:.2f}",
            f"{row['rate']:.1f}",
            _range(row),
            _range(row["ns_per_neuron_step"]),
            _range(row["ns_per_event"]),
            f"{row['network_seconds']:.1f}",
        ]
        for row in results["parts"]["sizes"]["rows"]
    ]
    head = ["neurons", "synapses", "bytes per synapse", "rate, Hz", "seconds per simulated second"]
    return _markdown([*head, "ns per neuron-step", "ns per event", "construction, s"], rows)


def _threads(results: Row) -> str:
    rows = [
        [
            f"{row['n']:,}",
            f"{row['synapses']:,}",
            _range(row["one"], 1e3),
            _range(row["two"], 1e3),
            _range(row["speed_up"]),
        ]
        for row in results["parts"]["threads"]["rows"]
    ]
    head = ["neurons", "synapses", "1 thread, ms", "2 threads, ms", "times as fast"]
    return _markdown(head, rows)


def _roofline(results: Row) -> str:
    rows = []
    for row in results["parts"]["roofline"]["rows"]:
        instructions = row["instructions_per_neuron_step"]
        rows.append(
            [
                f"{row['case']}_{row['n']}",
                f"{row['bytes_per_event']} at {row['read_bytes_per_second'] / 1e9:.1f} GB/s",
                _reached(row, "ns_per_event"),
                f"{instructions['membrane']:.0f} + {instructions['random words']:.0f} "
                f"at {row['vector_instructions_per_second'] / 1e9:.0f} G/s",
                _reached(row, "ns_per_neuron_step"),
                f"{row['median']:.3g} ({row['seconds_floor']:.2f})",
                f"{100 * row['fraction']:.0f} %",
            ]
        )
    head = ["network", "bytes per event", "ns per event (floor)", "instructions per neuron-step, membrane + random"]
    return _markdown([*head, "ns per neuron-step (floor)", "seconds per second (floor)", "reached"], rows)


def _reached(row: Row, name: str) -> str:
    """Time, its floor, and the floor as a part of the time."""
    time, floor = row[name], row[f"{name}_floor"]
    return f"{time:.2f} ({floor:.2f}, {100.0 * floor / time:.0f} %)"


def _startup(results: Row) -> str:
    rows = [[row["task"], _range(row["cold"]), _range(row["cached"])] for row in results["parts"]["startup"]["rows"]]
    return _markdown(["process", "empty cache, s", "with cache, s"], rows)


def _weeks(results: Row) -> str:
    rows = []
    for row in results["parts"]["weeks"]["rows"]:
        seconds = row["seconds"]
        windows = f"{row['windows_run']:.0f}, {row['windows_skipped']:.0f}"
        parts = [f"{seconds[name]:.1f}" for name in ("total", "baseline", "windows", "mechanisms", "recording")]
        rows.append([row["task"], windows, f"{row['network_time']:.0f}", *parts])
    head = ["run, 1,000 neurons, one core", "windows run, skipped", "network time, s", "whole run, s"]
    return _markdown([*head, "baseline, s", "windows, s", "mechanisms, s", "recording, s"], rows)


_TABLES: dict[str, Callable[[Row], str]] = {
    "machine": _machine,
    "peers": _peers,
    "ratios": _ratios,
    "sizes": _sizes,
    "threads": _threads,
    "roofline": _roofline,
    "startup": _startup,
    "weeks": _weeks,
}


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    results_of_file = json.loads((Path(__file__).parent / "results.json").read_text(encoding="utf-8"))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results_of_file), encoding="utf-8")
