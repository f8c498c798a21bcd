"""What the solver of fourdvarnet does: cost and error along its iterations, steps and gradients.

    python docs/figures/descent.py [WEIGHTS]

On the days that validate the training of ``ssh_osse_jet_noisy`` (frozen by
``docs/figures/validation_series.py``), with the shipped weights or others. Writes
``docs/images/fourdvarnet_descent.png`` and ``fourdvarnet_steps.png`` and prints the numbers of the
page: errors in centimetres, and what becomes of them without the prior or with other weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.conjugate_gradients import Iterate
from oceanbench.assimilation.fourdvarnet.maps.inference import TrainedMembers
from oceanbench.assimilation.fourdvarnet.maps.patches import ObservedSeries
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.assimilation.fourdvarnet.variational_problem import VariationalProblem

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
SERIES = ROOT / "tests" / "data" / "validation_series.safetensors"
WEIGHTS = ROOT / "baselines" / "weights" / "ssh_osse_jet_noisy" / "fourdvarnet.safetensors"
SHOWN = (0, 1, 3, 7)  # iterations whose steps are drawn


def windows() -> Batch:
    """All windows of the days that validate."""
    kept = load_file(SERIES)
    parts = {name: v if v.dtype == torch.bool else v.float() for name, v in kept.items()}
    return ObservedSeries(**parts).windows(15)


class Centimetres:
    """Errors of estimates of the windows, as their days are weighted."""

    def __init__(self, batch: Batch, deviation: float) -> None:
        self.batch, self.factor = batch, 100.0 * deviation

    def of(self, found: Tensor) -> float:
        """Root mean square error, cm."""
        weight = self.batch.weight
        squares = weight * (found - self.batch.wanted).square()
        return self.factor * float((squares.sum() / weight.sum()).sqrt())


def draw_descent(
    problem: VariationalProblem,
    iterates: list[Iterate],
    batch: Batch,
    error: Centimetres,
    trained: int,
) -> None:
    """Cost and error along the iterations."""
    costs = torch.stack([iterate.cost for iterate in iterates])
    relative = (costs / costs[0]).numpy()
    errors = [error.of(batch.first_guess + problem.increment(i.controls)) for i in iterates]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    number = np.arange(len(iterates))
    axes[0].fill_between(number, *np.percentile(relative, [10, 90], axis=1), alpha=0.3, lw=0)
    axes[0].plot(number, relative.mean(1))
    axes[0].set(xlabel="iteration", ylabel="cost J, relative to the start's", yscale="log")
    axes[1].axhline(error.of(batch.first_guess), color="0.6", ls="--", label="first guess")
    axes[1].plot(number, errors, label="estimate")
    axes[1].set(xlabel="iteration", ylabel="RMSE, cm")
    axes[1].legend()
    for axis in axes:
        axis.axvline(trained, color="0.8", zorder=0)
    figure.savefig(IMAGES / "fourdvarnet_descent.png", dpi=110)
    print("J  ", " ".join(f"{value:.3f}" for value in relative.mean(1)))
    print("cm ", " ".join(f"{value:.3f}" for value in errors))


def draw_steps(
    problem: VariationalProblem, iterates: list[Iterate], batch: Batch, window: int, factor: float
) -> None:
    """Gradients, steps and what is left of the error, of one window's middle day."""
    day = batch.wanted.shape[1] // 2
    wanted = (batch.wanted - batch.first_guess)[window, day]
    figure, axes = plt.subplots(
        3,
        len(SHOWN),
        figsize=(2.5 * len(SHOWN), 7.2),
        layout="constrained",
        sharex=True,
        sharey=True,
    )

    def shown(controls: Tensor) -> np.ndarray:
        field = problem.size * problem.bumps.forward(controls)
        return factor * problem.solver.correction * field[window, day].numpy()

    for column, number in enumerate(SHOWN):
        iterate, after = iterates[number], iterates[number + 1]
        left = wanted - problem.increment(after.controls)[window, day]
        gradient = shown(-iterate.gradient)
        fields = (gradient / np.abs(gradient).max(), shown(iterate.step), factor * left.numpy())
        for axis, field, most in zip(axes[:, column], fields, (1.0, 3.0, 8.0), strict=True):
            image = axis.imshow(field, origin="lower", cmap="RdBu_r", vmin=-most, vmax=most)
            if column == len(SHOWN) - 1:
                figure.colorbar(image, ax=axis, shrink=0.8)
        axes[0, column].set_title(f"iteration {number + 1}")
    for axis, text in zip(axes[:, 0], ("-∇J, relative", "step, cm", "error left, cm"), strict=True):
        axis.set_ylabel(text)
        axis.set_xticks([])
        axis.set_yticks([])
    figure.savefig(IMAGES / "fourdvarnet_steps.png", dpi=110)


def altered(net: FourDVarNet, name: str, change: float, error: Centimetres, batch: Batch) -> float:
    """Error with the logarithm of a weight changed, or without the prior."""
    parameter = net.get_parameter(name)
    kept = parameter.clone()
    with torch.inference_mode():
        parameter.copy_(kept + change if parameter.ndim == 0 else 0.0 * kept)
        found = error.of(net(*batch.given()))
        parameter.copy_(kept)
    return found


def main() -> None:
    """Draw and print."""
    parser = argparse.ArgumentParser(description="What the solver does.")
    parser.add_argument("weights", type=Path, nargs="?", default=WEIGHTS)
    trained = TrainedMembers.of(load_file(parser.parse_args().weights), name="fourdvarnet")
    net = trained.solvers[0]
    if not isinstance(net, FourDVarNet):
        raise SystemExit("these are not weights of fourdvarnet")
    batch = windows()
    error = Centimetres(batch, trained.normalisation.deviation)
    with torch.inference_mode():
        problem = net.problem(*batch.given())
        iterates = list(problem.descent(3 * net.iterations))
        draw_descent(problem, iterates, batch, error, net.iterations)
        draw_steps(problem, iterates, batch, len(batch.wanted) // 2, error.factor)
        cosines = [
            torch.nn.functional.cosine_similarity(i.step.flatten(1), -i.gradient.flatten(1)).mean()
            for i in iterates[:-1]
        ]
    below = (iterates[net.iterations].cost < iterates[0].cost).float().mean()
    print("cos", " ".join(f"{float(value):.2f}" for value in cosines))
    print(f"cost below that of the start: {100 * float(below):.0f} % of windows")
    print(f"first guess {error.of(batch.first_guess):.3f} cm")
    print(f"without the prior {altered(net, 'prior.leave', 0.0, error, batch):.3f} cm")
    for factor in (1 / 3, 3.0):
        found = altered(net, "log_observation_weight", float(np.log(factor)), error, batch)
        print(f"observations' weight times {factor:.2f}: {found:.3f} cm")


if __name__ == "__main__":
    main()
