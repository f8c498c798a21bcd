"""What method files of one network for maps share: options, training, maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_networks import SMALL, SOLVER, seen, target

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.inference import estimate_members
from oceanbench.assimilation.fourdvarnet.maps.learned_mapping import LearnedMapping
from oceanbench.errors import OceanbenchError
from oceanbench.learning.ensembles import as_tensors, configuration_of
from oceanbench.methods.method_file import load_method, parse_options

MAPPING = LearnedMapping("mine", {"cpu": replace(SMALL, first_guess="mean", scenes=1)})


@pytest.mark.parametrize("name", ["fourdvarnet", "learned_correction", "unet"])
def test_its_keywords_are_the_options_of_a_method_file(name: str) -> None:
    _, method = load_method(name)
    given = {"preset": "long", "steps": "3", "supervised": "false"}
    found = parse_options([method.train], given)
    assert found == {"preset": "long", "steps": 3, "supervised": False}
    assert parse_options([method.estimate], {"first_guess": "oi"}) == {"first_guess": "oi"}
    with pytest.raises(OceanbenchError, match="--set member: unknown option"):
        parse_options([method.estimate], {"member": "1"})


@pytest.mark.parametrize("supervised", [True, False])
def test_what_it_trains_maps_the_target(supervised: bool) -> None:
    options = {"device": "cpu", "seed": 0}
    weights = MAPPING.train(seen(), steps=3, supervised=supervised, **options)
    assert ("along_track" in weights) == supervised
    found = MAPPING.estimate(seen(), target().to_dataset(), weights=weights, **options)
    assert found["ssh"].dims == target().dims
    expected = estimate_members(seen(), target(), weights, name="mine")[0]
    np.testing.assert_array_equal(found["ssh"].values, expected)


def test_it_goes_on_from_weights_of_the_same_network() -> None:
    options = {"device": "cpu", "seed": 0, "steps": 2}
    first = MAPPING.train(seen(), **options)
    again = MAPPING.train(seen(), init=first, **options)
    anew = MAPPING.train(seen(), **(options | {"seed": 1}))
    names = [name for name in first if name.startswith("0.")]

    def apart(other: dict[str, torch.Tensor]) -> float:
        return sum(float((first[n].float() - other[n].float()).abs().sum()) for n in names)

    assert 10.0 * apart(again) < apart(anew)
    wide = LearnedMapping("mine", {"cpu": replace(MAPPING.presets["cpu"], hidden=10)})
    with pytest.raises(OceanbenchError, match="mine: --init has weights of a network of another"):
        wide.train({}, init=first, **options)  # before the inputs are looked at


def test_precision_can_be_chosen_and_is_kept() -> None:
    options = {"device": "cpu", "seed": 0, "steps": 1}
    for precision in ("single", "bfloat16"):
        weights = MAPPING.train(seen(), precision=precision, **options)
        assert bool(weights["recipe.reduced"]) is (precision == "bfloat16")
    with pytest.raises(OceanbenchError, match="precision=double: unknown"):
        MAPPING.train({}, precision="double", **options)


def test_weights_of_another_network_are_refused() -> None:
    """Such as those of what had the name of this method before."""
    solver = replace(SMALL, update="conjugate", error_size=0.2)
    other = as_tensors(solver) | {"mean": torch.tensor(0.0), "deviation": torch.tensor(1.0)}
    message = "mine: weights of a network with update=conjugate, expected unet; train it, or run"
    with pytest.raises(OceanbenchError, match=message):
        MAPPING.estimate(seen(), target().to_dataset(), device="cpu", seed=0, weights=other)


def test_a_preset_that_it_has_not_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="mine: preset=cpus: unknown; did you mean 'cpu'"):
        MAPPING.train(seen(), device="cpu", seed=0, preset="cpus")


@pytest.mark.parametrize("derivative", ["implicit", "alternate"])
def test_a_cost_is_learned_by_another_derivative(derivative: str) -> None:
    """Prior and background both move in as many steps as there are turns of both."""
    solver = replace(SOLVER, first_guess="mean", scenes=1, average=0.0)
    mapping, options = LearnedMapping("mine", {"cpu": solver}), {"device": "cpu", "seed": 0}
    first, weights = (
        mapping.train(seen(), steps=steps, derivative=derivative, **options) for steps in (1, 4)
    )
    kept = configuration_of(MapConfiguration, weights, "mine")
    assert (kept.implicit, kept.alternate) == (derivative == "implicit", derivative == "alternate")
    moved = {name for name in first if not torch.equal(first[name], weights[name])}
    assert {"0.prior.leave", "0.background.leave.weight"} <= moved
    found = mapping.estimate(seen(), target().to_dataset(), weights=weights, **options)
    assert np.isfinite(found["ssh"].values).all()


def test_without_a_cost_there_is_no_other_derivative() -> None:
    with pytest.raises(OceanbenchError, match="mine: derivative=implicit: needs a cost") as said:
        MAPPING.train(seen(), device="cpu", seed=0, derivative="implicit")
    assert "\n" not in str(said.value)
