"""Datasets of another process: their coordinates and attributes here, their values on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from oceanbench.errors import OceanbenchError

Ask = Callable[[Any], Any]


class Opened(NamedTuple):
    """Question: what a dataset is, as :class:`Empty`."""

    name: str


class Read(NamedTuple):
    """Question: values of a variable of a dataset, at an index of each dimension."""

    name: str
    variable: str
    key: tuple[Any, ...]


class Described(NamedTuple):
    """What a variable is."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attrs: Mapping[str, Any]


class Empty(NamedTuple):
    """A dataset without the values of its variables; it says nothing of where these lie."""

    coords: xr.Dataset
    variables: Mapping[str, Described]

    @classmethod
    def of(cls, dataset: xr.Dataset) -> Empty:
        """Describe a dataset; its coordinates are read."""
        coords = dataset.drop_vars(list(dataset.data_vars)).load().drop_encoding()
        variables = {
            str(name): Described(tuple(map(str, v.dims)), v.shape, v.dtype, dict(v.attrs))
            for name, v in dataset.data_vars.items()
        }
        return cls(coords, variables)

    def filled(self) -> xr.Dataset:
        """Build the dataset, every value missing."""
        return self._with(lambda _, v: np.full(v.shape, np.nan, v.dtype))

    def remote(self, name: str, ask: Ask) -> xr.Dataset:
        """Build the dataset, whose values are asked for when they are needed, once."""

        def lazy(variable: str, v: Described) -> Any:
            array = _RemoteArray(name, variable, v.shape, v.dtype, ask)
            kept = indexing.MemoryCachedArray(indexing.LazilyIndexedArray(array))  # type: ignore[no-untyped-call]
            return kept

        return self._with(lazy)

    def _with(self, values: Callable[[str, Described], Any]) -> xr.Dataset:
        made = {n: xr.Variable(v.dims, values(n, v), v.attrs) for n, v in self.variables.items()}
        return self.coords.assign(made)


class RemoteInputs(Mapping[str, xr.Dataset]):
    """Inputs of a method that lie in another process.

    Parameters
    ----------
    names : of those that are there
    ask : question -> reply
    """

    def __init__(self, names: Sequence[str], ask: Ask) -> None:
        self._names, self._ask = names, ask
        self._opened: dict[str, xr.Dataset] = {}

    def __getitem__(self, name: str) -> xr.Dataset:
        """Ask what a dataset is."""
        if name not in self._opened:
            self._opened[name] = self._ask(Opened(name)).remote(name, self._ask)
        return self._opened[name]

    def __contains__(self, name: object) -> bool:
        """Whether an input is there; asking opens nothing."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Names of the inputs that are there."""
        return iter(self._names)

    def __len__(self) -> int:
        """Count of the inputs."""
        return len(self._names)


def reply(question: Any, inputs: Mapping[str, xr.Dataset]) -> Any:
    """Answer a question about inputs, whatever it is.

    Raises
    ------
    OceanbenchError
        if it asks for what is no input
    """
    if isinstance(question, Opened):
        return Empty.of(inputs[question.name])
    if isinstance(question, Read):
        return np.asarray(inputs[question.name][question.variable].variable[question.key].values)
    raise OceanbenchError(f"a method asked {question!r}, which is no question")


class _RemoteArray(BackendArray):
    """Array whose values another process has."""

    def __init__(
        self, name: str, variable: str, shape: tuple[int, ...], dtype: Any, ask: Ask
    ) -> None:
        self.shape, self.dtype = shape, dtype
        self._name, self._variable, self._ask = name, variable, ask

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Values at an index, by slices and arrays of each dimension."""
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        return self._ask(Read(self._name, self._variable, key))
