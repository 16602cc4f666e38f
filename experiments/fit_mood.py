"""Mood fitted to people in a trial: the joint posterior of its gains, its times, and expectancy.

People are depressed by three weeks of stress that goes on. Ketamine 0.5 mg/kg over 40 min, midazolam 0.045 mg/kg and
saline, in every circuit that agrees with calibration C1, for two weeks; strength F and density N over time do not
depend on mood, so that each circuit is run once. Then, by sampling (emcee), the posterior of kF, kN, tau, kE, the
half-life of expectancy, what saline has of it, and the standard deviation between people, with the circuit as one more
unknown:

- MADRS of 32 +- 1 when the infusion begins (31 to 34 in the trial of I3, recalled), where a healthy person has 4;
- I3, Murrough 2013: MADRS after a day -16.5 with ketamine, -8.8 with midazolam; standard errors 1.60 and 1.90 by its t
  (-10.31, -4.63); standard deviation between people 10.3 +- 0.9 by the same;
- I4, Kishimoto 2016: g -1.00 +- 0.14 on day 1, taken as ketamine against saline.

Priors are those of `ketasim mechanisms mood`; saline's share is uniform from 0 to 1. Stored: what the posterior says of
each number and of MADRS over two weeks, with expectancy apart, and its draws in ketasim/ensembles/posteriors/mood.csv.

    python experiments/fit_mood.py [--quick] [--jobs N]
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import emcee
import matplotlib.pyplot as plt
import numpy as np
import pandas
import xarray
from common import ADVICE, options, store
from scipy.stats import norm

import ketasim
from ketasim.mechanisms.mood import Parameters, score
from ketasim.network.weights import DEFAULT_SET
from ketasim.sources import describe

#: Depression: stress from three weeks before the infusion (F3) to the end of any run here.
STRESS = {"kind": "stress", "start": "-21 d", "duration": "91 d"}
DRAWS = Path(ketasim.__file__).parent / "ensembles" / "posteriors" / "mood.csv"
GIVEN = {"drug": "midazolam", "route": "intravenous", "amount": "0.045 mg/kg", "duration": "40 min"}
ARMS = {"ketamine": {}, "midazolam": {"doses": [GIVEN]}, "saline": {"doses.0.drug": "saline"}}
SESSION = 40.0 / 60.0  # h
DAY = 24.0  # h
#: Mean and standard error of what is fitted to, MADRS points but for the effect size.
BEFORE = (32.0, 1.0)
I3 = {"ketamine": (-16.5, 1.60), "midazolam": (-8.8, 1.90)}
I4 = (-1.00, 0.14)
BETWEEN_PEOPLE = (10.3, 0.9)
OF_MECHANISM = ("strength_gain", "density_gain", "mood_time", "expectancy_gain", "expectancy_half_life")
NAMES = (*OF_MECHANISM, "saline_expectancy", "people_sd")
BEGIN = -48.0  # h; mood is in equilibrium with what three weeks of stress have left, since tau is at most 12 h
SHOWN = (4.0, 24.0, 72.0, 168.0, 336.0)  # h
WALKERS, STORED = 64, 240


class Courses(NamedTuple):
    """Strength and density of each circuit.

    Attributes
    ----------
    weights : (circuits,) array
        Numbers of their sets.
    hours : (times,) array
        From the begin of the infusion; they begin before it, see BEGIN.
    strength, density : dict of arm to (circuits, times) array
        F and N.
    """

    weights: np.ndarray
    hours: np.ndarray
    strength: dict[str, np.ndarray]
    density: dict[str, np.ndarray]


def main() -> None:
    """Run the circuits, sample the posterior, store its table, its draws and the figure."""
    chosen = options(__file__)
    changes = [f"duration={chosen.size('14 d', '2 d')}", "recording={measures: false}", "schedule.baseline=60 s"]
    experiment = ketasim.load_experiment("human_infusion", [*changes, "schedule.spacing=3 h", *chosen.smaller])
    experiment = experiment.replace(stimuli=[STRESS])
    varied = {"network.weights": ketasim.weight_sets(agree="C1")[: chosen.size(None, 2)]}
    found = ketasim.sweep(experiment, varied, arms=ARMS, jobs=chosen.jobs, out=chosen.out)
    courses = courses_of(found)
    steps = chosen.size(50_000, 600)
    draws, circuits = sampled(courses, steps)
    if not chosen.quick:
        stored = draws[:STORED].set_axis([*(f"mechanisms.mood.{name}" for name in OF_MECHANISM), *NAMES[5:]], axis=1)
        stored.insert(0, "network.weights", courses.weights[circuits[:STORED]])
        stored.to_csv(DRAWS, index=False, float_format="%.5g", lineterminator="\n")
    shares = {"ketamine": 1.0, "midazolam": 1.0, "saline": draws["saline_expectancy"]}
    scores = {arm: madrs(courses, arm, draws, circuits, share) for arm, share in shares.items()}
    scores["ketamine, synapses alone"] = madrs(courses, "ketamine", draws, circuits, 0.0)
    store(summary(courses, draws, circuits, scores), chosen, figure_of(courses, draws, scores), fitted="mood")


def courses_of(found: xarray.Dataset, axis: str = "network.weights") -> Courses:
    """Return strength and density at common times, every circuit that ran in all arms, along an axis of a sweep."""
    found = found.squeeze("seed").sel(time=slice(3600.0 * BEGIN, None))
    arms = found["arm"].values.tolist()
    names = {"strength": found["synaptic_strength"], "density": np.log(found["spine_density"].sel(population="PYR"))}
    both = xarray.Dataset(names).interpolate_na("time").transpose(axis, "time", "arm")
    both = both.dropna(axis)
    of_arm = {name: {arm: both[name].sel(arm=arm).values for arm in arms} for name in names}
    return Courses(both["network.weights"].values, both["time"].values / 3600.0, **of_arm)


def followed(hours: np.ndarray, drive: np.ndarray, time: np.ndarray, at: float) -> np.ndarray:
    """Return what a first-order lag with a time constant makes of a drive (..., times) by an hour, from equilibrium."""
    edges = np.append(hours[hours < at], at)
    weights = np.diff(np.exp(-(at - edges) / time))
    middle = 0.5 * (drive[..., : edges.size - 1] + drive[..., 1 : edges.size])
    return middle @ weights + drive[..., 0] * np.exp(-(at - hours[0]) / time)


def expected(half_life: np.ndarray, time: np.ndarray, at: float) -> np.ndarray:
    """Return the same of the expectancy after a session of intensity 1, half-life in d, by an hour after its end."""
    decay, rate = np.log(2.0) / (24.0 * half_life), 1.0 / time
    held = 1.0 - np.exp(-rate * SESSION)
    after = at - SESSION
    return held * np.exp(-rate * after) + rate / (rate - decay) * (np.exp(-decay * after) - np.exp(-rate * after))


def log_likelihood(values: np.ndarray, courses: Courses) -> np.ndarray:
    """Return the log likelihood of each circuit (circuits,) at values of NAMES."""
    strength_gain, density_gain, time, expectancy_gain, half_life, saline, people = values
    hope = expectancy_gain * expected(half_life, time, DAY)
    change, healthy = {}, Parameters().healthy_madrs
    for arm, share in zip(ARMS, (1.0, 1.0, saline), strict=True):
        drives = strength_gain * courses.strength[arm] + density_gain * courses.density[arm]
        before = score(followed(courses.hours, drives, time, 0.0), healthy)
        change[arm] = score(followed(courses.hours, drives, time, DAY) + share * hope, healthy) - before
    found = sum(((change[arm] - mean) / error) ** 2 for arm, (mean, error) in I3.items())
    found = found + ((before - BEFORE[0]) / BEFORE[1]) ** 2  # the same in all arms
    size = (change["ketamine"] - change["saline"]) / people
    return -0.5 * (found + ((size - I4[0]) / I4[1]) ** 2 + ((people - BETWEEN_PEOPLE[0]) / BETWEEN_PEOPLE[1]) ** 2)


def limits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lower and upper ends of the priors, and which are on a logarithmic scale, as NAMES."""
    priors = {row.name: row.prior for row in describe(Parameters())}
    of_mechanism = [(priors[name].low, priors[name].high, priors[name].scale == "log") for name in OF_MECHANISM]
    rows = [*of_mechanism, (0.0, 1.0, False), (5.0, 15.0, False)]
    least, most, logarithmic = (np.array(one) for one in zip(*rows, strict=True))
    return least, most, logarithmic


def sampled(courses: Courses, steps: int) -> tuple[pandas.DataFrame, np.ndarray]:
    """Return draws from the posterior, and the circuit of each."""
    least, most, logarithmic = limits()
    low, high = (np.where(logarithmic, np.log(np.maximum(one, 1e-9)), one) for one in (least, most))

    def values_of(place: np.ndarray) -> np.ndarray:
        return np.where(logarithmic, np.exp(np.where(logarithmic, place, 0.0)), place)

    def log_posterior(place: np.ndarray) -> float:
        if np.any(place <= low) or np.any(place >= high):
            return -np.inf
        each = log_likelihood(values_of(place), courses)
        return float(np.logaddexp.reduce(each) - np.log(each.size))

    random = np.random.default_rng(1)
    start = low + (high - low) * random.uniform(0.05, 0.5, (WALKERS, low.size))
    start[:, -1] = BETWEEN_PEOPLE[0] + 0.1 * random.standard_normal(WALKERS)
    sampler = emcee.EnsembleSampler(WALKERS, low.size, log_posterior)
    sampler.random_state = np.random.RandomState(1).get_state()
    sampler.run_mcmc(start, steps)
    lag = sampler.get_autocorr_time(quiet=True)
    print(f"autocorrelation times {np.round(lag)}, acceptance {sampler.acceptance_fraction.mean():.2f}")
    chain = values_of(sampler.get_chain(discard=steps // 4, thin=max(1, int(lag.max() / 2)), flat=True))
    chain = random.permutation(chain)
    circuits = []
    for one in chain:
        each = np.exp(log_likelihood(one, courses))
        circuits.append(random.choice(each.size, p=each / each.sum()))
    return pandas.DataFrame(chain, columns=[*NAMES]), np.array(circuits)


def madrs(
    courses: Courses,
    arm: str,
    draws: pandas.DataFrame,
    circuits: np.ndarray,
    intensity: np.ndarray | float,
    sessions: Sequence[float] = (0.0,),
) -> np.ndarray:
    """Return MADRS (draws, times) in an arm, with sessions of an intensity of expectancy at these hours."""
    time, half_life = draws["mood_time"].to_numpy(), draws["expectancy_half_life"].to_numpy()
    drive = draws["strength_gain"].to_numpy()[:, None] * courses.strength[arm][circuits]
    drive += draws["density_gain"].to_numpy()[:, None] * courses.density[arm][circuits]
    middles = 0.5 * (courses.hours[1:] + courses.hours[:-1])  # sessions begin between intervals
    last = np.searchsorted(sessions, middles) - 1
    since = np.maximum(middles - np.asarray(sessions)[last] - SESSION, 0.0)
    level = np.asarray(intensity * draws["expectancy_gain"])[:, None] * 0.5 ** (since / (24.0 * half_life[:, None]))
    level[:, last < 0] = 0.0
    mood = np.empty_like(drive)
    mood[:, 0] = drive[:, 0]
    for step, hours in enumerate(np.diff(courses.hours)):
        middle = 0.5 * (drive[:, step] + drive[:, step + 1]) + level[:, step]
        mood[:, step + 1] = middle + (mood[:, step] - middle) * np.exp(-hours / time)
    return score(mood, Parameters().healthy_madrs)


def stored_draws() -> pandas.DataFrame:
    """Return the stored draws, columns NAMES and ``network.weights``."""
    return pandas.read_csv(DRAWS).rename(columns=lambda name: name.removeprefix("mechanisms.mood."))


def summary(
    courses: Courses, draws: pandas.DataFrame, circuits: np.ndarray, scores: dict[str, np.ndarray]
) -> pandas.DataFrame:
    """Return mean, median and 90 % range over draws of each number, and of changes of MADRS."""
    begin, day = np.searchsorted(courses.hours, (0.0, DAY))
    before = scores["saline"][:, begin]  # the same in all arms
    values = {(name, ""): draws[name] for name in NAMES}
    # default numbers go with the default circuit
    default = courses.weights[circuits] == DEFAULT_SET
    values |= {(f"{name}, default circuit", ""): draws[name][default] for name in OF_MECHANISM if default.any()}
    for name, of_arm in (("F", courses.strength), ("N", courses.density)):
        values[f"{name} of stress", "0 h"] = of_arm["saline"][circuits, begin]
        values |= {(f"{name} of {arm}", "24 h"): of_arm[arm][circuits, day] for arm in ARMS}
    values["MADRS", "0 h"] = before
    for hours in SHOWN:
        if hours <= courses.hours[-1]:
            place = np.searchsorted(courses.hours, hours)
            at = f"{hours:g} h" if hours < 48.0 else f"{hours / 24.0:g} d"
            values |= {(f"change of MADRS, {name}", at): one[:, place] - before for name, one in scores.items()}
            apart = scores["ketamine"][:, place] - scores["midazolam"][:, place]
            values["MADRS, ketamine less midazolam", at] = apart
    change = {arm: scores[arm][:, day] - before for arm in ARMS}
    people = draws["people_sd"]
    values["effect size, ketamine and saline", "24 h"] = (change["ketamine"] - change["saline"]) / people
    for arm in ("ketamine", "midazolam"):
        values[f"share of people with response, {arm}", "24 h"] = norm.cdf((-0.5 * before - change[arm]) / people)
    rows = [
        (name, at, np.mean(one), np.median(one), *np.quantile(one, (0.05, 0.95))) for (name, at), one in values.items()
    ]
    return pandas.DataFrame(rows, columns=("quantity", "at", "mean", "median", "low", "high"))


def figure_of(courses: Courses, draws: pandas.DataFrame, scores: dict[str, np.ndarray]) -> plt.Figure:
    """Draw kF against kN, the time of mood, expectancy, and MADRS over two weeks with 90 % bands."""
    figure, panels = plt.subplots(1, 4, figsize=(16, 4), layout="constrained", width_ratios=(1.1, 1, 1, 1.6))
    some = draws.iloc[:2000]
    points = panels[0].scatter(
        some["strength_gain"], some["density_gain"], 4, np.log10(some["mood_time"]), cmap="viridis"
    )
    figure.colorbar(points, ax=panels[0], label="log10 of the time of mood (h)")
    panels[0].set(xlabel="gain of strength, kF", ylabel="gain of density, kN")
    edges = np.geomspace(0.5, 12.0, 25)
    panels[1].hist(draws["mood_time"], edges, density=False, color="#2471a3", label="posterior")
    panels[1].axhline(len(draws) / (edges.size - 1), color="0.5", ls="--", label="prior")
    panels[1].set(xscale="log", xlabel="time of mood (h)", ylabel="draws")
    panels[1].legend(frameon=False, fontsize=8)
    panels[2].plot(some["expectancy_gain"], some["expectancy_half_life"], ".", ms=2, color="#2471a3")
    panels[2].set(xlabel="gain of expectancy, kE", ylabel="its half-life (d)", yscale="log")
    panels[2].set_yticks([4, 8, 15, 30, 60], ["4", "8", "15", "30", "60"])
    panels[2].minorticks_off()
    days = courses.hours / 24.0
    colours = {"ketamine": "#c0392b", "midazolam": "0.4", "saline": "0.7", "ketamine, synapses alone": "#2471a3"}
    for name, one in scores.items():
        panels[3].plot(days, one.mean(axis=0), color=colours[name], label=name)
        panels[3].fill_between(days, *np.quantile(one, (0.05, 0.95), axis=0), color=colours[name], alpha=0.15, lw=0)
    panels[3].set(xscale="symlog", xlim=(0, days[-1]), xlabel="days", ylabel="MADRS")
    panels[3].set_xticks([0, 1, 3, 7, 14], ["0", "1", "3", "7", "14"])
    panels[3].legend(frameon=False, fontsize=8)
    words = "Mood after one infusion in people under stress: mean and 90 % of the joint posterior"
    figure.suptitle(f"{words}; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
