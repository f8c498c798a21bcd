"""How the frozen data of `lorenz96_posterior` were made: stochastic windows, and their posterior.

    python challenges/lorenz96_posterior/build.py --statistics     # what the frozen files contain
    python challenges/lorenz96_posterior/build.py --output DIR     # make them again
    python challenges/lorenz96_posterior/build.py --draws 20 FILE  # a submission: 20 of 100 others
    python challenges/lorenz96_posterior/build.py --compare FILE   # are the draws like the members?
    python challenges/lorenz96_posterior/build.py --particles      # a small case, by two samplers

The posterior is that of long chains (oceanbench/assimilation/variational/sampled_posterior.py). The
files are the reference, this file is their recipe: another machine gives other draws of the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.ensemble.particles import smooth
from oceanbench.assimilation.uncertainty.convergence import effective_size, split_r_hat
from oceanbench.assimilation.uncertainty.two_samples import compared, two_samples
from oceanbench.assimilation.variational.sampled_posterior import sample_posterior
from oceanbench.assimilation.variational.weak_constraint import WindowProblem
from oceanbench.assimilation.window_batches import Climatology, Windows
from oceanbench.data.files import write_netcdf
from oceanbench.dynamics.models import model
from oceanbench.observing import patterns

FOLDER = Path(__file__).parent / "data"
COMPONENTS, TIMES = 12, 16
INTERVAL = 0.05  # of time: one Runge-Kutta step, then the noise
PROCESS_NOISE = 3.0  # variance per unit of time, of every component
FIRST_MEAN, FIRST_VARIANCE = 2.3, 13.75  # of the first state: about those of the climate
VARIANCE = 1.5  # of the error of observation
WINDOWS = {"training": 400, "validation": 16, "truth": 16}
MASKS = {  # steps from one observation to the next, components
    "alternate": (2, range(0, COMPONENTS, 2)),
    "sparse": (5, range(COMPONENTS)),
    "arc": (2, range(9)),
}
CHAINS, WARM_UP, MOVES, THIN = 8, 300, 1500, 3
LIMIT, LEAST = 1.01, 1000  # of R-hat and of the effective size; posteriors that do not reach them
LONGER = 3  # are sampled anew, so many times as long
MOVES_OF_DRAWS, PARTICLES = 600, 40_000  # of a second run, and of a case that both can do
TOGETHER = 12  # posteriors that are sampled at once
MEMBERS, DRAWS = 256, 100
STEP, STEP_OF_TRAINING = 1 / 16, 0.01  # to which values are rounded
SEED, SEED_OF_MEMBERS, SEED_OF_DRAWS = 1996, 40, 12
GLOBAL_ATTRIBUTES = {
    "institution": "OceanBench",
    "comment": "synthetic: Lorenz-96 driven by white noise, Runge-Kutta of fourth order, step 0.05",
}
NOISE = PROCESS_NOISE * INTERVAL


def simulate(random: torch.Generator) -> dict[str, xr.DataArray]:
    """Independent windows, whose first states are normal."""
    shape = (TIMES, sum(WINDOWS.values()), COMPONENTS)
    white = torch.randn(shape, generator=random, dtype=torch.float64)
    states = [FIRST_MEAN + FIRST_VARIANCE**0.5 * white[0]]
    for noise in white[1:]:
        states.append(model("lorenz96", INTERVAL).advance(states[-1]) + NOISE**0.5 * noise)
    parts = torch.stack(states, 1).split(list(WINDOWS.values()))
    return {name: as_array(part.numpy()) for name, part in zip(WINDOWS, parts, strict=True)}


def as_array(values: np.ndarray) -> xr.DataArray:
    """States or members ([member, sampling,] window, time, component) with their coordinates."""
    dims = ("member", "sampling", "window", "time", "component")[5 - values.ndim :]
    coords = {
        "window": np.arange(values.shape[-3]),
        "time": ("time", INTERVAL * np.arange(values.shape[-2]), {"units": "1"}),
        "component": np.arange(values.shape[-1]),
    }
    if "sampling" in dims:
        coords["sampling"] = list(MASKS)
    attributes = {"units": "1", "long_name": "state of Lorenz-96"}
    return xr.DataArray(values, coords, dims, "state", attributes)


def observe(states: xr.DataArray, random: np.random.Generator) -> xr.DataArray:
    """Noisy observations in every sampling, each with noise of its own."""
    found = [
        patterns.observe(
            states,
            patterns.every(states.shape, steps, components=tuple(components)),
            (VARIANCE,) * states.sizes["component"],
            random,
        )
        for steps, components in MASKS.values()
    ]
    labels = xr.DataArray(list(MASKS), dims="sampling", name="sampling")
    return xr.concat(found, labels).astype(np.float32)


def problem(observations: np.ndarray) -> WindowProblem:
    """What is known of windows (windows, times, components), missing values where nothing is."""
    values = torch.as_tensor(observations.astype(np.float64))
    each = torch.ones(values.shape[-1], dtype=torch.float64)
    windows = Windows(values.nan_to_num(0.0), ~values.isnan(), VARIANCE * each)
    climate = Climatology(FIRST_MEAN * each, FIRST_VARIANCE * each)
    return WindowProblem(windows, model("lorenz96", INTERVAL), climate)


def reference(observations: xr.DataArray, count: int, seed: int, moves: int) -> xr.Dataset:
    """Draws of all posteriors, and what their chains say of themselves."""
    every = problem(observations.values.reshape(-1, TIMES, COMPONENTS))
    random = torch.Generator().manual_seed(seed)
    parts = torch.arange(len(every)).split(TOGETHER)
    found = [one for part in parts for one in sampled(every.take(part), count, moves, random)]
    again = [k for k, one in enumerate(found) if not one.enough]
    if again and moves == MOVES:
        random = torch.Generator().manual_seed(seed + 1)
        longer = sampled(every.take(again), count, LONGER * moves, random)
        for k, one in zip(again, longer, strict=True):
            found[k] = one
    print(f"{len(found)} posteriors, {len(again)} of them without enough draws after {moves} moves")
    return as_dataset(found, tuple(observations.shape[:2]))


class Sampled(NamedTuple):
    """Members (count, times, components) of one posterior, and what its chains say of themselves.

    Attributes
    ----------
    members : taken from all chains, at equal distances
    size, ratio : (times, components), effective size and R-hat of all draws
    """

    members: Tensor
    size: Tensor
    ratio: Tensor

    @property
    def enough(self) -> bool:
        """Whether chains agree, and are worth as many draws as are wanted."""
        return float(self.ratio.max()) < LIMIT and float(self.size.min()) > LEAST


def sampled(some: WindowProblem, count: int, moves: int, random: torch.Generator) -> list[Sampled]:
    """Members of posteriors by chains that move together."""
    found = sample_posterior(
        some,
        NOISE / FIRST_VARIANCE,
        chains=CHAINS,
        warm_up=WARM_UP * max(1, moves // MOVES),
        draws=moves // THIN,
        thin=THIN,
        random=random,
    )
    kept = np.linspace(0, moves // THIN - 1, -(-count // CHAINS)).round().astype(int)
    return [
        Sampled(draws[kept].flatten(0, 1)[:count], effective_size(draws), split_r_hat(draws))
        for draws in found.draws.unbind(1)
    ]


def as_dataset(found: list[Sampled], leading: tuple[int, ...]) -> xr.Dataset:
    """Of the posteriors of all samplings and windows."""
    members, size, ratio = (torch.stack(field) for field in zip(*found, strict=True))
    shape = (*leading, TIMES, COMPONENTS)
    result = as_array(members.transpose(0, 1).reshape(-1, *shape).numpy()).to_dataset(name="state")
    for name, values, long_name in (
        ("effective_size", size, "effective number of the draws that members are taken from"),
        ("r_hat", ratio, "rank-normalised split R-hat of the chains"),
    ):
        kept = values.view(shape).numpy().astype(np.float32)
        result[name] = (result["state"].dims[1:], kept, {"long_name": long_name})
    return result.transpose(..., "member")  # packs best


def write(dataset: xr.Dataset, path: Path) -> None:
    """Write members and training data in steps, the rest in single precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = {"zlib": True, "complevel": 9, "shuffle": True}
    encoding = {
        str(name): packed | {"dtype": "float32", "chunksizes": array.shape}
        for name, array in dataset.data_vars.items()
    }
    if path.stem == "posterior" or path.stem.startswith("training"):
        step = STEP if path.stem == "posterior" else STEP_OF_TRAINING
        encoding["state"] |= {"dtype": "int16", "scale_factor": step, "_FillValue": -32768}
    for name in ("effective_size", "r_hat"):
        if name in dataset:
            step = 1.0 if name == "effective_size" else 1e-4
            encoding[name] |= {"dtype": "int16", "scale_factor": step, "_FillValue": -32768}
    dataset = dataset.assign_attrs(GLOBAL_ATTRIBUTES)
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def opened(name: str, folder: Path = FOLDER) -> xr.Dataset:
    """One of the frozen files, in memory."""
    with xr.open_dataset(folder / f"{name}.nc", engine="h5netcdf") as file:
        return file.load()


def statistics(folder: Path) -> None:
    """Print what the frozen files contain, how sure the posteriors are, and if of the truth."""
    for path in sorted(folder.glob("*.nc")):
        state = opened(path.stem, folder)["state"]
        print(
            f"{path.name}: {dict(state.sizes)}, {float(state.notnull().mean()):.1%} known, "
            f"mean {float(state.mean()):.2f}, variance {float(state.var()):.2f}, "
            f"{path.stat().st_size / 1e3:.0f} kB"
        )
    truth, known = opened("truth", folder)["state"], opened("posterior", folder)
    for sampling in MASKS:
        own = known.sel(sampling=sampling)
        members, away = own["state"], own["state"] - own["state"].mean("member")
        std = members.std("member", ddof=1)
        skewness = float(abs((away**3).mean("member") / std**3).mean())
        rank = (members < truth).mean("member")
        inside = float(((rank > 0.05) & (rank < 0.95)).mean())
        size, ratio = own["effective_size"], own["r_hat"]
        worst = ratio.max(("time", "component"))
        print(
            f"{sampling}: effective size at least {float(size.min()):.0f}, median "
            f"{float(size.median()):.0f}; R-hat at most {float(ratio.max()):.3f}, "
            f"{int((worst < 1.01).sum())} of {worst.size} windows below 1.01; deviation "
            f"{float(std.min()):.2f} to {float(std.max()):.2f}, {float(std.mean()):.2f} on "
            f"average; skewness {skewness:.2f}; truth in 90 % intervals: {inside:.1%}"
        )


def compare(file: Path) -> None:
    """Print how far the draws of a file are from the members, as a two-sample test says."""
    with xr.open_dataset(file, engine="h5netcdf") as other:
        draws = other["state"].load()
    print("\n".join(compared(opened("posterior")["state"], draws)))


def small_case(
    components: int = 5, times: int = 8, *, moves: int = MOVES_OF_DRAWS, particles: int = PARTICLES
) -> tuple[Tensor, Tensor]:
    """Draws of two windows of a small circle, by chains and by a particle smoother.

    Parameters
    ----------
    components, times : of a window
    moves : of each chain; 1000 draws are taken, or all that there are
    particles : of the smoother

    Returns
    -------
    two of (draws, windows, times, components)
    """
    random = torch.Generator().manual_seed(SEED)

    def white(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    advance, first = model("lorenz96", INTERVAL).advance, FIRST_VARIANCE**0.5
    states = [FIRST_MEAN + first * white(2, components)]
    for _ in range(times - 1):
        states.append(advance(states[-1]) + NOISE**0.5 * white(2, components))
    seen = torch.stack(states, 1) + VARIANCE**0.5 * white(2, times, components)
    seen[:, 1::2], seen[:, :, 3:] = torch.nan, torch.nan
    own, count = problem(seen.numpy()), min(1000, CHAINS * (moves // THIN))
    chains = torch.stack([one.members for one in sampled(own, count, moves, random)], 1)
    prior = FIRST_MEAN + first * white(10 * particles, components)
    noise = torch.full((components,), NOISE, dtype=torch.float64)
    others = [
        smooth(one, prior, advance, noise, particles=particles, draws=1000, random=random).draws
        for one in own.windows.split(1)
    ]
    return chains, torch.stack(others, 1)


def particles() -> None:
    """Print how far chains and particles are apart, in a case that both can do."""
    chains, others = small_case()
    std = others.std(0)
    bias = ((chains.mean(0) - others.mean(0)) / std).square().mean().sqrt()
    spread = (chains.std(0) / std).log().mean().exp()
    random = np.random.default_rng(0)
    tests = [two_samples(chains[::4, k].numpy(), others[::4, k].numpy(), random) for k in range(2)]
    print(
        f"means {float(bias):.3f} deviations apart, deviations {float(spread):.3f} times those of "
        f"the particles; p of permutation tests: {', '.join(f'{p:.2f}' for _, p in tests)}"
    )


def main() -> None:
    """Make the files, or draws to submit, or say what the frozen files contain."""
    parser = argparse.ArgumentParser(description="Frozen data of lorenz96_posterior.")
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--draws", nargs=2, metavar=("COUNT", "FILE"), default=None)
    parser.add_argument("--compare", type=Path, default=None)
    parser.add_argument("--particles", action="store_true")
    parser.add_argument("--statistics", action="store_true")
    options = parser.parse_args()
    if options.output is not None:
        random, noise = torch.Generator().manual_seed(SEED), np.random.default_rng(SEED)
        for part, states in simulate(random).items():
            write(states.to_dataset(), options.output / f"{part}.nc")
            file = "observations" if part == "truth" else f"{part}_observations"
            write(observe(states, noise).to_dataset(), options.output / f"{file}.nc")
        seen = opened("observations", options.output)["state"]
        write(reference(seen, MEMBERS, SEED_OF_MEMBERS, MOVES), options.output / "posterior.nc")
    if options.draws is not None:
        count, target = options.draws
        found = reference(opened("observations")["state"], DRAWS, SEED_OF_DRAWS, MOVES_OF_DRAWS)
        write_netcdf(found[["state"]].isel(member=slice(int(count))), Path(target))
    if options.compare is not None:
        compare(options.compare)
    if options.particles:
        particles()
    if options.statistics or not any(vars(options).values()):
        statistics(options.output or FOLDER)


if __name__ == "__main__":
    main()
