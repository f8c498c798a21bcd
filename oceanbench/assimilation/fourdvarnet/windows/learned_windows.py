"""What the method files of 4DVarNets for windows are made of, but their configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import xarray as xr

from oceanbench.assimilation.fourdvarnet.bilevel import derivative_of
from oceanbench.assimilation.fourdvarnet.windows.configuration import WindowConfiguration
from oceanbench.assimilation.fourdvarnet.windows.inference import (
    TrainedWindows,
    estimate_members,
)
from oceanbench.assimilation.fourdvarnet.windows.spread import (
    calibrated_members,
    perturbed_members,
)
from oceanbench.assimilation.fourdvarnet.windows.training import train_members
from oceanbench.assimilation.window_batches import as_dataset, model_of, observations
from oceanbench.errors import OceanbenchError, did_you_mean


@dataclass(frozen=True)
class LearnedWindows:
    """Functions ``train`` and ``estimate`` of a method file.

    Attributes
    ----------
    name : of the method, for messages
    solvers : configurations by the name of the solver, the usual one ``lstm``, and by whether the
        components lie on a circle, all alike
    """

    name: str
    solvers: Mapping[str, Mapping[bool, WindowConfiguration]]

    def train(  # noqa: PLR0913  (every option is a keyword)
        self,
        inputs: Mapping[str, xr.Dataset],
        *,
        device: str,
        seed: int,
        members: int = 3,
        steps: int = 0,
        solver: str = "lstm",
        derivative: str = "unrolled",
        from_states: bool = False,
        checkpoint: str = "",
        init: Mapping[str, torch.Tensor] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Train members of an ensemble; each takes about ten minutes of one processor core.

        Parameters
        ----------
        inputs : states, or else observations only, of the roles training and validation
        device : of torch
        seed : of the first member; the others have the next ones
        members : how many
        steps : of the training; 0 as many as the configuration for the model has
        solver : ``lstm``, a descent that is learned, or ``incremental``, which solves the cost
        derivative : ``unrolled`` through the iterations or ``alternate``, the prior and all else by
            turns; of the incremental solver ``implicit`` too, at the minimum alone
        from_states : let the prior of the incremental solver learn from states alone: to predict
            each point from the others, for whatever sampling
        checkpoint : folder that keeps every training: one that was interrupted resumes there
        init : weights of the same network, from which to go on
        """
        if solver not in self.solvers:
            raise OceanbenchError(
                f"{self.name}: solver={solver}: unknown; {did_you_mean(solver, self.solvers)}"
            )
        configuration = self.solvers[solver][model_of(inputs).cyclic]
        if solver == "lstm" and derivative == "implicit":
            raise OceanbenchError(
                f"{self.name}: derivative=implicit: a descent that is learned ends at no minimum; "
                "take solver=incremental too"
            )
        if from_states:
            if solver == "lstm" or derivative != "unrolled":
                raise OceanbenchError(
                    f"{self.name}: from_states=true, solver={solver}, derivative={derivative}: "
                    "only the prior of solver=incremental can learn from states alone, and then "
                    "there is no derivative to choose"
                )
            configuration = replace(  # no estimate is made in training
                configuration, from_states=True, begun=0, batch=16, applied=10, inner=15
            )
        configuration = replace(
            configuration,
            steps=steps or configuration.steps,
            **derivative_of(derivative, method=self.name),
        )
        return train_members(
            inputs,
            configuration,
            name=self.name,
            members=members,
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
        member: int = -1,
        calibrated: bool = False,
        perturbed: int = 0,
    ) -> xr.Dataset:
        """Estimate the states of the windows.

        Parameters
        ----------
        inputs : observations, and the training data that the first guess has its covariance from;
            for a spread that is calibrated, the validation data
        target : one variable ([sampling,] window, time, component) to fill
        device : of torch
        seed : of perturbations; the estimate is deterministic
        weights : that ``train`` found
        member : the number of one member, or -1 for all as an ensemble
        calibrated : stretch the ensemble so that its spread is as large as its error was in the
            validation windows
        perturbed : members by random perturbation of the networks' mean, to give in place of them;
            0 for none
        """
        if (calibrated and (perturbed or member >= 0)) or perturbed < 0 or perturbed == 1:
            raise OceanbenchError(
                f"{self.name}: calibrated={calibrated}, member={member}, perturbed={perturbed}: "
                "calibrate all members of an ensemble, or perturb at least 2 times"
            )
        if not (calibrated or perturbed):
            found = estimate_members(inputs, weights, name=self.name, member=member, device=device)
            return as_dataset(found, target)
        trained = TrainedWindows.of(
            inputs, weights, observations(inputs), name=self.name, member=member, device=device
        )
        if calibrated:
            return as_dataset(calibrated_members(trained, inputs, name=self.name), target)
        found = perturbed_members(trained, inputs, name=self.name, members=perturbed, seed=seed)
        return as_dataset(found, target)
