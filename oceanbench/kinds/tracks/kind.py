"""Kind ``tracks``: maps are compared with what an altimeter saw along its tracks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr

from oceanbench.declaration import Declaration, FieldMask
from oceanbench.errors import OceanbenchError
from oceanbench.grid import interpolate
from oceanbench.kinds import examining, gridded
from oceanbench.kinds.expected import check_first_guesses
from oceanbench.kinds.kind import Cases, Kind, Submitted
from oceanbench.kinds.points import score_by, validate_by
from oceanbench.scoring.points import Pieces


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
        prepared=lambda truth: truth,
        at_truth=interpolate,
    )


TRACKS = Kind(
    truth_layout="track",
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
    examined=partial(gridded.examined, lambda _, truth: truth),
    shortened=examining.first_days,
)
