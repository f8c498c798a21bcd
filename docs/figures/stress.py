"""The stress matrix: methods over seas, samplings, errors and seasons that they were not made for.

    python docs/figures/stress.py make FOLDER [--workers 2] [--seas SEA …] [--only METHOD …]
    python docs/figures/stress.py draw FOLDER

The first maps every cell of the matrix by every method and keeps a row for each in FOLDER: it goes
on where it was interrupted, and several may fill one folder. ``--only`` makes rows of some
methods, with ``--again`` although they are there. The second puts what FOLDER has into
``docs/figures/stress.json``, prints the tables of docs/stress.md, which explains them, and draws
``docs/images/stress.png``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr
from stress_fits import WEIGHTS, fits, options_of_states
from stress_seas import ERRORS, SAMPLINGS, SEAS, SEASONS, STEP, USUAL, season

from oceanbench.assimilation.fourdvarnet.maps.map_grid import MARGIN, grid_around
from oceanbench.data.files import write_text
from oceanbench.grid import interpolate
from oceanbench.methods.method_file import load_method
from oceanbench.methods.weights import Weights

FOUND = Path(__file__).with_suffix(".json")
BOXES = 2.0  # degrees, of the side of the boxes that errors are kept of
MICROMETRES = 1e6
DAYS_AROUND = 7  # that networks see before and after what they map


class Cell(NamedTuple):
    """One case of the matrix."""

    sea: str
    season: str
    sampling: str
    errors: str

    def __str__(self) -> str:
        """Name of the cell, and of its rows in a folder."""
        return " | ".join(self)

    @property
    def from_usual(self) -> int:
        """How much is not as it usually is."""
        return sum(part != usual for part, usual in zip(self[1:], USUAL, strict=True))

    def row(self, folder: Path, method: str) -> Path:
        """File of a row."""
        return folder.joinpath("rows", *self, f"{method}.json")


CELLS = [Cell(*parts) for parts in itertools.product(SEAS, SEASONS, SAMPLINGS, ERRORS)]


@dataclass
class Case:
    """What is given in a cell, and what has been estimated from it."""

    cell: Cell
    folder: Path
    inputs: Mapping[str, xr.Dataset]
    target: xr.Dataset
    found: dict[str, xr.DataArray]

    @classmethod
    def of(cls, cell: Cell, folder: Path) -> Case:
        """Observe a cell."""
        place = season(cell.sea, cell.season, folder)
        target = xr.full_like(place.scored, np.nan).to_dataset(name="ssh")
        return cls(cell, folder, place.inputs(cell.sampling, cell.errors), target, {})

    def run(
        self,
        baseline: str,
        target: xr.Dataset | None = None,
        inputs: Mapping[str, xr.Dataset] | None = None,
        **options: Any,
    ) -> xr.DataArray:
        """Maps of a baseline; of another target, or with more inputs."""
        _, method = load_method(baseline)
        empty, given = target or self.target, {**self.inputs, **(inputs or {})}
        return method.estimate(given, empty, device="cpu", seed=0, **options)["ssh"]

    def nudged(self) -> xr.DataArray:
        """Maps of bfn on the days and nodes that the networks see, made once."""
        if "nudged" not in self.found:
            around = grid_around(self.target["ssh"], STEP, margin=MARGIN, days=DAYS_AROUND)
            wide = around.field(np.full(around.shape, np.nan)).to_dataset(name="ssh")
            self.found["nudged"] = self.run("bfn", wide, precision="single")
        return self.found["nudged"]

    def maps(self, method: str) -> xr.DataArray:
        """Maps of a row of the table of methods, made once."""
        if method not in self.found:
            self.found[method] = METHODS[method](self)
        return self.found[method]


def fitted(case: Case) -> xr.DataArray:
    """Duacs as it was fitted to four altimeters."""
    return case.run("duacs", precision="single", **fits(case.cell.sea, case.folder)["duacs"])


def of_states(case: Case) -> xr.DataArray:
    """Duacs with a covariance of states alone, and the errors of the altimeters, which are told."""
    scales = fits(case.cell.sea, case.folder)["states"]
    told = options_of_states(scales, case.cell.sampling, case.cell.errors)
    return case.run("duacs", precision="single", **told)


def end_to_end(case: Case) -> xr.DataArray:
    """Duacs with the covariance that was best for four altimeters of a season."""
    return case.run("duacs", precision="single", **fits(case.cell.sea, case.folder)["end_to_end"])


def interpolation(case: Case) -> xr.DataArray:
    """Optimal interpolation, as shipped."""
    return case.run("oi", precision="single")


def wavelets(case: Case) -> xr.DataArray:
    """Miost, as shipped."""
    return case.run("miost")


def nudged(case: Case) -> xr.DataArray:
    """Bfn, as shipped."""
    return interpolate(case.nudged(), case.target["ssh"])


def network(name: str, case: Case) -> xr.DataArray:
    """Network that learned on the noisy jet, from maps of bfn."""
    weights = Weights.load(WEIGHTS / "ssh_osse_jet_noisy" / f"{name}.safetensors").tensors
    maps = case.nudged().to_dataset(name="ssh").assign_attrs(role="first_guess", layout="grid")
    return case.run(name, inputs={"nudged": maps}, weights=weights, first_guess="nudged")


def anywhere(case: Case) -> xr.DataArray:
    """Network that learned anywhere, from maps of duacs that it fits itself."""
    weights = Weights.load(WEIGHTS / "fourdvarnet_anywhere.safetensors").tensors
    options = {"first_guess": "duacs", "most_withheld": 2}
    return case.run("fourdvarnet_anywhere", weights=weights, **options)


def mean(case: Case) -> xr.DataArray:
    """Half of each."""
    return (case.maps("duacs") + case.maps("bfn")) / 2.0


METHODS: Mapping[str, Callable[[Case], xr.DataArray]] = {
    "duacs": fitted,
    "duacs_states": of_states,
    "duacs_end_to_end": end_to_end,
    "oi": interpolation,
    "miost": wavelets,
    "bfn": nudged,
    "duacs+bfn": mean,
    "fourdvarnet": partial(network, "fourdvarnet"),
    "learned_correction": partial(network, "learned_correction"),
    "fourdvarnet_anywhere": anywhere,
}


def mean_squares(maps: xr.DataArray, truth: xr.DataArray) -> tuple[list[int], list[int]]:
    """Root mean square error in each box of some degrees, micrometres, and how much sea it has."""
    parts, weights = [], []
    corner = [float(truth[name][0]) for name in ("latitude", "longitude")]
    number = [
        np.clip(((truth[name] - first + 1e-6) // BOXES).astype(int), 0, _boxes(truth, name) - 1)
        for name, first in zip(("latitude", "longitude"), corner, strict=True)
    ]
    known = truth.notnull() * np.cos(np.deg2rad(truth["latitude"]))
    squares = ((maps - truth) ** 2).fillna(0.0) * known
    if bool((maps.isnull() & truth.notnull()).any()):
        raise ValueError("a method left holes in the sea")
    for row in range(_boxes(truth, "latitude")):
        for column in range(_boxes(truth, "longitude")):
            inside = (number[0] == row) & (number[1] == column)
            weight = float(known.where(inside, 0.0).sum())
            if weight == 0.0:
                continue
            square = float(squares.where(inside, 0.0).sum()) / weight
            parts.append(round(MICROMETRES * square**0.5))
            weights.append(round(weight / truth.sizes["time"]))
    return parts, weights


def _boxes(truth: xr.DataArray, name: str) -> int:
    return max(round(float(np.ptp(truth[name].values)) / BOXES), 1)


def make_cell(cell: Cell, folder: Path, methods: Sequence[str]) -> None:
    """Make the rows of a cell that are missing."""
    missing = [method for method in methods if not cell.row(folder, method).is_file()]
    if not missing:
        return
    case = Case.of(cell, folder)
    truth = season(cell.sea, cell.season, folder).scored
    for method in missing:
        begin = time.process_time()
        rmse, sea = mean_squares(case.maps(method), truth)
        seconds = round(time.process_time() - begin, 1)
        path = cell.row(folder, method)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(json.dumps({"rmse": rmse, "sea": sea, "seconds": seconds}) + "\n", path)
        print(f"{cell} | {method} | {total(rmse, sea) / 1e4:.3f} cm, {seconds} s", flush=True)


def total(rmse: Sequence[int], sea: Sequence[int]) -> float:
    """Root mean square error of all boxes together."""
    return float(np.sqrt(np.average(np.square(np.array(rmse, float)), weights=sea)))


def make(
    folder: Path,
    cells: Sequence[Cell],
    methods: Sequence[str],
    *,
    workers: int = 1,
    again: bool = False,
) -> None:
    """Make what is missing."""
    if again:
        for cell, method in itertools.product(cells, methods):
            cell.row(folder, method).unlink(missing_ok=True)
    random = np.random.default_rng(os.getpid())  # not where another command is at work
    cells = sorted(cells, key=lambda cell: (cell.from_usual, random.random()))
    one = partial(make_cell, folder=folder, methods=methods)
    if workers == 1:
        for cell in cells:
            one(cell)
        return
    for sea in dict.fromkeys(cell.sea for cell in cells):
        fits(sea, folder)  # before all of them do
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        for _ in pool.map(one, cells):
            pass


def gathered(folder: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of every cell, with what a folder has in place of what was known."""
    found = {key: dict(value) for key, value in known.items()}
    for cell in CELLS:
        for method in METHODS:
            path = cell.row(folder, method)
            if path.is_file():
                row = json.loads(path.read_text(encoding="utf-8"))
                found.setdefault("sea", {})[cell.sea] = row["sea"]
                found.setdefault(str(cell), {})[method] = row["rmse"]
    return found


def main() -> None:
    """Do what the first argument says."""
    parser = argparse.ArgumentParser(description="The stress matrix.")
    parser.add_argument("what", choices=("make", "draw"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seas", nargs="+", choices=SEAS, default=list(SEAS))
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = given.folder.absolute()
    if given.what == "make":
        cells = [cell for cell in CELLS if cell.sea in given.seas]
        make(folder, cells, given.only, workers=given.workers, again=given.again)
        return
    from stress_table import show  # noqa: PLC0415  (matplotlib is slow to import)

    known = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.is_file() else {}
    found = gathered(folder, known)
    write_text(json.dumps(found, separators=(",", ":")).replace("],", "],\n") + "\n", FOUND)
    show(found)


if __name__ == "__main__":
    main()
