"""The periodic plane: tracers go with the flow, and a run is what its steps are."""

import math

import pytest
import torch

from oceanbench.dynamics import spectral


def test_derivatives_are_exact_for_waves_and_zero_for_the_nyquist_mode():
    grid = spectral.plane(16, 2 * math.pi, "none")
    x = torch.arange(16, dtype=torch.float64) * 2 * math.pi / 16
    field = torch.sin(3 * x)[None, :] * torch.cos(2 * x)[:, None]
    for multiplier, expected in (
        (grid.ddx, 3 * torch.cos(3 * x)[None, :] * torch.cos(2 * x)[:, None]),
        (grid.ddy, -2 * torch.sin(3 * x)[None, :] * torch.sin(2 * x)[:, None]),
        (-grid.wavenumber2, -13 * field),
    ):
        actual = torch.fft.irfft2(multiplier * torch.fft.rfft2(field))
        torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)
    assert grid.ddx[0, -1] == grid.ddy[8, 0] == 0


def test_a_zonal_jet_has_its_speed_less_its_mean():
    length, grid = 1000e3, spectral.plane(64, 1000e3, "none")
    psi = torch.zeros(64, 33, dtype=torch.complex128)
    psi[:, 0] = spectral.zonal_jet(grid, length, 0.5, 90e3)
    u = torch.fft.irfft2(-grid.ddy * psi)[:, 0]
    y = torch.arange(64, dtype=torch.float64) * length / 64
    profile = 0.5 / torch.cosh((y - length / 2) / 90e3) ** 2
    torch.testing.assert_close(u, profile - profile.mean(), rtol=0, atol=1e-6)


def test_rows_beyond_the_levels_are_carried_by_the_uppermost():
    """As if the uppermost level were theirs alone; the mean flow is felt by all of its rows."""
    grid = spectral.plane(24, 500e3, "none")
    psi = 1e4 * spectral.eddies(grid, 500e3, 0, (1, 5))
    rows = torch.cat([spectral.eddies(grid, 500e3, seed, (0, 7)) for seed in (1, 2)])
    together = spectral.advection(psi, rows, grid, (0.3, 0.1))
    for row in (0, 2, 3):
        alone = spectral.advection(psi[:1], rows[row : row + 1], grid, (0.3,))
        torch.testing.assert_close(together[row], alone[0], rtol=1e-12, atol=0)
    below = spectral.advection(psi[1:], rows[1:2], grid, (0.1,))
    torch.testing.assert_close(together[1], below[0], rtol=1e-12, atol=0)


def test_a_mean_flow_carries_the_state_along():
    """No eddies: after a whole turn the state is back."""
    grid = spectral.plane(16, 864e3, "none")
    start = spectral.eddies(grid, 864e3, 3, (0, 4))[:1]

    def rate(state: torch.Tensor) -> torch.Tensor:
        return spectral.advection(torch.zeros_like(start), state, grid, (1.0,))

    *_, end = spectral.integrate(start, rate, grid, time_step=900.0, steps=960, every=960)
    torch.testing.assert_close(end, start, rtol=0, atol=1e-4 * float(start.abs().max()))


@pytest.mark.parametrize(("kind", "kept"), [("exponential", 0.65), ("two_thirds", 2 / 3)])
def test_filters_spare_the_large_scales_and_remove_the_grid_s(kind, kept):
    grid = spectral.plane(48, 1.0, kind)
    nyquist = grid.wavenumber2.sqrt() / (math.pi * 48)
    assert bool((grid.filter[nyquist < kept - 1e-9] == 1).all())
    assert float(grid.filter[24, 0]) < 1e-9
