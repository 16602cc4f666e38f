"""What the columns of a network mean: the one table of names by which tools and people call them."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ketasim.documents.nearest import nearest

#: Role of a node's attribute -> its names, the most telling first; the role's own name is the first of them.
NODE_ROLES: Mapping[str, tuple[str, ...]] = {
    "node": (
        "node",
        "id",
        "node_id",
        "name",
        "label",
        "neuron",
        "neuron_id",
        "cell",
        "cell_id",
        "root_id",
        "pt_root_id",
    ),
    "population": ("population", "pop_name", "pop", "cell_class", "cell_type", "celltype", "class", "type"),
    "x": ("x", "pos_x", "positions_x", "x_um"),
    "y": ("y", "pos_y", "positions_y", "y_um"),
}

#: Role of an edge's attribute -> its names. `count` multiplies the weight: synapses that make up one connection.
EDGE_ROLES: Mapping[str, tuple[str, ...]] = {
    "source": ("source", "src", "pre", "presynaptic", "from", "sender", "source_id", "pre_id", "from_id", "source_node",
               "source_node_id", "pre_root_id", "pre_pt_root_id", "body_id_pre", "bodyid_pre"),
    "target": ("target", "tgt", "dst", "post", "postsynaptic", "to", "receiver", "target_id", "post_id", "to_id",
               "target_node", "target_node_id", "post_root_id", "post_pt_root_id", "body_id_post", "bodyid_post"),
    "weight": ("weight", "syn_weight", "w", "weights", "strength", "synaptic_weight"),
    "count": ("nsyns", "nsyn", "n_syn", "n_syns", "n_synapses", "syn_count", "synapse_count", "num_synapses",
              "synapses", "count"),
    "delay": ("delay", "delay_ms", "syn_delay", "synaptic_delay"),
    "source_population": ("source_population", "pre_population", "source_class", "pre_class", "source_type",
                          "pre_type"),
    "target_population": ("target_population", "post_population", "target_class", "post_class", "target_type",
                          "post_type"),
}  # fmt: skip

#: Names that say nothing about the network: what ketasim's own writer and networkx add.
_SILENT = {"node_id", "id", "key"}


class Reading(NamedTuple):
    """How a network is to be read, where its file alone does not say.

    Attributes
    ----------
    population : str or None
        Attribute or column that holds the classes of nodes.
    classes : mapping of str to (str or None)
        Label in the file -> population; None leaves out the nodes.
    nodes : path or None
        A table of nodes, with their classes.
    rows : str or None
        ``sources`` or ``targets``, for matrices.
    directed : str or None
        ``both``: every edge counts in both directions.
    parallel : str or None
        ``sum``: edges of the same pair are one synapse with the sum of their weights.
    normalise : str or None
        ``class_pair``: weights are divided by the mean of their class pair.
    """

    population: str | None = None
    classes: Mapping[str, str | None] = {}
    nodes: Any = None
    rows: str | None = None
    directed: str | None = None
    parallel: str | None = None
    normalise: str | None = None


#: Nothing is said beyond the file.
PLAIN = Reading()


def folded(name: str) -> str:
    """Return a name as it is compared: in small letters, words joined by underscores.

    >>> folded(" Source Population"), folded("nSyns")
    ('source_population', 'nsyns')
    """
    return re.sub(r"[\s.-]+", "_", name.strip()).casefold()


def roles_of(names: Sequence[str], roles: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return role -> name, the most telling of those that are there.

    >>> roles_of(["Pre", "post", "w", "strength"], EDGE_ROLES)
    {'source': 'Pre', 'target': 'post', 'weight': 'w'}
    """
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(folded(name), name)
    found = {role: next((by_name[one] for one in known if one in by_name), None) for role, known in roles.items()}
    return {role: name for role, name in found.items() if name is not None}


def renamed(roles: Mapping[str, str], own: Sequence[str]) -> str:
    """Say what was taken for what: roles whose names are neither the role's nor among `own`.

    >>> renamed({"source": "pre", "target": "target"}, ())
    'pre for source'
    """
    return ", ".join(f"{name} for {role}" for role, name in roles.items() if name != role and name not in own)


def unused(names: Sequence[str], used: Sequence[str]) -> list[str]:
    """Return the names that were not used and mean something."""
    return sorted(name for name in names if name not in used and name not in _SILENT)


def misspelt(names: Sequence[str], roles: Mapping[str, tuple[str, ...]]) -> tuple[str, str] | None:
    """Return the first name that is nearly a role's, and that role; None if there is none.

    >>> misspelt(["wieght", "neuropil"], {"weight": ("weight",), "delay": ("delay",)})
    ('wieght', 'weight')
    """
    for name in names:
        role = nearest(folded(name), roles)
        if role and sorted(folded(name)) == sorted(role) != folded(name):
            return name, role
    return None


#: Values of one column: a masked array of numbers, or any values with None where missing.
Values = Any
Columns = Mapping[str, Callable[[], Values]]
