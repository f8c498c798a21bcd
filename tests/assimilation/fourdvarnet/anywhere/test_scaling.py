"""A mapper that learns anywhere knows neither place nor amplitude."""

from __future__ import annotations

import math
from dataclasses import replace

import anywhere_scenes
import pytest
import torch
from rows import every
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.anywhere.configuration import UPDATES
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import (
    InnovationWindows,
    channels,
    sweep_of,
)
from oceanbench.errors import OceanbenchError


def network(update: str) -> IncrementNetwork:
    """Network whose answers are none of its first ones."""
    torch.manual_seed(3)
    made = IncrementNetwork(replace(anywhere_scenes.SMALL, update=update))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made.eval()


def answer(made: IncrementNetwork, windows: InnovationWindows) -> Tensor:
    with torch.no_grad():
        return made(windows.scaled())


@every("update", UPDATES)
def test_increments_are_of_the_answered_days_and_of_the_sea(update: str) -> None:
    given = anywhere_scenes.windows(side=18)
    found = answer(network(update), given)
    assert found.shape == (2, anywhere_scenes.SMALL.answered, 18, 18)
    assert found[:, :, -3:].abs().max() == 0.0
    assert found[:, :, :-3].abs().min() > 0.0
    assert given.scaled().context.shape[1] == channels(anywhere_scenes.SMALL.days)


@every("update", UPDATES)
def test_the_same_currents_have_the_same_increments_in_any_unit(update: str) -> None:
    given, made = anywhere_scenes.windows(), network(update)
    for factor in (2.0, -1.0):  # where the Coriolis parameter is twice as large, or negative
        scaled = replace(
            given,
            first_guess=factor * given.first_guess,
            innovation=factor * given.innovation,
            sweep=given.sweep / factor,
        )
        torch.testing.assert_close(answer(made, scaled), factor * answer(made, given))
    faster = replace(given, sweep=9.0 * given.sweep)
    assert (answer(made, faster) - answer(made, given)).abs().max() > 1e-3
    smoother = replace(given, smooth_km=given.smooth_km + 35.0)
    assert (answer(made, smoother) - answer(made, given)).abs().max() > 1e-3


@every("update", UPDATES)
def test_another_level_of_the_sea_changes_nothing(update: str) -> None:
    given, made = anywhere_scenes.windows(), network(update)
    raised = replace(given, first_guess=given.first_guess + 4.0)
    torch.testing.assert_close(answer(made, raised), answer(made, given), atol=1e-5, rtol=1e-4)


@every("update", UPDATES)
def test_without_an_innovation_there_is_no_increment(update: str) -> None:
    given, made = anywhere_scenes.windows(), network(update)
    agreeing = replace(given, innovation=torch.zeros_like(given.innovation))
    unseen = replace(agreeing, count=torch.zeros_like(given.count))
    flat = replace(unseen, first_guess=torch.zeros_like(given.first_guess))
    for windows in (agreeing, unseen, flat):
        assert answer(made, windows).abs().max() == 0.0


@every("update", UPDATES)
def test_every_window_is_on_its_own(update: str) -> None:
    given, made = anywhere_scenes.windows(), network(update)
    alone = given.each(lambda part: part[:1])
    torch.testing.assert_close(answer(made, alone), answer(made, given)[:1], atol=1e-6, rtol=1e-4)


def test_a_streamfunction_sweeps_what_it_says() -> None:
    for latitude in (40.0, -40.0, 1.0):
        speed, cell, away = 0.5, 16e3, math.copysign(max(abs(latitude), 5.0), latitude)
        slope = speed * 2.0 * 7.2921e-5 * math.sin(math.radians(away)) / 9.81  # of sea level
        cells = sweep_of(latitude, cell / 1e3) * slope * cell
        assert cells == pytest.approx(speed * 86_400.0 / cell, rel=1e-3)


def test_samples_on_land_count_for_nothing() -> None:
    given, made = anywhere_scenes.windows(), network("conjugate")
    innovation = given.innovation.clone()
    innovation[:, :, -3:] = 9.0
    found = answer(made, replace(given, innovation=innovation))
    torch.testing.assert_close(found, answer(made, given))


def test_an_untrained_solver_draws_to_the_observations() -> None:
    torch.manual_seed(0)
    made = IncrementNetwork(replace(anywhere_scenes.SMALL, applied=12)).eval()
    given = anywhere_scenes.windows()
    field = torch.ones_like(given.innovation)
    seen = replace(given, innovation=field * (given.count > 0))
    sea = seen.sea[0].bool()
    error = (1.0 - answer(made, seen))[:, :, sea]
    assert error.square().mean() < 0.3


def test_an_unknown_update_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="update=lstm: expected one of conjugate, unet"):
        IncrementNetwork(replace(anywhere_scenes.SMALL, update="lstm"))
