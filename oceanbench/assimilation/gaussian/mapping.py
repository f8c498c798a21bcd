"""Gridded estimates from observations: one problem, or many that may run elsewhere and resume."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian import posterior_fields
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve
from oceanbench.assimilation.gaussian.posterior_samples import posterior_samples
from oceanbench.data.files import write_bytes
from oceanbench.errors import OceanbenchError
from oceanbench.grid import interpolate
from oceanbench.progress import progress


@dataclass(frozen=True)
class MappingProblem:
    """Everything that the maps of one box depend on.

    Attributes
    ----------
    observations : in and around the box
    dates : of the maps, days, increasing
    covariance : of the field
    x, y : nodes of the grid, in the unit of the covariance's lengths
    window : days; observations closer to a date are used
    formal_error : whether to compute the formal error too
    members : number of posterior samples
    seed : of the samples
    device, precision : as for :func:`oceanbench.assimilation.gaussian.optimal_interpolation.solve`
    """

    observations: Observations
    dates: FloatArray
    covariance: Covariance
    x: FloatArray
    y: FloatArray
    window: float
    formal_error: bool = False
    members: int = 0
    seed: int = 0
    device: str = "cpu"
    precision: str = "double"

    def estimate(self) -> dict[str, FloatArray]:
        """Posterior on the grid.

        Returns
        -------
        ``mean`` (time, y, x) in the unit of the observations and, as asked for, ``variance``
        (time, y, x) of its error, relative to that of the field, and ``members``
        (member, time, y, x), scaled like the observations
        """
        options: dict[str, Any] = {
            "window": self.window,
            "device": self.device,
            "precision": self.precision,
        }
        shape = (self.dates.size, self.y.size, self.x.size)
        result = {"mean": np.zeros(shape)}
        if self.formal_error:
            result["variance"] = np.ones(shape)
        done = 0
        for posterior in solve(self.observations, self.dates, self.covariance, **options):
            part = slice(done, done + posterior.dates.size)
            result["mean"][part] = (
                posterior_fields.maps(posterior, self.x, self.y)[:, 0].cpu().numpy()
            )
            if self.formal_error:
                error = posterior_fields.variance(posterior, self.x, self.y)
                result["variance"][part] = error.cpu().numpy()
            done = part.stop
        if self.members:
            parts = posterior_samples(
                self.observations,
                self.dates,
                self.covariance,
                self.x,
                self.y,
                members=self.members,
                seed=self.seed,
                **options,
            )
            result["members"] = torch.cat(list(parts)).transpose(0, 1).cpu().numpy()
        return result

    @property
    def key(self) -> str:
        """Checksum of all that the estimate depends on, this package's version included."""
        content = pickle.dumps((self, version("oceanbench-challenges")))
        return hashlib.sha256(content).hexdigest()[:32]


def estimate_all(
    problems: Sequence[MappingProblem], *, workers: int = 1, checkpoint: Path | None = None
) -> Iterator[Mapping[str, FloatArray]]:
    """Estimates of independent problems, in their order.

    Parameters
    ----------
    problems : for example the tiles of a basin
    workers : with more than one, processes of a ``dask.distributed`` cluster on this machine, one
        thread each; the numbers are the same
    checkpoint : folder in which every solved problem is kept, whole or not at all; those found
        there are not solved again

    Yields
    ------
    what :meth:`MappingProblem.estimate` returns
    """
    if workers < 1:
        raise OceanbenchError(f"workers {workers}: expected 1 or more")
    folder = str(checkpoint) if checkpoint is not None else None
    if checkpoint is not None:
        checkpoint.mkdir(parents=True, exist_ok=True)
    if workers == 1 or len(problems) == 1:
        for problem in progress(problems, "mapping"):
            yield _estimate(problem, folder)
        return
    from distributed import Client  # noqa: PLC0415  (slow to import)

    cluster: Any = Client(
        n_workers=workers, threads_per_worker=1, dashboard_address=":0", set_as_default=False
    )  # type: ignore[no-untyped-call]
    with cluster as client:
        futures = [client.submit(_estimate, p, folder, pure=False) for p in problems]
        for number in progress(range(len(futures)), "mapping"):
            yield futures[number].result()
            futures[number].release()


def _estimate(problem: MappingProblem, folder: str | None) -> dict[str, FloatArray]:
    """Estimate of a problem, from its file if it was solved before."""
    if folder is None:
        return problem.estimate()
    path = Path(folder) / f"{problem.key}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    result: dict[str, Any] = problem.estimate()
    content = io.BytesIO()
    np.savez(content, **result)
    write_bytes(content.getvalue(), path)
    return result


def fields_of(
    estimate: Mapping[str, FloatArray],
    target: xr.DataArray,
    deviation: float,
    mean: xr.DataArray | None,
) -> dict[str, xr.DataArray]:
    """Variables of a submission: the mean and its standard deviation, or the members.

    Parameters
    ----------
    estimate : from :meth:`MappingProblem.estimate`, of observations divided by ``deviation``
    target : (time, latitude, longitude), the variable to fill
    deviation : standard deviation of the signal
    mean : field to add, which the observations were relative to

    Returns
    -------
    the variable by its name, and ``<name>_std`` where the estimate has a formal error
    """
    target = target.transpose("time", "latitude", "longitude")
    added = 0.0 if mean is None else interpolate(mean, target).values
    if "members" in estimate:
        values = deviation * estimate["members"] + added
        field = xr.DataArray(values, target.coords, ("member", *target.dims))
        return {str(target.name): field}
    fields = {str(target.name): target.copy(data=deviation * estimate["mean"] + added)}
    if "variance" in estimate:
        error = target.copy(data=deviation * np.sqrt(estimate["variance"]))
        fields[f"{target.name}_std"] = error
    return fields
