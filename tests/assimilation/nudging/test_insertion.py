"""Maps of the surface inserted into the layered ocean: what comes back, and what must not move."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from oceanbench.assimilation.nudging.insertion import Surface
from oceanbench.dynamics import layered_ocean as ocean
from oceanbench.dynamics.basin import coarse_means, north_atlantic_like

BASIN = north_atlantic_like(0.6)


@pytest.fixture(scope="module")
def surface() -> Surface:
    """Maps of 1.2 degrees, of a model of 0.6."""
    return Surface(ocean.operators(ocean.Parameters(), BASIN), 2)


@pytest.fixture(scope="module")
def rest(surface: Surface) -> torch.Tensor:
    return ocean.initial_state(surface.model, seed=0, amplitude=0.0)


@pytest.fixture(scope="module")
def eddying(surface: Surface, rest: torch.Tensor) -> torch.Tensor:
    """Large eddies in both layers, and tracers that vary."""
    y, x = (np.linspace(0, 1, n + 1) for n in surface.model.wet.shape)
    upper = 2e4 * np.sin(4 * np.pi * x) * np.sin(3 * np.pi * y[:, None])
    psi = torch.from_numpy(np.stack([upper, 0.4 * np.roll(upper, 4, axis=1)]))
    state = rest.clone()
    state[:2] += ocean.potential_vorticity(psi, surface.model)
    state[2] += torch.from_numpy(upper[1:, 1:] / 1e4) * surface.model.wet
    return state


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(values**2)))


def seen(surface: Surface, state: torch.Tensor) -> dict[str, np.ndarray]:
    return surface.fields(state)


def test_means_of_cells_leave_land_out():
    wet = torch.tensor([[1.0, 1, 1, 0], [1, 1, 0, 0]])
    values = torch.tensor([[[1.0, 2, 8, torch.nan], [3, 6, torch.nan, torch.nan]]])
    found = coarse_means(values, wet, 2)
    assert float(found[0, 0, 0]) == 3.0
    assert bool(torch.isnan(found[0, 0, 1]))


def test_what_is_inserted_into_rest_comes_back(surface, rest, eddying):
    maps = seen(surface, eddying)
    errors = [
        rms(maps["zos"] - surface.height(surface.inserted(rest, maps, times=times)))
        for times in (1, 3, 8)
    ]
    assert errors[0] < 0.4 * rms(maps["zos"])
    assert errors[2] < errors[1] < errors[0]
    assert errors[2] < 0.05 * rms(maps["zos"])


def test_temperature_and_salinity_come_back_and_a_share_goes_below(surface, rest, eddying):
    maps = seen(surface, eddying)
    once = surface.inserted(rest, maps)
    before, after = (rms(maps["thetao"] - seen(surface, s)["thetao"]) for s in (rest, once))
    assert after < 0.2 * before
    mixed, below = (once - rest)[2], (once - rest)[4]
    torch.testing.assert_close(below, surface.below * mixed)


def test_maps_of_a_state_do_not_move_it(surface, eddying):
    again = surface.inserted(eddying, seen(surface, eddying), times=3)
    scale = eddying.abs().amax(dim=(-2, -1), keepdim=True)
    torch.testing.assert_close(again / scale, eddying / scale, atol=1e-10, rtol=0)


def test_the_level_of_the_sea_does_not_matter(surface, rest, eddying):
    maps = seen(surface, eddying)
    higher = maps | {"zos": maps["zos"] + 0.37}
    found, expected = (surface.inserted(rest, m, times=3) for m in (higher, maps))
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_lower_layer_gets_its_share(surface, rest, eddying, share):
    """Of the flow: streamfunctions have a constant of their own."""
    maps = seen(surface, eddying)
    other = Surface(surface.model, 2, lower_layer=share)
    psi = ocean.streamfunction(other.inserted(rest, maps, times=1), surface.model)
    upper, lower = (p - p.mean() for p in psi)
    slope = float((upper * lower).sum() / (upper * upper).sum())
    assert slope == pytest.approx(share, abs=0.06)


def test_no_layer_gains_volume_and_no_water_crosses_the_coast(surface, rest, eddying):
    state = surface.inserted(rest, seen(surface, eddying), times=3)
    psi = ocean.streamfunction(state, surface.model)
    thickness = ((psi[0] - psi[1]) * surface.model.weights).sum()
    assert abs(float(thickness)) < 1e-9 * float(psi[0].abs().max())
    u, v = ocean.face_velocity(psi, surface.model)
    closed = [1 - faces for faces in surface.model.faces]
    assert float((u * closed[0]).abs().max()) < 1e-12
    assert float((v * closed[1]).abs().max()) < 1e-12
