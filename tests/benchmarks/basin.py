"""A basin to map by tiles: 60° × 30°, one year, seven altimeters over a random sea surface.

    python tests/benchmarks/basin.py DIR
    oceanbench run duacs DIR/challenge.yaml --output DIR --set coarsen=12 --set halo=1.5 \
        --set time_factor=0.5 --set precision=single --set workers=2 --set checkpoint=DIR/tiles

writes a challenge of one's own (330 MB, three minutes) and maps it. Kill the second command and
give it again: it goes on with the tiles that were left.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr
import yaml

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.posterior_samples import RandomField
from oceanbench.assimilation.observations.superobservations import DAY, kilometres
from oceanbench.data.files import write_netcdf, write_text
from oceanbench.observing.noise import nadir_error
from oceanbench.observing.orbits import ORBITS, nadir_track

MISSIONS = (
    "topex-poseidon_interleaved",
    "jason1",
    "geosat2",
    "envisat",
    "sentinel3a",
    "sentinel3b",
    "hy2b",
)
WEST, EAST, SOUTH, NORTH = 290.0, 350.0, 20.0, 50.0
FIRST, LAST = np.datetime64("2015-01-01", "ns"), np.datetime64("2015-12-31", "ns")
MARGIN = np.timedelta64(30, "D")
SEA = Covariance(180.0, 180.0, 9.0, shape="arhan")
DEVIATION, MIDDLE = 0.15, (320.0, 35.0)
POINTS_AT_ONCE = 50_000


def sea_level(longitude: np.ndarray, latitude: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Random field at points, metres."""
    field = RandomField.draw(SEA, 1, seed=7)
    x, y = kilometres(longitude, latitude, MIDDLE)
    days = (time - FIRST) / DAY
    parts = [slice(i, i + POINTS_AT_ONCE) for i in range(0, x.size, POINTS_AT_ONCE)]
    values = [field.at(x[p], y[p], days[p])[:, 0].numpy() for p in parts]
    return DEVIATION * np.concatenate(values)


def truth() -> xr.Dataset:
    """Daily maps on the grid of 1/4 degree."""
    time = np.arange(FIRST, LAST + DAY, DAY)
    latitude = np.linspace(SOUTH, NORTH, 121)
    longitude = np.linspace(WEST, EAST, 241)
    grid_y, grid_x = (g.ravel() for g in np.meshgrid(latitude, longitude, indexing="ij"))
    maps = [sea_level(grid_x, grid_y, np.full(grid_x.size, t)) for t in time]
    values = np.stack(maps).reshape(time.size, latitude.size, longitude.size).astype(np.float32)
    coords = {"time": time, "latitude": latitude, "longitude": longitude}
    return xr.Dataset({"ssh": (tuple(coords), values, {"units": "m"})}, coords)


def observed(mission: str, seed: int) -> xr.Dataset:
    """1 Hz samples of a mission with the error of a nadir altimeter."""
    box = (WEST - 4, EAST + 4, SOUTH - 3, NORTH + 3)
    track = nadir_track(ORBITS[mission], box, FIRST - MARGIN, LAST + MARGIN)
    places = (track[name].values for name in ("longitude", "latitude", "time"))
    level = sea_level(*places) + nadir_error(track, seed=seed).values
    return track.assign(ssh=("time", level.astype(np.float32), {"units": "m"}))


def main(folder: Path) -> None:
    """Write the files and the challenge."""
    write_netcdf(truth(), folder / "truth.nc")
    datasets = {"truth": {"role": "truth", "path": "truth.nc"}}
    for seed, mission in enumerate(MISSIONS):
        write_netcdf(observed(mission, seed), folder / f"{mission}.nc")
        path = f"{mission}.nc"
        datasets[mission] = {"role": "observations", "layout": "track", "path": path}
    content = {
        "name": "basin",
        "version": 1,
        "title": "A random sea surface of basin size",
        "kind": "maps",
        "domain": {
            "longitude": [WEST, EAST],
            "latitude": [SOUTH, NORTH],
            "time": [str(t)[:10] for t in (FIRST, LAST)],
        },
        "datasets": {
            n: d | {"variables": {"ssh": "ssh"}, "units": "m"} for n, d in datasets.items()
        },
        "submission": {"variables": {"ssh": {"units": "m"}}},
        "masks": {"domain": {}},
        "metrics": [{"metric": "rmse", "label": "RMSE"}, {"metric": "rmse_score", "label": "µ"}],
        "rank_by": "µ",
    }
    write_text(yaml.safe_dump(content, sort_keys=False), folder / "challenge.yaml")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
