"""No dataset that a method is given is the truth under another name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.challenge import Challenge
from oceanbench.data import files
from oceanbench.data.expressions import parse_sum
from oceanbench.declaration.consistency import HIDDEN, LEARNED
from oceanbench.errors import OceanbenchError

COMPARED = 2**28  # bytes of a truth that is compared value by value
THE_SAME = 0.99  # of the values of a map


def refuse_truth(
    challenge: Challenge, name: str, opened: xr.Dataset, data_dir: Path | None
) -> None:
    """Refuse a dataset whose file or values are the truth's.

    Initial conditions may be the truth's of their starts, of which a method sees none that is
    later, and so may observations that are given as they were delivered; training data that have
    dates are cut to their period, which the truth's does not touch.

    Parameters
    ----------
    challenge : that it is of
    name : of the dataset
    opened : from :meth:`Challenge.open`
    data_dir : folder of the challenge's files
    """
    dataset = challenge.datasets[name]
    dated = challenge.domain is not None and "time" in opened.dims
    cut = dated and dataset.role == "observations" and bool(dataset.of_delivery)
    if dataset.role == "initial" or (dataset.role in LEARNED and dated) or cut:
        return
    for hidden in (n for n, d in challenge.datasets.items() if d.role in HIDDEN):
        if not _variables(challenge, name) & _variables(challenge, hidden):
            continue  # of the same file, but of something else: a mask
        if any(
            _same_file(one, other)
            for one in challenge.present(name, data_dir)
            for other in challenge.present(hidden, data_dir)
        ):
            raise OceanbenchError(
                f"{challenge.name}: dataset '{name}' is the file of '{hidden}', which no method "
                "receives; give another one"
            )
    if has_maps_of(challenge, opened, data_dir):
        raise OceanbenchError(
            f"{challenge.name}: dataset '{name}' has maps of the truth of days that are scored; "
            "take them out"
        )


def _variables(challenge: Challenge, name: str) -> set[str]:
    """Names in the files of what a dataset is made of."""
    terms = map(parse_sum, challenge.datasets[name].variables.values())
    return {source for one_sum in terms for _, source in one_sum}


def _same_file(one: Path, other: Path) -> bool:
    if one.samefile(other):
        return True
    alike = one.is_file() and other.is_file() and one.stat().st_size == other.stat().st_size
    return alike and files.sha256(one) == files.sha256(other)


def has_maps_of(challenge: Challenge, opened: xr.Dataset, data_dir: Path | None) -> bool:
    """Whether a map of a dataset is one of the truth's, node by node."""
    on_grid = challenge.truth.layout == "grid" and "latitude" in opened.dims
    if not on_grid or not challenge.present(challenge.truth_name, data_dir):
        return False
    truth = challenge.open(challenge.truth_name, data_dir)
    for variable in set(truth.data_vars) & set(opened.data_vars):
        known, given = truth[variable], opened[variable]
        if known.nbytes > COMPARED or not {"latitude", "longitude"} <= set(given.dims):
            continue
        known, given = xr.align(known, given, join="inner")
        same = (known == given) | (known.isnull() & given.isnull())
        if known.size and float(known.std()) > 0:
            maps = same.mean(("latitude", "longitude")).values
            if np.any(maps > THE_SAME):
                return True
    return False
