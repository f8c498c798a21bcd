"""What the table of metrics says of one of them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import xarray as xr

from oceanbench.metrics.aligned import Flagged, FloatArray
from oceanbench.metrics.sums import Sums


@dataclass(frozen=True)
class Metric:
    """One row of the table.

    Attributes
    ----------
    function : ``(estimate, truth, weights, **options) -> float | Flagged``
    units : unit of the value; None for the unit of the variable, ``squared`` for its square,
        ``time`` for the unit of time of windows
    better : ``"lower"`` or ``"higher"``; None for a signed value that should be near ``ideal``
    ideal : value of a perfect estimate, or the name of the option that is it
    needs : ``"grid"``, ``"track"``, ``"windows"`` or ``"any"``
    probabilistic : whether the estimate is a distribution, with a dimension ``member`` or
        ``moment``, where the submission gives one; otherwise it is always its mean
    joint : whether that has to be the joint distribution of all points: members, or a single value
    of_single : whether a probabilistic score has a number for a single value too
    of_sums : the same score as a function of :class:`Sums` and the options, for the metrics that
        have a confidence interval; None for the others
    term : of a metric with ``of_sums`` that reads sums of a quantity of its own, that quantity at
        every point: a function like ``function`` that returns a DataArray on the truth's points;
        ``of_sums`` then takes no options
    bounds : smallest and largest value of a score that has no ``better``
    daily : whether those sums go over UTC days for maps too
    by_case : of a metric without ``of_sums`` that can be summed over cases all the same: the table
        (:mod:`oceanbench.metrics.cases`) that it reads, as a function like ``function``
    of_cases : the score as a function of the total of such tables and the other options
    additive : whether the tables of two variables of one unit may be added, as energies are
    of_psd : the same score as a function of :func:`spectral.psd_score` and the other options, so
        that scores of one spectrum compute it once; None for the others
    """

    function: Callable[..., float | Flagged]
    units: str | None
    better: Literal["lower", "higher"] | None
    ideal: float | str | None
    needs: Literal["grid", "track", "windows", "any"] = "any"
    probabilistic: bool = False
    joint: bool = False
    of_single: bool = False
    of_sums: Callable[..., Any] | None = None
    term: Callable[..., xr.DataArray] | None = None
    bounds: tuple[float, float] | None = None
    daily: bool = False
    by_case: Callable[..., FloatArray] | None = None
    of_cases: Callable[..., float | Flagged] | None = None
    additive: bool = False
    of_psd: Callable[..., float | Flagged] | None = None

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """Keyword options of the function, by name."""
        parameters = inspect.signature(self.function, eval_str=True).parameters
        return {n: p for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}

    @property
    def limits(self) -> tuple[float, float]:
        """Values between which the score lies, as far as they are known."""
        if self.bounds is not None:
            return self.bounds
        ideal = self.ideal if isinstance(self.ideal, float) else None
        low = ideal if self.better == "lower" else None
        high = ideal if self.better == "higher" else None
        return -math.inf if low is None else low, math.inf if high is None else high

    def unit_for(self, truth: xr.DataArray) -> str:
        """Unit of the value for a truth."""
        if self.units == "time":
            return str(truth["time"].attrs.get("units", "1"))
        return self.unit_of(str(truth.attrs.get("units", "")))

    def unit_of(self, variable: str) -> str:
        """Unit of the value for a variable of some unit; not for a unit of ``time``."""
        if self.units == "squared":
            return variable if variable in ("", "1") else f"({variable})2"
        return self.units or variable

    def ideal_of(self, options: Mapping[str, Any]) -> float | None:
        """Value of a perfect estimate with these options."""
        if isinstance(self.ideal, str):
            return float(options.get(self.ideal, self.options[self.ideal].default))
        return self.ideal

    def score_of_sums(self, options: Mapping[str, Any]) -> Callable[[Sums], Any] | None:
        """Score as a function of sums alone, for the metrics that have one."""
        if self.of_sums is None or self.term is not None:
            return self.of_sums
        return partial(self.of_sums, **options)

    def of_case(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the options that the table of a case depends on."""
        if self.by_case is None:
            return {}
        known = inspect.signature(self.by_case).parameters
        return {name: value for name, value in options.items() if name in known}

    def of_total(self, table: FloatArray, options: Mapping[str, Any]) -> float | Flagged:
        """Score of a total of tables."""
        assert self.of_cases is not None  # callers have asked for by_case
        others = {n: v for n, v in options.items() if n not in self.of_case(options)}
        return self.of_cases(table, **others)

    def takes(self, members: int) -> bool:
        """Whether it has a number for an estimate of so many members at each point."""
        return members > 1 or not self.probabilistic or self.of_single or self.joint

    @property
    def claim(self) -> str:
        """First sentence of the function's docstring."""
        return (inspect.getdoc(self.function) or "").split("\n")[0]
