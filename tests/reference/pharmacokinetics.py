"""Slow twin of ketasim.drugs.compartments and ketasim.mechanisms.pharmacokinetics.

Reads the drug file's text itself, scales clearances and flows (L/s) and volumes (L) to the body, writes one explicit
differential equation per compartment and gives them to LSODA. Shares nothing with the library but the file.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import solve_ivp

_UNITS = {
    "": 1.0,
    "mg": 1.0,
    "L/kg": 1.0,
    "L/h/kg": 1 / 3600,
    "1/min": 1 / 60,
    "1/h": 1 / 3600,
    "kg": 1.0,
    "g/mol": 1.0,
}


class Subject(NamedTuple):
    """Whose body: species, weight in kg, parameter set (None for the drug's default), CYP2B6 genotype."""

    species: str
    weight: float
    disposition: str | None = None
    cyp2b6: str | None = None


class Dose(NamedTuple):
    """Route, mg, start and duration in s (0: bolus)."""

    route: str
    amount: float
    start: float = 0.0
    duration: float = 0.0


class _Constants(NamedTuple):
    volume: float  # L
    clearance: float  # L/s
    peripheral: list[tuple[float, float]]  # (flow L/s, volume L)
    ke0: float  # 1/s
    forms: str | None
    fraction: float
    molar_mass: float  # g/mol
    unbound: float  # brain concentration over effect-site concentration
    dosed: float  # share of the dose


class _Route(NamedTuple):
    absorption: float  # 1/s; 0: straight into the blood
    enters: float  # share of the dose
    gut: float | None  # share of it that gets past the gut wall; None: no first pass
    bypass: float  # share of it that sees neither gut wall nor liver
    swallowed: float  # share of the dose that goes on by mouth
    half_dose: float | None  # mg of a dose of which half as large a share enters as of a small one


class _Body(NamedTuple):
    compounds: dict[str, _Constants]
    routes: dict[str, "_Route"]
    extraction: dict[str, float]  # of each compound by the liver
    at: dict[Any, int]  # (compound, part) -> number


def simulate(drug: dict[str, Any], subject: Subject, doses: list[Dose], times: np.ndarray) -> dict[str, np.ndarray]:
    """Plasma (ng/mL) as ``compound plasma`` and brain (uM) as ``compound brain`` at `times` (s), empty at first."""
    body = _body(drug, subject)
    x, columns = np.zeros(len(body.at)), {}
    stops = sorted({0.0, *times, *(dose.start for dose in doses), *(dose.start + dose.duration for dose in doses)})
    for begin, end in zip(stops, [*stops[1:], stops[-1]], strict=True):
        columns[begin] = x.copy()
        inflow = np.zeros(len(x))
        for dose in doses:
            if dose.duration == 0.0 and dose.start == begin:
                x += _entering(body, dose)
            elif dose.start <= begin < dose.start + dose.duration:
                inflow += _entering(body, dose) / dose.duration
        if end > begin:
            solution = solve_ivp(_derivative, (begin, end), x, "LSODA", args=(body, inflow), rtol=1e-10, atol=1e-16)
            x = solution.y[:, -1]
    found = {}
    for c, constants in body.compounds.items():
        central = np.array([columns[time][body.at[c, "central"]] for time in times])
        effect = np.array([columns[time][body.at[c, "effect"]] for time in times])
        found[f"{c} plasma"] = central / constants.volume * 1e3
        found[f"{c} brain"] = effect * constants.unbound * 1e3 / constants.molar_mass
    return found


def _derivative(_time, x, body, inflow):
    dx, at = inflow.copy(), body.at
    for c, constants in body.compounds.items():
        concentration = x[at[c, "central"]] / constants.volume
        metabolised = constants.clearance * concentration
        dx[at[c, "central"]] -= metabolised
        for number, (exchange, volume) in enumerate(constants.peripheral):
            moved = exchange * (concentration - x[at[c, number]] / volume)
            dx[at[c, "central"]] -= moved
            dx[at[c, number]] += moved
        dx[at[c, "effect"]] += constants.ke0 * (concentration - x[at[c, "effect"]])
        for name, route in body.routes.items():
            absorbed = route.absorption * x[at[c, name]]
            in_gut = 0.0 if route.gut is None else (1.0 - route.bypass) * absorbed
            to_liver = in_gut * (route.gut or 0.0)
            extracted = in_gut - to_liver + body.extraction[c] * to_liver
            dx[at[c, name]] -= absorbed
            dx[at[c, "central"]] += absorbed - extracted
            metabolised += extracted
        if constants.forms:
            ratio = body.compounds[constants.forms].molar_mass / constants.molar_mass
            dx[at[constants.forms, "central"]] += constants.fraction * metabolised * ratio
    return dx


def _entering(body: _Body, dose: Dose) -> np.ndarray:
    """mg of a dose that get into each compartment."""
    route, found = body.routes[dose.route], np.zeros(len(body.at))
    for c, constants in body.compounds.items():
        given = dose.amount * constants.dosed
        enters, swallowed = route.enters, route.swallowed
        if route.half_dose is not None:
            enters = route.enters * route.half_dose / (route.half_dose + dose.amount)
            swallowed += route.enters - enters
        found[body.at[c, dose.route if route.absorption else "central"]] = given * enters
        if swallowed:
            found[body.at[c, "oral"]] += given * swallowed * body.routes["oral"].enters
    return found


def _body(drug: dict[str, Any], subject: Subject) -> _Body:
    species = drug["species"][subject.species]
    reference = _number(species["reference_weight"])
    growth = reference * (subject.weight / reference) ** 0.75
    liver_flow = _number(species["hepatic_flow"]["value"]) * growth
    compounds = _constants(drug, subject, reference)
    by_liver = {c: constants.clearance for c, constants in compounds.items()}
    if "hepatic_clearance" in species:
        factor = species["clearance_by_genotype"]["cyp2b6"][subject.cyp2b6]["value"] if subject.cyp2b6 else 1.0
        dosed = [c for c, constants in compounds.items() if constants.dosed]
        by_liver |= dict.fromkeys(dosed, _number(species["hepatic_clearance"]["value"]) * growth * factor)
    extraction = {c: min(1.0, clearance / liver_flow) for c, clearance in by_liver.items()}
    routes = {name: _route(entry) for name, entry in species["routes"].items()}
    parts = [
        (c, part) for c in compounds for part in ("central", "effect", *range(len(compounds[c].peripheral)), *routes)
    ]
    return _Body(compounds, routes, extraction, {part: index for index, part in enumerate(parts)})


def _constants(drug: dict[str, Any], subject: Subject, reference: float) -> dict[str, _Constants]:
    species = drug["species"][subject.species]
    growth = (subject.weight / reference) ** 0.75
    parents = species["dispositions"][subject.disposition or species["default"]]
    body = {}
    for c, compound in drug["compounds"].items():
        block = _row([*parents, *species.get("metabolites", [])], c)
        volume = _number(block["volume"])  # L/kg
        clearance = _number(block["clearance"]) if "clearance" in block else _number(block["k10"]) * volume
        if any(row is block for row in parents) and subject.cyp2b6:
            clearance *= species["clearance_by_genotype"]["cyp2b6"][subject.cyp2b6]["value"]
        exchanges = []
        for out, back in (("k12", "k21"), ("k13", "k31")):
            if out in block:
                exchange = _number(block[out]) * volume
                exchanges.append((exchange, exchange / _number(block[back])))
        if "flow" in block:
            exchanges.append((_number(block["flow"]), _number(block["peripheral"])))
        formation = _row(species.get("formation", []), c) or {}
        body[c] = _Constants(
            volume * subject.weight,
            clearance * reference * growth,
            [(exchange * reference * growth, periphery * subject.weight) for exchange, periphery in exchanges],
            _number(block["ke0"]),
            formation.get("forms"),
            formation.get("value", 0.0),
            _number(_row(drug["molar_mass"], c)["value"]),
            _row(drug["unbound_plasma"], c)["value"] * _row(drug["unbound_brain_ratio"], c)["value"],
            compound.get("dose_fraction", 0.0),
        )
    return body


def _route(entry: dict[str, Any]) -> _Route:
    absorption, bypass = _number(entry.get("absorption", 0.0)), entry.get("bypass", 0.0)
    if entry.get("first_pass", False):
        return _Route(absorption, entry["absorbed"], entry["gut"], bypass, 0.0, None)
    half_dose = _number(entry["half_dose"]) if "half_dose" in entry else None
    return _Route(absorption, entry.get("bioavailability", 1.0), None, 0.0, entry.get("swallowed", 0.0), half_dose)


def _row(rows: list[dict[str, Any]], compound: str) -> Any:
    return next((row for row in rows if compound in row["of"]), None)


def _number(value: Any) -> float:
    number, _, unit = str(value).partition(" ")
    return float(number) * _UNITS[unit]
