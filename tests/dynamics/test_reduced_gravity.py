"""The 1.5-layer model inverts exactly, keeps what physics keeps, and its waves are the theory's."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from rows import every
from torch import Tensor

from oceanbench.dynamics.reduced_gravity import (
    DAY,
    Operators,
    Parameters,
    advance,
    courant_number,
    jacobian,
    operators,
    potential_vorticity,
    sea_surface_height,
    tendency,
    velocity,
)

LENGTH = 1000e3
FREE = Parameters(dissipation_time=None)
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]


def box(parameters: Parameters, points: int, **options) -> Operators:
    """A square of LENGTH, edges included."""
    step = LENGTH / (points - 1)
    return operators(parameters, points, points, (step, step), **options)


def axes(points: int) -> tuple[Tensor, Tensor]:
    """Y (points, 1) and x (points,) in metres."""
    x = torch.linspace(0, LENGTH, points, dtype=torch.float64)
    return x[:, None], x


def eddies(points: int, amplitude: float = 0.3) -> Tensor:
    """A dozen unequal eddies that vanish, with their slope, on the edge."""
    y, x = (math.pi * a / LENGTH for a in axes(points))
    waves = torch.sin(4 * x + 0.3) * torch.cos(5 * y + 1) + torch.sin(3 * y) * torch.cos(2 * x)
    return amplitude * (torch.sin(x) * torch.sin(y)) ** 2 * waves


def run(
    vorticity: Tensor,
    height: Callable[[float], Tensor],
    model: Operators,
    time_step: float,
    steps: int,
    start: float = 0.0,
) -> Tensor:
    """Integrate with the edges of a height that is a known function of time."""
    for n in range(steps):
        before, after = (height(start + m * time_step) for m in (n, n + 1))
        vorticity = advance(vorticity, (before, after), model, time_step=time_step)
        given = potential_vorticity(after, model)
        inner = vorticity[..., 1:-1, 1:-1]
        vorticity = given.clone()
        vorticity[..., 1:-1, 1:-1] = inner
    return vorticity


def closed(vorticity: Tensor, model: Operators, time_step: float, steps: int) -> Tensor:
    """Integrate in a box whose edge is a streamline, h = 0; q keeps its edge values."""
    edge = torch.zeros_like(vorticity)
    for _ in range(steps):
        vorticity = advance(vorticity, (edge, edge), model, time_step=time_step)
    return vorticity


def rms(field: Tensor) -> float:
    return float(field.pow(2).mean().sqrt())


@pytest.mark.parametrize("device", DEVICES)
def test_inversion_undoes_the_definition_of_potential_vorticity(device):
    """Exactly, for any field, on a rectangle of unequal steps, with edges far from zero."""
    model = operators(FREE, 23, 40, (17e3, 11e3), device=device)
    noise = torch.randn(3, 23, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    height = noise.to(device) + 5.0
    found = sea_surface_height(potential_vorticity(height, model), height, model)
    torch.testing.assert_close(found, height, rtol=0, atol=1e-11)


def test_inversion_of_a_sine_mode_is_its_closed_form():
    """∇²h - h/L² = s has h = -s / (k² + l² + 1/L²) for a mode s; second order in the grid step."""
    errors = []
    for points in (33, 65):
        model, (y, x) = box(FREE, points), axes(points)
        k, l = 3 * math.pi / LENGTH, 2 * math.pi / LENGTH  # noqa: E741
        mode = torch.sin(k * x) * torch.sin(l * y)
        p = model.parameters
        expected = -mode / (k**2 + l**2 + p.deformation_radius**-2)
        found = sea_surface_height(p.gravity / p.coriolis * mode, 0 * mode, model)
        errors.append(rms(found - expected) / rms(expected))
    assert errors[1] < 1e-3
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


def test_without_vorticity_the_edge_decays_over_a_radius_of_deformation():
    """q = 0 between given edges has h = exp(-x / L): second order in the grid step."""
    errors = []
    for points in (101, 201):
        model, (y, x) = box(FREE, points), axes(points)
        height = torch.exp(-x / model.parameters.deformation_radius) + 0 * y
        errors.append(rms(sea_surface_height(0 * height, height, model) - height))
    assert errors[1] < 1e-3
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("latitude", [38.0, -38.0])
def test_velocity_is_geostrophic_on_either_hemisphere(latitude):
    model, (y, x) = box(Parameters(latitude=latitude), 41), axes(41)
    u, v = velocity(1e-6 * (2 * x - 3 * y), model)
    scale = model.parameters.gravity / model.parameters.coriolis
    torch.testing.assert_close(u, torch.full_like(u, 3e-6 * scale))
    torch.testing.assert_close(v, torch.full_like(v, 2e-6 * scale))


@every("latitude", [38.0, -38.0])
@every("k, l", [(2, 0), (2, 3), (4, -1)])
def test_rossby_waves_have_the_phase_speed_of_theory(k, l, latitude):  # noqa: E741
    """c = -β / (k² + l² + 1/L²), westward on both hemispheres."""
    parameters = Parameters(latitude=latitude, wave_speed=5.0, dissipation_time=None)
    points, days = 81, 30
    model, (y, x) = box(parameters, points), axes(points)
    k, l = (2 * math.pi * n / LENGTH for n in (k, l))  # noqa: E741
    total = k**2 + l**2 + parameters.deformation_radius**-2
    speed = -parameters.planetary_gradient / total

    def wave(time: float, speed: float = speed) -> Tensor:
        return 1e-3 * torch.cos(k * (x - speed * time) + l * y)

    start = potential_vorticity(wave(0.0), model)
    end = run(start, wave, model, 6 * 3600.0, days * 4)
    height = sea_surface_height(end, wave(days * DAY), model)
    inner = (slice(10, -10), slice(10, -10))
    # the phase, from the components in and out of phase with theory
    cosine, sine = wave(days * DAY)[inner], wave(days * DAY + math.pi / (2 * k * speed))[inner]
    basis = torch.stack([cosine.flatten(), sine.flatten()], dim=1)
    a, b = torch.linalg.lstsq(basis, height[inner].reshape(-1, 1)).solution[:, 0].tolist()
    travelled = k * speed * days * DAY
    assert math.atan2(b, a) / travelled == pytest.approx(0.0, abs=0.02)
    assert math.hypot(a, b) == pytest.approx(1.0, abs=0.01)


def test_a_travelling_wave_converges_with_the_square_of_the_grid_step():
    parameters = Parameters(wave_speed=5.0, dissipation_time=None)
    k = 4 * math.pi / LENGTH
    speed = -parameters.planetary_gradient / (2 * k**2 + parameters.deformation_radius**-2)
    errors = []
    for points in (21, 41, 81):
        model, (y, x) = box(parameters, points), axes(points)

        def wave(time: float, x: Tensor = x, y: Tensor = y) -> Tensor:
            return 0.2 * torch.cos(k * (x - speed * time) + k * y)

        end = run(potential_vorticity(wave(0.0), model), wave, model, 6 * 3600.0, 80)
        errors.append(rms(sea_surface_height(end, wave(20 * DAY), model) - wave(20 * DAY)))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 1.8) & (orders < 2.4)), orders


def test_jacobian_is_of_second_order_and_antisymmetric():
    errors = []
    for points in (41, 81):
        model, (y, x) = box(FREE, points), axes(points)
        s, t = x / LENGTH, y / LENGTH
        a, b = torch.sin(3 * s + t), torch.exp(s) * torch.cos(2 * t)
        inner = (slice(1, -1), slice(1, -1))
        slope_a, slope_b = torch.cos(3 * s + t), torch.exp(s) * torch.sin(2 * t)
        exact = (3 * slope_a * -2 * slope_b - slope_a * b)[inner] / LENGTH**2
        errors.append(rms(jacobian(a, b, model) - exact) / rms(exact))
        torch.testing.assert_close(jacobian(b, a, model), -jacobian(a, b, model))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


def test_time_scheme_is_of_fourth_order():
    model = box(FREE, 33)
    start = potential_vorticity(eddies(33), model)
    truth = closed(start, model, 2 * DAY / 256, 256)
    errors = [rms(closed(start, model, 2 * DAY / n, n) - truth) for n in (8, 16, 32)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 3.6) & (orders < 4.6)), orders


@pytest.mark.parametrize("invariant", ["energy", "enstrophy"])
def test_a_closed_box_without_dissipation_conserves_energy_and_enstrophy(invariant):
    """The rates vanish to rounding. Enstrophy needs q = 0 on the edge, hence no beta."""
    parameters = Parameters(dissipation_time=None, beta=None if invariant == "energy" else 0.0)
    model = box(parameters, 48)
    noise = torch.randn(46, 46, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    q = 1e-5 * torch.nn.functional.pad(noise, (1, 1, 1, 1))
    psi = sea_surface_height(q, 0 * q, model)
    rate = tendency(q, 0 * q, model)
    other = psi if invariant == "energy" else q
    assert abs(float((other * rate).sum())) < 1e-12 * float((other * rate).abs().sum())


def test_a_zonal_flow_between_given_edges_is_steady():
    model, (y, x) = box(FREE, 41), axes(41)
    height = 0.5 * torch.tanh((LENGTH / 2 - y) / 100e3) + 0 * x
    start = potential_vorticity(height, model)
    end = run(start, lambda time: height, model, 2 * 3600.0, 120)
    found = sea_surface_height(end, height, model)
    torch.testing.assert_close(found, height, rtol=0, atol=1e-9)


def test_forward_then_backward_returns_to_the_start():
    """Ten days there and back, to the error of the time scheme: 1e-8 of the vorticity."""
    model = box(FREE, 48)
    start = potential_vorticity(eddies(48), model)
    there = closed(start, model, 2 * 3600.0, 120)
    back = closed(there, model, -2 * 3600.0, 120)
    assert rms(there - start) > 0.2 * rms(start)
    assert rms(back - start) < 1e-8 * rms(start)


@pytest.mark.parametrize("sign", [1, -1])
def test_dissipation_damps_the_grid_in_either_direction(sign):
    """The checkerboard decays by e in the dissipation time; long waves keep their amplitude."""
    model = box(Parameters(dissipation_time=1.0 * DAY, beta=0.0), 65)
    index = torch.arange(65)
    pattern = 1e-9 * (-1.0) ** (index[:, None] + index).double()
    y, x = (math.pi * a / LENGTH for a in axes(65))
    for field, expected in ((pattern, math.exp(-1)), (1e-9 * torch.sin(2 * x) * torch.sin(y), 1)):
        end = closed(field, model, sign * 3600.0, 24)
        centre = (slice(25, 40), slice(25, 40))
        assert rms(end[centre]) / rms(field[centre]) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_long_run_with_noise_stays_bounded_in_either_direction(sign):
    model = box(Parameters(), 48)
    noise = torch.randn(48, 48, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    start = potential_vorticity(eddies(48), model) + 1e-5 * noise
    end = closed(start, model, sign * 2 * 3600.0, 360)
    assert rms(end) < 2 * rms(start)


def test_the_edge_is_kept():
    """Heights on the edge are those given, at every time; so is the vorticity there."""
    model = box(Parameters(), 33)
    start = eddies(33) + 0.1 * axes(33)[0] / LENGTH
    vorticity = potential_vorticity(start, model)
    later = start + 0.05
    after = advance(vorticity, (start, later), model, time_step=3600.0)
    height = sea_surface_height(after, later, model)
    rim = torch.ones(33, 33, dtype=torch.bool)
    rim[1:-1, 1:-1] = False
    assert torch.equal(height[rim], later[rim])
    assert torch.equal(after[rim], vorticity[rim])


def test_a_rise_of_the_whole_box_moves_nothing():
    """A constant added to h, edges included, leaves the flow alone."""
    model = box(FREE, 33)
    flows = []
    for level in (0.0, 7.0):
        height = eddies(33) + level
        end = run(potential_vorticity(height, model), lambda t, h=height: h, model, 3600.0, 48)
        flows.append(sea_surface_height(end, height, model) - level)
    torch.testing.assert_close(flows[0], flows[1], rtol=0, atol=1e-10)


def test_members_of_a_batch_do_not_see_each_other():
    model = box(Parameters(), 33)
    heights = torch.stack([eddies(33, a) for a in (0.1, 0.2, -0.3, 0.4)])
    together = closed(
        potential_vorticity(heights, model).unflatten(0, (2, 2)), model, 3600.0, 12
    ).flatten(0, 1)
    for height, expected in zip(heights, together, strict=True):
        alone = closed(potential_vorticity(height, model), model, 3600.0, 12)
        torch.testing.assert_close(alone, expected, rtol=1e-10, atol=1e-18)


@pytest.mark.parametrize("device", DEVICES)
def test_single_precision_follows_double(device):
    heights = []
    for dtype in (torch.float32, torch.float64):
        model = box(Parameters(), 48, dtype=dtype, device=device)
        height = eddies(48).to(device, dtype)
        end = closed(potential_vorticity(height, model), model, 3600.0, 24 * 5)
        assert end.dtype == dtype
        heights.append(sea_surface_height(end, 0 * height, model).double())
    assert float((heights[0] - heights[1]).abs().max()) < 1e-4


def test_a_step_is_differentiable_and_leaves_the_state_alone():
    model = box(Parameters(), 17)
    state = potential_vorticity(eddies(17), model)
    kept = state.clone()
    end = closed(state.requires_grad_(), model, 3600.0, 2)
    sea_surface_height(end, torch.zeros_like(end), model).pow(2).sum().backward()
    assert state.grad is not None and torch.isfinite(state.grad).all()
    assert torch.equal(state.detach(), kept)


def test_the_courant_number_counts_grid_steps():
    """A uniform flow of 1 m/s east and 2 m/s north over 10 km: 0.36 and 0.72 steps an hour."""
    model = operators(FREE, 9, 9, (10e3, 10e3))
    scale = model.parameters.coriolis / model.parameters.gravity
    metres = 10e3 * torch.arange(9, dtype=torch.float64)
    height = scale * (2 * metres - metres[:, None])
    assert courant_number(height, model, -3600.0) == pytest.approx(1.08)


@every(
    "change, message",
    [
        ({"rows": 4}, "at least 5 x 5 points"),
        ({"spacing": (0.0, 1.0)}, "positive numbers"),
        ({"parameters": Parameters(wave_speed=0.0)}, "wave speed 0.0 m/s"),
        ({"parameters": Parameters(latitude=0.0)}, "off the equator"),
    ],
)
def test_an_impossible_box_is_refused(change, message):
    arguments = {"parameters": FREE, "rows": 9, "columns": 9, "spacing": (1e4, 1e4)} | change
    with pytest.raises(ValueError, match=message):
        operators(**arguments)
