"""What method files of one network for maps share: how it is trained, and how it maps.

Such a file names its presets, and takes ``train`` and ``estimate`` from here: their keyword-only
parameters are its options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
import xarray as xr

from oceanbench.assimilation.fourdvarnet.bilevel import derivative_of
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import PHYSICS
from oceanbench.assimilation.fourdvarnet.maps.inference import estimate_members, filled
from oceanbench.assimilation.fourdvarnet.maps.training import (
    check_begin,
    train_members,
    training_data,
)
from oceanbench.errors import OceanbenchError
from oceanbench.learning.distributed import together
from oceanbench.learning.ensembles import check_update, configuration_of
from oceanbench.learning.precision import in_bfloat16
from oceanbench.learning.recipes import preset_of


@dataclass(frozen=True)
class LearnedMapping:
    """Method that maps with a network.

    Attributes
    ----------
    name : of the method, for messages and checkpoints
    presets : configurations of the network by their names; one is ``cpu``
    """

    name: str
    presets: Mapping[str, MapConfiguration]

    def train(  # noqa: PLR0913  (every option is a keyword)
        self,
        inputs: Mapping[str, xr.Dataset],
        *,
        device: str,
        seed: int,
        preset: str = "cpu",
        steps: int = 0,
        first_guess: str = "",
        missions: str = "",
        second: str = "",
        supervised: bool = True,
        derivative: str = "unrolled",
        processes: int = 1,
        nodes: int = 1,
        compiled: bool = False,
        checkpoint: str = "",
        precision: str = "auto",
        init: Mapping[str, torch.Tensor] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Train the network, end to end.

        Parameters
        ----------
        inputs : tracks, and maps of role ``training`` if it is supervised
        device : of torch
        seed : of the first weights and the windows; what is observed on other days is the same
        preset : one of the method's
        steps : of the training; 0 as many as the preset has
        first_guess : ``bfn``, ``duacs``, ``oi``, ``smooth``, ``mean`` or an input with maps; by
            default that of the preset
        missions : comma-separated names of the tracks to learn with; by default those not optional
        second : an input that has maps of another variable, such as sea surface temperature, to
            use too
        supervised : learn from the training maps; else from observations alone, those of one
            altimeter after the other, held out from the network
        derivative : ``unrolled`` through the iterations, ``implicit`` at the minimum alone, or
            ``alternate``, the prior and all else by turns; without a cost there is only the first
        processes, nodes : that train together, processes of each node; they share the windows of a
            step
        compiled : compile the network with torch.compile
        checkpoint : folder that keeps the training: one that was interrupted resumes there
        precision : of the convolutions, ``single`` or ``bfloat16``; ``auto`` takes bfloat16 where
            the machine is fast in it
        init : weights of the same network, from which to go on
        """
        configuration = preset_of(self.name, self.presets, preset, steps=steps)
        configuration = replace(
            configuration,
            first_guess=first_guess or configuration.first_guess,
            second=second,
            supervised=supervised,
            **derivative_of(derivative, method=self.name),
        )
        if configuration.update != "conjugate" and derivative != "unrolled":
            raise OceanbenchError(
                f"{self.name}: derivative={derivative}: needs a cost with a minimum, and this "
                "network descends none; leave it out, or train fourdvarnet"
            )
        with together(processes, nodes=nodes, device=device) as team:
            usual = configuration.reduced
            reduced = in_bfloat16(precision, team.device, usual=usual)
            configuration = replace(configuration, reduced=reduced)
            check_begin(configuration, name=self.name, init=init, team=team)
            data = training_data(
                inputs,
                configuration,
                name=self.name,
                missions=missions,
                device=team.device,
                checkpoint=checkpoint,
            )
            return train_members(
                data,
                configuration,
                name=self.name,
                members=1,
                seed=seed,
                device=team.device,
                about=missions,
                checkpoint=checkpoint,
                compile_it=compiled,
                team=team,
                init=init,
            )

    def physics(
        self, *, weights: Mapping[str, torch.Tensor], first_guess: str = "", **_: object
    ) -> str:
        """Equations of the first guess's model; "" where it has none.

        Parameters
        ----------
        weights, first_guess : as of :meth:`estimate`
        """
        used = first_guess or configuration_of(MapConfiguration, weights, self.name).first_guess
        return PHYSICS.get(used, "")

    def estimate(
        self,
        inputs: Mapping[str, xr.Dataset],
        target: xr.Dataset,
        *,
        device: str,
        seed: int,
        weights: Mapping[str, torch.Tensor],
        first_guess: str = "",
        missions: str = "",
        compiled: bool = False,
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
        first_guess : ``bfn``, ``duacs``, ``oi``, ``smooth``, ``mean`` or an input with maps; by
            default that of the training
        missions : comma-separated names of the inputs to use, or ``all``; by default those that
            are not optional
        compiled : compile the network with torch.compile
        precision : of the convolutions, as in training; ``auto`` takes bfloat16 where the training
            did and the machine is fast in it

        Raises
        ------
        OceanbenchError
            if the weights are of another method's network
        """
        found = configuration_of(MapConfiguration, weights, self.name).update
        check_update(found, (preset.update for preset in self.presets.values()), self.name)
        members = partial(
            estimate_members,
            inputs,
            weights=weights,
            name=self.name,
            first_guess=first_guess,
            missions=missions,
            device=device,
            compile_it=compiled,
            precision=precision,
        )
        return filled(target, members).isel(member=0, drop=True)
