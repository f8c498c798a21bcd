"""How the frozen data of `gaussian_field_posterior` were made: a linear field, and its posterior.

    python challenges/gaussian_field_posterior/build.py --statistics     # what is in the files
    python challenges/gaussian_field_posterior/build.py --output DIR     # make them again
    python challenges/gaussian_field_posterior/build.py --draws 20 FILE  # a submission: other draws

Everything is exact: the field is drawn mode by mode from its transition in Fourier space, and the
posterior of a window is that of one dense Gaussian conditioning. The tests compare it with a
Rauch-Tung-Striebel smoother (tests/challenges/test_posterior_builds.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.data.files import write_netcdf

FOLDER = Path(__file__).parent / "data"
NODES, TIMES = 24, 16
INTERVAL = 1.0  # of time, between the times of a window
LENGTH = 3.0  # nodes: 1/κ of the Matérn covariance of smoothness 3/2
MEMORY = 6.0  # intervals, in which the largest scales forget themselves
DRIFT = 0.7  # nodes that the field is carried by in an interval
NOISE = 0.05  # variance of the error of observation; that of the field is 1
TRACKS = ((0.0, 5.0), (11.0, -3.0), (17.0, 8.0))  # first node and nodes an interval
TRAINING, VALIDATION, TEST = (1, 6000), (16, TIMES), (16, TIMES)  # windows and times
MEMBERS = 256  # of the posterior: half of them, and their mirror images about the mean
STEP = 1.0 / 64  # to which members are rounded
SEED, SEED_OF_DRAWS = 2311, 1783

GLOBAL_ATTRIBUTES = {
    "institution": "OceanBench",
    "comment": "synthetic: advection-diffusion of a Matérn field on a circle of 24 nodes",
}


def waves() -> tuple[np.ndarray, np.ndarray]:
    """Variance of each Fourier mode, and the factor by which an interval multiplies it."""
    wavenumber = np.fft.fftfreq(NODES, 1.0 / NODES)
    square = 4.0 * np.sin(np.pi * wavenumber / NODES) ** 2  # of neighbouring differences
    operator = 1.0 + LENGTH**2 * square
    power = operator**-2.0
    power *= NODES / power.sum()
    phase = 2.0 * np.pi * wavenumber / NODES * DRIFT
    phase[NODES // 2] = 0.0  # the shortest wave has no direction
    return power, np.exp(-(operator / MEMORY + 1j * phase) * INTERVAL)


def transition() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices of an interval: what is carried, the noise that is added, the variance of all."""
    power, factor = waves()
    return tuple(_circulant(symbol) for symbol in (factor, power * (1.0 - abs(factor) ** 2), power))


def covariance() -> np.ndarray:
    """Prior covariance of all values of a window, (times * nodes, times * nodes)."""
    power, factor = waves()
    lagged = [_circulant(power * factor**lag) for lag in range(TIMES)]
    rows = [
        [lagged[k - j] if k >= j else lagged[j - k].T for j in range(TIMES)] for k in range(TIMES)
    ]
    return np.block(rows)


def _circulant(symbol: np.ndarray) -> np.ndarray:
    """Real matrix that multiplies Fourier modes by a symbol."""
    place = np.arange(NODES)
    row: np.ndarray = np.fft.ifft(symbol).real
    return row[(place[:, None] - place) % NODES]


def simulate(count: int, length: int, random: np.random.Generator) -> np.ndarray:
    """Independent runs (count, length, nodes) of the stationary field."""
    power, factor = waves()
    amplitude = np.sqrt(power * (1.0 - abs(factor) ** 2))

    def white() -> np.ndarray:
        return np.fft.fft(random.standard_normal((count, NODES)))

    state = np.sqrt(power) * white()
    found = []
    for _ in range(length):
        found.append(np.fft.ifft(state).real)
        state = factor * state + amplitude * white()
    return np.stack(found, 1)


def tracks(count: int, length: int, random: np.random.Generator) -> np.ndarray:
    """Which values are observed: one node of each track a time, from another place each window."""
    first = random.integers(NODES, size=(count, 1, 1))
    begin, speed = (np.array(column) for column in zip(*TRACKS, strict=True))
    time = np.arange(length)[:, None]
    node = (first + np.floor(begin + speed * time).astype(int)) % NODES
    seen = np.zeros((count, length, NODES), dtype=bool)
    np.put_along_axis(seen, node, values=True, axis=-1)
    return seen


def posterior(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exact mean and covariance of a window's values (times * nodes), given what is not NaN."""
    prior, flat = covariance(), values.ravel()
    seen = np.isfinite(flat)
    innovation = prior[np.ix_(seen, seen)] + NOISE * np.eye(int(seen.sum()))
    gain = np.linalg.solve(innovation, prior[seen]).T
    return gain @ flat[seen], prior - gain @ prior[seen]


def draws(
    observations: np.ndarray, count: int, random: np.random.Generator, *, mirrored: bool
) -> np.ndarray:
    """Members (count, windows, times, nodes) of the posterior of every window.

    Mirrored ones come in pairs about the mean and have, at every point, exactly the standard
    deviation of the posterior; the others are independent draws.
    """
    found = []
    for values in observations:
        mean, spread = posterior(values)
        root = np.linalg.cholesky(spread + 1e-12 * np.eye(len(spread)))
        if mirrored:
            half = random.standard_normal((count // 2, len(mean))) @ root.T
            both = np.concatenate([half, -half])
            away = both * np.sqrt(np.diag(spread) / both.var(axis=0, ddof=1))
        else:
            away = random.standard_normal((count, len(mean))) @ root.T
        found.append((mean + away).reshape(count, TIMES, NODES))
    return np.stack(found, 1)


def as_array(values: np.ndarray) -> xr.DataArray:
    """States, observations or members (…, windows, times, nodes) with their coordinates."""
    dims = ("member",) * (values.ndim - 3) + ("window", "time", "component")
    coords = {
        "window": np.arange(values.shape[-3]),
        "time": ("time", INTERVAL * np.arange(values.shape[-2]), {"units": "1"}),
        "component": np.arange(NODES),
    }
    attributes = {"units": "1", "long_name": "field on a circle"}
    return xr.DataArray(values, coords, dims, "state", attributes)


def make() -> dict[str, xr.DataArray]:
    """All arrays, by the names of their files."""
    random = np.random.default_rng(SEED)
    made = {}
    for name, (count, length) in (
        ("training", TRAINING),
        ("validation", VALIDATION),
        ("truth", TEST),
    ):
        states = simulate(count, length, random)
        noisy = states + np.sqrt(NOISE) * random.standard_normal(states.shape)
        seen = np.where(tracks(count, length, random), noisy, np.nan).astype(np.float32)
        file = "observations" if name == "truth" else f"{name}_observations"
        variance = ("component", np.full(NODES, NOISE))
        made[name] = as_array(states)
        made[file] = as_array(seen).assign_coords(noise_variance=variance)
    known = made["observations"].values.astype(np.float64)
    made["posterior"] = as_array(draws(known, MEMBERS, random, mirrored=True))
    return made


def write(array: xr.DataArray, path: Path) -> None:
    """Write one variable: members rounded to steps of 1/64, the rest in single precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = {"zlib": True, "complevel": 9, "shuffle": True, "dtype": "float32"}
    if "member" in array.dims:
        encoding |= {"dtype": "int16", "scale_factor": STEP, "_FillValue": -32768}
    dataset = array.to_dataset(name="state").assign_attrs(GLOBAL_ATTRIBUTES)
    dataset.to_netcdf(path, engine="h5netcdf", encoding={"state": encoding})


def opened(name: str, folder: Path = FOLDER) -> xr.DataArray:
    """One of the frozen arrays, in memory."""
    with xr.open_dataset(folder / f"{name}.nc", engine="h5netcdf") as file:
        return file["state"].load()


def statistics(folder: Path) -> None:
    """Print what the frozen files contain, and how sure the posterior is."""
    for path in sorted(folder.glob("*.nc")):
        state = opened(path.stem, folder)
        print(
            f"{path.name}: {dict(state.sizes)}, {float(state.notnull().mean()):.1%} known, "
            f"variance {float(state.var()):.3f}, {path.stat().st_size / 1e3:.0f} kB"
        )
    truth = opened("truth", folder).values
    members = opened("posterior", folder).values
    pairs = [posterior(w) for w in opened("observations", folder).values.astype(np.float64)]
    mean = np.stack([m for m, _ in pairs]).reshape(truth.shape)
    std = np.sqrt(np.stack([np.diag(c) for _, c in pairs])).reshape(truth.shape)
    z = (truth - mean) / std
    print(f"posterior: deviations {std.min():.3f} to {std.max():.3f}, mean {std.mean():.3f}")
    print(f"truth: ((truth - mean) / deviation)² is {np.mean(z**2):.3f} on average")
    print(
        "members: error of the mean at most "
        f"{abs(members.mean(0) - mean).max():.4f}, of deviations at most "
        f"{abs(members.std(0, ddof=1) / std - 1).max():.4f} of themselves"
    )


def main() -> None:
    """Make the files, or draws to submit, or say what the frozen files contain."""
    parser = argparse.ArgumentParser(description="Frozen data of gaussian_field_posterior.")
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--draws", nargs=2, metavar=("COUNT", "FILE"), default=None)
    parser.add_argument("--statistics", action="store_true")
    options = parser.parse_args()
    if options.output is not None:
        for name, array in make().items():
            write(array, options.output / f"{name}.nc")
    if options.draws is not None:
        count, file = options.draws
        known = opened("observations").values.astype(np.float64)
        random = np.random.default_rng(SEED_OF_DRAWS)
        members = as_array(draws(known, int(count), random, mirrored=False))
        write_netcdf(members.to_dataset(name="state"), Path(file))
    if options.statistics or (options.output is None and options.draws is None):
        statistics(options.output or FOLDER)


if __name__ == "__main__":
    main()
