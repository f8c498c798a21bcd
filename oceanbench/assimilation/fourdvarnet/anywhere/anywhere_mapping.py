"""What a method file of a mapper that learned anywhere takes: its training, and its estimate."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import xarray as xr

from oceanbench.assimilation.fourdvarnet.anywhere.box import Box
from oceanbench.assimilation.fourdvarnet.anywhere.configuration import AnywhereConfiguration
from oceanbench.assimilation.fourdvarnet.anywhere.first_guess import fitted_scales
from oceanbench.assimilation.fourdvarnet.anywhere.increments import AnywhereMapper
from oceanbench.assimilation.fourdvarnet.anywhere.library import Library
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.training import trained
from oceanbench.assimilation.fourdvarnet.anywhere.withheld_altimeters import (
    chosen_step,
    withheld,
)
from oceanbench.assimilation.observations.superobservations import chosen_missions
from oceanbench.errors import OceanbenchError
from oceanbench.learning.ensembles import configuration_of, load_networks, preset_of
from oceanbench.learning.precision import in_bfloat16

STEPS = {"auto": -1, "none": 0, "half": 1, "one": 2, "two": 3}  # of the ladder of increments


@dataclass(frozen=True)
class AnywhereMapping:
    """Method that maps with a network that learned anywhere.

    Attributes
    ----------
    name : of the method, for messages and checkpoints
    presets : configurations of the network by their names; one is ``cpu``
    """

    name: str
    presets: Mapping[str, AnywhereConfiguration]

    def train(  # noqa: PLR0913  (every option is a keyword)
        self,
        inputs: Mapping[str, xr.Dataset],
        *,
        device: str,
        seed: int,
        preset: str = "cpu",
        steps: int = 0,
        update: str = "",
        worlds: int = 0,
        scenes: int = 0,
        workers: int = 1,
        checkpoint: str = "",
        precision: str = "auto",
    ) -> dict[str, torch.Tensor]:
        """Simulate worlds, observe them, and train the network.

        Parameters
        ----------
        inputs : not used, and none is opened: the weights are of no challenge, and serve every one
        device : of torch
        seed : of the first weights and the windows; worlds and scenes are the same
        preset : one of the method's
        steps : of the training; 0 as many as the preset has
        update : ``conjugate`` or ``unet``; by default that of the preset
        worlds, scenes : how many; 0 as many as the preset has
        workers : processes that simulate and observe
        checkpoint : folder that keeps worlds, scenes and training: what was interrupted resumes
            there
        precision : see :func:`oceanbench.learning.precision.in_bfloat16`
        """
        usual = preset_of(self.name, self.presets, preset, steps=steps)
        scenes = scenes or usual.scenes
        configuration = replace(
            usual,
            update=update or usual.update,
            worlds=worlds or usual.worlds,
            scenes=scenes,
            checked=min(usual.checked, max(scenes // 5, 1)),
            reduced=in_bfloat16(precision, device, usual=usual.reduced),
        )
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(checkpoint or temporary)
            library = Library.of(folder, configuration)
            library.fill(workers=workers)
            return trained(
                library,
                configuration,
                name=self.name,
                seed=seed,
                device=device,
                checkpoint=folder,
            )

    def estimate(  # noqa: PLR0913  (every option is a keyword)
        self,
        inputs: Mapping[str, xr.Dataset],
        target: xr.Dataset,
        *,
        device: str,
        seed: int,
        weights: Mapping[str, torch.Tensor],
        first_guess: str = "duacs+bfn",
        missions: str = "",
        passes: str = "auto",
        most_withheld: int = 2,
        cell_km: float = 16.0,
        precision: str = "auto",
    ) -> xr.Dataset:
        """Map the observations onto the target.

        Parameters
        ----------
        inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
        target : variables (time, latitude, longitude) to fill
        device : of torch
        seed : not used: the estimate is deterministic
        weights : that :meth:`train` found
        first_guess : ``bfn``, ``duacs``, ``miost``, ``oi``, ``smooth``, ``mean``, an input with
            maps, or several of them joined by ``+``, whose mean is taken
        missions : comma-separated names of the inputs to use, or ``all``; by default those that
            are not optional
        passes : of the network: ``none`` (the first guess), ``half`` of one, ``one`` or ``two``;
            ``auto`` is what withheld altimeters bear out
        most_withheld : altimeters that are withheld in turn to find that
        cell_km : side of the cells that the network works on, 14 to 24 as in training
        precision : see :func:`oceanbench.learning.precision.in_bfloat16`
        """
        if passes not in STEPS or most_withheld < 1 or not 10.0 <= cell_km <= 30.0:
            raise OceanbenchError(
                f"{self.name}: passes={passes}, most_withheld={most_withheld}, cell_km={cell_km}: "
                f"expected one of {', '.join(STEPS)}, at least 1, and 10 to 30"
            )
        network = self._network(weights, device, precision)
        names = chosen_missions(inputs, missions)
        every = ",".join(names)
        found = {}
        for name, variable in target.data_vars.items():
            field = variable.transpose("time", "latitude", "longitude")
            box = Box.around(field, network.configuration.half)
            scales = None
            if "duacs" in first_guess.split("+"):
                given = {"missions": every, "device": device}
                scales = fitted_scales(inputs, str(name), box.grid, **given)
            mapper = AnywhereMapper(network, str(name), box, first_guess, scales, cell_km, device)
            step = STEPS[passes]
            if step < 0:
                cases = withheld(inputs, names, most_withheld)
                step = chosen_step(cases, mapper.ladder, box, str(name))
            made = mapper.ladder(inputs, every)
            values = box.on_target(made.guess + made.increments[step])
            found[name] = field.copy(data=values).transpose(*variable.dims)
        return target.assign(found)

    def _network(
        self, weights: Mapping[str, torch.Tensor], device: str, precision: str
    ) -> IncrementNetwork:
        found = configuration_of(AnywhereConfiguration, weights, self.name)
        reduced = in_bfloat16(precision, device, usual=found.reduced)
        configuration = replace(found, reduced=reduced)
        (network,) = load_networks(
            lambda: IncrementNetwork(configuration), weights, name=self.name, device=device
        )
        return network
