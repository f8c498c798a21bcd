"""What looks wrong in forecasts once all of them are scored, by the checks of errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oceanbench.declaration import Declaration
from oceanbench.kinds.forecasts.schedule import keys, unit_of
from oceanbench.kinds.forecasts.scoring import error_checks
from oceanbench.kinds.forecasts.scoring.references import References
from oceanbench.kinds.forecasts.scoring.sums import Accumulated, Against, named
from oceanbench.kinds.forecasts.submitted_fields import Forecasts
from oceanbench.result import Score


def warnings_of(
    declaration: Declaration,
    forecasts: Forecasts,
    references: References,
    table: Accumulated,
    scores: Sequence[Score],
) -> list[str]:
    """What every check of errors says of a submission."""
    errors, leads = _errors(forecasts, table), forecasts.leads
    warnings = error_checks.leads(errors, leads)
    warnings += error_checks.growth(errors, _changes(forecasts, references), leads)
    warnings += error_checks.heights(_heights(declaration, table))
    own = keys(declaration)
    if own.inputs == "observations":
        by_lead = {name: dict(zip(leads, rmse, strict=True)) for name, rmse in errors.items()}
        warnings += error_checks.hindsight(by_lead, _wavelengths(scores), own.centred_rmse)
    return warnings


def some_starts(forecasts: Forecasts) -> list[np.datetime64]:
    """First and middle start."""
    starts = list(forecasts.places)
    return list(dict.fromkeys((starts[0], starts[len(starts) // 2])))


def _changes(forecasts: Forecasts, references: References) -> dict[str, float]:
    """Rms change of the truth from the first lead to the last, of each variable and depth."""
    changes: dict[str, float] = {}
    if references.truth is None:
        return changes
    for variable, depths in forecasts.depths.items():
        for depth in depths if not forecasts.is_derived(variable) else ():
            squares = []
            for start in some_starts(forecasts):
                first, last = (
                    references.truth.read(variable, start + lead, [depth])
                    for lead in (forecasts.leads[0], forecasts.leads[-1])
                )
                squares.append(np.nanmean((last - first) ** 2))
            changes[named((variable, depth))] = float(np.sqrt(np.mean(squares)))
    return changes


def _errors(forecasts: Forecasts, table: Accumulated) -> dict[str, list[float]]:
    """RMSE by lead of each variable and depth, through the first mask."""
    errors = {}
    for variable, depths in forecasts.depths.items():
        for depth in depths if not forecasts.is_derived(variable) else ():
            level = (variable, depth)
            if (level, None) in table.tables:
                errors[named(level)] = np.sqrt(table.mean_square(level, 0)).tolist()
    return errors


def _heights(declaration: Declaration, table: Accumulated) -> dict[str, error_checks.Discrepancy]:
    """How heights differ from observations at the shortest lead, through the first mask."""
    found = {}
    for (level, reference), columns in table.tables.items():
        metres = unit_of(declaration, level[0]) == "m" and level[0] not in keys(declaration).derived
        if metres and reference is None and isinstance(level[1], Against):
            _, weight, error, square, value, squared_value = columns[:, :, 0, 0].sum(axis=1)
            if weight > 0:
                offset, mean = error / weight, value / weight
                variances = square / weight - offset**2, squared_value / weight - mean**2
                found[named(level)] = error_checks.Discrepancy(offset, *variances)
    return found


def _wavelengths(scores: Sequence[Score]) -> dict[str, dict[int, float]]:
    """Isotropic resolved wavelength by lead of each variable, through the first mask."""
    found: dict[str, dict[int, float]] = {}
    for score in scores:
        if score.metric == "isotropic_wavelength" and score.lead is not None:
            value = np.nan if score.value is None else score.value
            found.setdefault(f"'{score.variable}' ({score.mask})", {})[score.lead] = value
    return found
