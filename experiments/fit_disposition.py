"""One set of human compartments for blood of arteries and of veins: fit to calibration A1, A2, A4 and A10.

Three compartments, both enantiomers alike. The pooled ones of Kamp 2020 are the prior, with a spread of one half in
each number; the findings' ranges are the likelihood. Stored: what every published set gives, and the fit, whose numbers
are `mixed` in ketasim/drugs/data/ketamine.yaml.

    python experiments/fit_disposition.py
"""

import numpy as np
import pandas
from common import options, store
from scipy.linalg import expm
from scipy.optimize import least_squares

NAMES = ("V1", "V2", "V3", "CL", "Q2", "Q3")  # L and L/h
PRIOR, SPREAD = np.log([25.0, 56.0, 157.0, 84.0, 161.0, 79.0]), 0.5
#: 70 kg; sources and how sure in docs/drugs.md.
PUBLISHED = {
    "Kamp 2020, pooled": np.exp(PRIOR),
    "Domino 1982, arterial-like": (4.41, 10.6, 178.2, 115.9, 156.7, 156.1),
    "Noppers 2011, arterial": (17.0, 28.3, 147.0, 93.5, 127.0, 91.9),
    "Simons 2022, arterial": (11.6, 39.0, 174.0, 88.8, 145.8, 72.6),
    "Clements 1981, venous-like": (122.7, 166.5, 1e-6, 80.2, 136.9, 1e-6),
    "Fanta 2015, venous": (133.0, 187.0, 98.8, 95.2, 23.2, 157.0),
    "Perez-Ruixo 2021": (192.0, 143.0, 417.0, 114.0, 84.3, 37.6),
}
#: What is compared -> lower and upper end.
FINDINGS = {
    "A1_clearance": (69.0, 90.0),  # L/h
    "A1_volume": (200.0, 304.0),  # L
    "A2": (150.0, 250.0),  # ng/mL after 35 mg over 40 min
    "A4": (23.2, 40.2),  # ng/mL after 5 mg over 30 min
    "A10": (148.0, 592.0),  # ng/mL 2 min after 10 mg
}


def main() -> None:
    """Fit, and store a row for each set."""
    least, most = np.array(list(FINDINGS.values())).T
    middle, spread = 0.5 * np.log(least * most), 0.25 * np.log(most / least)

    def residuals(logs: np.ndarray) -> np.ndarray:
        of_findings = (np.log(seen(np.exp(logs))) - middle) / spread
        return np.concatenate([of_findings, (logs - PRIOR) / SPREAD])

    fit = least_squares(residuals, PRIOR, xtol=1e-10)
    errors = np.sqrt(np.diag(np.linalg.inv(fit.jac.T @ fit.jac)))
    rows = [
        (name, *np.round(values, 3), *seen(values)) for name, values in (PUBLISHED | {"fit": np.exp(fit.x)}).items()
    ]
    rows.append(("error of the fit, %", *(100.0 * errors), *([np.nan] * len(FINDINGS))))
    rows += [(name, *([np.nan] * len(NAMES)), *ends) for name, ends in (("at least", least), ("at most", most))]
    store(pandas.DataFrame(rows, columns=["set", *NAMES, *FINDINGS]), options(__file__))


def seen(numbers: np.ndarray) -> np.ndarray:
    """Return what the findings compare, for volumes in L, clearance and flows in L/h."""
    first, second, third, clearance, fast, slow = numbers
    rates = [
        [-(clearance + fast + slow) / first, fast / second, slow / third],
        [fast / first, -fast / second, 0.0],
        [slow / first, 0.0, -slow / third],
    ]

    def infused(dose: float, hours: float) -> float:
        grown = (expm(np.array(rates) * hours) - np.eye(3)) @ [dose / hours, 0.0, 0.0]
        return np.linalg.solve(rates, grown)[0] / first * 1e3

    bolus = (expm(np.array(rates) / 30.0) @ [10.0, 0.0, 0.0])[0] / first * 1e3
    return np.array([clearance, first + second + third, infused(35.0, 2.0 / 3.0), infused(5.0, 0.5), bolus])


if __name__ == "__main__":
    main()
