"""The jet of two layers that members are advanced with is the one of ``dynamics``."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from oceanbench.dynamics import quasigeostrophic as qg
from oceanbench.kinds.cycles import models, two_layers

TOLD = {"domain_length": 600e3, "deformation_radius": 35e3, "drag_days": 20.0}
POINTS = 20


def test_it_is_the_jet_of_the_dynamics() -> None:
    """Its tendency to rounding, a day of it but for the steps, and each member alone."""
    parameters = qg.Parameters(
        domain_length=600e3, deformation_radius=35e3, jet_width=93e3, drag_time=20 * qg.DAY
    )
    rotation = {"coriolis": parameters.coriolis, "beta": parameters.planetary_gradient}
    flow = qg.operators(parameters, POINTS)
    start = qg.initial_state(flow, seed=2, amplitude=1e-5)
    *_, state = qg.integrate(start, flow, time_step=3600.0, steps=240, every=240)
    jet = two_layers.TwoLayerJet(**TOLD, **rotation)
    on = two_layers.multipliers(jet, POINTS)
    expected = qg.tendency(state, flow).numpy()
    found = two_layers.tendency(state.numpy(), jet, on)
    np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max())

    def heads(at: torch.Tensor) -> np.ndarray:
        head = parameters.coriolis / parameters.gravity
        return (head * torch.fft.irfft2(qg.streamfunction(at, flow))).numpy().reshape(1, -1)

    model = models.model("two_layer_jet", 1.0, {**TOLD, **rotation})
    *_, later = qg.integrate(state, flow, time_step=900.0, steps=96, every=96)
    before, after = heads(state), heads(later)
    fine = two_layers.advanced(before, 900.0 / qg.DAY, 96, **TOLD, **rotation)
    change = np.abs(after - before).max()
    assert np.abs(fine - after).max() < 1e-3 * change  # of another scheme
    assert model.substeps == 6  # which are smoothed less often
    assert np.abs(model.advance(before) - after).max() < 0.1 * change
    several = np.concatenate([before, 1.5 * before, after])
    alone = np.concatenate([model.advance(one[None]) for one in several])
    np.testing.assert_allclose(model.advance(several), alone, atol=1e-15)
    np.testing.assert_allclose(model.advance(before + 0.3), model.advance(before), atol=1e-14)


def test_both_layers_lie_on_one_square() -> None:
    model = models.model("two_layer_jet", 1.0, TOLD)
    assert model.layout is not None and not model.cyclic
    places, periods = model.layout(2 * POINTS**2)
    assert periods == (600.0, 600.0) and places.shape == (2 * POINTS**2, 2)
    np.testing.assert_array_equal(places[: POINTS**2], places[POINTS**2 :])
    assert places[1].tolist() == [30.0, 0.0] and places[POINTS].tolist() == [0.0, 30.0]
    with pytest.raises(ValueError, match="402 components are no two layers"):
        model.layout(402)
