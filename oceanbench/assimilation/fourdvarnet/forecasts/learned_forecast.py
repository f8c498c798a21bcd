"""What method files of one learned forecast share: how it is trained, and how it forecasts.

Such a file names its presets, and takes ``train`` and ``estimate`` from here: their keyword-only
parameters are its options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import xarray as xr

from oceanbench.assimilation.fourdvarnet.forecasts.configuration import (
    ForecastConfiguration,
    network,
)
from oceanbench.assimilation.fourdvarnet.forecasts.inference import TrainedForecast
from oceanbench.assimilation.fourdvarnet.forecasts.learning_worlds import LearningWorlds
from oceanbench.assimilation.fourdvarnet.forecasts.training import train_forecast
from oceanbench.errors import OceanbenchError
from oceanbench.learning.ensembles import begun, check_update, configuration_of
from oceanbench.learning.precision import in_bfloat16
from oceanbench.learning.recipes import preset_of


@dataclass(frozen=True)
class LearnedForecast:
    """Method that forecasts with a network.

    Attributes
    ----------
    name : of the method, for messages and checkpoints
    presets : configurations of the network by their names; one is ``cpu``
    """

    name: str
    presets: Mapping[str, ForecastConfiguration]

    def train(
        self,
        inputs: Mapping[str, xr.Dataset],
        *,
        device: str,
        seed: int,
        preset: str = "cpu",
        steps: int = 0,
        checkpoint: str = "",
        precision: str = "auto",
        init: Mapping[str, torch.Tensor] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Train the network, end to end.

        Parameters
        ----------
        inputs : maps and tracks of the roles ``training`` and ``validation``, ``climatology``, and
            what is said of ``observations`` and of a ``first_guess``
        device : of torch
        seed : of the first weights and the scenes of a step; the scenes are the same
        preset : one of the method's, or a YAML file
        steps : of the training; 0 as many as the preset has
        checkpoint : folder that keeps worlds, scenes and training: one that was interrupted
            resumes there
        precision : of the convolutions, ``single`` or ``bfloat16``; ``auto`` takes bfloat16 where
            the machine is fast in it
        init : weights of the same network, from which to go on
        """
        configuration = preset_of(self.name, self.presets, preset, steps=steps)
        reduced = in_bfloat16(precision, device, usual=configuration.reduced)
        configuration = replace(configuration, reduced=reduced)
        if init is not None:
            begun(lambda: network(configuration), init, 0, name=self.name)
        worlds = LearningWorlds.of(
            inputs, configuration, name=self.name, checkpoint=checkpoint, device=device
        )
        return train_forecast(
            worlds,
            configuration,
            name=self.name,
            seed=seed,
            device=device,
            checkpoint=checkpoint,
            init=init,
        )

    def estimate(
        self,
        inputs: Mapping[str, xr.Dataset],
        target: xr.Dataset,
        *,
        device: str,
        seed: int,
        weights: Mapping[str, torch.Tensor],
        first_guess: str = "",
        members: int = 0,
        precision: str = "auto",
        temperature: bool = True,
    ) -> xr.Dataset:
        """Forecast one start.

        Parameters
        ----------
        inputs : observations as they were delivered, and a mean map of role ``climatology``
        target : one variable (start: 1, lead, latitude, longitude) to fill
        device : of torch
        seed : of the members; a forecast without is deterministic
        weights : that :meth:`train` found
        first_guess : level of an input of role ``first_guess`` to hand in too, or ``climatology``;
            none if empty
        members : to draw about the forecast, with errors as validation told them; 0 for none
        precision : of the convolutions, as in training; ``auto`` takes bfloat16 where the training
            did and the machine is fast in it
        temperature : whether it reads temperatures, where the challenge and the network have them

        Raises
        ------
        OceanbenchError
            if the weights are of another method's network, or read no temperatures to leave out
        """
        found = configuration_of(ForecastConfiguration, weights, self.name).update
        check_update(found, (preset.update for preset in self.presets.values()), self.name)
        trained = TrainedForecast.of(weights, name=self.name, device=device, precision=precision)
        if not (temperature or trained.configuration.temperatures):
            raise OceanbenchError(
                f"temperature=false: the weights of {self.name} read no temperatures; leave it out"
            )
        options: dict[str, Any] = {"members": members, "seed": seed, "temperature": temperature}
        (forecast,) = trained.forecast(inputs, target, [first_guess], **options)
        return forecast
