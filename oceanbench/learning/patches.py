"""Patches of fields, for networks to learn from: any size and stride, regular or drawn at random.

>>> import numpy as np
>>> import pandas as pd
>>> import xarray as xr
>>> axes = {"time": pd.date_range("2013-01-01", periods=4), "latitude": [33, 34], "longitude": [5]}
>>> fields = xr.Dataset({"truth": (tuple(axes), np.arange(8.0).reshape(4, 2, 1))}, axes)
>>> patches = Patches.of(fields, days=2, size=1)
>>> item = patches[1]
>>> len(patches), item["truth"].flatten().tolist()
(4, [1.0, 3.0])
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import Dataset

from oceanbench.arrays import FloatArray, IntArray
from oceanbench.errors import OceanbenchError

AXES = ("time", "latitude", "longitude")
CHECKED_DAYS, GAP_DAYS = 32, 14  # at the end of a training period, and between it and the rest
EPOCH = np.datetime64("1970-01-01", "ns")

Array = TypeVar("Array", Tensor, FloatArray)
Size = int | tuple[int, int]


@dataclass(frozen=True)
class Patches(Dataset[dict[str, Tensor]]):
    """Patches of fields (time, latitude, longitude), as :class:`torch.utils.data.DataLoader` takes.

    An item is a dict: of every field a tensor (days, rows, columns) in single precision, NaN where
    the field is; and ``time`` (days since 1970-01-01), ``latitude`` and ``longitude`` (degrees) in
    double precision. Which patch an item is depends on its number alone, so that any number of
    workers gives the same; the order is the loader's.

    Attributes
    ----------
    fields : by their names, of one shape
    axes : time (datetime64), latitude and longitude
    shape : days, rows and columns of a patch
    corners : (patches, 3), the first day, row and column of every patch
    """

    fields: Mapping[str, Tensor]
    axes: Mapping[str, np.ndarray]
    shape: tuple[int, int, int]
    corners: IntArray

    @classmethod
    def of(
        cls,
        fields: xr.Dataset,
        *,
        days: int,
        size: Size = 0,
        stride: Size = 0,
        stride_days: int = 0,
        count: int = 0,
        seed: int = 0,
    ) -> Patches:
        """Cut fields into patches, or draw some at random.

        Parameters
        ----------
        fields : of dimensions time, latitude and longitude, such as
            :func:`oceanbench.methods.training_fields.training_fields` makes; read into memory
        days : of a patch
        size : its rows and columns, one number for both; 0 for all there are
        stride, stride_days : rows and columns, and days, from one patch to the next; 0 for as many
            as a patch has, so that none overlap. The last one ends with the field: it overlaps
            the one before where the stride does not fit.
        count : of patches to draw at random places instead; 0 for the regular ones
        seed : of those places; another one an epoch gives other patches

        Raises
        ------
        OceanbenchError
            if a field lacks a dimension, or a patch is larger than the fields
        """
        for name, field in fields.data_vars.items():
            if set(field.dims) != set(AXES):
                raise OceanbenchError(
                    f"{name}: dimensions {', '.join(map(str, field.dims)) or 'none'}, expected "
                    f"{', '.join(AXES)}; select one of the others, or expand_dims"
                )
        whole = tuple(fields.sizes[axis] for axis in AXES)
        rows, columns = _both(size)
        shape = days, rows or whole[1], columns or whole[2]
        for axis, length, most in zip(AXES, shape, whole, strict=True):
            if not 1 <= length <= most:
                raise OceanbenchError(
                    f"patches of {length} along {axis}, expected 1 to {most}, which the fields "
                    "have; give smaller ones"
                )
        steps = tuple(s or n for s, n in zip((stride_days, *_both(stride)), shape, strict=True))
        places = drawn(whole, shape, count, seed) if count else regular(whole, shape, steps)
        tensors = {
            str(name): torch.tensor(field.transpose(*AXES).values, dtype=torch.float32)
            for name, field in fields.data_vars.items()
        }
        return cls(tensors, {axis: fields[axis].values for axis in AXES}, shape, places)

    def __len__(self) -> int:
        """Count of the patches."""
        return len(self.corners)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        """Patch of a number, and where it is."""
        corner = self.corners[number]
        found = dict(zip(self.fields, cut(self.fields.values(), corner, self.shape), strict=True))
        for axis, first, length in zip(AXES, corner, self.shape, strict=True):
            nodes = self.axes[axis][first : first + length]
            values = (nodes - EPOCH) / np.timedelta64(1, "D") if axis == "time" else nodes
            found[axis] = torch.tensor(values, dtype=torch.float64)
        return {name: value.clone() for name, value in found.items()}

    def together(self, patches: Iterable[Tensor]) -> xr.DataArray:
        """Field of values of all patches, averaged where they overlap and NaN where there is none.

        Parameters
        ----------
        patches : of (days, rows, columns) each, such as a network's, in the order of the items
        """
        whole = tuple(len(self.axes[axis]) for axis in AXES)
        total, count = np.zeros(whole), np.zeros(whole)
        for corner, patch in zip(self.corners, patches, strict=True):
            (part,) = cut([total], corner, self.shape)
            part += patch.detach().cpu().numpy()
            (seen,) = cut([count], corner, self.shape)
            seen += 1.0
        mean = np.divide(total, count, out=np.full(whole, np.nan), where=count > 0)
        return xr.DataArray(mean, self.axes, AXES)


def split(
    fields: xr.Dataset, *, checked: int = CHECKED_DAYS, gap: int = GAP_DAYS
) -> tuple[xr.Dataset, xr.Dataset]:
    """Days to learn from, and the last ones, to validate with; what is between them is left out.

    Parameters
    ----------
    fields : with a dimension time
    checked : days at the end, which validate
    gap : days before those: what is nearer is no independent sea

    Raises
    ------
    OceanbenchError
        if no day is left to learn from
    """
    count = fields.sizes["time"]
    if not (checked > 0 <= gap and checked + gap < count):
        raise OceanbenchError(
            f"split: {count} days, of which {checked} are to validate after a gap of {gap}; give "
            "more days, or fewer to validate"
        )
    end = count - checked
    return fields.isel(time=slice(end - gap)), fields.isel(time=slice(end, None))


def cut(fields: Iterable[Array], corner: Sequence[int], shape: Sequence[int]) -> list[Array]:
    """Views of the same part of fields (days, rows, columns).

    Parameters
    ----------
    fields : of one shape
    corner : first day, row and column
    shape : days, rows and columns of the part
    """
    box = tuple(slice(int(a), int(a) + n) for a, n in zip(corner, shape, strict=True))
    return [field[box] for field in fields]


def regular(whole: Sequence[int], shape: Sequence[int], steps: Sequence[int]) -> IntArray:
    """Corners (patches, axes) of patches that cover all; the last along an axis ends with it."""
    firsts = []
    for length, size, step in zip(whole, shape, steps, strict=True):
        places = list(range(0, length - size + 1, step))
        firsts.append(places if places[-1] == length - size else [*places, length - size])
    return np.array(list(itertools.product(*firsts)), dtype=np.int64)


def drawn(whole: Sequence[int], shape: Sequence[int], count: int, seed: int) -> IntArray:
    """Corners (patches, axes) at random, each of all there are as likely as any other."""
    most = np.array(whole) - np.array(shape) + 1
    return np.random.default_rng(seed).integers(most, size=(count, len(most)))


def _both(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
