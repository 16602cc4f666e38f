"""ketasim alone: how its time grows with neurons, events and threads."""

from typing import Any

from benchmarks.measure import Row, interleaved, spread

#: Neurons, ms of a timed run and of what goes before it.
_SIZES = ((1000, 1000.0, 300.0), (10_000, 1000.0, 300.0), (100_000, 200.0, 100.0))
_THREADS = (300, 1000, 3000, 10_000, 30_000)


def sizes(quick: bool) -> list[Row]:
    """Time per neuron-step and per synaptic event at several sizes of `networks.nmda_network`.

    The first is the time of a run whose afferents are drawn but open nothing, so that nobody fires, per neuron and
    step; the second is what spikes add to it, per synaptic event.
    """
    rows = []
    for n, duration, warm_up in _SIZES[: 2 if quick else 3]:
        common = {"simulator": "ketasim", "case": "nmda", "n": n, "duration": duration, "warm_up": warm_up}
        active, quiet = interleaved([common, common | {"quiet": True}], 2 if quick else 5)
        steps = 10_000 * n  # of a second
        events = sum(active["events"]) / len(active["events"])
        pairs = zip(active["seconds"], quiet["seconds"], strict=True)
        rows.append(
            {
                "n": n,
                "synapses": active["synapses"],
                "bytes_per_synapse": active["bytes_per_synapse"],
                "network_seconds": active["network_seconds"],
                "rate": active["rate"],
                "seconds": active["seconds"],
                "quiet_seconds": quiet["seconds"],
                "events": events,
                "ns_per_neuron_step": spread([1e9 * seconds / steps for seconds in quiet["seconds"]]),
                "ns_per_event": spread([1e9 * (with_events - without) / events for with_events, without in pairs]),
            }
            | spread(active["seconds"])
        )
    return rows


def threads(quick: bool) -> list[Row]:
    """One second of the default circuit, at several sizes, with one and two threads."""
    rows = []
    for n in (1000, 10_000) if quick else _THREADS:
        common: dict[str, Any] = {"simulator": "ketasim", "case": "prefrontal", "n": n}
        common |= {"warm_up": 100.0, "duration": 300.0 if quick else 1000.0}
        one, two = interleaved([common | {"threads": count} for count in (1, 2)], 2 if quick else 5)
        pairs = zip(one["seconds"], two["seconds"], strict=True)
        rows.append(
            {
                "n": n,
                "synapses": one["synapses"],
                "rate": one["rate"],
                "one": spread(one["seconds"]) | {"seconds": one["seconds"]},
                "two": spread(two["seconds"]) | {"seconds": two["seconds"]},
                "speed_up": spread([first / second for first, second in pairs]),
            }
        )
    return rows
