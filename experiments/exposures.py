"""Concentrations of every drug and route beside the published ones in ``published_exposures.csv``.

Without a network. Peaks in ng/mL, times and half-lives in h, areas to the end in ng/mL h, bioavailability and ratios of
areas as they are, brain in uM unbound. What was used to set a drug's numbers, because nothing else is known, says so.

    python experiments/exposures.py [--quick] [--jobs N]
"""

from functools import cache

import numpy as np
import pandas
from common import options, store
from stamps import HERE

import ketasim

DAYS = {"memantine": 17, "rapamycin": 17, "escitalopram": 10}  # 3 for the others


def main() -> None:
    """Run every case, store the table."""
    chosen, rows = options(__file__), []
    for case in pandas.read_csv(HERE / "published_exposures.csv", keep_default_na=False).itertuples(index=False):
        words = f"{case.quantity} of {case.of}" + (f" over {case.over}" if case.over else "")
        found = predicted(case[:5], case.quantity, case.of, case.over)
        dose = f"{case.route} {case.amount}" + (f" over {case.minutes} min" if case.minutes else "")
        rows.append((case.drug, case.species, dose, words, found, case.published, case.source, case.used))
    columns = ("drug", "species", "dose", "quantity", "predicted", "published", "source", "used")
    store(pandas.DataFrame(rows, columns=columns), chosen)


def predicted(case: tuple, quantity: str, of: str, over: str) -> float:
    """Return a quantity of one dose."""
    if quantity in ("peak", "brain"):  # exact, whatever the steps; of all compounds of a moiety together
        return float(course(*case, of, f"{'brain' if quantity == 'brain' else 'plasma'}_concentration_peak").iloc[-1])
    found = course(*case, of)
    if quantity == "time":
        return found.idxmax()
    if quantity == "half-life":  # of the last part that can be seen
        late = found[(found.index > found.idxmax()) & (found < 0.1 * found.max()) & (found > 0.002 * found.max())]
        return -np.log(2.0) / np.polyfit(late.index, np.log(late), 1)[0]
    injected = *case[:2], "intravenous", case[3], 0
    below = {"F": (*injected, of), "ratio": (*case, over)}.get(quantity)
    return area(*case, of) / (area(*below) if below else 1.0)


def area(*case) -> float:
    """Return the area under the course of a compound or moiety to its end, in ng/mL h; exact whatever the steps."""
    return float(course(*case, "plasma_concentration_area").iloc[-1])


def course(drug, species, route, amount, minutes, of, signal="plasma_concentration") -> pandas.Series:
    """Return the concentration of a compound, or of all of a moiety, over time in h."""
    found = run_of(drug, species, route, amount, minutes)[signal]
    chosen = found["compound"].isin([of]) | found["moiety"].isin([of])
    rows = found.sel(compound=chosen).sum("compound").to_series()
    return rows.set_axis(rows.index / 3600.0)


@cache
def run_of(drug, species, route, amount, minutes) -> ketasim.Trajectory:
    """Run one dose without a network."""
    dose = {"drug": drug, "route": route, "amount": amount, "duration": f"{minutes} min"}
    settings = {"format": 1, "duration": f"{DAYS.get(drug, 3)} d", "network": "none", "schedule": {"step": "5 min"}}
    given = settings | {"subject": {"species": species}, "doses": [dose]}
    return ketasim.run(ketasim.Experiment.from_mapping(given))


if __name__ == "__main__":
    main()
