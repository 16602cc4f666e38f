"""What a sweep runs: axes, the runs on their grid, and each run's experiment."""

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ketasim.config import Experiment
from ketasim.config.parameters import shipped_mechanisms
from ketasim.config.sweeps import Draws, SweepSection, number_and_unit
from ketasim.documents import Document, DocumentError, Problem

#: Names of dimensions that are not those of parameters.
ARM, SEED = "arm", "seed"

#: Values of an axis up to which each is checked before anything runs.
_MOST_TRIED = 200

#: Keys that make another network, with another baseline. Runs that share one follow each other from afar, so that a
#: baseline is measured once, by the first.
_OF_NETWORK = ("network", "seed", "schedule", "mechanisms", "drugs")


class Axis(NamedTuple):
    """One dimension of a sweep.

    Attributes
    ----------
    name : str
        Name of the dimension: the path of its only parameter; ``place`` of lists side by side (a second such axis is
        ``entry``); ``random``, ``latin_hypercube`` or ``sobol`` of draws; ``arm``; ``seed``.
    columns : dict of str to tuple
        Dotted path -> value at each place; for arms, ``arm`` -> names.
    """

    name: str
    columns: dict[str, tuple[Any, ...]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


class Run(NamedTuple):
    """One run of a sweep.

    Attributes
    ----------
    number : int
        Place in the sweep, in C order of the axes, and its name on disk.
    labels : dict
        Name of each coordinate -> value: parameters, arm, seed.
    changes : dict
        Dotted path -> value, in which the run differs from the experiment.
    """

    number: int
    labels: dict[str, Any]
    changes: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A sweep: the experiment's changes along axes.

    Attributes
    ----------
    axes : tuple of Axis
        In the order in which runs are numbered; the last one moves fastest.
    arms : dict
        Name of an arm -> its changes; empty without arms.
    keep : str
        ``file``, ``signals`` or ``summary``.
    """

    axes: tuple[Axis, ...]
    arms: dict[str, dict[str, Any]]
    keep: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of runs."""
        return math.prod(self.shape)

    def run(self, number: int) -> Run:
        """Return one run by its number."""
        labels: dict[str, Any] = {}
        for axis, place in zip(self.axes, np.unravel_index(number, self.shape), strict=True):
            labels |= {name: values[place] for name, values in axis.columns.items()}
        changes = dict(self.arms.get(labels.get(ARM, ""), {}))
        return Run(number, labels, changes | {key: value for key, value in labels.items() if key != ARM})

    def __iter__(self) -> Iterator[Run]:
        return (self.run(number) for number in range(self.size))

    def with_other_files(self, experiment: Experiment) -> Iterator[Experiment]:
        """Yield an experiment for every combination of values that name files, all else as in the first run."""
        named = any(map(_names_files, (path for changes in self.arms.values() for path in changes)))
        varied = [any(map(_names_files, axis.columns)) or (named and ARM in axis.columns) for axis in self.axes]
        lengths = [length if varies else 1 for length, varies in zip(self.shape, varied, strict=True)]
        for places in np.ndindex(*lengths) if any(varied) else ():
            number = int(np.ravel_multi_index(places, self.shape))
            with suppress(DocumentError):  # values that do not go together: the run itself says so
                yield experiment_of(experiment, self.run(number))

    def to_json(self) -> str:
        """Return the plan as text."""
        axes = [{"name": axis.name, "columns": axis.columns} for axis in self.axes]
        return json.dumps({"axes": axes, "arms": self.arms, "keep": self.keep})

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Return the plan from the result of `to_json`."""
        data = json.loads(text)
        columns = [{name: tuple(values) for name, values in axis["columns"].items()} for axis in data["axes"]]
        axes = tuple(Axis(axis["name"], one) for axis, one in zip(data["axes"], columns, strict=True))
        return cls(axes, data["arms"], data["keep"])


def plan_of(
    experiment: Experiment,
    section: SweepSection,
    arms: Mapping[str, Mapping[str, Any]] | None = None,
    document: Document | None = None,
) -> Plan:
    """Return the plan of a sweep, after checking every value on its own.

    Parameters
    ----------
    experiment : Experiment
        What all runs have in common.
    section : SweepSection
        What is varied.
    arms : mapping, optional
        Name of each arm -> changes by dotted path.
    document : Document, optional
        With `arms` and `sweep` as written, for places in messages.

    Raises
    ------
    DocumentError
        A value is not valid in this experiment, or an arm changes what is varied.
    """
    named = {str(name): dict(changes) for name, changes in (arms or {}).items()}
    lists = [{path: tuple(values)} for path, values in section.grid.items()]
    lists += [{path: tuple(values) for path, values in section.zip.items()}] if section.zip else []
    lists += [{path: tuple(one[path] for one in section.list) for path in section.list[0]}] if section.list else []
    draws = {kind: getattr(section, kind) for kind in ("random", "latin_hypercube", "sobol")}
    drawn = {kind: draw(kind, one) for kind, one in draws.items() if one is not None}
    axes = [Axis(next(iter(columns)) if len(columns) == 1 else "place", columns) for columns in lists]
    axes += [Axis(kind, columns) for kind, columns in drawn.items()]
    names = [axis.name for axis in axes]
    axes = [axis._replace(name="entry") if axis.name in names[:place] else axis for place, axis in enumerate(axes)]
    network = [axis for axis in axes if all(map(of_network, axis.columns))]
    others = [axis for axis in axes if axis not in network]
    seeds = () if any(SEED in axis.columns for axis in axes) else (_seeds(experiment.seed, section.replicates),)
    if not seeds and section.replicates > 1:
        raise DocumentError([Problem(None, "sweep.replicates", "seeds are varied already; leave replicates out")])
    by_arm = (Axis(ARM, {ARM: tuple(named)}),) if named else ()
    plan = Plan((*others, *by_arm, *network, *seeds), named, section.keep)
    _check(experiment, plan, document)
    return plan


def of_network(path: str) -> bool:
    """Whether a value makes another network, with another baseline."""
    return path.split(".", maxsplit=1)[0] in _OF_NETWORK


def _seeds(first: int, number: int) -> Axis:
    return Axis(SEED, {SEED: tuple(range(first, first + number))})


def draw(kind: str, draws: Draws) -> dict[str, tuple[Any, ...]]:
    """Return the values of every parameter of draws, by dotted path.

    Parameters
    ----------
    kind : str
        ``random``, ``latin_hypercube`` or ``sobol``.
    draws : Draws
        Ranges, number and seed.
    """
    if kind == "random":
        stream = np.random.Generator(np.random.Philox(draws.seed))
        unit = stream.random((draws.samples, len(draws.ranges)))
    else:
        from scipy.stats import qmc

        sampler = {"latin_hypercube": qmc.LatinHypercube, "sobol": qmc.Sobol}[kind](len(draws.ranges), rng=draws.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of numbers of samples that are no power of two
            unit = sampler.random(draws.samples)
    return {
        path: tuple(one.at(float(fraction)) for fraction in column)
        for (path, one), column in zip(draws.ranges.items(), unit.T, strict=True)
    }


def experiment_of(experiment: Experiment, run: Run) -> Experiment:
    """Return the experiment of a run; DocumentError if its values do not go together."""
    return experiment.replace(**run.changes) if run.changes else experiment


def _check(experiment: Experiment, plan: Plan, document: Document | None) -> None:
    """Refuse values that work in no arm, arms that change what is varied, and a first or last run that fails."""
    problems: list[Problem] = []
    for name, changes in plan.arms.items():
        varied = [path for axis in plan.axes for path in axis.columns if path != ARM]
        clash = next((one for one in changes for path in varied if _overlap(one, path)), None)
        if clash is not None:
            problems.append(_placed(document, ("arms", name, clash), f"arms.{name}.{clash}", "is varied by the sweep"))
        problems += [
            _placed(document, ("arms", name, one.path), f"arms.{name}.{one.path}", one.message)
            for one in _problems_of(experiment, changes)
        ]
    problems += _switched_on(experiment, plan)
    arms = [changes for changes in plan.arms.values() if not _problems_of(experiment, changes)] or [{}]
    for axis in plan.axes if not problems else ():
        if axis.name not in (ARM, SEED):
            for place in _places_to_try(axis):
                values = {path: column[place] for path, column in axis.columns.items()}
                tries = [_problems_of(experiment, {**changes, **values}) for changes in arms]
                problems += [
                    _placed(document, _where(document, axis, place, one.path), one.path, one.message)
                    for one in min(tries, key=len)
                ]
    if problems:
        raise DocumentError(dict.fromkeys(problems))  # an unknown key is one for each of its values
    for number in {0, plan.size - 1}:
        experiment_of(experiment, plan.run(number))


def _switched_on(experiment: Experiment, plan: Plan) -> list[Problem]:
    """Refuse parameters of a mechanism that the experiment has switched off: a value would switch it on."""
    off = {one.name for one in shipped_mechanisms() if one.by_default and experiment.mechanisms[one.name] is False}
    paths = {path: path.split(".") for axis in plan.axes for path in axis.columns}
    return [
        Problem(None, path, f"{steps[1]} is off in the experiment, and a value would switch it on")
        for path, steps in paths.items()
        if len(steps) > 2 and steps[0] == "mechanisms" and steps[1] in off
    ]


def _problems_of(experiment: Experiment, changes: Mapping[str, Any]) -> list[Problem]:
    try:
        experiment.replace(**changes)
    except DocumentError as error:
        return list(error.problems)
    return []


def _places_to_try(axis: Axis) -> list[int]:
    """Places of an axis whose values are checked: all, or of many draws those with the ends of every range."""
    if len(axis) <= _MOST_TRIED:
        return list(range(len(axis)))
    found = {0, len(axis) - 1}
    for values in axis.columns.values():
        with suppress(ValueError):  # no quantities
            numbers = [number_and_unit(value)[0] for value in values]
            found |= {numbers.index(min(numbers)), numbers.index(max(numbers))}
    return sorted(found)


def _placed(document: Document | None, where: Sequence[Any], path: str, message: str) -> Problem:
    return Problem(document.place(tuple(where)) if document else None, path, message)


def _where(document: Document | None, axis: Axis, place: int, path: str) -> tuple[Any, ...]:
    """Path in the document of the value of an axis that a problem is with, as nearly as it can be told."""
    varied = next((one for one in axis.columns if _overlap(one, path)), next(iter(axis.columns)))
    sections = document.data.get("sweep", {}) if document is not None else {}
    for kind in ("grid", "zip"):
        if varied in sections.get(kind, {}):
            return ("sweep", kind, varied, place)
    return ("sweep", axis.name, "ranges", varied) if axis.name in sections else ("sweep", "list", place, varied)


def _names_files(path: str) -> bool:
    """Whether a value may be the path of a file, or a part of the experiment with one."""
    return any(_overlap(path, one) for one in ("drugs", "network.file", "network.nodes"))


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
