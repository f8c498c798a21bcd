"""What is timed on a device: each part yields its numbers one by one."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import xarray as xr
from safetensors.torch import load_file
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from oceanbench.assimilation.fourdvarnet.learned_descent import LearnedDescent
from oceanbench.assimilation.fourdvarnet.priors import BilinearPrior
from oceanbench.assimilation.fourdvarnet.published.network import Modulator, Prior, Solver
from oceanbench.challenge import Challenge
from oceanbench.forecasting.emulator import Emulator
from oceanbench.learning.layers import ConvLstm
from oceanbench.methods.method_file import load_method

WEIGHTS = Path(__file__).resolve().parents[2] / "baselines" / "weights"
Measured = dict[str, Any]
DAY = np.timedelta64(1, "D")
WAYS = {  # of computing a network
    "cpu": ("float32", "bfloat16"),
    "cuda": ("float32", "tf32", "bfloat16", "bfloat16, compiled"),
}
TINY_NETWORK = {"first_guess": "mean", "scenes": 1, "hidden": 4, "prior_hidden": 4, "crop": 12,
                "iterations": 2, "batch": 2, "step_degrees": 1.0}  # fmt: skip
NETWORKS_FOR_MAPS = [  # and whether they are compiled
    ("learned_correction", False),
    ("fourdvarnet", False),
    ("learned_correction", True),
]


def wait(device: str) -> None:
    """Until a device has done what it was given."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def timed(
    call: Callable[[], object], device: str, *, warm: int = 2, most: int = 10, seconds: float = 4.0
) -> dict[str, float]:
    """Median seconds of calls after some that do not count, and megabytes of the device's memory.

    Calls end when there were ``most``, or after so many seconds.
    """
    begin, found = time.perf_counter(), []
    for _ in range(warm):
        call()
        wait(device)
        if time.perf_counter() - begin > seconds:
            break
    on_gpu = torch.device(device).type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    begin = time.perf_counter()
    while not found or (len(found) < most and time.perf_counter() - begin < seconds):
        before = time.perf_counter()
        call()
        wait(device)
        found.append(time.perf_counter() - before)
    memory = {"megabytes": torch.cuda.max_memory_allocated() / 1e6} if on_gpu else {}
    return {"seconds": statistics.median(found), "calls": len(found), **memory}


def given(name: str, *, first: str = "", last: str = "", days: int = 0) -> dict[str, xr.Dataset]:
    """Inputs of a shipped challenge, in memory.

    Of the days from the first to the last, or of at most so many days of each.
    """
    challenge = Challenge.load(name)
    found = {}
    for key, dataset in challenge.datasets.items():
        if dataset.role in ("truth", "observed_truth") or dataset.optional:
            continue
        data = challenge.open(key)
        if first and "time" in data.dims:
            dates = data["time"].values
            inside = (dates >= np.datetime64(first)) & (dates < np.datetime64(last) + DAY)
            data = data.isel(time=inside)
        elif days and "time" in data.dims:
            data = data.isel(time=slice(days))
        found[key] = data.load()
    return found


# Optimal interpolation


def optimal_interpolation(device: str, tiny: bool) -> Iterator[Measured]:
    """42 daily maps of the domain and the grid of data challenge 2020a, from its four nadirs.

    The tracks are those of the same altimeters above the shipped ocean.
    """
    days = "2012-10-22", "2012-10-23" if tiny else "2012-12-02"
    tracks = given("ssh_osse_jet", first="2012-10-18" if tiny else "2012-10-01", last="2012-12-25")
    tracks = {name: data for name, data in tracks.items() if data.attrs["layout"] == "track"}
    side = 4 if tiny else 51
    axes = {
        "time": np.arange(*map(np.datetime64, days), DAY).astype("datetime64[ns]"),
        "latitude": np.linspace(33.0, 43.0, side),
        "longitude": np.linspace(295.0, 305.0, side),
    }
    axes["time"] = np.append(axes["time"], np.datetime64(days[1], "ns"))
    empty = np.full([axis.size for axis in axes.values()], np.nan)
    target = xr.Dataset({"ssh": (tuple(axes), empty)}, axes)
    estimate = load_method("oi")[1].estimate
    options = {"seed": 0, "length_time": 2.0 if tiny else 7.0}
    for precision in ("double", "single"):
        maps: list[np.ndarray] = []

        def call(precision: str = precision, maps: list[np.ndarray] = maps) -> None:
            found = estimate(tracks, target, device=device, precision=precision, **options)
            maps[:] = [found["ssh"].values]

        yield {
            "what": f"{axes['time'].size} maps, {precision}",
            "device": device,
            **timed(call, device, warm=1, most=1 if tiny else 5, seconds=0.0 if tiny else 10.0),
            "mean_square": float(np.square(maps[0]).mean()),
        }


# 4DVarNet


def descent(days: int, *, reduced: bool) -> torch.nn.Module:
    """Solver of this package, as large as the published base configuration."""
    torch.manual_seed(0)
    return LearnedDescent(
        BilinearPrior(days, hidden=32, kernel=(3, 3), coarsen=(2, 2)),
        ConvLstm(3 * days, days, hidden=48, coarsen=(2, 2)),
        inputs=("observation_gradient", "prior_gradient", "state"),
        iterations=10,
        reduced=reduced,
    )


def published(days: int, *, reduced: bool) -> torch.nn.Module:
    """Published base configuration, without dropout."""
    torch.manual_seed(0)
    prior = Prior(days, 32, quadratic=False)
    return Solver(prior, Modulator(days, 48, dropout=0.0), steps=10, reduced=reduced)


def networks(device: str) -> Iterator[tuple[str, torch.nn.Module]]:
    """Both solvers in all ways of computing, each named; what is compiled, and slow to be, last."""
    for way in WAYS[torch.device(device).type]:
        for name, make in (("published base", published), ("this package's", descent)):
            network = make(15, reduced="bfloat16" in way).to(device)
            if "compiled" in way:
                update = network.grad_mod if isinstance(network, Solver) else network.update
                update.compile()  # type: ignore[operator, union-attr]
            torch.backends.cudnn.allow_tf32 = way != "float32"
            yield f"{name}, {way}", network


def windows(count: int, side: int) -> tuple[Tensor, Tensor]:
    """Normalised observations of windows of 15 days, and where they are: one point in twenty."""
    random = torch.Generator().manual_seed(1)
    values = torch.randn(count, 15, side, side, generator=random)
    observed = torch.rand(values.shape, generator=random) < 0.05
    return torch.where(observed, values, 0.0), observed


def inference(device: str, tiny: bool) -> Iterator[Measured]:
    """One window of 15 × 240 × 240, and how far the estimate is from double precision."""
    side = 12 if tiny else 240
    values, observed = windows(1, side)
    expected: dict[str, Tensor] = {}
    small = windows(1, 24 if tiny else 48)
    for name, network in networks(device):
        whose = name.partition(",")[0]
        network.eval()
        if whose not in expected:
            exact = copy.deepcopy(network).cpu().double()
            with torch.no_grad():
                expected[whose] = exact(*(small[0].double(), small[1], 0.0 * small[0].double()))
        whole = [part.to(device) for part in (values, observed, 0.0 * values)]
        with torch.inference_mode():  # the size that is timed first: what is compiled is for it
            row = timed(
                lambda n=network, w=whole: n(*w),
                device,
                warm=0 if tiny else 2,
                most=1 if tiny else 10,
            )
            found = network(*(part.to(device) for part in (*small, 0.0 * small[0])))
        error = (found.cpu().double() - expected[whose]).norm() / expected[whose].norm()
        yield {
            "what": f"{name}: 15 × {side} × {side}",
            "device": device,
            **row,
            "relative_difference": float(error),
        }


def training(device: str, tiny: bool) -> Iterator[Measured]:
    """Step of a training on four windows of 15 × 96 × 96."""
    side, batch = (12, 1) if tiny else (96, 4)
    values, observed = (part.to(device) for part in windows(batch, side))
    empty = torch.zeros_like(values)
    for name, network in networks(device):
        network.train()
        optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)

        def step(network: torch.nn.Module = network, optimiser: Any = optimiser) -> None:
            optimiser.zero_grad(set_to_none=True)
            network(values, observed, empty).square().mean().backward()
            optimiser.step()

        yield {
            "what": f"{name}: {batch} × 15 × {side} × {side}",
            "device": device,
            **timed(step, device, warm=0 if tiny else 2, most=1 if tiny else 10),
        }


# Emulator


def emulator(device: str, tiny: bool) -> Iterator[Measured]:
    """Forecasts of the shipped emulator from some starts, and steps of its training."""
    shipped = given("reanalysis_emulation", days=100 if tiny else 0)
    method = load_method("emulator")[1]
    target = Challenge.load("reanalysis_emulation").target()
    target = target.isel(start=slice(1 if tiny else None))
    weights = load_file(WEIGHTS / "reanalysis_emulation" / "emulator.safetensors")
    there = {name: tensor.to(device) for name, tensor in weights.items()}
    found: list[xr.Dataset] = []

    def call() -> None:
        found[:] = [method.estimate(shipped, target, device=device, seed=0, weights=there)]

    row = timed(call, device, warm=0 if tiny else 1, most=1, seconds=0.0)
    level = found[0]["zos"].values if "zos" in found[0] else next(iter(found[0].values())).values
    yield {
        "what": f"forecasts from {target.sizes['start']} starts",
        "device": device,
        **row,
        "mean_square": float(np.nanmean(np.square(level, dtype=np.float64))),
    }
    options = {"device": device, "seed": 0, "steps": 10_000}
    row = steps(lambda: method.train(shipped, **options), device, most=2 if tiny else 25)
    yield {"what": "step of the training, preset cpu", "device": device, **row}


# Presets for a GPU


class EnoughStepsError(Exception):
    """As many steps of a training as are wanted."""


def steps(
    train: Callable[[], object], device: str, *, most: int = 25, seconds: float = 20.0
) -> dict[str, float]:
    """Median seconds of the steps of a training, which is stopped after some.

    The first three do not count. What the optimiser's hook tells is the time between two of them,
    so drawing the windows and moving them to the device are in it.
    """
    ends: list[float] = []

    def after(*_: object) -> None:
        wait(device)
        ends.append(time.perf_counter())
        if len(ends) > most or ends[-1] - ends[0] > seconds:
            raise EnoughStepsError

    on_gpu = torch.device(device).type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    hook = register_optimizer_step_post_hook(after)
    try:
        train()
    except EnoughStepsError:
        pass
    finally:
        hook.remove()
    apart = np.diff(ends)
    memory = {"megabytes": torch.cuda.max_memory_allocated() / 1e6} if on_gpu else {}
    return {"seconds": float(np.median(apart[2:] if apart.size > 4 else apart)),
            "calls": len(ends), **memory}  # fmt: skip


def presets(device: str, tiny: bool) -> Iterator[Measured]:
    """Steps of the presets that are called gpu; on the CPU, only where they are tiny."""
    if not tiny and torch.device(device).type == "cpu":
        return
    most = 2 if tiny else 25
    yield {"what": "emulator, preset gpu", "device": device, **global_emulator(device, tiny, most)}
    maps = given("ssh_osse_jet", first="2013-01-02", last="2013-03-23")
    for name, compiled in NETWORKS_FOR_MAPS[: 2 if tiny else None]:
        method = load_method(name)[1]
        if tiny:
            method.PRESETS["gpu"] = replace(method.PRESETS["gpu"], **TINY_NETWORK)
        options = {"device": device, "seed": 0, "preset": "gpu", "compiled": compiled}
        options["first_guess"] = "mean"  # the quickest: what is timed are steps

        def train(method: Any = method, options: Mapping[str, Any] = options) -> None:
            method.train(maps, **options)

        row = steps(train, device, most=most)
        what = f"{name}, preset gpu" + (", compiled" if compiled else "")
        yield {"what": what, "device": device, **row}


def global_emulator(device: str, tiny: bool, most: int) -> dict[str, float]:
    """Steps of the network alone on random states of the size of a global quarter of a degree."""
    sizes, channels = load_method("emulator")[1].PRESETS["gpu"], 5
    shape = (sizes.batch, channels, *((12, 16) if tiny else (672, 1440)))
    sizes = replace(sizes, hidden=4, around=2) if tiny else sizes
    torch.manual_seed(0)
    network = Emulator(sizes, channels).to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    state, sea = torch.randn(shape, device=device), torch.ones(shape, device=device)
    place = torch.cat([sea[:, :1], state], 1)
    season = torch.zeros(sizes.batch, device=device)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        network(state, sea, place, season, passes=sizes.passes).square().mean().backward()
        optimiser.step()

    return timed(step, device, most=most, seconds=10.0)


PARTS: Mapping[str, Callable[[str, bool], Iterator[Measured]]] = MappingProxyType(
    {
        "oi": optimal_interpolation,
        "inference": inference,
        "training": training,
        "emulator": emulator,
        "presets": presets,
    }
)
"""Device, and whether sizes are tiny -> numbers, one by one."""
