"""SONATA's circuit configuration: which files of nodes, edges and types make up a network.

Source: SONATA developer guide, "Representing the circuit configuration"
(https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md).
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ketasim.network_files.text_table import refuse

_MOST_BYTES = 1_000_000
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")


class Circuit(NamedTuple):
    """Files of a network.

    Attributes
    ----------
    nodes, edges : sequence of (Path, Path or None)
        HDF5 file and table of types.
    virtual : set of str
        Populations that the configuration calls virtual.
    notes : sequence of str
        What was left out.
    """

    nodes: Sequence[tuple[Path, Path | None]]
    edges: Sequence[tuple[Path, Path | None]]
    virtual: frozenset[str]
    notes: Sequence[str]


def read_circuit_config(path: Path) -> Circuit:
    """Read a circuit configuration, or the one that a simulation configuration names under `network`.

    Parameters
    ----------
    path : Path
        The JSON file; relative paths and ``$variables`` of its manifest are relative to its folder.

    Raises
    ------
    DocumentError
        It is not such a configuration, a variable is not defined, or a file does not exist.
    """
    data = _json(path)
    if "networks" not in data and isinstance(data.get("network"), str):
        path = _located(data["network"], data, path)
        data = _json(path)
    networks = data.get("networks")
    if not isinstance(networks, Mapping) or not isinstance(networks.get("nodes"), list):
        refuse(None, str(path), 'not a SONATA circuit configuration: no list "nodes" under "networks"')
    entries = {kind: _entries(networks, kind, path) for kind in ("nodes", "edges")}
    notes = []
    files: dict[str, list[tuple[Path, Path | None]]] = {"nodes": [], "edges": []}
    virtual: set[str] = set()
    for kind, found in entries.items():
        for entry in found:
            if entry.get("enabled") is False:
                notes.append(f"{path.name}: {entry[f'{kind}_file']} is not enabled")
                continue
            types = entry.get(f"{kind[:-1]}_types_file")
            file, table = _located(entry[f"{kind}_file"], data, path), None
            if isinstance(types, str) and types.strip() not in ("", "NULL"):
                table = _located(types, data, path)
            files[kind].append((file, table))
            populations = entry.get("populations")
            for name, said in populations.items() if isinstance(populations, Mapping) else ():
                if kind == "nodes" and isinstance(said, Mapping) and said.get("type") == "virtual":
                    virtual.add(name)
    return Circuit(files["nodes"], files["edges"], frozenset(virtual), notes)


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            refuse(None, str(path), "too large for a circuit configuration")
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        refuse(None, str(path), f"not a file in JSON: {error}")
    if not isinstance(data, dict):
        refuse(None, str(path), "not a SONATA circuit configuration: no mapping")
    return data


def _entries(networks: Mapping[str, Any], kind: str, path: Path) -> list[Mapping[str, Any]]:
    found = networks.get(kind) or []
    for entry in found if isinstance(found, list) else [None]:
        if not isinstance(entry, Mapping) or not isinstance(entry.get(f"{kind}_file"), str):
            refuse(None, str(path), f'networks.{kind}: each entry needs a "{kind}_file"')
    return found


def _located(text: str, data: Mapping[str, Any], path: Path) -> Path:
    """Return the path of a file, with the variables of the manifest replaced."""
    manifest = data.get("manifest")
    given = {str(name).strip("${}"): value for name, value in (manifest if isinstance(manifest, dict) else {}).items()}
    variables = {"configdir": ".", "workingdir": "."} | given
    written = text
    for _ in range(len(variables) + 1):  # one variable may name another, but none itself
        found = _VARIABLE.search(text)
        if found is None:
            break
        value = variables.get(found[1])
        if not isinstance(value, str):
            refuse(None, str(path), f"{written!r}: ${found[1]} is not in the manifest")
        text = text[: found.start()] + value + text[found.end() :]
    else:
        refuse(None, str(path), f"{written!r}: the variables of the manifest refer to each other in a circle")
    try:
        located = path.parent / Path(text)
        if located.is_file():
            return located
    except (OSError, ValueError):
        pass
    refuse(None, str(path), f"there is no file '{path.parent / text}' (written {written!r})")
