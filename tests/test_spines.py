"""Spines in a run, as its file tells them: how fast they come and go, and the delays of new ones."""

import numpy as np

import ketasim
from ketasim.network.topology import FAST_STEP

#: 64 pyramidal cells at rest; afferents have no spines, so that signals are those of the graph.
AT_REST = {
    "doses": [],
    "duration": "40 d",
    "recording": {"measures": False},
    "mechanisms": {"synaptogenesis": {"afferent_spines": False}},
}
SCHEDULE = {"baseline": "0.4 s", "settle": "50 ms", "window": "0.2 s", "budget": 1}


def within(topology):
    """Source, target, length (um) and delay (fast steps) of edges among pyramidal cells."""
    inside = (topology.population[topology.source] == 0) & (topology.population[topology.target] == 0)
    source, target = topology.source[inside], topology.target[inside]
    length = np.hypot(*(topology.position[source] - topology.position[target]).T)
    return source, target, length, np.rint(topology.delay[inside] / FAST_STEP)


def test_a_new_spine_has_the_delay_of_the_nearest_length(small, random_graph):
    """Catches new synapses that are as quick as the quickest, or whose delays do not follow their length."""
    experiment = small(**AT_REST, schedule=SCHEDULE | {"step": "4 d"})
    with ketasim.run(experiment, graph=random_graph()) as trajectory:
        first, last = (within(trajectory.topology(time)) for time in (0, "40 d"))
    before = set(zip(*first[:2], strict=True))
    born = [edge for edge in zip(*last, strict=True) if edge[:2] not in before]
    assert len(born) > 8
    for _, _, length, delay in born:
        apart = np.abs(first[2] - length)
        # both directions of a pair are equally long; either is the nearest
        assert delay in first[3][apart <= apart.min() + 1e-9]


def test_spines_of_less_than_a_step_count(small):
    """Catches rates of spines that depend on how time is cut: in steps of 4 d half of the new ones come and go."""
    with ketasim.run(small(**AT_REST, schedule=SCHEDULE | {"step": "4 d"})) as trajectory:
        at_rest = 0.05 / 2.0  # 1/d: a twentieth are transient, for 2 d
        expected = at_rest * 40.0 * within(trajectory.topology(0))[0].size
        tolerance = 5.0 / np.sqrt(expected)
        kinds = np.asarray(trajectory.structure_events().kind)
        for kind, name in enumerate(("spine_formation_rate", "spine_elimination_rate")):
            rate = trajectory[name].sel(population="PYR")
            assert abs(float(rate[rate.time > 0].mean()) / at_rest - 1.0) < tolerance, name
            assert (kinds == kind).sum() / expected < 1.0 - tolerance  # births and deaths alone would not do
