"""What the table of metrics says of one of them: statistic → sum → value."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_origin

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.metrics.aligned import DETERMINISTIC, MARGINAL, NOT_DRAWS, Flagged, number
from oceanbench.metrics.cases import Parts, parts_of_tables
from oceanbench.metrics.probabilistic.points import Form, form_of, mean_of
from oceanbench.metrics.sums import Sums, mean_term, sums

LEAST_DRAWS = 8  # members of a score that takes them for independent draws
RUNS = 24  # of times, at most, whose tables are resampled

Options = Mapping[str, Any]
Parameters = dict[str, inspect.Parameter]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of the table: a score is a ``value`` of the sums of a ``statistic``.

    One of the two functions is written for the metric, says in its docstring what the score claims,
    and bears its name; the other has a default. The keyword parameters of both are the options.

    Attributes
    ----------
    statistic : what is summed, as a function ``(estimate, truth, weights, **options)``: a quantity
        at every point (of that point alone, unless it is ``of_case`` or ``needs`` more), or
        what ``summed`` says otherwise. By default nothing beside the weight, the error, its square,
        the truth and its square, which :class:`Sums` holds for every metric
    value : the score as a function of the sums and its options; by default the mean of the quantity
        at all points, or the statistic itself where it is not summed
    summed : how the statistics of several cases become one. ``points``: as weighted sums over the
        points of each case, ``value`` being a function of :class:`Sums` (whose last axis is the
        cases', so that resampled ones give a confidence interval). ``tables``: each is a table
        (:mod:`oceanbench.metrics.cases`), ``value`` a function of their total. ``leads``: of the
        skill at every lead of forecasts, and its interval. None: they do not, one statistic is of
        all cases together
    parts : what the statistic is a mean of, where it is not summed but made of passes or rows: a
        function like ``statistic`` that returns :class:`oceanbench.metrics.cases.Parts`, or None
    interval : whether resampling cases says how sure the score is
    units : unit of the value; None for the unit of the variable, ``squared`` for its square,
        ``time`` for the unit of time of windows. An option ``units`` says otherwise
    better : ``"lower"`` or ``"higher"``; None for a signed value that should be near ``ideal``
    ideal : value of a perfect estimate, or the name of the option that is it
    needs : ``"grid"``, ``"track"``, ``"windows"``, ``"leads"`` of forecasts, or ``"any"``
    bounds : smallest and largest value of a score that has no ``better``
    probabilistic : whether the estimate is a distribution, with a dimension ``member`` or
        ``moment``, where the submission gives one; otherwise it is always its mean
    joint : whether that has to be the joint distribution of all points: members, or a single value
    of_case : whether its quantity at a point is that of the whole case, which all points make
    of_single : whether a probabilistic score has a number for a single value too
    of_draws : whether it takes members for independent draws: it is shown of those that are
        declared so, and never ranks
    ranks : whether it tells who is better: it does not where what knows nothing is ideal too
    of_posterior : whether it compares the estimate with a posterior that is known, whose members
        stand in place of the truth
    daily : whether its cases are UTC days for maps too
    additive : whether the tables of two variables of one unit may be added, as energies are
    of_anomalies : whether estimate and truth have to be anomalies from a reference
    of_references : whether forecasts are scored by it against each reference that they have, even
        where the challenge does not say so
    of_arrays : the statistic of arrays of estimate and truth on the same points, both zero where
        there is no weight: the same numbers without the checks, for sums of many fields
    """

    statistic: Callable[..., Any] | None = None
    value: Callable[..., Any] | None = None
    summed: Literal["points", "tables", "leads"] | None = "points"
    parts: Callable[..., Parts | None] | None = None
    interval: bool = True
    units: str | None
    better: Literal["lower", "higher"] | None
    ideal: float | str | None
    needs: Literal["grid", "track", "windows", "leads", "any"] = "any"
    bounds: tuple[float, float] | None = None
    probabilistic: bool = False
    joint: bool = False
    of_case: bool = False
    of_single: bool = False
    of_draws: bool = False
    ranks: bool = True
    of_posterior: bool = False
    daily: bool = False
    additive: bool = False
    of_anomalies: bool = False
    of_references: bool = False
    of_arrays: Callable[[FloatArray, FloatArray], FloatArray] | None = None

    # --- the score ---------------------------------------------------------------------------

    def function(
        self, estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray, **options: Any
    ) -> float | Flagged:
        """Score of an estimate: what the evaluator computes, for all points at once.

        Parameters
        ----------
        estimate : DataArray like the truth; with a dimension ``member`` or ``moment`` for scores of
            distributions
        truth : DataArray, on the same points
        weights : DataArray broadcastable to truth, >= 0, zero outside the mask
        **options : of the metric
        """
        if unknown := set(options) - set(self.options):
            raise TypeError(f"unknown options {sorted(unknown)}; known: {list(self.options)}")
        if flagged := self.flagged(form_of(estimate), estimate.sizes.get("member", 1)):
            return flagged
        arrays = (estimate, truth, weights)
        found = self.statistic_of(*arrays, options)
        if self.summed == "points":
            known = truth.mean("member") if self.of_posterior else truth
            mean = mean_of(estimate, known, weights) if self.probabilistic else estimate
            found = sums(mean, known, weights, daily=self.daily, term=found)
        return self.score(found, options)

    def flagged(self, form: Form, members: int) -> Flagged | None:
        """Flag of an estimate of a form that it has no number for; None where it has."""
        if self.of_draws and (form != "ensemble" or members < LEAST_DRAWS):
            return NOT_DRAWS
        if self.joint:
            return MARGINAL if form == "gaussian" else None
        lacking = self.probabilistic and not self.of_single and form == "deterministic"
        return DETERMINISTIC if lacking else None

    def statistic_of(
        self, estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray, options: Options
    ) -> Any:
        """Statistic of an estimate; None where it sums nothing of its own."""
        if self.statistic is None:
            return None
        return self.statistic(estimate, truth, weights, **_those(_options(self.statistic), options))

    def value_of(self, found: Any, options: Options) -> Any:
        """Value of sums of statistics: an array for a batch of resampled :class:`Sums`."""
        if self.value is not None:
            return self.value(found, **_those(_options(self.value), options))
        return mean_term(found) if self.summed == "points" else found

    def score(self, found: Any, options: Options) -> float | Flagged:
        """Value of sums of statistics as one number, flagged where there is none."""
        value = self.value_of(found, options)
        return value if isinstance(value, Flagged) else number(value)

    def of_sums(self, options: Options) -> Callable[[Sums], Any] | None:
        """Score as a function of sums alone, which can be resampled; None without an interval."""
        if not self.interval or self.summed != "points":
            return None
        return lambda found: self.value_of(found, options)

    def parts_of(
        self, estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray, options: Options
    ) -> Parts | None:
        """Parts that a statistic is a mean of; of tables, those of runs of times."""
        if not self.interval or self.statistic is None:
            return None
        if self.parts is not None:
            own = _those(_options(self.parts), options)
            return self.parts(estimate, truth, weights, **own)
        if self.summed != "tables" or "time" not in truth.dims or truth.ndim < 2:
            return None
        whole, count = weights.broadcast_like(truth), truth.sizes["time"]
        runs = np.array_split(np.arange(count), min(RUNS, count))
        tables = []
        for run in runs:
            e, t, w = (array.isel(time=run) for array in (estimate, truth, whole))
            tables.append(self.statistic_of(e, t, w, options))
        return parts_of_tables(truth["time"].values[[run[0] for run in runs]], tables)

    def key(self, options: Options) -> tuple[str, str]:
        """Scores of one key share a statistic."""
        if self.statistic is None:
            return "", ""
        own = _those(_options(self.statistic), options)
        return f"{self.statistic.__module__}.{self.statistic.__qualname__}", str(
            sorted(own.items())
        )

    # --- what it is --------------------------------------------------------------------------

    @property
    def resampled(self) -> bool:
        """Whether it has a confidence interval."""
        return self.interval and (self.summed is not None or self.parts is not None)

    @property
    def pointwise(self) -> bool:
        """Whether its quantity at a point has nothing to do with the other points."""
        return self.summed == "points" and not self.of_case and self.needs == "any"

    @property
    def described(self) -> Callable[..., Any]:
        """Function that is written for the metric, and says what it claims."""
        found = self.value or self.statistic
        assert found is not None  # a row has one of both
        return found

    @property
    def claim(self) -> str:
        """First sentence of the docstring."""
        return (inspect.getdoc(self.described) or "").split("\n")[0]

    @property
    def options(self) -> Parameters:
        """Keyword options, by name."""
        parts = [part for part in (self.statistic, self.value) if part is not None]
        return {name: option for part in parts for name, option in _options(part).items()}

    def option(self, name: str, options: Options) -> Any:
        """Value of an option, its default where it is not given; None where there is none."""
        known = self.options
        return options.get(name, known[name].default if name in known else None)

    @property
    def limits(self) -> tuple[float, float]:
        """Values between which the score lies, as far as they are known."""
        if self.bounds is not None:
            return self.bounds
        ideal = self.ideal if isinstance(self.ideal, float) else None
        low = ideal if self.better == "lower" else None
        high = ideal if self.better == "higher" else None
        return -math.inf if low is None else low, math.inf if high is None else high

    def ideal_of(self, options: Options) -> float | None:
        """Value of a perfect estimate with these options."""
        return (
            float(self.option(self.ideal, options)) if isinstance(self.ideal, str) else self.ideal
        )

    def unit_for(self, truth: xr.DataArray, options: Options) -> str:
        """Unit of the value for a truth."""
        if self.units == "time":
            return str(truth["time"].attrs.get("units", "1"))
        return self.unit_of(str(truth.attrs.get("units", "")), options)

    def unit_of(self, variable: str, options: Options) -> str:
        """Unit of the value for a variable of some unit; not for a unit of ``time``."""
        if self.units == "squared":
            return variable if variable in ("", "1") else f"({variable})2"
        return str(options.get("units") or self.units or variable)

    # --- what figures show of its options ----------------------------------------------------

    def truth_error(self, options: Options) -> float:
        """Standard deviation that these options give to the error of the truth."""
        return float(self.option("truth_error", options) or 0.0)

    def level(self, options: Options) -> float:
        """PSD score at which a scale counts as resolved."""
        return float(self.option("level", options))

    def least_points(self, options: Options) -> int:
        """Points that a day needs to count."""
        return int(self.option("minimum_points", options) or 0)

    def rule(self, options: Options) -> str:
        """Which of several ways its value is found, in words."""
        ways = {
            n for n, p in _options(self.described).items() if get_origin(p.annotation) is Literal
        }
        return ", ".join(f"{n}: {self.option(n, options)}" for n in sorted(ways - {"units"}))


@cache
def _options(function: Callable[..., Any]) -> Parameters:
    parameters = inspect.signature(function, eval_str=True).parameters
    return {n: p for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


def _those(known: Parameters, options: Options) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in known}
