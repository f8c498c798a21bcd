"""The layered ocean keeps what physics keeps; its basin modes are the theory's."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from oceanbench.dynamics import layered_ocean as ocean
from oceanbench.dynamics.basin import Basin, north_atlantic_like
from oceanbench.dynamics.ocean_climate import climate, season
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.dynamics.water_columns import ABYSS, DEPTHS, fields

BASIN = north_atlantic_like(0.6)
UNFORCED = ocean.Parameters(
    shear_time=None,
    drag_time=None,
    wind_stress=0.0,
    heat_piston=0.0,
    salt_piston=0.0,
    winter_mixing=0.0,
    interior_time=None,
)


@pytest.fixture(scope="module")
def free() -> ocean.Operators:
    return ocean.operators(UNFORCED, BASIN)


@pytest.fixture(scope="module")
def forced() -> ocean.Operators:
    return ocean.operators(ocean.Parameters(), BASIN)


def eddies(model: ocean.Operators, seed: int = 0, speed: float = 0.3) -> torch.Tensor:
    """A state of random eddies, in both layers, with unequal tracers."""
    generator = torch.Generator().manual_seed(seed)
    corners = [n + 1 for n in model.wet.shape]
    psi = torch.randn(2, *corners, generator=generator, dtype=torch.float64)
    for _ in range(6):
        psi = (psi + psi.roll(1, 1) + psi.roll(-1, 1) + psi.roll(1, 2) + psi.roll(-1, 2)) / 5
    q = ocean.potential_vorticity(psi, model)
    u, v = ocean.face_velocity(ocean.streamfunction(torch.cat([q, q, q]), model), model)
    rms = float((u.pow(2).mean() + v.pow(2).mean()).sqrt())
    tracers = torch.rand(4, *model.wet.shape, generator=generator, dtype=torch.float64)
    return torch.cat([q * speed / rms, 10 + 5 * tracers]) * model.wet


def run(state: torch.Tensor, model: ocean.Operators, days: float, time_step: float = 10800.0):
    steps = round(days * DAY / time_step)
    *_, end = ocean.integrate(state, 0.0, model, time_step=time_step, steps=steps, every=steps)
    return end


def test_vorticity_heat_and_salt_are_conserved_without_forcing(free):
    start = eddies(free)
    end = run(start, free, 20)
    changed = (end - start).abs().sum((-2, -1))
    total = (end.sum((-2, -1)) - start.sum((-2, -1))).abs()
    # q alone meets the planetary gradient: beta v integrates to zero as a flux does
    assert bool((total < 1e-10 * changed).all()), total / changed
    assert bool((changed[2:] > 0.01 * start[2:].sum((-2, -1))).all())


def test_the_mixing_of_the_seasons_conserves_heat_and_salt():
    """What the mixed layer loses the water below gains, depth by depth."""
    parameters = replace(UNFORCED, winter_mixing=5.0)
    model = ocean.operators(parameters, BASIN)
    start = eddies(model)
    end = run(start, model, 20)
    p = parameters
    for row in (2, 3):
        content = [
            p.mixed_layer * s[row].sum() + (p.upper_depth - p.mixed_layer) * s[row + 2].sum()
            for s in (start, end)
        ]
        assert float(content[1] / content[0]) == pytest.approx(1, abs=1e-13)
        assert abs(float(end[row].sum() / start[row].sum()) - 1) > 1e-6


def test_the_volume_of_each_layer_is_kept(forced):
    """The interface, f0 (ψ1 - ψ2) / g', has no mean over the sea: forced and unforced."""
    end = run(ocean.initial_state(forced, seed=0), forced, 30)
    psi = ocean.streamfunction(end, forced)
    shear = (psi[0] - psi[1]) * forced.weights
    assert abs(float(shear.sum())) < 1e-12 * float(shear.abs().sum())
    assert float(shear.abs().sum()) > 1.0


def test_no_water_crosses_a_coast_and_none_is_made(forced):
    u, v = ocean.face_velocity(ocean.streamfunction(eddies(forced), forced), forced)
    dy, dx = BASIN.spacing
    assert float((u * (1 - forced.faces[0])).abs().max()) < 1e-12
    assert float((v * (1 - forced.faces[1])).abs().max()) < 1e-12
    made = u.diff(dim=-1) / dx + v.diff(dim=-2) / dy
    assert float(made.abs().max()) < 1e-13 * float(u.abs().max()) / dx * 10


def test_uniform_tracers_stay_uniform_and_unequal_ones_keep_their_bounds(free):
    start = eddies(free)
    start[2] = 15.0 * free.wet
    end = run(start, free, 20)
    wet = free.wet > 0
    assert float((end[2, wet] - 15).abs().max()) < 1e-11
    for row in (3, 4, 5):
        assert float(end[row, wet].max()) <= float(start[row, wet].max()) + 1e-12
        assert float(end[row, wet].min()) >= float(start[row, wet].min()) - 1e-12


def test_an_ocean_at_rest_without_forcing_stays_at_rest(free):
    start = ocean.initial_state(free, seed=0, amplitude=0.0)
    end = run(start, free, 5)
    assert float(ocean.streamfunction(end, free).abs().max()) < 1e-6
    torch.testing.assert_close(end[2:], start[2:], rtol=0, atol=1e-12)


def test_inversion_undoes_the_definition_for_eddies_wider_than_cells():
    basin = Basin(30 + 0.1 * np.arange(60.0), 0.1 * np.arange(80.0), np.ones((60, 80), bool))
    model = ocean.operators(UNFORCED, basin)
    y, x = (torch.arange(n + 1, dtype=torch.float64) * math.pi / n for n in (60, 80))
    mode = torch.sin(2 * y)[:, None] * torch.sin(3 * x)
    psi = 1e4 * torch.stack([mode, -0.5 * mode])  # of mean zero: volumes are kept
    state = torch.cat([ocean.potential_vorticity(psi, model), torch.zeros(4, 60, 80).double()])
    found = ocean.streamfunction(state, model)
    assert float((found - psi).abs().max() / psi.abs().max()) < 0.02


@pytest.mark.parametrize("mode", [(1, 1), (2, 1)])
def test_barotropic_basin_modes_have_the_frequency_of_theory(mode):
    """ψ = cos(β x / 2ω + ω t) sin(mπx/Lx) sin(nπy/Ly), ω = β / 2 √((mπ/Lx)² + (nπ/Ly)²)."""
    basin = Basin(30 + 0.25 * np.arange(48.0), 0.25 * np.arange(60.0), np.ones((48, 60), bool))
    model = ocean.operators(UNFORCED, basin)
    dy, dx = basin.spacing
    k, l = mode[0] * math.pi / (60 * dx), mode[1] * math.pi / (48 * dy)  # noqa: E741
    beta = float((model.planetary[1] - model.planetary[0]) / dy)
    omega = beta / (2 * math.hypot(k, l))
    x, y = torch.arange(61).double() * dx, torch.arange(49).double()[:, None] * dy

    def wave(time: float) -> torch.Tensor:
        return (
            torch.cos(beta * x / (2 * omega) + omega * time) * torch.sin(k * x) * torch.sin(l * y)
        )

    psi = 1.0 * torch.stack([wave(0), wave(0)])  # m²/s: too slow to be nonlinear
    state = torch.cat([ocean.potential_vorticity(psi, model), torch.zeros(4, 48, 60).double()])
    period = 2 * math.pi / omega
    end = ocean.streamfunction(run(state, model, period / DAY, period / 200), model)[0]
    # the mode is a pair of patterns a quarter of a period apart: find the phase that fits
    basis = torch.stack([wave(0).flatten(), wave(period / 4).flatten()], 1)
    a, b = torch.linalg.lstsq(basis, end.reshape(-1, 1)).solution[:, 0].tolist()
    assert math.atan2(b, a) / (2 * math.pi) == pytest.approx(0, abs=0.02)
    assert math.hypot(a, b) == pytest.approx(1, abs=0.05)


def test_the_time_scheme_is_of_third_order(forced):
    start = eddies(forced)
    truth = run(start, forced, 2, 675.0)
    errors = [
        float((run(start, forced, 2, step) - truth)[:2].norm())
        for step in (21600.0, 10800.0, 5400.0)
    ]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 2.5) & (orders < 3.6)), orders


@pytest.mark.slow
def test_wind_spins_up_a_double_gyre():
    """From rest, height rises in the south (anticyclone) and falls in the north."""
    model = ocean.operators(replace(UNFORCED, wind_stress=0.05), BASIN)
    end = run(ocean.initial_state(model, seed=0, amplitude=0.0), model, 60)
    height = ocean.sea_surface_height(ocean.streamfunction(end, model), model)
    south, north = BASIN.latitude < 34, BASIN.latitude > 38
    assert float(height[south].mean()) > 0.01 > -0.01 > float(height[north].mean())


def test_drag_slows_the_lower_layer_alone():
    rates = []
    for drag in (None, 10 * DAY):
        model = ocean.operators(replace(UNFORCED, drag_time=drag), BASIN)
        state = eddies(model)
        rates.append(ocean.tendency(state, 0.0, model))
    change = rates[1] - rates[0]
    assert float(change[0].abs().max()) == 0.0
    curl = model.inversion.laplacian(ocean.streamfunction(state, model)[1])
    assert float((change[1] * ocean.to_cells(curl)).sum()) < 0


def test_seasons_and_climate():
    assert season(46 * DAY) == 1
    assert season((46 + 365.25 / 2) * DAY) == pytest.approx(-1)
    north = torch.linspace(0, 1, 5, dtype=torch.float64)[:, None]
    (winter, _), (summer, _) = (climate(north, d * DAY) for d in (46, 46 + 182.625))
    assert bool((winter[0].diff(dim=0) < 0).all())
    cycle = (summer - winter)[0]
    assert (float(cycle.min()), float(cycle.max())) == pytest.approx((4.6, 8.0))


def test_members_of_a_batch_do_not_see_each_other(forced):
    states = torch.stack([eddies(forced, seed, 0.1 * (seed + 1)) for seed in range(3)])
    together = run(states, forced, 2)
    for state, expected in zip(states, together, strict=True):
        torch.testing.assert_close(run(state, forced, 2), expected, rtol=1e-9, atol=1e-12)


def test_single_precision_follows_double(forced):
    single = ocean.operators(ocean.Parameters(), BASIN, dtype=torch.float32)
    start = eddies(forced)
    end, other = run(start, forced, 5), run(start.float(), single, 5)
    heights = [
        ocean.sea_surface_height(ocean.streamfunction(s, m), m).double()
        for s, m in ((end, forced), (other, single))
    ]
    assert float((heights[0] - heights[1]).abs().max()) < 1e-3


def test_a_step_too_long_is_reported(forced):
    with pytest.raises(FloatingPointError, match="shorten time_step"):
        run(eddies(forced, speed=3.0), forced, 200, 4 * DAY)


def test_fields_are_those_of_the_state_and_missing_on_land(forced):
    state = eddies(forced, speed=0.05)
    found = fields(state, forced, DEPTHS)
    land = ~BASIN.wet
    for name, field in found.items():
        assert field.shape == ((6, 30, 50) if name != "zos" else (30, 50))
        np.testing.assert_array_equal(np.isnan(field.numpy()), np.broadcast_to(land, field.shape))
    wet = forced.wet > 0
    torch.testing.assert_close(found["thetao"][0, wet], state[2, wet], atol=0.01, rtol=0)
    torch.testing.assert_close(found["so"][3, wet], state[5, wet], atol=2.0, rtol=0)
    assert abs(float(found["zos"][wet].mean())) < 1e-12
    deep = fields(state, forced, [5000.0])
    assert float((deep["thetao"][0, wet] - ABYSS[0]).abs().max()) < 1e-3


def test_surface_currents_are_geostrophic():
    """u = -g/f dh/dy, v = g/f dh/dx away from the coast, by centred differences."""
    model = ocean.operators(ocean.Parameters(), BASIN)
    found = {k: v.squeeze(0) for k, v in fields(eddies(model), model).items()}
    dy, dx = BASIN.spacing
    scale = model.parameters.gravity / model.coriolis
    h = found["zos"]
    u, v = -scale * (h[2:] - h[:-2]) / (2 * dy), scale * (h[:, 2:] - h[:, :-2]) / (2 * dx)
    for expected, actual in ((u, found["uo"][1:-1]), (v, found["vo"][:, 1:-1])):
        both = torch.isfinite(expected) & torch.isfinite(actual)
        a, b = expected[both], actual[both]
        assert float((a * b).sum() / (a.norm() * b.norm())) > 0.9
