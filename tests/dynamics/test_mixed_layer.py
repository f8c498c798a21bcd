"""A mixed layer: stirred, held by the air, shaken by the weather, and resumed to the bit."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from oceanbench.dynamics import mixed_layer, quasigeostrophic
from oceanbench.dynamics import surface_quasigeostrophic as sqg
from oceanbench.dynamics.mixed_layer import (
    DAY,
    Flow,
    MixedLayerState,
    Parameters,
    at_rest,
    temperature,
)


def carried_by(physics, model) -> Flow:
    return Flow(
        partial(physics.streamfunction, model=model), partial(physics.tendency, model=model), model
    )


@pytest.fixture
def model() -> sqg.Operators:
    return sqg.operators(sqg.Parameters(), 32)


def go_on(
    sea: MixedLayerState, model: sqg.Operators, p: Parameters, intervals: int, seed: int = 5
) -> MixedLayerState:
    layer = mixed_layer.operators(p, model)
    flow = carried_by(sqg, model)
    run = mixed_layer.integrate(
        sea, flow, layer, seed=seed, time_step=3600.0, steps=6, intervals=intervals
    )
    *_, end = run
    return end


def test_a_run_goes_on_to_the_bit(model):
    start = at_rest(sqg.initial_state(model, seed=0))
    whole = go_on(start, model, Parameters(), 6)
    parts = go_on(go_on(start, model, Parameters(), 2), model, Parameters(), 4)
    for a, b in zip(whole, parts, strict=True):
        assert a == b if isinstance(a, int) else torch.equal(a, b)
    other = go_on(start, model, Parameters(), 6, seed=6)
    assert not torch.equal(other.weather, whole.weather)


def test_the_flow_does_not_feel_the_layer(model):
    start = sqg.initial_state(model, seed=0)
    under = go_on(at_rest(start), model, Parameters(), 1)
    *_, alone = sqg.integrate(start, model, time_step=3600.0, steps=6, every=6)
    torch.testing.assert_close(under.state[:2], alone, rtol=1e-12, atol=1e-18)


def test_the_air_takes_back_an_anomaly_in_its_time(model):
    """Without flow, gradient and weather: T falls by e in the relaxation time."""
    p = Parameters(gradient=0.0, weather_spread=0.0, relaxation_time=3 * DAY)
    still = sqg.operators(sqg.Parameters(jet_speed=0.0), 32)
    sea = at_rest(torch.zeros(2, 32, 17, dtype=torch.complex128))
    sea.state[-1, 1, 2] = 1.0
    end = go_on(sea, still, p, 12)
    assert float(end.state[-1, 1, 2].abs()) == pytest.approx(math.exp(-1), rel=1e-4)


def test_a_flow_across_the_gradient_warms_at_its_rate():
    """The first step, no memory to speak of: dT/dt = - v G."""
    p = Parameters(weather_spread=0.0, relaxation_time=1e6 * DAY)
    model = sqg.operators(sqg.Parameters(small_scale_filter="none"), 32)
    start = sqg.initial_state(model, seed=0)
    layer = mixed_layer.operators(p, model)
    run = mixed_layer.integrate(
        at_rest(start), carried_by(sqg, model), layer, seed=0, time_step=60.0, steps=1, intervals=1
    )
    warmed = temperature(next(run)) / 60.0
    _, v = sqg.velocity(start, model)
    torch.testing.assert_close(warmed, -v[0] * p.gradient, rtol=0, atol=2e-3 * warmed.abs().max())


def test_weather_alone_gives_the_spread_that_it_should():
    """Red in time and space: spread of T, memory of F in time, and its covariance in space."""
    p = Parameters(gradient=0.0, relaxation_time=6 * DAY, weather_spread=0.7)
    still = sqg.operators(sqg.Parameters(jet_speed=0.0), 16)
    layer, flow = mixed_layer.operators(p, still), carried_by(sqg, still)
    sea = at_rest(torch.zeros(2, 16, 9, dtype=torch.complex128))
    warm, heating = [], []
    run = mixed_layer.integrate(sea, flow, layer, seed=3, time_step=DAY, steps=1, intervals=300)
    for number, later in enumerate(run):
        if number >= 40:
            warm.append(temperature(later).numpy())
            heating.append(torch.fft.irfft2(later.weather).numpy())
    assert np.std(warm) == pytest.approx(0.7, rel=0.1)
    f = np.array(heating) / np.std(heating)
    assert np.mean(f[1:] * f[:-1]) == pytest.approx(math.exp(-1 / 3), abs=0.03)
    apart = still.parameters.domain_length / 16
    expected = math.exp(-((apart / p.weather_length) ** 2) / 2)
    assert np.mean(f * np.roll(f, 1, -1)) == pytest.approx(expected, abs=0.05)
    assert abs(f.mean(axis=(1, 2))).max() < 1e-12


def test_any_flow_of_the_plane_carries_a_layer():
    """Two-layer flow does too, by its upper layer."""
    model = quasigeostrophic.operators(quasigeostrophic.Parameters(), 32)
    start = quasigeostrophic.initial_state(model, seed=0)
    layer = mixed_layer.operators(Parameters(), model)
    flow = carried_by(quasigeostrophic, model)
    *_, sea = mixed_layer.integrate(
        at_rest(start), flow, layer, seed=0, time_step=3600.0, steps=6, intervals=2
    )
    *_, alone = quasigeostrophic.integrate(start, model, time_step=3600.0, steps=6, every=6)
    *_, alone = quasigeostrophic.integrate(alone, model, time_step=3600.0, steps=6, every=6)
    torch.testing.assert_close(sea.state[:2], alone, rtol=1e-12, atol=1e-18)
    assert float(temperature(sea).std()) > 0


def test_refining_keeps_the_layer_and_its_weather(model):
    sea = go_on(at_rest(sqg.initial_state(model, seed=0)), model, Parameters(), 2)
    fine = mixed_layer.refine(sea, 96)
    for a, b in ((fine.state[-1], sea.state[-1]), (fine.weather, sea.weather)):
        coarse = torch.fft.irfft2(b)
        kept = torch.fft.irfft2(a)[::3, ::3]
        torch.testing.assert_close(kept, coarse, rtol=0, atol=2e-3 * float(coarse.abs().max()))
