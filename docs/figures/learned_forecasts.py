"""Errors of learned forecasts on the starts that chose them, by what they are made of.

    python docs/figures/learned_forecasts.py FOLDER [METHOD …] [--challenge CHALLENGE]

FOLDER is the ``checkpoint`` of a training on ``ssh_forecast_jet``, or on CHALLENGE, which keeps its
scenes (without, they are made again, about ten CPU minutes). Printed is a table: the run of the
model from the start alone, the combination of runs, and each method with its shipped weights, over
the starts of the challenge's period of validation and those of the simulated world, at sea. Under
it stands by how much the spread of members differs from the error there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from oceanbench import Challenge
from oceanbench.arrays import AnyFloatArray
from oceanbench.assimilation.fourdvarnet.forecasts.configuration import STILL
from oceanbench.assimilation.fourdvarnet.forecasts.forecast_errors import unsureness
from oceanbench.assimilation.fourdvarnet.forecasts.inference import TrainedForecast
from oceanbench.assimilation.fourdvarnet.forecasts.learning_worlds import LearningWorlds
from oceanbench.assimilation.fourdvarnet.forecasts.trajectories import combined
from oceanbench.data import shipped
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.weights import Weights

POOLED = slice(1, 6)  # leads 1 to 7


def rows(folder: str, challenge: str, methods: list[str]) -> Iterator[str]:
    """Lines of the table."""
    inputs = Inputs(Challenge.load(challenge), for_training=True)
    of_challenge = shipped.folder("baselines") / "weights" / challenge
    networks = {
        method: TrainedForecast.of(
            Weights.load(of_challenge / f"{method}.safetensors").tensors, name=method
        )
        for method in methods
    }
    configuration = networks[methods[0]].configuration
    worlds = LearningWorlds.of(inputs, configuration, name="figure", checkpoint=folder)
    _, checked, weights, _ = worlds.scenes()
    inner, ahead = worlds.place.inner(configuration.margin), configuration.past_days
    truth = checked.truth[:, ahead:]
    found: dict[str, AnyFloatArray] = {
        "model from the map of the start": checked.runs[:, 0, ahead:],
        "combination of runs": combined(checked.runs, weights)[:, ahead:],
    }
    cold = replace(checked, beside=checked.beside.copy())
    cold.beside[:, : -STILL * configuration.coast or None] = 0.0
    for method, trained in networks.items():
        given = [("", checked, False)]
        if worlds.levels:
            given.append((", each with its first guess", checked, True))
        if configuration.temperatures:
            given.append((", without temperatures", cold, False))
        for label, scenes, guided in given:
            told = np.array([guided])
            each = [trained.anomalies(scenes, n, guided=told) for n in range(len(scenes))]
            found[f"`{method}`{label}"] = np.array(each)
        nowcast = found[f"`{method}`"][:, :1]
        found[f"`{method}`, its nowcast persisted"] = np.repeat(nowcast, truth.shape[1], axis=1)
    own, sea = worlds.checked_starts, worlds.sea[inner]
    yield "| RMSE, cm | own world, 1–7 | simulated, 1–7 | 0 | 1 | 2 | 3 | 5 | 7 | 10 | 14 |"
    yield "|---" * 11 + "|"
    for name, forecasts in found.items():
        squares = np.square(forecasts - truth)[..., *inner][..., sea].mean(2)
        parts = [some[:, POOLED] for some in (squares[:own], squares[own:])]
        cells = [rooted(part.mean()) for part in parts] + [rooted(v) for v in squares.mean(0)]
        yield f"| {name} | " + " | ".join(cells) + " |"
    unsure = unsureness(checked.runs[:, :, ahead:])
    for method, trained in networks.items():
        assert trained.errors is not None  # a training finds them
        variances = np.square(trained.errors.deviation(unsure))
        both = (variances, np.square(found[f"`{method}`"] - truth))
        spread, error = (some[..., *inner][..., sea].mean(2) for some in both)
        ratios = [
            spread[:own, POOLED].mean() / error[:own, POOLED].mean(),
            spread[own:, POOLED].mean() / error[own:, POOLED].mean(),
            *(spread.mean(0) / error.mean(0)),
        ]
        cells = [f"{np.sqrt(ratio):.2f}" for ratio in ratios]
        yield f"| `{method}`, spread/error of members | " + " | ".join(cells) + " |"


def rooted(square: AnyFloatArray | np.floating) -> str:
    """Root of a mean square in m², in cm."""
    return f"{100 * float(np.sqrt(square)):.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Errors of learned forecasts on validation.")
    parser.add_argument("folder")
    parser.add_argument("methods", nargs="*", default=["unet_forecast", "fourdvarnet_forecast"])
    parser.add_argument("--challenge", default="ssh_forecast_jet")
    torch.set_num_threads(1)
    options = parser.parse_args()
    for line in rows(options.folder, options.challenge, options.methods):
        print(line, flush=True)


if __name__ == "__main__":
    main()
