"""The two-layer model keeps what physics keeps; its waves and instabilities are the theory's."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from rows import every

from oceanbench.dynamics.quasigeostrophic import (
    DAY,
    Operators,
    Parameters,
    eddies_of,
    energy,
    initial_state,
    integrate,
    jet_of,
    operators,
    potential_vorticity,
    sea_surface_height,
    streamfunction,
    tendency,
    velocity,
)
from oceanbench.dynamics.spectral import refine

FREE = Parameters(relaxation_time=None, drag_time=None, small_scale_filter="two_thirds")


def turbulence(model: Operators, seed: int = 0, speed: float = 0.3) -> torch.Tensor:
    """Random eddies of 3 to 6 wavelengths per domain, with the given rms speed (m/s)."""
    n, length = model.points, model.parameters.domain_length
    noise = torch.randn(2, n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    waves = model.wavenumber2.sqrt() * length / (2 * math.pi)
    state = potential_vorticity(torch.fft.rfft2(noise) * ((waves > 3) & (waves < 6)), model)
    u, v = velocity(state, model)
    return state * (speed / (u**2 + v**2).mean().sqrt())


def wave(model: Operators, k: int, l: int, upper: complex, lower: complex) -> torch.Tensor:  # noqa: E741
    """One plane wave, k and l per domain; the state whose ψ has these complex amplitudes."""
    n = model.points
    psi = torch.zeros(2, n, n // 2 + 1, dtype=torch.complex128)
    psi[:, l, k] = torch.tensor([upper, lower], dtype=torch.complex128) * n * n / 2
    return potential_vorticity(psi, model)


def last(state: torch.Tensor, model: Operators, time_step: float, steps: int) -> torch.Tensor:
    *_, final = integrate(state, model, time_step=time_step, steps=steps, every=steps)
    return final


def test_inversion_is_the_inverse_of_the_definition_of_potential_vorticity():
    model = operators(Parameters(), 32)
    psi = streamfunction(turbulence(model), model)
    state = potential_vorticity(psi, model)
    torch.testing.assert_close(streamfunction(state, model), psi, rtol=1e-12, atol=1e-3)


def test_velocity_is_geostrophic():
    """u = -g/f dh/dy and v = g/f dh/dx, against centred differences of a refined field."""
    coarse = operators(Parameters(), 32)
    model = operators(Parameters(), 256)
    state = refine(turbulence(coarse), 256)
    h = sea_surface_height(state, model)
    step = 2 * model.parameters.domain_length / 256
    scale = model.parameters.gravity / model.parameters.coriolis / step
    u, v = velocity(state, model)
    expected = -scale * (h.roll(-1, 0) - h.roll(1, 0)), scale * (h.roll(-1, 1) - h.roll(1, 1))
    for actual, difference in zip((u[0], v[0]), expected, strict=True):
        torch.testing.assert_close(actual, difference, rtol=0, atol=0.01)


def test_energy_is_kinetic_plus_potential():
    model = operators(Parameters(), 32)
    p, state = model.parameters, turbulence(model)
    u, v = velocity(state, model)
    psi = torch.fft.irfft2(streamfunction(state, model))
    kinetic = (u**2 + v**2).mean((-2, -1)) @ torch.tensor(
        [p.upper_depth, p.lower_depth], dtype=torch.float64
    )
    potential = p.upper_depth * p.stretching[0] * ((psi[0] - psi[1]) ** 2).mean()
    expected = (kinetic + potential) / (2 * (p.upper_depth + p.lower_depth))
    torch.testing.assert_close(energy(state, model), expected)


def potential_enstrophy(state: torch.Tensor, model: Operators) -> torch.Tensor:
    """Half the depth-weighted mean of q², 1/s², shape (...); conserved when energy is."""
    depths = torch.tensor([model.parameters.upper_depth, model.parameters.lower_depth])
    mean = (torch.fft.irfft2(state) ** 2).mean((-2, -1))
    return (mean * depths).sum(-1) / depths.sum() / 2


@pytest.mark.parametrize("invariant", [energy, potential_enstrophy])
def test_inviscid_rates_of_energy_and_enstrophy_vanish(invariant):
    """The truncated equations conserve both exactly, with beta and stratification."""
    model = operators(FREE, 48)
    state = last(turbulence(model), model, 1800.0, 96)  # the triads have filled the spectrum
    change = 3600.0 * tendency(state, model)
    # exact for a quadratic invariant, whatever the length of the change
    slope = (invariant(state + change, model) - invariant(state - change, model)) / 2
    assert abs(float(slope)) < 1e-13 * float(invariant(state, model))


@pytest.mark.parametrize("invariant", [energy, potential_enstrophy])
def test_drift_of_the_invariants_is_that_of_the_time_scheme(invariant):
    """Ten days of free turbulence: small drift, which falls at least as the cube of the step."""
    model = operators(FREE, 48)
    start = turbulence(model)
    drift = []
    for time_step in (3600.0, 1800.0):
        end = last(start, model, time_step, round(10 * DAY / time_step))
        drift.append(abs(float(invariant(end, model) / invariant(start, model)) - 1))
    assert drift[0] < 1e-3
    assert drift[1] < drift[0] / 7


def test_time_scheme_is_of_third_order_from_the_first_step():
    """Halving the step divides the error by eight, on an interval where the start counts."""
    model = operators(FREE, 32)
    start, interval = turbulence(model), 0.5 * DAY
    truth = last(start, model, interval / 384, 384)
    errors = [
        float((last(start, model, interval / n, n) - truth).abs().pow(2).mean().sqrt())
        for n in (12, 24, 48)
    ]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all((orders > 2.8) & (orders < 3.6)), orders


@every("k, l", [(3, 0), (2, 3), (5, 2)])
@every("mode", ["barotropic", "baroclinic"])
def test_rossby_waves_follow_their_dispersion_relation(k, l, mode):  # noqa: E741
    """ω = -β k / (k² + l²), with F1 + F2 added below for the baroclinic mode; any amplitude."""
    model = operators(FREE, 32)
    p = model.parameters
    lower_amplitude = 1.0 if mode == "barotropic" else -p.upper_depth / p.lower_depth
    start = 1e4 * wave(model, k, l, 1.0, lower_amplitude)
    days = 20
    end = last(start, model, 3600.0, 24 * days)
    k_squared = float(model.wavenumber2[l, k])
    denominator = k_squared + (0.0 if mode == "barotropic" else sum(p.stretching))
    frequency = -p.planetary_gradient * k * (2 * math.pi / p.domain_length) / denominator
    expected = start * np.exp(-1j * frequency * days * DAY)
    error = (end - expected).abs().max() / start.abs().max()
    assert float(error) < 1e-5


@pytest.mark.parametrize("k", [3, 5, 7])
def test_phillips_instability_grows_at_its_analytic_rate(k):
    """Equal layers, no beta: σ = k ΔU/2 sqrt((k_d² - k²) / (k_d² + k²)), k_d = 1 / radius."""
    parameters = Parameters(
        beta=0.0,
        upper_depth=2000.0,
        lower_depth=2000.0,
        mean_flow=(0.1, 0.0),
        relaxation_time=None,
        drag_time=None,
        small_scale_filter="none",
    )
    model = operators(parameters, 16)
    wavenumber, k_d = k * 2 * math.pi / parameters.domain_length, 1 / parameters.deformation_radius
    expected = wavenumber * 0.05 * math.sqrt((k_d**2 - wavenumber**2) / (k_d**2 + wavenumber**2))
    assert growth_rate(model, k, 0) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("k", "l"), [(6, 0), (5, 2)])
def test_instability_with_beta_drag_and_unequal_layers_grows_as_the_eigenvalue(k, l):  # noqa: E741
    """The fastest mode of the linearised 2 x 2 operator, written independently of the model."""
    p = Parameters(
        mean_flow=(0.4, 0.02),
        relaxation_time=None,
        drag_time=40 * DAY,
        small_scale_filter="none",
    )
    model = operators(p, 16)
    unit = 2 * math.pi / p.domain_length
    x, total, (upper, lower) = k * unit, (k**2 + l**2) * unit**2, p.stretching
    to_vorticity = np.array([[-total - upper, upper], [lower, -total - lower]])
    shear = p.mean_flow[0] - p.mean_flow[1]
    gradient = np.diag(p.planetary_gradient + np.array([upper, -lower]) * shear)
    advection = -1j * x * (np.diag(p.mean_flow) @ to_vorticity + gradient)
    drag = np.diag([0.0, total / p.drag_time])
    growth = np.linalg.eigvals(np.linalg.solve(to_vorticity, advection + drag)).real.max()
    assert growth > 0
    assert growth_rate(model, k, l) == pytest.approx(growth, rel=1e-4)


def growth_rate(model: Operators, k: int, l: int) -> float:  # noqa: E741
    """Growth rate (1/s) of a tiny wave in days 180 to 200, when one mode is left."""
    state = 1e-9 * wave(model, k, l, 1.0, 0.3j)
    states = list(integrate(state, model, time_step=DAY / 8, steps=1600, every=160))
    before, after = (abs(complex(q[0, l, k])) for q in states[-2:])
    return math.log(after / before) / (20 * DAY)


def test_relaxation_brings_the_zonal_mean_to_the_jet():
    """Without eddies the shear tends to its equilibrium, and the jet to its speed at the centre."""
    p = Parameters(relaxation_time=5 * DAY, drag_time=None)
    model = operators(p, 64)
    end = last(torch.zeros(2, 64, 33, dtype=torch.complex128), model, 3600.0, 24 * 120)
    u, v = velocity(end, model)
    shear = (u[0] - u[1])[:, 0]
    y = torch.arange(64, dtype=torch.float64) / 64 * p.domain_length
    jet = p.jet_speed / torch.cosh((y - p.domain_length / 2) / p.jet_width) ** 2
    torch.testing.assert_close(shear, jet - jet.mean(), rtol=0, atol=1e-3 * p.jet_speed)
    assert float(v.abs().max()) < 1e-12


def test_refining_keeps_the_field_at_the_shared_points():
    coarse, fine = operators(Parameters(), 32), operators(Parameters(), 96)
    state = initial_state(coarse, seed=3)
    height = sea_surface_height(refine(state, 96), fine)[::3, ::3]
    torch.testing.assert_close(height, sea_surface_height(state, coarse), rtol=0, atol=1e-9)


def test_refining_keeps_the_evolution_of_a_resolved_flow():
    coarse, fine = operators(FREE, 64), operators(FREE, 96)
    start = turbulence(coarse, speed=0.2)
    a, b = last(start, coarse, 3600.0, 48), last(refine(start, 96), fine, 3600.0, 48)
    difference = sea_surface_height(b, fine)[::3, ::3] - sea_surface_height(a, coarse)[::2, ::2]
    assert float(difference.abs().max()) < 1e-3 * float(sea_surface_height(a, coarse).std())


def test_members_of_a_batch_do_not_see_each_other():
    model = operators(Parameters(), 32)
    members = torch.stack([initial_state(model, seed=seed) for seed in range(6)])
    together = last(members.unflatten(0, (2, 3)), model, 7200.0, 12).flatten(0, 1)
    for member, expected in zip(members, together, strict=True):
        torch.testing.assert_close(last(member, model, 7200.0, 12), expected, rtol=1e-12, atol=0)


def test_single_precision_follows_double():
    states = []
    for dtype in (torch.float32, torch.float64):
        model = operators(Parameters(), 48, dtype=dtype)
        height = sea_surface_height(
            last(initial_state(model, seed=1), model, 3600.0, 24 * 5), model
        )
        assert height.dtype == dtype
        states.append(height.double())
    assert float((states[0] - states[1]).abs().max()) < 1e-4


def test_tendency_is_differentiable_and_leaves_the_state_alone():
    model = operators(Parameters(), 16)
    state = initial_state(model, seed=0)
    kept = state.clone()
    energy(state.requires_grad_() + 60 * tendency(state, model), model).backward()
    assert state.grad is not None and torch.isfinite(torch.view_as_real(state.grad)).all()
    assert torch.equal(state.detach(), kept)


def test_too_long_a_step_is_refused_with_its_cure():
    model = operators(Parameters(), 32)
    with pytest.raises(FloatingPointError, match=r"shorten time_step \(1e\+06 s\)"):
        last(turbulence(model), model, 1e6, 2000)


@pytest.mark.parametrize("points", [7, 6])
def test_a_grid_without_a_nyquist_mode_is_refused(points):
    with pytest.raises(ValueError, match="expected an even number of at least 8"):
        operators(Parameters(), points)


def test_refine_refuses_to_coarsen():
    state = initial_state(operators(Parameters(), 16), seed=0)
    with pytest.raises(ValueError, match="expected an even number of at least 16"):
        refine(state, 12)


@every("latitude", [25.0, 60.0])
@every("radius", [8e3, 50e3])
def test_jets_and_eddies_are_unstable_wherever_they_are(latitude, radius):
    """The fastest wave of the sheared uniform flow grows; of a jet, in the two layers' sense."""
    sheared, jet = eddies_of(latitude, radius), jet_of(latitude, radius)
    assert sheared.planetary_gradient - sheared.stretching[1] * sheared.mean_flow[0] < 0
    assert jet.planetary_gradient - jet.stretching[1] * jet.jet_speed < 0
    below = eddies_of(latitude, radius, criticality=0.9)
    assert below.planetary_gradient - below.stretching[1] * below.mean_flow[0] > 0
    assert jet_of(38.0, 30e3) == Parameters()


def test_eddies_of_a_critical_shear_grow_and_those_below_it_do_not():
    """No drag, which would destabilise: the growth of the fastest eastward wave of each."""
    rates = []
    for criticality in (0.9, 1.6):
        p = replace(eddies_of(45.0, 25e3, criticality), drag_time=None, small_scale_filter="none")
        rates.append(max(growth_rate(operators(p, 16), k, 0) for k in (5, 6)))
    assert rates[0] < 1e-10
    assert rates[1] > 1e-8
