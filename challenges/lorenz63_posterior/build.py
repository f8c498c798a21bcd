"""How the frozen data of `lorenz63_posterior` were made: a stochastic run, and its posterior.

    python challenges/lorenz63_posterior/build.py --statistics     # what the frozen files contain
    python challenges/lorenz63_posterior/build.py --output DIR     # make them again
    python challenges/lorenz63_posterior/build.py --draws 20 FILE  # a submission: 20 of 100 others
    python challenges/lorenz63_posterior/build.py --compare FILE   # are the draws like the members?

The posterior is that of a particle smoother (oceanbench/assimilation/ensemble/particles.py). The
files are the reference, this file is their recipe: another machine gives other draws of the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.ensemble.particles import smooth
from oceanbench.assimilation.uncertainty.two_samples import compared
from oceanbench.assimilation.window_batches import Windows
from oceanbench.data.files import write_netcdf
from oceanbench.dynamics.models import model
from oceanbench.metrics.probabilistic.joint_posterior import two_modes
from oceanbench.observing import patterns

FOLDER = Path(__file__).parent / "data"
INTERVAL = 0.08  # of time: eight Runge-Kutta steps, then the noise
TIMES = 25
PROCESS_NOISE = 2.0  # variance per unit of time, of every component
VARIANCE = (2.0, 2.0, 2.0)  # of the error of observation
RUNS = {"training": (32, 300), "validation": (16, TIMES), "truth": (16, TIMES)}  # runs, times
CHAINS, SPIN_UP, APART, SNAPSHOTS = 100_000, 100, 6, 10  # of the climate; intervals
PARTICLES, MEMBERS, DRAWS = 100_000, 400, 100
STEP = 0.01  # to which members are rounded
SEED, SEED_OF_MEMBERS, SEED_OF_DRAWS = 1963, 28, 10
MASKS = {  # steps from one observation to the next, components
    "sparse": (6, (0, 1, 2)),
    "x_only": (3, (0,)),
    "z_only": (3, (2,)),
}
GLOBAL_ATTRIBUTES = {
    "institution": "OceanBench",
    "comment": "synthetic: Lorenz-63 driven by white noise, Runge-Kutta of fourth order, step 0.01",
}


def advance(state: Tensor, random: torch.Generator | None = None) -> Tensor:
    """States one interval later, with the noise of an interval where a generator is given."""
    after = model("lorenz63", INTERVAL).advance(state)
    if random is None:
        return after
    noise = torch.randn(after.shape, generator=random, dtype=after.dtype)
    return after + np.sqrt(PROCESS_NOISE * INTERVAL) * noise


def spun_up(count: int, random: torch.Generator) -> Tensor:
    """Independent states (count, 3) of the stationary distribution."""
    state = 8.0 * torch.randn(count, 3, generator=random, dtype=torch.float64)
    state[:, 2] += 25.0
    for _ in range(SPIN_UP):
        state = advance(state, random)
    return state


def climate(random: torch.Generator) -> Tensor:
    """Draws (chains * snapshots, 3) of the stationary distribution: the prior of a window."""
    state, found = spun_up(CHAINS, random), []
    for _ in range(SNAPSHOTS):
        found.append(state)
        for _ in range(APART):
            state = advance(state, random)
    return torch.cat(found)


def simulate(random: torch.Generator) -> dict[str, xr.DataArray]:
    """Independent runs of the stationary system."""
    state = spun_up(sum(count for count, _ in RUNS.values()), random)
    found = []
    for _ in range(max(length for _, length in RUNS.values())):
        found.append(state.numpy())
        state = advance(state, random)
    states, result, first = np.stack(found, 1), {}, 0
    for name, (count, length) in RUNS.items():
        result[name] = as_array(states[first : first + count, :length])
        first += count
    return result


def as_array(values: np.ndarray) -> xr.DataArray:
    """States or members ([member, sampling,] window, time, component) with their coordinates."""
    dims = ("member", "sampling", "window", "time", "component")[5 - values.ndim :]
    coords = {
        "window": np.arange(values.shape[-3]),
        "time": ("time", INTERVAL * np.arange(values.shape[-2]), {"units": "1"}),
        "component": list("xyz"),
    }
    if "sampling" in dims:
        coords["sampling"] = list(MASKS)
    attributes = {"units": "1", "long_name": "state of Lorenz-63"}
    return xr.DataArray(values, coords, dims, "state", attributes)


def observe(states: xr.DataArray, random: np.random.Generator) -> xr.DataArray:
    """Noisy observations in every sampling, each with noise of its own."""
    found = [
        patterns.observe(
            states,
            patterns.every(states.shape, steps, components=components),
            VARIANCE,
            random,
        )
        for steps, components in MASKS.values()
    ]
    labels = xr.DataArray(list(MASKS), dims="sampling", name="sampling")
    return xr.concat(found, labels).astype(np.float32)


def reference(
    observations: xr.DataArray, count: int, seed: int, *, balanced: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Draws (count, samplings, windows, times, 3) of all posteriors, and effective sizes.

    The system, its noise and its climate are the same under (x, y) -> (-x, -y), and so is what is
    observed of z alone: balanced draws have either sign in exactly half of them there.
    """
    random = torch.Generator().manual_seed(seed)
    prior = climate(random)
    noise = torch.full((3,), PROCESS_NOISE * INTERVAL, dtype=torch.float64)
    members, sizes, shares = [], [], []
    for sampling in MASKS:
        values = torch.as_tensor(observations.sel(sampling=sampling).values.astype(np.float64))
        windows = Windows(
            values.nan_to_num(0.0), ~values.isnan(), torch.tensor(VARIANCE, dtype=torch.float64)
        )
        for number in range(len(windows)):
            found = smooth(
                windows.take([number]),
                prior,
                advance,
                noise,
                particles=PARTICLES,
                draws=count,
                random=random,
            )
            draws = found.draws.numpy()
            if sampling == "z_only":
                sign = np.sign(draws[:, np.abs(draws[..., 0]).mean(0).argmax(), 0])
                shares.append(float((sign > 0).mean()))
                if balanced:
                    half = np.where(np.arange(count) % 2, -1.0, 1.0)
                    draws[..., :2] *= (sign * half)[:, None, None]
            members.append(draws)
            sizes.append(found.effective_size.numpy())
    print(
        f"z_only: of {count} draws of a window {min(shares):.3f} to {max(shares):.3f} are on one "
        f"side, {np.mean(shares):.3f} on average, before signs are balanced"
    )
    shape = (len(MASKS), len(windows))
    return (
        np.stack(members, 1).reshape(count, *shape, TIMES, 3),
        np.stack(sizes).reshape(*shape, TIMES),
    )


def write(array: xr.DataArray, path: Path, sizes: np.ndarray | None = None) -> None:
    """Write one variable: members rounded to steps of 0.01, the rest in single precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = {"zlib": True, "complevel": 9, "shuffle": True, "dtype": "float32"}
    dataset = array.to_dataset(name="state").assign_attrs(GLOBAL_ATTRIBUTES)
    if sizes is not None:
        encoding |= {"dtype": "int16", "scale_factor": STEP, "_FillValue": -32768}
        long_name = f"effective number of {PARTICLES} particles after the observations of a time"
        dims = ("sampling", "window", "time")
        dataset["effective_size"] = (dims, sizes.astype(np.float32), {"long_name": long_name})
    dataset.to_netcdf(path, engine="h5netcdf", encoding={"state": encoding})


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
            f"variance {float(state.var()):.2f}, {path.stat().st_size / 1e3:.0f} kB"
        )
    truth, known = opened("truth", folder)["state"], opened("posterior", folder)
    seen = opened("observations", folder)["state"].notnull().any("component")
    for sampling in MASKS:
        members = known["state"].sel(sampling=sampling)
        size = known["effective_size"].sel(sampling=sampling).where(seen.sel(sampling=sampling))
        std = members.std("member", ddof=1)
        rank = (members < truth).mean("member")
        inside = float(((rank > 0.05) & (rank < 0.95)).mean())
        modes = [
            two_modes(members.sel(window=w).values.reshape(members.sizes["member"], -1))
            for w in members["window"].values
        ]
        print(
            f"{sampling}: effective size at least {float(size.min()):.0f}, median "
            f"{float(size.median()):.0f}; deviation {float(std.mean()):.2f} on average; truth in "
            f"90 % intervals: {inside:.1%}; two modes in {sum(m is not None for m in modes)} of "
            f"{len(modes)} windows"
        )


def compare(file: Path) -> None:
    """Print how far the draws of a file are from the members, as a two-sample test says."""
    with xr.open_dataset(file, engine="h5netcdf") as other:
        draws = other["state"].load()
    print("\n".join(compared(opened("posterior")["state"], draws)))


def main() -> None:
    """Make the files, or draws to submit, or say what the frozen files contain."""
    parser = argparse.ArgumentParser(description="Frozen data of lorenz63_posterior.")
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--draws", nargs=2, metavar=("COUNT", "FILE"), default=None)
    parser.add_argument("--compare", type=Path, default=None)
    parser.add_argument("--statistics", action="store_true")
    options = parser.parse_args()
    if options.output is not None:
        random, noise = torch.Generator().manual_seed(SEED), np.random.default_rng(SEED)
        for part, states in simulate(random).items():
            write(states, options.output / f"{part}.nc")
            found = observe(states, noise)
            file = "observations" if part == "truth" else f"{part}_observations"
            write(found, options.output / f"{file}.nc")
            if part == "truth":
                members, sizes = reference(found, MEMBERS, SEED_OF_MEMBERS, balanced=True)
                write(as_array(members), options.output / "posterior.nc", sizes)
    if options.draws is not None:
        count, target = options.draws
        seen = opened("observations")["state"]
        members, _ = reference(seen, DRAWS, SEED_OF_DRAWS, balanced=False)
        write_netcdf(as_array(members[: int(count)]).to_dataset(name="state"), Path(target))
    if options.compare is not None:
        compare(options.compare)
    if options.statistics or not any((options.output, options.draws, options.compare)):
        statistics(options.output or FOLDER)


if __name__ == "__main__":
    main()
