"""A scene: a sea over some weeks, what altimeters saw of it, and first guesses of it.

Scenes lie in a folder, one file each, named after their numbers. A number is the same scene in
every folder of the same worlds, and files appear whole: several processes may fill a folder
together, and one that was interrupted goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.anywhere.configuration import GUESSES
from oceanbench.assimilation.fourdvarnet.anywhere.innovations import CellSamples, Innovations
from oceanbench.assimilation.fourdvarnet.anywhere.scenes.altimeters import (
    VARIABLE,
    draw_errors,
    draw_place,
    observed,
)
from oceanbench.assimilation.fourdvarnet.anywhere.scenes.first_guesses import (
    first_guesses,
    fitted,
)
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.random_numbers import (
    log_uniform,
    smooth_field,
)
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.seas import (
    CELLS,
    DAYS,
    GAUSSIAN,
    Sea,
    draw_sea,
)
from oceanbench.assimilation.observations.superobservations import samples
from oceanbench.data.files import write_bytes

SEED = 1  # of scenes, beside their number
COASTS = 0.55  # of the scenes have land
KNOWN_MEAN = 0.4  # of them have a mean topography
HIDDEN_MEAN = 0.25  # of them are anomalies to a mean that is not told
FITTED_DAYS = (14, 20)  # on one of which the scales are fitted
SUPER_SAMPLES, SUPER_KM = 6, 40.0  # along a track and across a swath, of the interpolations
Float16 = NDArray[np.float16]


@dataclass(frozen=True)
class Scene:
    """Anomalies to the known mean in units of the truth's deviation.

    Attributes
    ----------
    truth : (days, rows, columns)
    guess : (guesses, days, rows, columns)
    kind : (guesses,) of each the place of its name in
        :data:`oceanbench.assimilation.fourdvarnet.anywhere.configuration.GUESSES`
    mean : (rows, columns) that is known, or zero
    cell : (n,) observed cells, as numbers of (days, rows, columns), increasing
    innovation, shared : (guesses, n) there, and what of it is taken for an error of the pass
    count, passes : (n,) samples there, and the number of the pass that has most of them
    fraction : (guesses,) of the innovations' variance, that passes have each for itself
    sea : (rows, columns)
    cell_km : side of a cell
    unit : m
    latitude : of the middle, degrees
    smooth_km : deviation of the Gaussian weights by which the sea was smoothed
    """

    truth: Float16
    guess: Float16
    kind: NDArray[np.int32]
    mean: Float16
    cell: NDArray[np.int32]
    innovation: Float16
    shared: Float16
    count: Float16
    passes: NDArray[np.int32]
    fraction: NDArray[np.float32]
    sea: BoolArray
    cell_km: NDArray[Any]
    unit: NDArray[Any]
    latitude: NDArray[Any]
    smooth_km: NDArray[Any]


def make_scene(number: int, worlds: Sequence[Path], *, gaussian: float = GAUSSIAN) -> Scene:
    """Make the scene of a number.

    Parameters
    ----------
    number : of which all chance is
    worlds : files of simulated worlds
    gaussian : how likely it is that its sea has no dynamics
    """
    random = np.random.default_rng([SEED, number])
    sea = draw_sea(random, worlds, gaussian=gaussian)
    land = _land(random, sea)
    place, errors = draw_place(random, sea), draw_errors(random)
    grid = place.grid(sea.cell_km)
    seen = observed(random, sea, land, place, errors)
    truth = sea.height(*np.meshgrid(np.arange(float(DAYS)), sea.axis, sea.axis, indexing="ij"))
    mean, told = np.zeros((2, CELLS, CELLS))
    kind = random.random()
    if kind < KNOWN_MEAN + HIDDEN_MEAN:
        mean = sea.known_mean(*np.meshgrid(sea.axis, sea.axis, indexing="ij"))
        told = mean if kind < KNOWN_MEAN else told
    background = grid.field(np.broadcast_to(mean, grid.shape).copy())
    averaged = samples(
        seen,
        VARIABLE,
        grid.days[0],
        grid.centre,
        coarsen=SUPER_SAMPLES,
        swath_km=SUPER_KM,
        mean=background.isel(time=0, drop=True),
    )
    signal = max(averaged.deviation(0.0) ** 2 - errors.red**2, 1e-8)
    scales = fitted(
        averaged,
        grid,
        truth - mean,
        ~land,
        noise=errors.white**2 / SUPER_SAMPLES / signal,
        shared=errors.red**2 / signal,
        day=int(random.integers(*FITTED_DAYS)),
    )
    guesses = dict(first_guesses(random, averaged, grid, told, scales))
    seen_cells = CellSamples.of(seen, VARIABLE, grid)
    innovations = [seen_cells.innovations(guess + mean) for guess in guesses.values()]
    numbers = {
        "cell_km": sea.cell_km,
        "latitude": place.latitude,
        "smooth_km": sea.smooth_km,
    }
    return _kept(truth - mean, told, guesses, innovations, ~land, numbers)


def _land(random: np.random.Generator, sea: Sea) -> BoolArray:
    """Land (cells, cells) of a known sea, of a random coast, or none."""
    if (known := sea.land()) is not None:
        return known
    if random.random() >= COASTS:
        return np.zeros((CELLS, CELLS), bool)
    relief = smooth_field(random, 2 * CELLS, sea.cell_km, log_uniform(random, 400.0, 1500.0))
    relief = relief[:CELLS, :CELLS]
    land: BoolArray = relief > np.quantile(relief, 1.0 - random.uniform(0.05, 0.45))
    return land


def _kept(
    truth: FloatArray,
    mean: FloatArray,
    guesses: Mapping[str, FloatArray],
    seen: Sequence[Innovations],
    sea: BoolArray,
    numbers: Mapping[str, float],
) -> Scene:
    """Scene of its parts in metres, and of its other numbers by their names."""
    unit = float((truth + mean)[:, sea].std()) or 1.0
    whole = np.stack([one.maps()[0] for one in seen])
    fractions = [one.shared_fraction() for one in seen]
    shared = np.stack([one.shared(f) for one, f in zip(seen, fractions, strict=True)])
    count = seen[0].maps()[1].ravel()
    cell = np.flatnonzero(count)

    def there(maps: FloatArray) -> Float16:
        return (maps.reshape(len(maps), -1)[:, cell] / unit).astype(np.float16)

    return Scene(
        (truth / unit).astype(np.float16),
        (np.stack([*guesses.values()]) / unit).astype(np.float16),
        np.array([GUESSES.index(name) for name in guesses], np.int32),
        (mean / unit).astype(np.float16),
        cell.astype(np.int32),
        there(whole),
        there(shared),
        count[cell].astype(np.float16),
        seen[0].passes().ravel()[cell].astype(np.int32),
        np.array(fractions, np.float32),
        sea,
        unit=np.array(unit),
        **{name: np.array(number) for name, number in numbers.items()},
    )


def scene_path(folder: Path, number: int) -> Path:
    """File of a scene."""
    return folder / f"scene-{number:05d}.safetensors"


def keep_scene(
    folder: Path,
    number: int,
    worlds: Sequence[Path],
    *,
    gaussian: float = GAUSSIAN,
) -> None:
    """Make a scene and keep it, if it is not there.

    Parameters
    ----------
    folder : made if there is none
    number, worlds, gaussian : as for :func:`make_scene`
    """
    path = scene_path(folder, number)
    if path.is_file():
        return
    scene = make_scene(number, worlds, gaussian=gaussian)
    parts = {name: np.ascontiguousarray(value) for name, value in vars(scene).items()}
    write_bytes(safetensors.save(parts, {"about": json.dumps([SEED, number, len(worlds)])}), path)
