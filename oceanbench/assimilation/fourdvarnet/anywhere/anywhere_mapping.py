"""What a method file of a mapper that learned anywhere takes: its training, and its estimate."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click
import torch
import xarray as xr

from oceanbench.assimilation.fourdvarnet.anywhere.box import Box
from oceanbench.assimilation.fourdvarnet.anywhere.configuration import AnywhereConfiguration
from oceanbench.assimilation.fourdvarnet.anywhere.first_guess import (
    choices,
    fitted_scales,
    given_scales,
    parts,
    seen_by,
)
from oceanbench.assimilation.fourdvarnet.anywhere.increments import AnywhereMapper, Trial
from oceanbench.assimilation.fourdvarnet.anywhere.library import Library
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.training import begun, trained
from oceanbench.assimilation.fourdvarnet.anywhere.withheld_passes import (
    borne_out,
    squares_left,
    withheld,
)
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.own_sea import own_world
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.simulations import World
from oceanbench.assimilation.fourdvarnet.maps.simulated_missions import flown_missions
from oceanbench.assimilation.fourdvarnet.maps.training_set import training_truth
from oceanbench.assimilation.observations.missions import check_metres, chosen_missions
from oceanbench.errors import OceanbenchError
from oceanbench.learning.ensembles import configuration_of, load_networks
from oceanbench.learning.precision import in_bfloat16
from oceanbench.learning.recipes import preset_of

SEAS = ("family", "own")  # that a network learns from
OWN_SCENES, OWN_STEPS, OWN_RATE = 120, 900, 3e-4  # of a training on one sea of 32 days or more
STEPS = {"auto": None, "none": 0, "half": 1, "one": 2, "two": 3}  # of the ladder of increments
STEP_NAMES = {step: name for name, step in STEPS.items()}
SMOOTH_KM = {"none": (0.0,), "maps": (35.0,), "auto": (35.0, 0.0)}  # that are tried


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
        sea: str = "family",
        worlds: int = 0,
        scenes: int = 0,
        workers: int = 1,
        checkpoint: str = "",
        precision: str = "auto",
        init: Mapping[str, torch.Tensor] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Simulate worlds, observe them, and train the network.

        Parameters
        ----------
        inputs : only the training maps of ``sea=own``. Else none is opened: the weights are of no
            challenge, and serve every one
        device : of torch
        seed : of the first weights and the windows; worlds and scenes are the same
        preset : one of the method's
        steps : of the training; 0 as many as the preset has, or as a sea of one's own needs
        update : ``conjugate`` or ``unet``; by default that of the preset
        sea : ``family``, the worlds, or ``own``, that of the challenge's training maps
        worlds, scenes : how many; 0 as for the steps
        workers : processes that simulate and observe
        checkpoint : folder that keeps worlds, scenes and training: what was interrupted resumes
            there
        precision : see :func:`oceanbench.learning.precision.in_bfloat16`
        init : weights of the same network, from which to go on
        """
        if sea not in SEAS:
            raise OceanbenchError(f"{self.name}: sea={sea}: expected one of {', '.join(SEAS)}")
        if min(steps, worlds, scenes) < 0:
            raise OceanbenchError(
                f"{self.name}: steps={steps}, worlds={worlds}, scenes={scenes}: expected numbers "
                "of 0, as many as the preset has, or more"
            )
        own = _own(inputs, self.name) if sea == "own" else None
        usual = preset_of(self.name, self.presets, preset)
        if own is not None:
            usual = replace(usual, scenes=OWN_SCENES, steps=OWN_STEPS, rate=OWN_RATE)
        scenes = scenes or usual.scenes
        configuration = replace(
            usual,
            update=update or usual.update,
            steps=steps or usual.steps,
            easy_steps=usual.easy_steps if init is None else 0,
            worlds=worlds or usual.worlds if own is None else 1,
            scenes=scenes,
            checked=min(usual.checked, max(scenes // 5, 1)),
            reduced=in_bfloat16(precision, device, usual=usual.reduced),
        )
        if init is not None:
            begun(configuration, init, name=self.name)  # before minutes of scenes
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(checkpoint or temporary)
            folder = folder if own is None else folder / own.digest
            library = replace(Library.of(folder, configuration), own=own)
            library.fill(workers=workers)
            return trained(
                library,
                configuration,
                name=self.name,
                seed=seed,
                device=device,
                checkpoint=folder,
                init=init,
            )

    def estimate(  # noqa: PLR0913  (every option is a keyword)
        self,
        inputs: Mapping[str, xr.Dataset],
        target: xr.Dataset,
        *,
        device: str,
        seed: int,
        weights: Mapping[str, torch.Tensor],
        first_guess: str = "duacs,bfn",
        missions: str = "",
        passes: str = "auto",
        smoothness: str = "auto",
        most_withheld: int = 3,
        scales: str = "",
        cell_km: float = 16.0,
        members: int = 0,
        precision: str = "auto",
    ) -> xr.Dataset:
        """Map the observations onto the target.

        Parameters
        ----------
        inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
        target : variables (time, latitude, longitude) to fill
        device : of torch
        seed : of the members; the estimate itself is deterministic
        weights : that :meth:`train` found
        first_guess : ``bfn``, ``duacs``, ``miost``, ``oi``, ``smooth``, ``mean``, an input with
            maps, or several of them joined by ``+``, whose mean is taken; of several separated by
            commas, and of their mean, what withheld passes bear out
        missions : comma-separated names of the inputs to use, or ``all``; by default those that
            are not optional
        passes : of the network: ``none`` (the first guess), ``half`` of one, ``one`` or ``two``;
            ``auto`` is what withheld passes bear out, too
        smoothness : of the sea that is looked for: ``none`` (it has all eddies of a sea), or
            ``maps`` (as operational maps have them); ``auto`` is what withheld passes bear out, too
        most_withheld : thirds of the passes that are withheld in turn to find that; altimeters,
            where maps of an input say which they ``use``
        scales : of ``duacs``, as ``length_factor=1.2, noise=0.05``; by default those under which
            the nadir altimeters of the box and its days are likeliest
        cell_km : side of the cells that the network works on, 14 to 24 as in training
        members : estimates with errors drawn, which are given in place of the estimate; 0 for that
        precision : see :func:`oceanbench.learning.precision.in_bfloat16`
        """
        guesses = choices(first_guess)
        for option, fits, expected in (
            (f"first_guess={first_guess}", bool(guesses), "a name"),
            (f"passes={passes}", passes in STEPS, f"one of {', '.join(STEPS)}"),
            (f"smoothness={smoothness}", smoothness in SMOOTH_KM, f"one of {', '.join(SMOOTH_KM)}"),
            (f"most_withheld={most_withheld}", most_withheld >= 1, "at least 1"),
            (f"cell_km={cell_km}", 10.0 <= cell_km <= 30.0, "10 to 30"),
            (f"members={members}", members >= 0, "no negative number"),
        ):
            if not fits:
                raise OceanbenchError(f"{self.name}: {option}: expected {expected}")
        fitting = any("duacs" in parts(guess) for guess in guesses)
        if scales and not fitting:
            raise OceanbenchError(
                f"{self.name}: scales={scales}: are of duacs, and first_guess={first_guess} has "
                "none; leave them out"
            )
        network = self._network(weights, device, precision)
        found = {}
        for name, variable in target.data_vars.items():
            names = chosen_missions(inputs, missions, str(name))
            every = ",".join(names)
            check_metres(inputs, str(name), every)
            field = variable.transpose("time", "latitude", "longitude")
            box = Box.around(field, network.configuration.half)
            used = given_scales(scales) if scales else None
            if used is None and fitting:
                used = fitted_scales(inputs, str(name), box.grid, missions=every)
            mapper = AnywhereMapper(network, str(name), box, used, cell_km, device)
            step = STEPS[passes]
            smooth = SMOOTH_KM[smoothness]
            smooth = smooth[-1:] if step == 0 else smooth  # of no step it is of no account
            tried = [Trial(guess, km) for guess in guesses for km in smooth]
            if step is None or len(tried) > 1:
                cases = withheld(inputs, names, most_withheld, seen_by(inputs, guesses))
                left = squares_left(cases, mapper.ladders, tried, box, str(name))
                trial, step = borne_out(left, step)
            else:
                (trial,) = tried
            click.echo(
                f"{self.name}: {name} with first_guess={trial.first_guess}, "
                f"passes={STEP_NAMES[step]}, smoothness={'maps' if trial.smooth_km else 'none'}",
                err=True,
            )
            made = mapper.ladders(inputs, every, [trial])[trial]
            estimate = made.guess + made.increments[step]
            found[name] = field.copy(data=box.on_target(estimate)).transpose(*variable.dims)
            if members:
                random = torch.Generator().manual_seed(seed)
                drawn = [mapper.deviations(made, random) for _ in range(members)]
                values = [field.copy(data=box.on_target(estimate + error)) for error in drawn]
                found[name] = xr.concat(values, "member").transpose("member", *variable.dims)
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


def _own(inputs: Mapping[str, xr.Dataset], name: str) -> World:
    """Sea of a challenge's training maps."""
    return own_world(training_truth(inputs, name, flown_missions(inputs, "")))
