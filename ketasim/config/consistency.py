"""Checks that the parts of an experiment are consistent: references, order of times, demands of mechanisms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from ketasim.config.limits import size_findings
from ketasim.config.models import NetworkFile, Species
from ketasim.config.stimuli import populations_of, stimulus_findings
from ketasim.documents import Document, DocumentError, Problem, did_you_mean, read_document
from ketasim.documents.nearest import canonical
from ketasim.documents.units import in_words
from ketasim.documents.validation import unknown
from ketasim.drugs import ROUTE_SYNONYMS, unknown_drug
from ketasim.exposures import Dose
from ketasim.network_files.columns import Reading
from ketasim.signals import SIGNALS

if TYPE_CHECKING:
    from ketasim.config.experiment import Experiment
    from ketasim.network_files.circuit import Circuit


def catalogue_of(experiment: "Experiment", document: Document) -> tuple[Mapping[str, Any], list[Problem]]:
    """Return the drugs an experiment may name, and problems with missing files of user drugs.

    Parameters
    ----------
    experiment : Experiment
        Its `drugs` are read.
    document : Document
        The document it was read from.

    Raises
    ------
    DocumentError
        A drug file is invalid.
    """
    from ketasim.drugs import load_catalogue

    problems, files = [], []
    for number, file in enumerate(experiment.drugs):
        if file.is_file():
            files.append(file)
        else:
            problems.append(document.problem(("drugs", number), f"there is no file '{file}'"))
    return load_catalogue(files), problems


def circuit_of(experiment: "Experiment") -> "Circuit | None":
    """Return the circuit described by an experiment's circuit file; None without one, or if it does not exist.

    Raises
    ------
    DocumentError
        The circuit file is invalid, or has time constants too short for the fast step.
    """
    network = experiment.network
    if not isinstance(network, NetworkFile):
        return None
    from ketasim.network_files.circuit import SUFFIXES, read_circuit

    if network.file.suffix.lower() not in SUFFIXES or not network.file.is_file():
        return None
    circuit = read_circuit(network.file, network.scale)
    problems = _fast_step(circuit, network)
    if problems:
        raise DocumentError(problems)
    return circuit


def _fast_step(circuit: "Circuit", network: NetworkFile) -> list[Problem]:
    """Problems with numbers of a circuit file that are too fast for the fast step; each cell is named once."""
    from ketasim.network.fast_step import too_fast

    found = list(too_fast(circuit.tables))
    if not found:
        return []
    document, problems = read_document(network.file), {}
    for population, key, message in found:
        named = document.data["populations"][population]["cell"] if population is not None else ""
        path = ("receptors", key) if population is None else ("cells", named, key)
        problems[path] = document.problem(path, message)
    return list(problems.values())


def inconsistencies(experiment: "Experiment", document: Document, catalogue: Mapping[str, Any]) -> list[Problem]:
    """Return all inconsistencies of an experiment whose values are valid one by one.

    Parameters
    ----------
    experiment : Experiment
        What to check.
    document : Document
        The document it was read from; gives the places.
    catalogue : mapping of str to Drug
        Drugs by name.
    """
    found = [document.problem(path, message) for path, message in size_findings(experiment)]
    if found:  # too many to check one by one
        return found
    for number, dose in enumerate(experiment.doses):
        for key, message, at in _dose(dose, experiment, catalogue):
            found.append(document.problem(("doses", number, key), message, at))
    found += [document.problem(path, message) for path, message in _disposition(experiment, catalogue)]
    recording = (_node_signals, _spikes, _graph)
    for check in (_subject, _network, _schedule, stimulus_findings, _cells, *recording, _parameters):
        found += [document.problem(path, message) for path, message in check(experiment)]
    return found


_Finding = tuple[tuple[str | int, ...], str]


def _dose(dose: Dose, experiment: "Experiment", catalogue: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    end, last = experiment.duration, dose.last
    if dose.start >= end:
        yield "start", f"starts at {in_words(dose.start)}; the run ends at {in_words(end)}", "value"
    elif last >= end:
        yield (
            "repeat",
            f"dose {dose.count} would start at {in_words(last)}; the run ends at {in_words(end)}",
            "value",
        )
    drug = catalogue.get(dose.drug)
    if drug is None:
        yield "drug", unknown_drug(dose.drug, catalogue), "value"
        return
    yield from _amount(dose, drug, experiment)
    species = experiment.subject.species
    routes = _routes(drug, species, catalogue)
    if not routes:
        others = [other for other in get_args(Species) if drug.routes_for(other)]
        yield (
            "drug",
            f"{dose.drug} has no data for the {species}; species with data: {', '.join(others) or 'none'}",
            "value",
        )
    elif dose.route not in routes:
        allowed = f"allowed: {', '.join(routes)}{_route_meant(dose.route, routes)}"
        yield "route", f"{dose.drug} has no route '{dose.route}' in the {species}; {allowed}", "value"


#: What people add to a route, or write for one, and how it is said here.
_PACES = {
    "infusion": "with a `duration`",
    "drip": "with a `duration`",
    "bolus": "without a `duration`",
    "push": "without a `duration`",
    "injection": "without a `duration`",
}


def _route_meant(route: str, routes: Sequence[str]) -> str:
    """Return ``; did you mean ...?`` for a route: that of `IV bolus` without the bolus, or the nearest name.

    >>> _route_meant("IV bolus", ["oral", "intravenous"]), _route_meant("infusion", ["intravenous"])
    ('; did you mean intravenous, without a `duration`?', '; did you mean intravenous, with a `duration`?')
    """
    words = route.lower().split()
    paces = [_PACES[word] for word in words if word in _PACES]
    meant = canonical(" ".join(word for word in words if word not in _PACES) or "iv", ROUTE_SYNONYMS)
    return f"; did you mean {meant}, {paces[0]}?" if paces and meant in routes else did_you_mean(route, routes)


def _amount(dose: Dose, drug: Any, experiment: "Experiment") -> Iterator[tuple[str, str, str]]:
    """Require an amount or a rate, not both, that a body can hold."""
    key, weight = "amount" if dose.rate is None else "rate", experiment.subject.weight
    if dose.amount is None and dose.rate is None and drug.compounds:
        needs = f"{dose.drug} needs one, such as 0.5 mg/kg or 35 mg, or a rate and a duration"
        yield key, f"the key 'amount' is missing; {needs}", "parent"
    elif dose.amount is not None and dose.rate is not None:
        yield key, f"give an amount or a rate, not both: {dose.amount} and {dose.rate}", "key"
    elif dose.rate is not None and dose.duration == 0.0:
        yield key, f"a rate needs a duration, such as {{rate: {dose.rate}, duration: 40 min}}", "key"
    elif dose.in_moles and not drug.compounds:
        yield key, f"{dose.drug} has no molar mass; state a mass, such as 35 mg", "value"
    elif experiment.milligrams(dose) >= 1e6 * weight:
        given = f"{experiment.milligrams(dose) * 1e-6:g} of {weight:g} kg"
        yield key, f"as much as the body weighs ({given})", "value"


def _routes(drug: Any, species: str, catalogue: Mapping[str, Any]) -> tuple[str, ...]:
    """Routes of a drug; a drug without compounds can be given by any route of any drug."""
    routes = tuple(drug.routes_for(species))
    if routes or drug.compounds:
        return routes
    return tuple(dict.fromkeys(route for other in catalogue.values() for route in other.routes_for(species)))


def _disposition(experiment: "Experiment", catalogue: Mapping[str, Any]) -> Iterator[_Finding]:
    """Require a set of pharmacokinetic parameters of a drug that is given, or of any drug if none is given."""
    chosen = getattr(experiment.mechanisms.get("pharmacokinetics"), "disposition", "default")
    given = {dose.drug for dose in experiment.doses if dose.drug in catalogue and catalogue[dose.drug].compounds}
    drugs = [catalogue[name] for name in sorted(given or catalogue)]
    names = dict.fromkeys(name for drug in drugs for name in drug.dispositions_for(experiment.subject.species))
    if chosen not in ("default", *names):
        path = ("mechanisms", "pharmacokinetics", "disposition")
        yield (
            path,
            unknown("parameter set", chosen, ["default", *(name for name in names if name != "default")]),
        )


def _subject(experiment: "Experiment") -> Iterator[_Finding]:
    subject = experiment.subject
    if subject.species != "human" and "genotype" in subject.model_fields_set:
        yield ("subject", "genotype"), f"a human variant; the {subject.species} has none"


def _network(experiment: "Experiment") -> Iterator[_Finding]:
    network = experiment.network
    if isinstance(network, NetworkFile) and not network.file.exists():
        yield ("network", "file"), f"there is no file '{network.file}'"
    elif isinstance(network, NetworkFile) and network.scale != 1 and experiment.circuit is None:
        yield ("network", "scale"), "only a circuit file (.yaml) can be scaled; other files name every neuron"
    if isinstance(network, NetworkFile) and network.nodes is not None and not network.nodes.exists():
        yield ("network", "nodes"), f"there is no file '{network.nodes}'"
    if isinstance(network, NetworkFile) and experiment.circuit is not None:
        for key in Reading._fields:
            if getattr(network, key):
                yield (
                    ("network", key),
                    "a circuit file (.yaml) says all itself; this is for files that name every neuron",
                )
    if network is None:
        for key in ("node_signals", "spikes", "graph"):
            if getattr(experiment.recording, key):
                message = "there is no network to record from (network: none); leave it out, as with recording={}"
                yield ("recording", key), message


def _schedule(experiment: "Experiment") -> Iterator[_Finding]:
    schedule = experiment.schedule
    shortest = schedule.settle + schedule.window
    if schedule.step is not None and schedule.step < shortest:
        message = f"{in_words(schedule.step)} is shorter than settle + window, {in_words(shortest)}; make it longer"
        yield ("schedule", "step"), message
    if experiment.network is not None and experiment.duration < shortest:
        message = (
            f"{in_words(experiment.duration)} is shorter than settle + window, {in_words(shortest)}; make it longer"
        )
        yield ("duration",), f"{message}, or shorten `schedule.window`"
    if schedule.baseline < 2.0 * schedule.window:
        given, least = in_words(schedule.baseline), in_words(2.0 * schedule.window)
        message = f"{given} is shorter than two windows, {least}, and would have no standard error"
        yield ("schedule", "baseline"), message


def _node_signals(experiment: "Experiment") -> Iterator[_Finding]:
    per_node = [name for name, signal in SIGNALS.items() if signal.dims == ("node",)]
    names = experiment.recording.node_signals
    for number, name in enumerate(names):
        path = ("recording", "node_signals", number)
        if name in SIGNALS and name not in per_node:
            yield path, f"'{name}' has no single value per neuron; allowed: {', '.join(per_node)}"
        elif name not in SIGNALS:
            yield path, unknown("signal", name, per_node)
        elif names.index(name) < number:
            yield path, f"duplicate signal '{name}'"


def _spikes(experiment: "Experiment") -> Iterator[_Finding]:
    first = experiment.begin - experiment.schedule.baseline
    for number, (start, end) in enumerate(experiment.recording.spikes):
        path = ("recording", "spikes", number)
        if start > end:
            yield path, f"`from` {in_words(start)} is after `to` {in_words(end)}"
        if start < first:
            yield path, f"{in_words(start)} is before the baseline, which starts at {in_words(first)}"
        elif start > experiment.duration:
            yield path, f"{in_words(start)} is after the end of the run ({in_words(experiment.duration)})"


def _graph(experiment: "Experiment") -> Iterator[_Finding]:
    for number, time in enumerate(experiment.recording.graph):
        if time > experiment.duration:
            end = in_words(experiment.duration)
            yield ("recording", "graph", number), f"{in_words(time)} is after the end of the run ({end})"


def _cells(experiment: "Experiment") -> Iterator[_Finding]:
    """Require that populations named by a mechanism's parameter `cells` are in the network."""
    populations = populations_of(experiment)
    for name, parameters in experiment.mechanisms.items():
        cells = getattr(parameters, "cells", None)
        if not populations or not isinstance(cells, tuple) or cells == type(parameters)._field_defaults.get("cells"):
            continue
        for number, cell in enumerate(cells):
            if cell not in populations:
                yield ("mechanisms", name, "cells", number), unknown("population", cell, populations)


def _parameters(experiment: "Experiment") -> Iterator[_Finding]:
    """Run the method `check` of each mechanism's parameters, if any; it yields (field, message)."""
    for name, parameters in experiment.mechanisms.items():
        if parameters is not False and hasattr(parameters, "check"):
            for field, message in parameters.check():
                yield ("mechanisms", name, field), message
