"""Kind ``tracks``: maps are compared with what an altimeter saw along its tracks.

Intervals resample days or, where the challenge says so, passes: all samples of one crossing of the
domain err together, for they share a map and the errors of their altimeter. Passes follow each
other, and those that do so within hours may err alike as days may: it is for the memory of the
series to tell (:mod:`oceanbench.scoring.memory`). Scores that are means of days keep their days.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import xarray as xr

from oceanbench.arrays import TimeArray
from oceanbench.declaration import Declaration, FieldMask, Section
from oceanbench.errors import OceanbenchError
from oceanbench.grid import interpolate
from oceanbench.kinds import examining, gridded
from oceanbench.kinds.expected import check_first_guesses
from oceanbench.kinds.kind import Cases, Kind, Submitted
from oceanbench.kinds.points import score_by, validate_by
from oceanbench.metrics.sums import PASS
from oceanbench.scoring.points import Pieces

BETWEEN_PASSES = np.timedelta64(10, "m")  # land is crossed in less; half an orbit takes fifty


class TrackKeys(Section):
    """What intervals of scores resample: days or passes."""

    cases: Literal["days", "passes"] = "days"


def pass_begins(time: TimeArray) -> TimeArray:
    """When the pass of each sample begins: a pause of more than ten minutes ends one.

    Numbers of passes are not looked at: products may number what lies between two coasts apart.

    Parameters
    ----------
    time : (samples,), in any order

    >>> seen = np.array(["2014-05-15T00:59", "2014-05-15T00:00", "2014-05-15T00:04"], "M8[m]")
    >>> pass_begins(seen)
    array(['2014-05-15T00:59', '2014-05-15T00:00', '2014-05-15T00:00'],
          dtype='datetime64[m]')
    """
    order = np.argsort(time, kind="stable")
    ordered = time[order]
    first = np.append(True, np.diff(ordered) > BETWEEN_PASSES)
    found = np.empty_like(time)
    found[order] = ordered[first][np.cumsum(first) - 1]
    return found


def defaults(content: dict[str, Any]) -> dict[str, Any]:
    """Content of a challenge.yaml whose maps are interpolated, as they cannot but be."""
    submission = content.get("submission")
    if not isinstance(submission, dict):
        return content
    return {**content, "submission": {"regrid": "linear", **submission}}


def check(declaration: Declaration) -> None:
    """Refuse a challenge without a domain, or whose maps would not be interpolated."""
    gridded.check_places(declaration)
    check_first_guesses(declaration)
    if declaration.submission.regrid != "linear":
        raise ValueError("submission.regrid: maps are interpolated to tracks; remove it")


def target(declaration: Declaration, data_dir: Path | None) -> xr.Dataset:
    """Empty maps on the declared grid: tracks have none of their own."""
    declared = gridded.target_maps(declaration)
    if declared is None:
        raise OceanbenchError(
            f"{declaration.path}: submission.grid is missing, so that methods do not know which "
            "maps to make; add for example grid: {step_degrees: 0.2}"
        )
    return declared


def elsewhere(declaration: Declaration) -> str:
    """Maps on any grid, where the challenge has none for methods."""
    if declaration.submission.grid is not None:
        return ""
    return "maps on any grid that covers the domain and the scored days"


def read(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None = None
) -> xr.Dataset:
    """Maps of a submission around the domain, which are interpolated in time."""
    return gridded.read_maps(declaration, submitted, bridged=True)


def matched(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None, against: str
) -> Pieces:
    """Estimate and truth of every variable and mask, along the tracks."""
    return gridded.matched_maps(
        declaration,
        submitted,
        data_dir,
        against,
        bridged=True,
        prepared=partial(prepared, declaration),
        at_truth=interpolate,
    )


def prepared(declaration: Declaration, truth: xr.DataArray) -> xr.DataArray:
    """Truth along its tracks, whose samples say of which pass they are where passes are cases."""
    if cast(TrackKeys, declaration.own).cases == "days":
        return truth
    return truth.assign_coords({PASS: ("time", pass_begins(truth["time"].values))})


def facts(declaration: Declaration) -> list[tuple[str, str]]:
    """What is resampled, where it is not days."""
    cases = cast(TrackKeys, declaration.own).cases
    return [] if cases == "days" else [("cases", cases)]


TRACKS = Kind(
    truth_layout="track",
    keys=TrackKeys,
    roles={**gridded.ROLES, "truth": "track", "target": "track"},
    layouts=gridded.LAYOUTS,
    mask_keys=FieldMask,
    submission_keys=gridded.MAP_RULES,
    cases=Cases("time", dated=True),
    check=check,
    defaults=defaults,
    open=gridded.open_dataset,
    target=target,
    read=read,
    score=partial(score_by, matched),
    validate=partial(validate_by, matched),
    elsewhere=elsewhere,
    facts=facts,
    examined=partial(gridded.examined, prepared),
    shortened=examining.first_days,
)
