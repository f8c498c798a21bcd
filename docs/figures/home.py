"""Draw the picture of the home page: tracks, a map of them, its error, and a board.

``oceanbench run oi ssh_osse_jet --output FOLDER``, then ``python docs/figures/home.py FOLDER``;
writes ``docs/images/home.png``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

import oceanbench
from oceanbench.figures.style import STYLE

CHALLENGE, DAY = "ssh_osse_jet", "2012-11-12"
NAMES = ("topex-poseidon_interleaved", "jason1", "geosat2", "envisat")
HEIGHT = {"vmin": -0.9, "vmax": 0.9, "cmap": "viridis"}
IMAGE = Path(__file__).parents[1] / "images" / "home.png"


def tracks(axes: Axes, challenge: oceanbench.Challenge) -> None:
    """Ten days of observations around the day of the map."""
    days = np.datetime64(DAY) + np.array([-5, 5], "timedelta64[D]")
    for name in NAMES:
        seen = challenge.open(name).sortby("time").sel(time=slice(*days))
        axes.scatter(seen["longitude"], seen["latitude"], 2, seen["ssh"], **HEIGHT)
    axes.set_title("ten days of four altimeters")


def field(axes: Axes, values: xr.DataArray, title: str, **colours: object) -> None:
    """One map."""
    axes.pcolormesh(values["longitude"], values["latitude"], values, rasterized=True, **colours)
    axes.set_title(title)


def board(axes: Axes) -> None:
    """Scores of the rows that used the usual observations, with their intervals."""
    rows = [r for r in oceanbench.leaderboard(CHALLENGE).rows if not r["observations"]]
    rows = [r for r in rows if r["scores"]["µ(RMSE)"]["value"] > 0.7]
    for place, row in enumerate(rows):
        score = row["scores"]["µ(RMSE)"]
        axes.plot([score["low"], score["high"]], [place, place], lw=4, alpha=0.4, color="C0")
        axes.plot(score["value"], place, "o", color="C0")
    axes.set_yticks(range(len(rows)), labels=[f"{r['submission']}  {r['group']}" for r in rows])
    axes.invert_yaxis()
    axes.set_title("the board: µ(RMSE), 95 % intervals")


def main() -> None:
    """Write the picture."""
    challenge = oceanbench.Challenge.load(CHALLENGE)
    truth = challenge.open("truth")["ssh"].sel(time=DAY)
    with xr.open_dataset(Path(sys.argv[1]) / CHALLENGE / "oi.nc") as maps:
        estimate = maps["ssh"].sel(time=DAY).load()
    with plt.style.context(STYLE, after_reset=True):
        figure = plt.figure(figsize=(13.0, 3.3), layout="constrained")
        panels = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.3])
        tracks(panels[0], challenge)
        field(panels[1], estimate, "a map of them", **HEIGHT)
        field(panels[2], estimate - truth, "its error", cmap="RdBu_r", vmin=-0.15, vmax=0.15)
        board(panels[3])
        for axes in panels[:3]:
            axes.set(xlim=(295, 305), ylim=(33, 43), xticks=[], yticks=[])
        figure.savefig(IMAGE, dpi=110)
    print(IMAGE)


if __name__ == "__main__":
    main()
