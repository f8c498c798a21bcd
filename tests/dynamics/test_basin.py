"""The elliptic problem is solved to rounding on any coast; the basin is what it says."""

import math

import numpy as np
import pytest
import torch

from oceanbench.dynamics.basin import Basin, inversion, north_atlantic_like
from oceanbench.errors import OceanbenchError

LAMBDAS = torch.tensor([0.0, 30e3**-2], dtype=torch.float64)


def rectangle(rows: int, columns: int, resolution: float = 0.25) -> Basin:
    y, x = (resolution * np.arange(0.5, n) for n in (rows, columns))
    return Basin(30 + y, -60 + x, np.ones((rows, columns), bool))


def noise(basin: Basin, *leading: int) -> torch.Tensor:
    corners = [n + 1 for n in basin.wet.shape]
    return torch.randn(
        *leading, *corners, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )


@pytest.mark.parametrize("resolution", [0.6, 0.5, 0.3])
def test_solution_satisfies_the_equation_at_every_interior_corner(resolution):
    basin = north_atlantic_like(resolution)
    solve = inversion(basin, LAMBDAS, torch.float64)
    source = noise(basin, 3, 2)
    psi = solve(source)
    found = (solve.laplacian(psi) - LAMBDAS[:, None, None] * psi)[..., 1:-1, 1:-1]
    inside = solve.interior > 0
    expected = source[..., 1:-1, 1:-1]
    torch.testing.assert_close(found[..., inside], expected[..., inside], rtol=0, atol=1e-10)


def test_solution_vanishes_on_the_coast_and_ignores_sources_there():
    basin = north_atlantic_like(0.5)
    solve = inversion(basin, LAMBDAS, torch.float64)
    source = noise(basin, 2)
    inside = torch.nn.functional.pad(solve.interior, (1, 1, 1, 1)) > 0
    psi = solve(source)
    assert torch.equal(psi[..., ~inside], torch.zeros_like(psi[..., ~inside]))
    torch.testing.assert_close(solve(source * inside), psi, rtol=0, atol=0)


def test_a_sine_mode_is_its_closed_form_to_second_order():
    errors = []
    for rows in (16, 32):
        basin = rectangle(rows, 2 * rows, 8.0 / rows)
        dy, dx = basin.spacing
        y = torch.arange(rows + 1, dtype=torch.float64)[:, None] * math.pi * 2 / rows
        x = torch.arange(2 * rows + 1, dtype=torch.float64) * math.pi * 3 / (2 * rows)
        mode = torch.sin(y) * torch.sin(x)
        k2 = (2 * math.pi / (rows * dy)) ** 2 + (3 * math.pi / (2 * rows * dx)) ** 2
        found = inversion(basin, LAMBDAS, torch.float64)(torch.stack([mode, mode]))
        expected = -mode / (k2 + LAMBDAS[:, None, None])
        errors.append(float((found - expected).abs().max() / expected.abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


def test_cells_have_the_size_of_the_middle_latitude():
    basin = north_atlantic_like(0.6)
    dy, dx = basin.spacing
    assert dy == pytest.approx(0.6 * 111.195e3, rel=1e-4)
    assert dx / dy == pytest.approx(math.cos(math.radians(36)))
    assert not basin.wet[[0, -1]].any()
    assert not basin.wet[:, [0, -1]].any()
    assert 0.7 < basin.wet.mean() < 0.85


def test_resolutions_share_a_coast():
    fine, coarse = north_atlantic_like(0.2).wet, north_atlantic_like(0.6).wet
    share = fine.reshape(30, 3, 50, 3).mean((1, 3))
    assert coarse[share == 1].mean() > 0.99
    assert not coarse[share == 0].any()


def test_islands_and_lakes_are_refused():
    wet = np.ones((8, 8), bool)
    wet[4, 4] = False
    with pytest.raises(OceanbenchError, match="2 pieces of land"):
        Basin(np.arange(8.0), np.arange(8.0), wet)
    wet = np.ones((8, 8), bool)
    wet[:, 4] = False
    with pytest.raises(OceanbenchError, match="2 seas"):
        Basin(np.arange(8.0), np.arange(8.0), wet)
    with pytest.raises(OceanbenchError, match=r"0\.7 degrees do not fill"):
        north_atlantic_like(0.7)
