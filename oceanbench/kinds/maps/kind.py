"""Kind ``maps``: the truth is maps, and so is a submission."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import xarray as xr

from oceanbench.declaration import Declaration, FieldMask
from oceanbench.grid import interpolate
from oceanbench.kinds import examining, gridded
from oceanbench.kinds.expected import check_first_guesses
from oceanbench.kinds.kind import Cases, Kind, Submitted
from oceanbench.kinds.maps.truth_grid import at_nodes, check_truth
from oceanbench.kinds.points import score_by, validate_by
from oceanbench.kinds.submitted import empty
from oceanbench.scoring.points import Pieces


def check(declaration: Declaration) -> None:
    """Refuse a challenge without a domain, and dates of deliveries, which no map keeps."""
    gridded.check_places(declaration)
    check_first_guesses(declaration)


def target(declaration: Declaration, data_dir: Path | None) -> xr.Dataset:
    """Empty maps on the declared grid, else on the coordinates that are scored, without values."""
    declared = gridded.target_maps(declaration)
    if declared is not None:
        return declared
    scored = gridded.open_dataset(declaration, declaration.scored_at(data_dir), data_dir, None)
    return empty(declaration, {name: scored[name].values for name in gridded.MAPS})


def is_bridged(declaration: Declaration) -> bool:
    """Whether maps are interpolated to the truth's nodes and times."""
    return declaration.submission.regrid == "linear"


def read(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None = None
) -> xr.Dataset:
    """Maps of a submission around the domain."""
    return gridded.read_maps(declaration, submitted, bridged=is_bridged(declaration))


def matched(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None, against: str
) -> Pieces:
    """Estimate and truth of every variable and mask, on the truth's nodes."""

    def at_truth(field: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
        return interpolate(field, truth) if bridged else at_nodes(field, truth, declaration.name)

    bridged = is_bridged(declaration)
    return gridded.matched_maps(
        declaration,
        submitted,
        data_dir,
        against,
        bridged=bridged,
        prepared=partial(prepared, declaration),
        at_truth=at_truth,
    )


def prepared(declaration: Declaration, truth: xr.DataArray) -> xr.DataArray:
    """Maps of the truth in order, refused where they do not fill the domain."""
    ordered = truth.transpose(*gridded.MAPS)
    check_truth(ordered, declaration)
    return ordered


MAPS = Kind(
    truth_layout="grid",
    roles=gridded.ROLES,
    layouts=gridded.LAYOUTS,
    mask_keys=FieldMask,
    submission_keys=(*gridded.MAP_RULES, "fill"),
    cases=Cases("time", dated=True),
    check=check,
    open=gridded.open_dataset,
    target=target,
    read=read,
    score=partial(score_by, matched),
    validate=partial(validate_by, matched),
    examined=partial(gridded.examined, prepared),
    shortened=examining.first_days,
)
