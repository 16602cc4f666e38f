"""NEST's side: `iaf_bw_2001`, its model of the cells and synapses of `networks.nmda_network`.

It solves each membrane with an adaptive Runge-Kutta method, so it is exact where ketasim takes steps of 0.1 ms, and its
time is no measure of what NEST does with simpler models. Conductances are multiplied by what makes an event carry the
charge that it carries in ketasim.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.networks import STEP, Case
from ketasim.kernels.records import AMPA


def prepare(
    case: Case, threads: int = 1, duration: float = 1000.0, warm_up: float = 300.0
) -> tuple[dict[str, Any], Callable[[], dict[str, float]]]:
    """Build the network in NEST and run it to where timed runs begin; each run goes on from the last."""
    import nest

    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.SetKernelStatus({"resolution": STEP, "local_num_threads": threads})
    begin = time.perf_counter()
    recorder = _network(nest, case)
    nest.Prepare()
    built = time.perf_counter() - begin
    if warm_up:
        nest.Run(warm_up)

    def run() -> dict[str, float]:
        before = nest.GetStatus(recorder, "n_events")[0]
        start = time.perf_counter()
        nest.Run(duration)
        seconds = time.perf_counter() - start
        spikes = nest.GetStatus(recorder, "n_events")[0] - before
        return {"seconds": seconds * 1e3 / duration, "rate": spikes / case.n / (duration * 1e-3)}

    return {"build_seconds": built, "compile_seconds": 0.0}, run


def _network(nest: Any, case: Case) -> Any:
    parameters, cells, synapses, graph = case.parameters, case.parameters.cells, case.parameters.synapses, case.graph
    ids = []
    for c, size in enumerate(np.diff(graph.class_start)):
        constants = {
            "C_m": cells.capacitance[c],
            "g_L": cells.leak[c],
            "E_L": cells.rest[c],
            "V_m": cells.rest[c],
            "V_th": cells.threshold[c],
            "V_reset": cells.reset[c],
            "t_ref": cells.refractory[c],
            "E_in": parameters.gaba_reversal,
            "tau_AMPA": parameters.ampa_time,
            "tau_GABA": parameters.gaba_fast_time,
            "tau_decay_NMDA": parameters.nmda_time,
        }
        ids.append(nest.Create("iaf_bw_2001", int(size), {name: float(value) for name, value in constants.items()}))
    # the model's own first number is 1, and classes follow each other
    source = np.repeat(np.arange(1, case.n + 1), graph.row_end - graph.row_start)
    target = graph.target.astype(np.int64) + 1
    receptor = nest.GetDefaults("iaf_bw_2001", "receptor_types")
    weights = {
        "AMPA": synapses.ampa * _charge(parameters.ampa_time),
        "NMDA": synapses.nmda * _charge(parameters.nmda_time) / _first_opening(parameters.nmda_time),
        "GABA": synapses.gaba * _charge(parameters.gaba_fast_time),
    }
    for a, channel in enumerate(synapses.channel):
        chosen = graph.node_class[source - 1] == a
        pre, post = source[chosen], target[chosen]
        for name in ("AMPA", "NMDA") if channel == AMPA else ("GABA",):
            weight = graph.weight[chosen] * weights[name][a, graph.node_class[post - 1]]
            port = np.full(pre.size, receptor[name])
            how = {"weight": weight, "delay": graph.delay[chosen] * STEP, "receptor_type": port}
            nest.Connect(pre, post, "one_to_one", how)
    recorder = nest.Create("spike_recorder", params={"record_to": "memory"})
    for c, population in enumerate(ids):
        afferents = nest.Create("poisson_generator", params={"rate": float(case.afferent_rate[c]) * 1e3})
        weight = float(synapses.afferent_ampa[c]) * _charge(parameters.ampa_time)
        how = {"weight": weight, "delay": 1.0, "receptor_type": receptor["AMPA"]}
        nest.Connect(afferents, population, syn_spec=how)
        nest.Connect(population, recorder)
    return recorder


def _charge(time_constant: float) -> float:
    """Charge of an event in ketasim, whose conductances are held for a step, over that of the exact decay."""
    return STEP / time_constant / -math.expm1(-STEP / time_constant)


def _first_opening(time_constant: float, alpha: float = 0.5, rise: float = 2.0) -> float:
    """What a first spike opens of NEST's gate over the ``1 - 1/e`` of ketasim's.

    NEST's gate is that of Wang 2002 with its rise, of which the jump is an integral (documentation of `iaf_bw_2001`);
    alpha in 1/ms and rise in ms are the model's defaults.
    """
    from scipy.special import gamma, gammainc

    order = 1.0 - rise / time_constant
    opening = (alpha * rise) ** (rise / time_constant) * gammainc(order, alpha * rise) * gamma(order)
    return opening / -math.expm1(-1.0)
