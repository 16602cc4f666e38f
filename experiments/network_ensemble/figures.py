"""Figures of the ensemble."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from network_ensemble.analysis import fractions, mean_change, separation
from network_ensemble.choice import PYR_UP, agrees_with_c1
from network_ensemble.priors import CLASSES
from network_ensemble.responses import CONCENTRATIONS

_COLOURS = {"up": "tab:red", "unclear": "0.75", "down": "tab:blue"}


def draw_directions(rows: list[dict[str, Any]], path: Path) -> None:
    """Fraction of the ensemble in each direction against concentration, one panel a class."""
    table = fractions(rows)
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
    places = np.arange(len(CONCENTRATIONS))
    for panel, name in zip(panels, CLASSES, strict=True):
        bottom = np.zeros(len(table))
        for words, colour in _COLOURS.items():
            height = np.array([line[f"{name}_{words}"] for line in table])
            panel.bar(places, height, bottom=bottom, color=colour, width=0.7, label=words)
            bottom += height
        panel.set_xticks(places, [f"{value:g}" for value in CONCENTRATIONS])
        panel.set_xlabel("unbound ketamine (uM)")
        panel.set_title(f"{name} rate", fontsize=10)
    panels[0].set_ylabel("fraction of accepted sets")
    panels[2].legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    figure.suptitle(f"{len(rows)} sets of weights accepted without any drug; beyond two standard errors", fontsize=10)
    _save(figure, path)


def draw_curves(rows: list[dict[str, Any]], default: dict[str, Any], path: Path) -> None:
    """Response of every set, those that agree with C1 in red, the default in black."""
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True, layout="constrained")
    for panel, name in zip(panels, CLASSES, strict=True):
        for row in sorted(rows, key=agrees_with_c1):
            values = [float(row[f"change_{name}_{concentration:g}"]) for concentration in CONCENTRATIONS]
            agreeing = agrees_with_c1(row)
            panel.plot(CONCENTRATIONS, values, color="tab:red" if agreeing else "0.8", lw=0.7, alpha=0.8)
        values, errors = (
            [float(default[f"change_{name}_{concentration:g}{suffix}"]) for concentration in CONCENTRATIONS]
            for suffix in ("", "_se")
        )
        panel.errorbar(CONCENTRATIONS, values, errors, color="black", marker="o", ms=4, lw=1.8, label="default")
        panel.axhline(0.0, color="0.4", lw=0.8)
        panel.set_xscale("log")
        panel.set_xticks(CONCENTRATIONS, [f"{value:g}" for value in CONCENTRATIONS])
        panel.minorticks_off()
        panel.set_ylim(-105.0, 150.0)
        panel.set_title(f"{name} rate", fontsize=10)
        panel.set_xlabel("unbound ketamine (uM)")
    panels[0].fill_between((0.25, 0.5), *PYR_UP, color="tab:green", alpha=0.25, lw=0, label="calibration C1")
    panels[0].set_ylabel("change against no drug (%)")
    panels[0].legend(frameon=False, fontsize=8, loc="upper left")
    figure.suptitle("Red: agree with C1. Model; not medical advice", fontsize=10)
    _save(figure, path)


def draw_separation(rows: list[dict[str, Any]], path: Path) -> None:
    """Rank correlations with the pyramidal response, and the two shares of NMDA that matter most."""
    table = separation(rows)[:18]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained", width_ratios=(1.1, 1))
    places = np.arange(len(table))[::-1]
    colours = ["tab:purple" if line["p"] < 0.05 else "0.75" for line in table]
    left.barh(places, [line["rank_correlation"] for line in table], color=colours)
    left.set_yticks(places, [line["quantity"] for line in table], fontsize=8)
    left.axvline(0.0, color="0.4", lw=0.8)
    left.set_xlabel(
        "rank correlation with the change of the PYR rate, 0.25-0.5 uM\n(purple: p < 0.05 for all together)"
    )
    reliance = [
        (float(row["nmda_share_PYR"]), max(float(row["nmda_share_PV"]), float(row["nmda_share_SST"]))) for row in rows
    ]
    change = np.clip([mean_change(row) for row in rows], -40.0, 40.0)
    points = right.scatter(
        *np.array(reliance).T, c=change, cmap="coolwarm", vmin=-40, vmax=40, s=22, edgecolor="0.4", lw=0.3
    )
    chosen = np.array([pair for pair, row in zip(reliance, rows, strict=True) if agrees_with_c1(row)])
    if chosen.size:
        right.scatter(*chosen.T, s=70, facecolor="none", edgecolor="black", lw=1.0, label="agrees with C1")
        right.legend(frameon=False, fontsize=8)
    right.set_xlabel("NMDA share of excitatory charge, PYR")
    right.set_ylabel("the same, PV or SST, the larger")
    figure.colorbar(points, ax=right, label="change of the PYR rate (%), cut at 40")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=110)
    plt.close(figure)
