"""How drugs are given to people, as trials, consensus papers and labels have it: data beside the drugs, no advice."""

from functools import lru_cache
from importlib import resources
from math import isfinite
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ketasim.documents import DoseAmount, parse_document
from ketasim.documents.units import in_words
from ketasim.documents.validation import Amount, Quantity, Record, validate
from ketasim.drugs.model import Stated

#: Words of a remark on a dose that nobody has published for people.
OUTSIDE = "outside published dosing of people"

_Time = Annotated[float, Field(gt=0), Quantity("s")]


class Practice(Stated):
    """Published dosing of people in one setting, by some routes; what is None is not stated.

    Attributes
    ----------
    least, most : DoseAmount, optional
        Of a dose.
    hourly : DoseAmount, optional
        Most of an hour of an infusion.
    shortest, longest : float, optional
        s that a dose runs in.
    interval : float, optional
        Least s from the begin of a dose to that of the next.
    single : bool
        Whether people were given one dose only.
    watched : float, optional
        Least s under observation.
    """

    drug: str
    setting: str
    routes: tuple[str, ...]
    least: Annotated[DoseAmount, Amount()] | None = None
    most: Annotated[DoseAmount, Amount()] | None = None
    hourly: Annotated[DoseAmount, Amount(per_hour=True)] | None = None
    shortest: _Time | None = None
    longest: _Time | None = None
    interval: _Time | None = None
    single: bool = False
    watched: _Time | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "Practice":
        if self.most is None and self.hourly is None:
            raise ValueError("give `most` or `hourly`")
        return self

    def holds(self, milligrams: float, weight: float, duration: float, interval: float) -> bool:
        """Whether a dose is within all bounds of the row.

        Parameters
        ----------
        milligrams : float
            Amount of the dose.
        weight : float
            Body weight, kg.
        duration : float
            s that it runs in; 0 at once.
        interval : float
            s since the begin of the dose before; infinite for a first one.
        """
        hourly = milligrams / max(duration / 3600.0, 1.0)
        amounts = ((self.least, milligrams, 1), (self.most, milligrams, -1), (self.hourly, hourly, -1))
        times = ((self.shortest, duration, 1), (self.longest, duration, -1), (self.interval, interval, 1))
        pairs = [(value, bound.milligrams(weight), sign) for bound, value, sign in amounts if bound is not None]
        pairs += [(value, bound, sign) for bound, value, sign in times if bound is not None]
        if self.single and isfinite(interval):
            return False
        return all(sign * (value - bound) >= -1e-6 * bound for value, bound, sign in pairs)

    def words(self) -> str:
        """Return the row in words.

        Examples
        --------
        >>> practice("esketamine", "intranasal")[0].words()
        'depression: 28 mg to 84 mg, at least 3 d apart'
        """
        ends = [str(one) for one in (self.least, self.most) if one is not None]
        amount = [("up to " if self.least is None else "") + " to ".join(ends)] if ends else []
        amount += [f"up to {self.hourly}"] if self.hourly else []
        times = [in_words(one) for one in (self.shortest, self.longest) if one is not None]
        bound = "" if len(times) == 2 else "up to " if self.longest else "at least "
        amount[-1] += f" over {bound}{' to '.join(times)}" if times else ""
        apart = [f"at least {in_words(self.interval)} apart"] if self.interval else ["once"] if self.single else []
        return f"{self.setting}: {', '.join(amount + apart)}"


class _File(Record):
    format: Literal[1]
    rows: tuple[Practice, ...]


@lru_cache
def _rows() -> tuple[Practice, ...]:
    text = resources.files("ketasim.drugs").joinpath("practice.yaml").read_text(encoding="utf-8")
    return validate(_File, parse_document(text, "practice.yaml")).rows


def practice(drug: str, route: str | None = None) -> list[Practice]:
    """Return the published dosing of people with a drug, by a route or by all.

    Examples
    --------
    >>> [row.setting for row in practice("ketamine", "intramuscular")]
    ['depression', 'anaesthesia']
    """
    return [row for row in _rows() if row.drug == drug and (route is None or route in row.routes)]
