"""Wrong input by kind and number: case 17 of `drug` with seed 1 is the same on every machine."""

from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import NamedTuple

from ketasim.documents import parse_document
from tests.fuzz import corpus, mutations, pieces
from tests.fuzz.hdf5 import damaged_hdf5

MAIN = "experiment.yaml"


class Case(NamedTuple):
    """Files by name, the experiment among them, and overrides."""

    files: dict[str, bytes]
    overrides: tuple[str, ...] = ()


def case(kind: str, number: int, seed: int = 1) -> Case:
    """Return one case of a kind."""
    return KINDS[kind](Random(f"{seed} {kind} {number}"))


@lru_cache
def _data(text: str) -> dict:
    return parse_document(text).data


def _damaged_yaml(random: Random, text: str) -> bytes:
    """Damage a valid YAML text in its characters, its values, its encoding or its size."""
    share = random.random()
    if share < 0.35:
        text = mutations.damaged_text(random, text, pieces.YAML_PIECES)
    elif share < 0.85:
        text = mutations.as_yaml(mutations.damaged_values(random, _data(text)))
    elif share < 0.88:
        text = mutations.bomb(random, text)
    elif share < 0.94:
        return mutations.encoded(random, text)
    else:
        return mutations.damaged_bytes(random, text.encode())
    return text.encode("utf-8", "surrogatepass")


def _experiment(random: Random) -> Case:
    text = random.choice((corpus.EXPERIMENT, corpus.EXPERIMENT, corpus.RAT))
    return Case({MAIN: _damaged_yaml(random, text), "own.yaml": corpus.DRUG.encode()})


def _drug(random: Random) -> Case:
    return Case({MAIN: corpus.RAT.encode(), "own.yaml": _damaged_yaml(random, corpus.DRUG)})


def _circuit(random: Random) -> Case:
    main = corpus.around("net.yaml").encode()
    return Case({MAIN: main, "net.yaml": _damaged_yaml(random, corpus.CIRCUIT)})


def _override(random: Random) -> Case:
    data = _data(corpus.EXPERIMENT)
    found = []
    for _ in range(random.choice((1, 1, 2, 4))):
        place = random.choice(mutations.places(data))
        path = ".".join(map(str, place))
        value = random.choice((
            *[lambda place=place: mutations.as_yaml(mutations.scaled(random, mutations.at(data, place)))] * 4,
            lambda: mutations.quantity(random),
            lambda: mutations.as_yaml(random.choice(pieces.HOSTILE)),
            lambda: mutations.as_yaml(mutations.at(data, random.choice(mutations.places(data)))),
            lambda: random.choice(pieces.YAML_PIECES),
            lambda: mutations.bomb(random, ""),
        ))()  # fmt: skip
        text = f"{path}={value}"
        found.append(mutations.damaged_text(random, text, pieces.YAML_PIECES) if random.random() < 0.3 else text)
    return Case({MAIN: corpus.EXPERIMENT.encode(), "own.yaml": corpus.DRUG.encode()}, tuple(found))


def _graphml(random: Random) -> Case:
    text, share = _graphml_text(), random.random()
    if share < 0.08:
        text = text.replace("?>", f"?>{random.choice(pieces.DOCTYPES)}", 1)
        text = text.replace(">PV<", ">&e;<" if "SYSTEM" in text else ">&i;<", 1)
    elif share < 0.12:
        tag = random.choice(("graph", "node", "x", "graphml", "data"))
        size = random.choice((100, 20_000))
        text = text.replace("<node", f"<{tag}>" * size + f"</{tag}>" * random.choice((0, size)) + "<node", 1)
    elif share < 0.75:
        text = mutations.damaged_text(random, text, pieces.XML_PIECES + pieces.NUMBERS)
    elif share < 0.87:
        return Case(around("net.graphml", mutations.encoded(random, text)))
    else:
        return Case(around("net.graphml", mutations.damaged_bytes(random, text.encode())))
    return Case(around("net.graphml", text.encode("utf-8", "surrogatepass")))


def _edge_list(random: Random) -> Case:
    suffix = random.choice((".csv", ".csv", ".tsv"))
    edges, nodes = corpus.edge_list("\t" if suffix == ".tsv" else ",")
    if suffix == ".csv" and random.random() < 0.3:
        edges, nodes = corpus.plain_edge_list(), ""
    chosen = nodes if nodes and random.random() < 0.4 else edges
    share = random.random()
    if share < 0.75:
        damaged = mutations.damaged_text(random, chosen, pieces.TABLE_PIECES + pieces.NUMBERS).encode()
    elif share < 0.87:
        damaged = mutations.encoded(random, chosen)
    else:
        damaged = mutations.damaged_bytes(random, chosen.encode())
    files = around(f"net{suffix}", damaged if chosen == edges else edges.encode())
    if nodes:
        files[f"net.nodes{suffix}"] = damaged if chosen == nodes else nodes.encode()
    return Case(files)


def _sonata(random: Random) -> Case:
    data, share = _sonata_bytes(), random.random()
    if share < 0.7:
        data = damaged_hdf5(random, data)
    elif share < 0.8:
        data = mutations.damaged_bytes(random, data, first=2000)
    else:
        data = mutations.damaged_bytes(random, data)
    return Case(around("net.h5", data))


def around(name: str, data: bytes) -> dict[str, bytes]:
    """Return the files of an experiment whose network is a file."""
    return {MAIN: corpus.around(name).encode(), name: data}


_graphml_text = lru_cache(corpus.graphml)
_sonata_bytes = lru_cache(corpus.sonata)

KINDS: dict[str, Callable[[Random], Case]] = {
    "experiment file": _experiment,
    "override": _override,
    "drug file": _drug,
    "circuit file": _circuit,
    "GraphML": _graphml,
    "edge list": _edge_list,
    "SONATA": _sonata,
}
