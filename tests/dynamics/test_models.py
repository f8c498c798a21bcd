"""Every model that a challenge may tell has an exact Jacobian, and unknown ones are refused."""

from __future__ import annotations

import pytest
import torch
import window_worlds
from dense import DEVICES
from rows import every
from torch import Tensor
from torch.func import jacrev, vmap

from oceanbench.dynamics.models import MODELS, Model, model, model_of_attributes
from oceanbench.errors import OceanbenchError


def states(name: str, count: int = 3, device: str = "cpu") -> Tensor:
    """States (count, components) on the attractor."""
    return torch.as_tensor(window_worlds.runs(name, count, 1)[:, 0], device=device)


def dynamics(name: str) -> Model:
    """Model between the times of the small worlds."""
    return model(name, window_worlds.INTERVALS[name])


@pytest.mark.parametrize("device", DEVICES)
@every("name", MODELS)
def test_the_tangent_is_the_derivative_of_the_tendency(name: str, device: str) -> None:
    found, at = dynamics(name), states(name, device=device)
    identity = torch.eye(at.shape[-1], dtype=at.dtype, device=device)
    jacobian = vmap(jacrev(found.tendency))(at)
    torch.testing.assert_close(
        found.tangent(at, identity.expand_as(jacobian)), jacobian, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("device", DEVICES)
@every("name", MODELS)
def test_the_jacobian_is_the_derivative_of_an_interval(name: str, device: str) -> None:
    """By automatic differentiation to rounding; by central differences to their error."""
    found, at = dynamics(name), states(name, device=device)
    after, jacobian = found.advance_with_jacobian(at)
    torch.testing.assert_close(after, found.advance(at), rtol=1e-13, atol=1e-13)
    expected = vmap(jacrev(found.advance))(at)
    torch.testing.assert_close(jacobian, expected, rtol=1e-11, atol=1e-11)
    shift = 1e-5 * at.std() * torch.eye(at.shape[-1], dtype=at.dtype, device=device)
    ahead, behind = (found.advance(at[:, None] + sign * shift) for sign in (1, -1))
    differences = (ahead - behind).mT / (2e-5 * at.std())
    torch.testing.assert_close(jacobian, differences, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_states_of_a_batch_do_not_see_each_other(name: str) -> None:
    found, at = dynamics(name), states(name, 6)
    for _ in range(3):
        together = found.advance(at.unflatten(0, (2, 3))).flatten(0, 1)
        alone = torch.stack([found.advance(state) for state in at])
        torch.testing.assert_close(together, alone, rtol=1e-13, atol=1e-15)
        at = together


@pytest.mark.parametrize("name", MODELS)
def test_single_precision_stays_single(name: str) -> None:
    found, at = dynamics(name), states(name).float()
    after, jacobian = found.advance_with_jacobian(at)
    assert after.dtype == jacobian.dtype == torch.float32


@pytest.mark.parametrize("name", MODELS)
def test_an_interval_is_taken_in_steps_no_longer_than_the_longest(name: str) -> None:
    longest = MODELS[name].longest_step
    assert [model(name, k * longest).substeps for k in (0.2, 1.0, 3.0)] == [1, 1, 3]
    start = states(name)
    short, long = model(name, longest), model(name, 2 * longest)
    twice = short.advance(short.advance(start))
    torch.testing.assert_close(long.advance(start), twice, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", [name for name, row in MODELS.items() if row.of_tangent])
def test_parameters_reach_the_tangent_too(name: str) -> None:
    numbers = dict.fromkeys(MODELS[name].of_tangent, 20.0)
    found, at = model(name, window_worlds.INTERVALS[name], **numbers), states(name)
    expected = vmap(jacrev(found.tendency))(at)
    identity = torch.eye(at.shape[-1], dtype=at.dtype).expand_as(expected)
    torch.testing.assert_close(found.tangent(at, identity), expected, rtol=1e-12, atol=1e-12)
    assert not torch.equal(expected, vmap(jacrev(dynamics(name).tendency))(at))


def test_a_dataset_tells_the_model_and_its_parameters() -> None:
    rest = torch.full((40,), 9.0, dtype=torch.float64)
    found = model_of_attributes(
        {"model": "lorenz96", "model_forcing": 9, "layout": "windows"}, 0.05
    )
    torch.testing.assert_close(found.advance(rest), rest, rtol=0, atol=1e-14)
    assert found.cyclic and found.interval == 0.05
    assert not torch.allclose(model_of_attributes({"model": "lorenz96"}, 0.05).advance(rest), rest)


@every(
    "attributes, message",
    [
        ({"model": "lorentz96"}, "unknown model 'lorentz96'; did you mean 'lorenz96'"),
        ({"model": "amoc", "model_forcing": 1.0}, "'amoc': unknown parameter 'forcing'.*none"),
        ({"model": "lorenz96", "model_force": 8.0}, "unknown parameter 'force'; it has: forcing"),
        ({"layout": "windows"}, "tells its methods no model"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(
    attributes: dict[str, object], message: str
) -> None:
    with pytest.raises(OceanbenchError, match=message) as stop:
        model_of_attributes(attributes, 0.05)
    assert "\n" not in str(stop.value)
