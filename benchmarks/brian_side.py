"""Brian2's side, as fast as its documentation and trials made it.

One NeuronGroup per class, so that constants are compiled in; forward Euler, the cheapest of its methods, with decay
constants that make an Euler step equal to the exact decay, so that an event carries the same charge as in ketasim;
release, short-term plasticity and the NMDA gate computed once per spike, in the presynaptic neuron's reset; only
currents that the class has; one delay for all synapses of a pair where there is one. No monitors: a counter in the
reset is all that is measured, where ketasim also sums up to eight quantities per neuron and step.

Where a delay is longer than the time to the neuron's next spike, the synapse reads that next spike's release. This is
rare and saves Brian2 the plasticity of every single synapse.
"""

import math
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.networks import STEP, Case
from ketasim.kernels.records import AMPA, GABA_SLOW
from ketasim.signals import SUBUNITS

#: How afferents are drawn: by `PoissonInput` (`poisson()` where they open two conductances), or by comparing one
#: uniform number with the distribution function.
FORMULATIONS = ("poisson", "inversion")

_FLAGS = ["-w", "-O3", "-ffast-math", "-march=native"]


def prepare(
    case: Case,
    threads: int = 1,
    precision: str = "double",
    formulation: str = "inversion",
    mode: str = "standalone",
    duration: float = 1000.0,
    warm_up: float = 300.0,
) -> tuple[dict[str, Any], Callable[[], dict[str, float]]]:
    """Build the network in Brian2; for standalone mode also compile it.

    mode : "standalone" (C++, a program that is run again each time) or "cython" (goes on each time).
    """
    import brian2

    brian2.prefs.core.default_float_dtype = np.float32 if precision == "single" else np.float64
    brian2.prefs.codegen.cpp.extra_compile_args_gcc = _FLAGS
    brian2.prefs.devices.cpp_standalone.extra_make_args_unix = [f"-j{os.cpu_count()}"]
    brian2.prefs.devices.cpp_standalone.openmp_threads = threads if threads > 1 else 0
    brian2.defaultclock.dt = STEP * brian2.ms
    begin = time.perf_counter()
    if mode == "standalone":
        folder = tempfile.TemporaryDirectory(prefix="ketasim-brian2-")
        brian2.set_device("cpp_standalone", directory=folder.name, build_on_run=False)
        network, groups = _network(case, formulation, warm_up)
        if warm_up:
            network.run(warm_up * brian2.ms)
        network.run(duration * brian2.ms)
        built = time.perf_counter()
        brian2.device.build(directory=folder.name, compile=True, run=False, clean=False)
        compiled = time.perf_counter()

        def simulate() -> float:
            brian2.device.run(folder.name, "results", with_output=False, run_args=[])
            return brian2.device._last_run_time  # of the last call of `run`, as its program measured it

        simulate.folder = folder  # lives as long as its user
    else:
        brian2.prefs.codegen.target = "cython"
        network, groups = _network(case, formulation, warm_up)
        built = time.perf_counter()
        network.run(max(warm_up, STEP) * brian2.ms)
        compiled = time.perf_counter()

        def simulate() -> float:
            for group in groups:
                group.counted = 0
            start = time.perf_counter()
            network.run(duration * brian2.ms)
            return time.perf_counter() - start

    def run() -> dict[str, float]:
        seconds = simulate()
        spikes = sum(int(np.sum(group.counted[:])) for group in groups)
        return {"seconds": seconds * 1e3 / duration, "rate": spikes / case.n / (duration * 1e-3)}

    return {"build_seconds": built - begin, "compile_seconds": compiled - built}, run


def _network(case: Case, formulation: str, warm_up: float) -> tuple[Any, list[Any]]:
    import brian2

    network = brian2.Network()
    groups = []
    for c in range(len(case.class_names)):
        group, extra = _cells(case, c, formulation, warm_up)
        groups.append(group)
        network.add(group, *extra)
    graph = case.graph
    source = np.repeat(np.arange(case.n), graph.row_end - graph.row_start)
    for a, b in np.ndindex(case.parameters.synapses.utilisation.shape):
        pair = (graph.node_class[source] == a) & (graph.node_class[graph.target] == b)
        if pair.any():
            ends = (source[pair] - graph.class_start[a], graph.target[pair] - graph.class_start[b])
            network.add(_synapses(case, (a, b), groups, ends, pair))
    return network, groups


def _euler_time(time_constant: float) -> float:
    """Time constant, ms, with which a forward Euler step decays as the exact solution."""
    return STEP / -math.expm1(-STEP / time_constant)


def _release_sets(case: Case, c: int) -> list[tuple[float, float, float]]:
    """Different short-term plasticities of the synapses of class ``c``: U, recovery, facilitation in ms."""
    synapses = case.parameters.synapses
    rows = zip(synapses.utilisation[c], synapses.recovery[c], synapses.facilitation[c], strict=True)
    return sorted({row for row in rows if row[0] > 0.0})


def _channels(case: Case, c: int) -> list[str]:
    """Conductances that neurons of class ``c`` can receive."""
    synapses = case.parameters.synapses
    names = ["ampa", "nmda"]
    for source in np.flatnonzero(synapses.utilisation[:, c] * synapses.gaba[:, c] > 0.0):
        names.append("slow" if synapses.channel[source] == GABA_SLOW else "fast")
    return sorted(set(names))


def _cells(case: Case, c: int, formulation: str, warm_up: float) -> tuple[Any, list[Any]]:
    import brian2
    from brian2 import ms

    parameters, cells, synapses = case.parameters, case.parameters.cells, case.parameters.synapses
    first, end = case.graph.class_start[c], case.graph.class_start[c + 1]
    times = {
        "ampa": parameters.ampa_time,
        "nmda": parameters.nmda_time,
        "fast": parameters.gaba_fast_time,
        "slow": parameters.gaba_slow_time,
    }
    values = {name: float(getattr(cells, name)[c]) for name in ("leak", "rest", "threshold", "sharpness", "reset")}
    values |= {"cutoff": float(cells.cutoff[c]), "jump": float(cells.adaptation_jump[c])}
    values |= {"subthreshold": float(cells.adaptation[c]), "C": float(cells.capacitance[c]) * ms}
    for subunit, share, ratio in zip(SUBUNITS, case.modulation.nmda[:, first], parameters.mg_over_k, strict=True):
        values |= {f"F_{subunit}": float(share), f"mg_{subunit}": float(ratio)}
    values |= {"E_gaba": parameters.gaba_reversal}
    values |= {"tau_w": _euler_time(float(cells.adaptation_time[c])) * ms, "tau_gate": times["nmda"] * ms}
    values |= {"counting_from": (warm_up - STEP / 2) * ms}
    channels = _channels(case, c)
    values |= {f"tau_{name}": _euler_time(times[name]) * ms for name in channels}
    adapts = values["subthreshold"] != 0.0 or values["jump"] != 0.0
    sets = _release_sets(case, c) if synapses.channel[c] == AMPA or not _is_static(case, c) else []
    equations = _equations(values, channels, adapts, len(sets))
    reset = ["v = reset", "counted += int(t >= counting_from)"] + (["w += jump"] if adapts else [])
    reset += _release(sets, synapses.channel[c] == AMPA, values)
    group = brian2.NeuronGroup(
        end - first,
        equations,
        threshold="v >= cutoff",
        reset="\n".join(reset),
        # Brian2 counts the step of the spike itself
        refractory=(float(cells.refractory[c]) + STEP) * ms,
        method="euler",
        namespace=values,
    )
    group.v = values["rest"]
    if sets:
        group.last = -1e6 * ms
    for k in range(len(sets)):
        setattr(group, f"x{k}", 1.0)
    return group, _afferents(case, c, group, formulation)


def _is_static(case: Case, c: int) -> bool:
    return all(row[:2] == (1.0, 0.0) for row in _release_sets(case, c))


def _equations(values: dict[str, Any], channels: list[str], adapts: bool, n_sets: int) -> str:
    current = "leak*(rest - v)"
    if values["sharpness"] > 0.0:
        current += " + leak*sharpness*exp((v - threshold)/sharpness)"
    nmda = [f"F_{k}/(1 + mg_{k}*exp(-0.062*v))" for k in SUBUNITS if values[f"F_{k}"] != 0.0]
    current += f" - (g_ampa + g_nmda*({' + '.join(nmda)}))*v"
    current += "".join(f" + g_{name}*(E_gaba - v)" for name in channels if name in ("fast", "slow"))
    current += " - w" if adapts else ""
    lines = [f"dv/dt = ({current})/C : 1 (unless refractory)", "counted : integer"]
    lines += [f"dg_{name}/dt = -g_{name}/tau_{name} : 1" for name in channels]
    lines += ["dw/dt = (subthreshold*(v - rest) - w)/tau_w : 1"] if adapts else []
    lines += ["last : second"] if n_sets else []
    for k in range(n_sets):
        lines += [f"{name}{k} : 1" for name in ("u", "x", "s", "sent", "opened")]
    return "\n".join(lines)


def _release(sets: list[tuple[float, float, float]], glutamatergic: bool, values: dict[str, Any]) -> list[str]:
    """What a spike makes of the terminals, see `ketasim.kernels.transmission`; done where the neuron is reset."""
    from brian2 import ms

    lines = []
    for k, (utilisation, recovery, facilitation) in enumerate(sets):
        if (utilisation, recovery) == (1.0, 0.0):
            lines.append(f"sent{k} = 1")
        else:
            values |= {f"U{k}": utilisation, f"recovery{k}": recovery * ms, f"facilitation{k}": facilitation * ms}
            lines.append(f"u{k} *= exp((last - t)/facilitation{k})")
            lines.append(f"u{k} += U{k}*(1 - u{k})")
            lines.append(f"x{k} = 1 - (1 - x{k})*exp((last - t)/recovery{k})")
            lines.append(f"sent{k} = u{k}*x{k}/U{k}")
            lines.append(f"x{k} -= u{k}*x{k}")
        if glutamatergic:
            lines.append(f"s{k} *= exp((last - t)/tau_gate)")
            lines.append(f"opened{k} = (1 - s{k})*(1 - exp(-sent{k}))")
            lines.append(f"s{k} += opened{k}")
    return [*lines, "last = t"] if lines else []


def _afferents(case: Case, c: int, group: Any, formulation: str) -> list[Any]:
    import brian2

    synapses = case.parameters.synapses
    mean = float(case.afferent_rate[c]) * STEP
    ampa, nmda = float(synapses.afferent_ampa[c]), float(synapses.afferent_nmda[c])
    if formulation == "poisson" and nmda == 0.0:
        return [brian2.PoissonInput(group, "g_ampa", 1000, mean / STEP * brian2.Hz, weight=ampa)]  # 1000 axons
    group.namespace.update(ampa=ampa, nmda=nmda, mean=mean)
    code = "count = poisson(mean)"
    if formulation == "inversion":
        probability = np.exp(-mean) * np.cumsum([mean**k / math.factorial(k) for k in range(20)])
        limits = probability[1.0 - probability > 1e-7]
        group.namespace.update({f"limit{k}": float(limit) for k, limit in enumerate(limits)})
        code = "number = rand()\ncount = " + " + ".join(f"int(number > limit{k})" for k in range(limits.size))
    code += "\ng_ampa += ampa*count" + ("\ng_nmda += nmda*count" if nmda else "")
    group.run_regularly(code, when="synapses")
    return []


def _synapses(case: Case, pair: tuple[int, int], groups: list[Any], ends: tuple[Any, Any], chosen: np.ndarray) -> Any:
    import brian2
    from brian2 import ms

    a, b = pair
    synapses = case.parameters.synapses
    delay = case.graph.delay[chosen] * STEP
    uniform = delay.min() == delay.max()
    plasticity = (synapses.utilisation[pair], synapses.recovery[pair], synapses.facilitation[pair])
    k = _release_sets(case, a).index(plasticity)
    if synapses.channel[a] == AMPA:
        sent = "" if plasticity[:2] == (1.0, 0.0) else f"*sent{k}_pre"
        code = f"g_ampa_post += weight*ampa{sent}\ng_nmda_post += weight*nmda*opened{k}_pre"
    else:
        sent = "" if _is_static(case, a) else f"*sent{k}_pre"
        code = f"g_{'slow' if synapses.channel[a] == GABA_SLOW else 'fast'}_post += weight*gaba{sent}"
    connection = brian2.Synapses(
        groups[a],
        groups[b],
        "weight : 1 (constant)",
        on_pre=code,
        delay=float(delay[0]) * ms if uniform else None,
        namespace={name: float(getattr(synapses, name)[pair]) for name in ("ampa", "nmda", "gaba")},
    )
    connection.connect(i=ends[0].astype(np.int32), j=ends[1].astype(np.int32))
    connection.weight = case.graph.weight[chosen]
    if not uniform:
        connection.delay = delay * ms
    return connection
