"""Surface quasi-geostrophic flow keeps what theory keeps, grows and cascades as theory says."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from rows import every

from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.dynamics.spectral import eddies
from oceanbench.dynamics.surface_quasigeostrophic import (
    Operators,
    Parameters,
    energy,
    initial_state,
    integrate,
    operators,
    sea_surface_height,
    streamfunction,
    tendency,
    velocity,
)

FREE = Parameters(
    jet_speed=0.0, relaxation_time=None, drag_time=None, small_scale_filter="two_thirds"
)


def turbulence(model: Operators, seed: int = 0, speed: float = 0.3) -> torch.Tensor:
    """Random buoyancy of 3 to 6 wavelengths per domain, with the given rms speed (m/s)."""
    state = eddies(model, model.parameters.domain_length, seed, (3, 6))
    u, v = velocity(state, model)
    return state * (speed / (u**2 + v**2).mean().sqrt())


def last(state: torch.Tensor, model: Operators, time_step: float, steps: int) -> torch.Tensor:
    *_, final = integrate(state, model, time_step=time_step, steps=steps, every=steps)
    return final


@every("latitude", [40.0, -40.0])
@every("depth", [800.0, math.inf])
def test_inversion_solves_the_boundary_value_problem(latitude, depth):
    """ψ(z) of uniform potential vorticity: f dψ/dz is the buoyancy at both boundaries."""
    p = replace(FREE, latitude=latitude, depth=depth)
    model = operators(p, 16)
    state = turbulence(model)
    psi = streamfunction(state, model)
    kappa = p.stratification / abs(p.coriolis) * model.wavenumber2.sqrt()
    kappa[0, 0] = 1.0
    if math.isinf(depth):
        torch.testing.assert_close(p.coriolis * kappa * psi[0], state[0], rtol=1e-10, atol=1e-12)
        return
    e = torch.exp(-kappa * depth)  # ψ = A exp(κz) + B exp(-κ(z + H)), 0 at the surface
    up, down = (psi[0] - e * psi[1]) / (1 - e**2), (psi[1] - e * psi[0]) / (1 - e**2)
    for row, slope in enumerate((up - e * down, e * up - down)):
        torch.testing.assert_close(p.coriolis * kappa * slope, state[row], rtol=1e-8, atol=1e-12)


def test_velocity_is_geostrophic_and_warm_water_stands_high():
    """u = -g/f dh/dy; light water at the surface lifts it, in both hemispheres."""
    for latitude in (40.0, -40.0):
        model = operators(replace(FREE, latitude=latitude), 64)
        state = turbulence(model)
        h = sea_surface_height(state, model)
        step = 2 * model.parameters.domain_length / 64
        u, _ = velocity(state, model)
        scale = -model.parameters.gravity / model.parameters.coriolis / step
        difference = scale * (h.roll(-1, 0) - h.roll(1, 0))
        torch.testing.assert_close(u[0], difference, rtol=0, atol=0.05)
        assert float((h * torch.fft.irfft2(state[0])).mean()) > 0


def buoyancy_variance(row: int):
    return lambda state, model: (torch.fft.irfft2(state[..., row, :, :]) ** 2).mean((-2, -1))


@every("invariant", [energy, buoyancy_variance(0), buoyancy_variance(1), buoyancy_variance(2)])
def test_inviscid_rates_of_the_invariants_vanish(invariant):
    """The truncated equations conserve energy, b² at each boundary and a tracer's T² exactly."""
    model = operators(FREE, 48)
    start = torch.cat([turbulence(model), turbulence(model, seed=1)[:1]])
    state = last(start, model, 1800.0, 96)  # the triads have filled the spectrum
    change = 3600.0 * tendency(state, model)
    slope = (invariant(state + change, model) - invariant(state - change, model)) / 2
    assert abs(float(slope)) < 1e-12 * abs(float(invariant(state, model)))


@every("invariant", [energy, buoyancy_variance(0)])
def test_drift_of_the_invariants_is_that_of_the_time_scheme(invariant):
    """Ten days of free turbulence: small drift, which falls at least as the cube of the step."""
    model = operators(FREE, 32)
    start, drift = turbulence(model), []
    for time_step in (3600.0, 1800.0):
        end = last(start, model, time_step, round(10 * DAY / time_step))
        drift.append(abs(float(invariant(end, model) / invariant(start, model)) - 1))
    assert drift[0] < 2e-3
    assert drift[1] < drift[0] / 7


def test_time_scheme_is_of_third_order_from_the_first_step():
    model = operators(FREE, 32)
    start, interval = turbulence(model), 0.5 * DAY
    truth = last(start, model, interval / 192, 192)
    errors = [
        float((last(start, model, interval / n, n) - truth).abs().pow(2).mean().sqrt())
        for n in (12, 24)
    ]
    assert 2.8 < np.log2(errors[0] / errors[1]) < 3.6


@every("k", [2, 4, 6])
def test_eady_s_instability_grows_at_its_analytic_rate(k):
    """σ = k U / μ sqrt((coth μ/2 - μ/2) (μ/2 - tanh μ/2)); the wave travels with U / 2."""
    p = replace(FREE, mean_flow=(0.2, 0.0), small_scale_filter="none")
    model = operators(p, 16)
    wavenumber = 2 * math.pi * k / p.domain_length
    half = wavenumber * p.deformation_radius / 2
    root = (1 / math.tanh(half) - half) * (half - math.tanh(half))
    assert root > 0
    state = torch.zeros(2, 16, 9, dtype=torch.complex128)
    state[:, 0, k] = torch.tensor([1e-9, 3e-10j])
    states = list(integrate(state, model, time_step=DAY / 4, steps=640, every=80))
    ratio = complex(states[-1][0, 0, k] / states[-2][0, 0, k])
    growth = math.log(abs(ratio)) / (20 * DAY)
    assert growth == pytest.approx(wavenumber * 0.2 / (2 * half) * math.sqrt(root), rel=1e-4)
    travelled = -wavenumber * 0.1 * 20 * DAY
    assert abs(ratio / abs(ratio) - np.exp(1j * travelled)) < 1e-3


def test_short_waves_of_eady_s_problem_are_neutral():
    p = replace(FREE, mean_flow=(0.2, 0.0), small_scale_filter="none")
    model = operators(p, 32)
    k = math.ceil(2.4 / p.deformation_radius * p.domain_length / (2 * math.pi))
    state = torch.zeros(2, 32, 17, dtype=torch.complex128)
    state[:, 0, k] = torch.tensor([1e-9, 3e-10j])
    states = list(integrate(state, model, time_step=DAY / 16, steps=960, every=96))
    sizes = [float(s.abs().max()) for s in states]
    assert max(sizes) < 3 * min(sizes)


def test_drag_stops_the_flow_at_the_bottom_and_takes_energy():
    """By e in T / (μ coth μ), which is the drag time for a tall column."""
    p = replace(FREE, drag_time=10 * DAY, small_scale_filter="none")
    model = operators(p, 16)
    start = torch.zeros(2, 16, 9, dtype=torch.complex128)
    start[:, 0, 1] = torch.tensor([1.0, 0.7])
    end = last(start, model, 3600.0, 120)
    mu = p.deformation_radius * 2 * math.pi / p.domain_length
    ratio = streamfunction(end, model)[1, 0, 1] / streamfunction(start, model)[1, 0, 1]
    assert complex(ratio) == pytest.approx(math.exp(-0.5 * mu / math.tanh(mu)), rel=1e-6)
    assert float(energy(end, model)) < float(energy(start, model))


def test_relaxation_brings_the_flow_to_the_jet_which_vanishes_at_the_bottom():
    p = Parameters(relaxation_time=5 * DAY, drag_time=None)
    model = operators(p, 48)
    end = last(torch.zeros(2, 48, 25, dtype=torch.complex128), model, 14400.0, 6 * 60)
    u, v = velocity(end, model)
    y = torch.arange(48, dtype=torch.float64) / 48 * p.domain_length
    jet = p.jet_speed / torch.cosh((y - p.domain_length / 2) / p.jet_width) ** 2
    torch.testing.assert_close(u[0, :, 0], jet - jet.mean(), rtol=0, atol=1e-3 * p.jet_speed)
    assert float(u[1].abs().max()) < 1e-10
    assert float(v.abs().max()) < 1e-10


def test_flow_knows_no_direction():
    """Turned by 90 degrees or mirrored with the sign of f, a flow without shear evolves alike."""
    north, south = (operators(replace(FREE, latitude=at), 32) for at in (40.0, -40.0))
    start = turbulence(north)

    def of(field: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfft2(field)

    def end(field: torch.Tensor, model: Operators) -> torch.Tensor:
        return torch.fft.irfft2(last(of(field), model, 3600.0, 48))

    field = torch.fft.irfft2(start)
    expected = end(field, north)
    scale = float(expected.abs().max())
    turned = end(field.rot90(1, (-2, -1)), north).rot90(-1, (-2, -1))
    mirrored = end(field.flip(-2), south).flip(-2)
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-10 * scale)
    torch.testing.assert_close(mirrored, expected, rtol=0, atol=1e-10 * scale)


def test_buoyancy_of_free_turbulence_has_the_slope_of_theory():
    """Surface buoyancy goes to K^-5/3 (Blumen): there from a flatter start, nearer from a steeper.

    Half a month, of eddies that turn in two days.
    """
    p = replace(FREE, depth=math.inf, small_scale_filter="exponential")
    model = operators(p, 128, dtype=torch.float32)
    waves = model.wavenumber2.sqrt() * p.domain_length / (2 * math.pi)
    noise = eddies(model, p.domain_length, 0, (2, 40))
    found = []
    for start in (-1.0, -3.0):
        state = noise * waves.clamp(min=1.0) ** ((start - 1) / 2)
        u, v = velocity(state, model)
        state *= 0.3 / (u**2 + v**2).mean().sqrt()
        assert slope_of(state[0].abs() ** 2, model, (6, 24)) == pytest.approx(start, abs=0.2)
        states = integrate(state, model, time_step=2400.0, steps=576, every=36)
        power = sum(later[0].abs() ** 2 for later in list(states)[10:])
        found.append(slope_of(power, model, (6, 24)))
    assert found[0] == pytest.approx(-5 / 3, abs=0.2)
    assert -2.6 < found[1] < -5 / 3


def slope_of(power: torch.Tensor, model: Operators, band: tuple[int, int]) -> float:
    """Slope of the isotropic spectrum of squared coefficients, between waves per domain."""
    waves = (model.wavenumber2.sqrt() * model.parameters.domain_length / (2 * math.pi)).round()
    twice = torch.full_like(power, 2.0)
    twice[:, 0] = 1.0
    shells = torch.bincount(waves.long().ravel(), (twice * power).ravel())
    number = torch.arange(*band)
    return float(np.polyfit(number.log().numpy(), shells[number].log().numpy(), 1)[0])


def test_single_precision_and_batches_follow():
    """In single precision to its rounding; a batch's members do not see each other."""
    double = operators(Parameters(), 32)
    single = operators(Parameters(), 32, dtype=torch.float32)
    members = torch.stack([initial_state(double, seed=seed) for seed in range(3)])
    together = last(members, double, 3600.0, 24)
    for member, expected in zip(members, together, strict=True):
        torch.testing.assert_close(last(member, double, 3600.0, 24), expected, rtol=1e-12, atol=0)
    height = sea_surface_height(last(members[0].to(torch.complex64), single, 3600.0, 24), single)
    assert height.dtype == torch.float32
    reference = sea_surface_height(together[0], double)
    assert float((height - reference).abs().max()) < 1e-4


def test_what_makes_no_sea_is_refused():
    for wrong, said in (
        ({"latitude": 0.0}, "off the equator"),
        ({"stratification": 0.0}, "positive"),
        ({"depth": math.inf}, "expected drag_time None"),
    ):
        with pytest.raises(ValueError, match=said):
            operators(replace(Parameters(), **wrong), 16)
