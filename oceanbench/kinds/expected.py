"""What a challenge expects of variables, of all roles of datasets: unit, range and depth."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import xarray as xr

from oceanbench.data.coordinates import check_depth
from oceanbench.data.plausibility import Expected, expected_of
from oceanbench.data.units import same_unit
from oceanbench.declaration import Dataset, Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.grid import same_depth

EXACT = ("truth", "initial", "climatology", "training", "validation")  # roles without noise
SURFACE = 10.0  # metres: half of the thickest first layer of an ocean model
OF_FIRST_GUESS = ("level", "validation_rmse", "uses")  # beside the dates of its delivery


def expected(declaration: Declaration, dataset: Dataset) -> dict[str, Expected]:
    """Unit and range of each variable of a dataset.

    A variable that is submitted too has the unit and the ``valid_range`` of the submission; that of
    observations is three times as wide, since they have errors. Of a target, whose values are none,
    nothing is expected here.
    """
    if dataset.role == "target":
        return {}
    found = {}
    for name in dataset.variables:
        rules = declaration.submission.variables.get(name)
        units = dataset.units or (rules.units if rules is not None else None)
        one = expected_of(units, rules.valid_range if rules is not None else None)
        found[name] = one if dataset.role in EXACT else one.noisy
    return found


def check_units(declaration: Declaration) -> None:
    """Refuse a dataset whose declared unit is not that of the submission: they would be compared.

    Raises
    ------
    ValueError
        with key, value and cure
    """
    for key, dataset in declaration.datasets.items():
        for name in dataset.variables:
            rules = declaration.submission.variables.get(name)
            if dataset.units and rules and not same_unit(dataset.units, rules.units):
                raise ValueError(
                    f"datasets.{key}.units: '{dataset.units}', and submission.variables.{name} is "
                    f"in '{rules.units}'; both are compared: convert the files to one unit"
                )


def same_levels(first: xr.Dataset, second: xr.Dataset) -> bool:
    """Whether the depths of two files are the same, or one of them says none."""
    known = [np.atleast_1d(d["depth"].values) for d in (first, second) if "depth" in d.coords]
    if len(known) < 2:
        return True
    return known[0].shape == known[1].shape and bool(same_depth(*known).all())


def level_of(array: xr.DataArray, where: str) -> float | None:
    """Depth in metres that a file gives its one level of a variable; None where it gives none."""
    if "depth" not in array.coords or array["depth"].size != 1:
        return None
    check_depth(array["depth"], where)
    return float(array["depth"].values.ravel()[0])


def check_surface(array: xr.DataArray, where: str, *, known: Collection[float] = ()) -> None:
    """Refuse a variable of the surface that its file says to be of another depth.

    Parameters
    ----------
    array : with a coordinate ``depth``, or without
    where : file name, for messages
    known : depths of the other variables of the file, which a scalar coordinate may be of
    """
    if array.sizes.get("depth", 1) > 1:
        raise OceanbenchError(
            f"{where}: '{array.name}' has {array.sizes['depth']} depths, expected the surface; "
            "select the first level"
        )
    depth = level_of(array, where)
    if depth is None or abs(depth) <= SURFACE:
        return
    if "depth" not in array.dims and any(same_depth(depth, k) for k in known):
        return
    raise OceanbenchError(
        f"{where}: '{array.name}' is of depth {depth:g} m, expected the surface; select the first "
        "level"
    )


def check_level(array: xr.DataArray, column: Sequence[float | None], where: str) -> None:
    """Refuse a variable without the dimension depth where it needs it, or of another depth.

    Parameters
    ----------
    array : without a dimension ``depth``
    column : depths of the variable in the challenge
    where : file name, for messages
    """
    if len(column) > 1:
        raise OceanbenchError(
            f"{where}: '{array.name}' has no depth, expected {len(column)} of them; add the "
            "dimension depth, in metres, of length one if it is one depth"
        )
    depth = level_of(array, where)
    if depth is not None and column[0] is not None and not same_depth(depth, column[0]):
        raise OceanbenchError(
            f"{where}: '{array.name}' is of depth {depth:g} m, expected {column[0]:g} m; give the "
            "challenge's depth"
        )


def check_same_level(estimate: xr.DataArray, truth: xr.DataArray, where: str) -> None:
    """Refuse maps of a depth that is not the truth's; one that says none is of the surface."""
    found, wanted = level_of(estimate, where), level_of(truth, where)
    if wanted is None:
        check_surface(estimate, where)
    if found is not None and wanted is not None and not same_depth(found, wanted):
        raise OceanbenchError(
            f"{where}: '{estimate.name}' is of depth {found:g} m and the truth of {wanted:g} m; "
            "submit the depth of the truth"
        )


def check_one_value(truth: xr.Dataset, dims: Collection[str], where: str) -> None:
    """Refuse a truth that is not one number at each time and place.

    Parameters
    ----------
    truth : as it was opened
    dims : that it may have, beside a depth of one level
    where : challenge and dataset, for messages
    """
    for name, array in truth.data_vars.items():
        for dim, size in array.sizes.items():
            if dim not in dims and (dim, size) != ("depth", 1):
                raise OceanbenchError(
                    f"{where}: '{name}' has a dimension '{dim}', and one value of each place is "
                    "scored; select it"
                )


def check_first_guesses(declaration: Declaration) -> None:
    """Refuse what is said of a delivery, beside how good a first guess is and what it has seen."""
    for name, dataset in declaration.datasets.items():
        allowed = OF_FIRST_GUESS if dataset.role == "first_guess" else ()
        if odd := [key for key in dataset.of_delivery if key not in allowed]:
            raise ValueError(
                f"datasets.{name}.{odd[0]}: role '{dataset.role}' of kind '{declaration.kind}' has "
                "none; remove it"
            )
