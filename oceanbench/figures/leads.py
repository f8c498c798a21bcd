"""Forecasts by lead: errors beside references, activity, spectra, ranks and spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oceanbench.data.units import standard_unit
from oceanbench.declaration import Declaration
from oceanbench.figures.style import ERROR, ESTIMATE, LINES, TRUTH, UNITS, scales
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow, scores_of
from oceanbench.kinds.forecasts.schedule import unit_of
from oceanbench.kinds.forecasts.scoring.scores import Scored
from oceanbench.kinds.forecasts.scoring.sums import Against, Level, dataset_of, named
from oceanbench.metrics import METRICS
from oceanbench.metrics.probabilistic.calibration import fractions, pit_table
from oceanbench.metrics.probabilistic.scores import spread_skill
from oceanbench.metrics.spectral.zonal import KINDS, zonal_spectra
from oceanbench.result import Score

Layer = tuple[str, float | None]  # variable and depth

ACROSS = 4  # panels beside each other
REFERENCES = {"persistence": ("#999999", "--"), "climatology": ("#009e73", "-.")}


def few(values: Sequence[Any]) -> list[Any]:
    """First, middle and last of some values."""
    places = sorted({0, (len(values) - 1) // 2, len(values) - 1})
    return [values[place] for place in places]


def written_unit(declaration: Declaration, variable: str) -> str:
    """Unit of a variable, as it is written for readers."""
    unit = unit_of(declaration, variable)
    return UNITS.get(standard_unit(unit), unit)


def errors(scored: Scored, declaration: Declaration, heading: str) -> Figure:
    """RMSE by lead of every variable on few depths, with those of the references."""
    table, mask = scored.table, scored.table.masks[0]
    levels: list[Level] = [
        (name, depth) for name, column in scored.forecasts.depths.items() for depth in few(column)
    ]
    if scored.references.truth is None:  # of points
        levels = [one for one in table.points if dataset_of(one) == declaration.truth_name]
    levels = [level for level in levels if (level, None) in table.tables]
    figure, panels = _panels(len(levels), heading + f", RMSE in '{mask}'")
    for axes, level in zip(panels, levels, strict=False):
        leads = scored.forecasts.leads
        axes.plot(leads, np.sqrt(table.mean_square(level, 0)), "o-", color=ERROR, label="forecast")
        for name, (colour, line) in REFERENCES.items():
            if (level, name) in table.tables:
                rmse = np.sqrt(table.mean_square(level, 0, name))
                axes.plot(leads, rmse, line, color=colour, label=name)
        axes.set(title=_named(level), ylabel=written_unit(declaration, level[0]), ylim=(0, None))
    _legend_below(figure, panels[0])
    return figure


def structure(scored: Scored, heading: str) -> Figure | None:
    """Anomaly correlation and activity by lead of every variable, where they are scored."""
    names = [name for name, metric in METRICS.items() if metric.of_anomalies]
    found = {name: _by_level(scored, name) for name in names}
    found = {name: lines for name, lines in found.items() if lines}
    if not found:
        return None
    figure = Figure(figsize=(5.2 * len(found), 4.6))
    figure.suptitle(heading)
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, (name, lines) in zip(panels, found.items(), strict=True):
        for (level, scores), colour in zip(lines.items(), _colours(len(lines)), strict=True):
            leads, values = [s.lead for s in scores], [s.value for s in scores]
            axes.plot(leads, values, "o-", color=colour, ms=4, label=_named(level))
        axes.axhline(1.0, color=TRUTH, lw=1.0, ls="--")
        axes.set(title=name.replace("_", " "), xlabel="lead (days)")
    _legend_below(figure, panels[0])
    return figure


def spectra(
    scored: Scored, declaration: Declaration, row: ForecastRow, heading: str
) -> Figure | None:
    """Energy by zonal wavelength of truth and forecast at few leads, and what is left of it."""
    tables = _tables(scored, row, few(scored.forecasts.leads))
    if not tables:
        return None
    figure = Figure(figsize=(7.0, 7.4))
    figure.suptitle(f"{heading}, {' + '.join(row.of_variables)} in '{row.mask}'")
    energy, ratio = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    for (lead, table), colour in zip(tables.items(), _colours(len(tables)), strict=True):
        wavelength, density = 1.0 / table[0], table[1:5] / table[5] / table[0, 0]
        rows = dict(zip(KINDS, density, strict=True))
        if lead == min(tables):
            energy.loglog(wavelength, rows["truth"], color=TRUTH, lw=2.5, label="truth")
        energy.loglog(wavelength, rows["members"], color=colour, label=f"forecast, day {lead}")
        energy.loglog(wavelength, rows["error"], ":", color=colour, label=f"error, day {lead}")
        ratio.plot(wavelength, rows["members"] / rows["truth"], color=colour)
        ratio.plot(wavelength, rows["error"] / rows["truth"], ":", color=colour)
    ratio.axhline(1.0, color=TRUTH, lw=1.0)
    ratio.axhline(0.5, color="0.6", lw=1.0, ls="--")
    ratio.set(ylabel="over the truth's; dashed: 1/2", ylim=(0, 2))
    energy.set(
        ylabel=f"energy per wavenumber (({written_unit(declaration, str(row.variable))})² km)"
    )
    energy.legend(fontsize=8, ncols=2)
    scales(ratio, "x", "zonal wavelength (km)")
    return figure


def ranks(scored: Scored, _: Declaration, row: ForecastRow, heading: str) -> Figure | None:
    """Histogram of ranks at few leads."""
    tables = _tables(scored, row, few(scored.forecasts.leads))
    if not tables:
        return None
    figure = Figure(figsize=(3.6 * len(tables) + 0.4, 3.6))
    members = scored.table.members[str(row.variable)]
    figure.suptitle(f"{heading}, {members} members of {row.variable} in '{row.mask}'")
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for axes, (lead, table) in zip(panels, tables.items(), strict=True):
        bins = table.shape[1]
        place = (np.arange(bins) + 0.5) / bins
        axes.bar(place, bins * fractions(table), 0.92 / bins, color=ESTIMATE)
        axes.axhline(1.0, color=TRUTH, ls="--", lw=1.0)
        axes.set(title=f"day {lead}", xlim=(0, 1), xlabel="place of the truth among them")
    panels[0].set(ylabel="density; flat is ideal")
    return figure


def spread(scored: Scored, declaration: Declaration, heading: str) -> Figure | None:
    """RMSE of the mean by lead, and the one that the spread of the members promises."""
    (metric,) = (name for name, known in METRICS.items() if known.value is spread_skill)
    lines = _by_level(scored, metric)
    if not lines:
        return None
    figure, panels = _panels(len(lines), heading)
    for axes, (level, scores) in zip(panels, lines.items(), strict=False):
        mask = scored.table.masks.index(scores[0].mask)
        rmse = np.sqrt(scored.table.mean_square(level, mask))
        known = {lead: float(e) for lead, e in zip(scored.forecasts.leads, rmse, strict=True)}
        leads = [int(s.lead or 0) for s in scores]
        axes.plot(
            leads, [known[lead] for lead in leads], "o-", color=ERROR, label="RMSE of the mean"
        )
        promised = [
            float(s.value or np.nan) * known[lead] for s, lead in zip(scores, leads, strict=True)
        ]
        axes.plot(leads, promised, "s--", color=ESTIMATE, label="expected from the spread")
        axes.set(title=_named(level), ylabel=written_unit(declaration, level[0]), ylim=(0, None))
    _legend_below(figure, panels[0])
    return figure


def of_tables(scored: Scored, declaration: Declaration) -> Iterator[tuple[str, ForecastRow]]:
    """Kind of figure and score of all on the grid that is summed as a table, each at any lead."""
    kinds = {zonal_spectra: "spectra", pit_table: "ranks"}
    seen = set()
    for row in scores_of(declaration):
        statistic = METRICS[row.metric].statistic
        if statistic not in kinds or row.against or row.mask != scored.table.masks[0]:
            continue
        key = (statistic, *row.of_variables, row.depth, row.relative_to)
        if key not in seen:
            seen.add(key)
            yield kinds[statistic], row


def _tables(scored: Scored, row: ForecastRow, leads: Sequence[int]) -> dict[int, Any]:
    """Table of a score at each lead that has one."""
    if any((n, row.depth) not in scored.table.points for n in row.of_variables):
        return {}
    found = {lead: scored.table.table(row.model_copy(update={"lead": lead})) for lead in leads}
    return {lead: table for lead, table in found.items() if table is not None}


def _by_level(scored: Scored, metric: str) -> dict[Layer, list[Score]]:
    """Scores by lead of a metric on the grid, of each variable on its first depth with them."""
    lines: dict[Layer, list[Score]] = {}
    for score in scored.scores:
        through = score.mask == scored.table.masks[0] and score.against is None
        there = score.lead is not None and score.value is not None
        if score.metric == metric and through and there:
            lines.setdefault((score.variable, score.depth), []).append(score)
    first: dict[str, Layer] = {}
    for level in lines:
        first.setdefault(level[0], level)
    return {level: lines[level] for level in first.values()}


def _panels(count: int, heading: str) -> tuple[Figure, list[Axes]]:
    across = min(count, ACROSS)
    down = -(-count // across)
    figure = Figure(figsize=(3.1 * across + 0.6, 2.5 * down + 1.0))
    figure.suptitle(heading)
    panels = list(figure.subplots(down, across, sharex=True, squeeze=False).flat)
    for number, axes in enumerate(panels):
        axes.set_visible(number < count)
        if number + across >= count:  # the lowest of its column
            axes.set(xlabel="lead (days)")
            axes.tick_params(labelbottom=True)
    return figure, panels


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6)


def _colours(count: int) -> list[Any]:
    return (
        list(LINES[:count])
        if count <= len(LINES)
        else list(mpl.colormaps["viridis"](np.linspace(0, 0.9, count)))
    )


def _named(level: Level) -> str:
    variable, depth = level
    if isinstance(depth, Against):
        return named(level)
    return variable if depth is None else f"{variable}, {depth:.3g} m"
