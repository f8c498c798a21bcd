"""Errors of learned forecasts on the starts that chose them, by what they are made of.

    python docs/figures/learned_forecasts.py FOLDER [METHOD …]

FOLDER is the ``checkpoint`` of a training on ``ssh_forecast_jet``, which keeps its scenes (without,
they are made again, about ten CPU minutes). Printed is a table: the run of the model from the start
alone, the combination of runs, and each method with its shipped weights, over the starts of the
challenge's period of validation and those of the simulated world.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch

from oceanbench import Challenge
from oceanbench.arrays import AnyFloatArray
from oceanbench.assimilation.fourdvarnet.forecasts.configuration import ForecastConfiguration
from oceanbench.assimilation.fourdvarnet.forecasts.inference import TrainedForecast
from oceanbench.assimilation.fourdvarnet.forecasts.learning_worlds import LearningWorlds
from oceanbench.assimilation.fourdvarnet.forecasts.trajectories import combined
from oceanbench.data import shipped
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.weights import Weights

CHALLENGE = "ssh_forecast_jet"
POOLED = slice(1, 6)  # leads 1 to 7


def rows(folder: str, methods: list[str]) -> Iterator[str]:
    """Lines of the table."""
    inputs = Inputs(Challenge.load(CHALLENGE), for_training=True)
    configuration = ForecastConfiguration()
    worlds = LearningWorlds.of(inputs, configuration, name="figure", checkpoint=folder)
    _, checked, weights, _ = worlds.scenes()
    inner, ahead = worlds.place.inner(configuration.margin), configuration.past_days
    truth = checked.truth[:, ahead:]
    found: dict[str, AnyFloatArray] = {
        "model from the map of the start": checked.runs[:, 0, ahead:],
        "combination of three runs": combined(checked.runs, weights)[:, ahead:],
    }
    for method in methods:
        path = shipped.folder("baselines") / "weights" / CHALLENGE / f"{method}.safetensors"
        trained = TrainedForecast.of(Weights.load(path).tensors, name=method)
        for label, given in (("", False), (", each with its first guess", True)):
            guided = np.array([given])
            each = [trained.anomalies(checked, n, guided=guided) for n in range(len(checked))]
            found[f"`{method}`{label}"] = np.array(each)
        nowcast = found[f"`{method}`"][:, :1]
        found[f"`{method}`, its nowcast persisted"] = np.repeat(nowcast, truth.shape[1], axis=1)
    own = worlds.checked_starts
    yield "| RMSE, cm | own world, 1–7 | simulated, 1–7 | 0 | 1 | 2 | 3 | 5 | 7 | 10 | 14 |"
    yield "|---" * 11 + "|"
    for name, forecasts in found.items():
        squares = np.square(forecasts - truth)[..., *inner].mean((2, 3))
        parts = [some[:, POOLED] for some in (squares[:own], squares[own:])]
        cells = [rooted(part.mean()) for part in parts] + [rooted(v) for v in squares.mean(0)]
        yield f"| {name} | " + " | ".join(cells) + " |"


def rooted(square: AnyFloatArray | np.floating) -> str:
    """Root of a mean square in m², in cm."""
    return f"{100 * float(np.sqrt(square)):.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Errors of learned forecasts on validation.")
    parser.add_argument("folder")
    parser.add_argument("methods", nargs="*", default=["unet_forecast", "fourdvarnet_forecast"])
    torch.set_num_threads(1)
    options = parser.parse_args()
    for line in rows(options.folder, options.methods):
        print(line, flush=True)


if __name__ == "__main__":
    main()
