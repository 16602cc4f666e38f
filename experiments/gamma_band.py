"""Gamma-band power at the end of the human infusion, over circuits: a proxy of what an electrode would show.

In every set of weights that agrees with calibration C1, at 40 min: the sum of sizes of AMPA and GABA currents onto
pyramidal cells (Mazzoni 2015), mean over the class at 1 kHz for 60 s, against the same 60 s without the drug. Powers
are of Welch's spectra with segments of 1 s; their errors, over segments, are in the table beside the change.

    python experiments/gamma_band.py [--quick]
"""

import numpy as np
import pandas
from common import ADVICE, SALINE, options, store
from matplotlib import pyplot as plt
from scipy.signal import spectrogram

import ketasim
from ketasim.engines import STEPS_PER_SECOND

BANDS = {"alpha": (8.0, 12.0), "beta": (13.0, 30.0), "gamma": (30.0, 80.0)}  # Hz


def main() -> None:
    """Run all circuits one after the other, store the table and the figure."""
    chosen, rows = options(__file__), []
    changes = ["recording={measures: false}", *chosen.smaller]
    experiment = ketasim.load_experiment("human_infusion", changes)
    seconds = chosen.size(60, 10)
    for number in ketasim.weight_sets(agree="C1")[: chosen.size(None, 2)]:
        one = experiment.replace(**{"network.weights": number})
        powers = [powers_of(ketasim.Simulation(arm), seconds) for arm in (one, one.replace(**SALINE))]
        for band in BANDS:
            drug, rest = (power[band] for power in powers)
            change = 100.0 * (drug.mean() / rest.mean() - 1.0)
            errors = [values.std(ddof=1) / values.size**0.5 / values.mean() for values in (drug, rest)]
            rows.append((number, band, change, 100.0 * (1.0 + change / 100.0) * np.hypot(*errors)))
    table = pandas.DataFrame(rows, columns=("set", "band", "change_percent", "standard_error"))
    store(table, chosen, figure_of(table))


def powers_of(simulation: ketasim.Simulation, seconds: int) -> dict[str, np.ndarray]:
    """Return the power of each second in each band, pA^2, at 40 min."""
    simulation.measure_baseline()
    simulation.advance("40 min")
    engine, first = simulation.engine, round(simulation.time * STEPS_PER_SECOND)
    engine.settle(simulation.signals, first, 2 * STEPS_PER_SECOND)
    traces = engine.measure(
        simulation.signals, first + 2 * STEPS_PER_SECOND, seconds * STEPS_PER_SECOND, traces=True
    ).traces
    proxy = traces["ampa_current"][0] - traces["gaba_current"][0]  # sizes: one is inward, the other outward
    frequency, _, power = spectrogram(proxy, 1000.0, nperseg=1000, noverlap=0)
    return {name: power[(frequency >= low) & (frequency < high)].sum(axis=0) for name, (low, high) in BANDS.items()}


def figure_of(table: pandas.DataFrame) -> plt.Figure:
    """Draw a dot with its error for each circuit, a column for each band."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for place, (_, rows) in enumerate(table.groupby("band", sort=False)):
        beside = place + np.linspace(-0.3, 0.3, len(rows))
        axes.errorbar(beside, rows["change_percent"], rows["standard_error"], fmt="o", ms=3, color="#2471a3")
    axes.axhline(0.0, color="0.5", lw=0.8)
    axes.set_xticks(range(len(BANDS)), [f"{name}, {low:g}-{high:g} Hz" for name, (low, high) in BANDS.items()])
    axes.set_ylabel("power at 40 min against rest (%)")
    axes.set_title(f"Circuits that agree with C1; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
