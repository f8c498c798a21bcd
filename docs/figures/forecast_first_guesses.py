"""First guesses of every level of error, handed to a learned forecast, on ``ssh_forecast_jet``.

    python docs/figures/forecast_first_guesses.py METHOD

One network forecasts every start without a first guess, and with that of each level. Printed are,
for each level, the RMSE of the first guess itself, the ratio of the nowcast's to it, the ratio of
the forecasts' errors to those without a first guess, by lead and pooled over leads 1 to 7 with its
paired interval, and the shares of starts whose nowcast is worse than the first guess and whose
pooled error is worse than without.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from oceanbench import Challenge
from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.assimilation.fourdvarnet.forecasts.inference import TrainedForecast
from oceanbench.data import shipped
from oceanbench.kinds.forecasts.starts.delivery import known_at
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.weights import Weights
from oceanbench.scoring.statistics import influence

CHALLENGE = "ssh_forecast_jet"
LEVELS = ("age_0d", "age_3d", "age_7d", "age_14d", "climatology")
POOLED = slice(1, 6)  # leads 1 to 7
DAY = np.timedelta64(1, "D")


def squares(method: str) -> tuple[FloatArray, FloatArray]:
    """Mean squared errors (levels, starts, leads), the first without a first guess, and of those.

    Parameters
    ----------
    method : whose weights are shipped
    """
    challenge = Challenge.load(CHALLENGE)
    path = shipped.folder("baselines") / "weights" / CHALLENGE / f"{method}.safetensors"
    trained = TrainedForecast.of(Weights.load(path).tensors, name=method)
    inputs, target = dict(Inputs(challenge)), challenge.target()
    truth = challenge.open(challenge.truth_name)["ssh"].load().astype(np.float64)
    mean = inputs["climatology"]["ssh"].sel(
        latitude=target["latitude"], longitude=target["longitude"], method="nearest"
    )
    of_forecasts, of_guesses = [], []
    for start in target["start"].values:
        known = {name: known_at(dataset, start) for name, dataset in inputs.items()}
        wanted = truth.sel(time=start + target["lead"].values * DAY).values
        made = trained.forecast(known, target.sel(start=[start]), ["", *LEVELS])
        errors = [found["ssh"].values[0] - wanted for found in made]
        of_forecasts.append([np.square(error).mean((1, 2)) for error in errors])
        guesses = []
        for level in LEVELS:
            if level == "climatology":
                there = mean.values - wanted[0]
            else:
                guess = known[level]["ssh"].sel(time=start)
                thin = {name: guess[name].values for name in ("latitude", "longitude")}
                there = guess.values - truth.sel(time=start).sel(thin, method="nearest").values
            guesses.append(np.square(there).mean())
        of_guesses.append(guesses)
    return np.array(of_forecasts).swapaxes(0, 1), np.array(of_guesses).T


def ratio(some: FloatArray, others: FloatArray) -> str:
    """Ratio of the root mean squares of starts, with its paired interval."""

    def of(index: IndexArray) -> FloatArray:
        found: FloatArray = np.sqrt(some[index].sum(-1) / others[index].sum(-1))
        return found

    value = float(of(np.arange(some.size)[None])[0])
    found = influence(of, some.size, (0.0, np.inf), dated=True)
    ends = None if found is None else found.interval()
    return f"{value:.3f}" if ends is None else f"{value:.3f} [{ends.low:.3f}, {ends.high:.3f}]"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="First guesses handed to a learned forecast.")
    parser.add_argument("method")
    torch.set_num_threads(1)
    forecasts, guesses = squares(parser.parse_args().method)
    without = forecasts[0]
    leads = (0, 1, 3, 7, 14)
    at = [0, 1, 3, 5, 7]
    print(
        "| first guess | its RMSE, cm | nowcast / it | worse than it | 1–7 / without | harmed |"
        + "".join(f" {lead} d |" for lead in leads)
    )
    print("|---" * (6 + len(leads)) + "|")
    for level, found, guess in zip(LEVELS, forecasts[1:], guesses, strict=True):
        pooled, usual = (one[:, POOLED].mean(1) for one in (found, without))
        by_lead = np.sqrt(found.mean(0) / without.mean(0))
        cells = [
            level,
            f"{100 * np.sqrt(guess.mean()):.2f}",
            ratio(found[:, 0], guess),
            f"{100 * (found[:, 0] > guess).mean():.0f} %",
            ratio(pooled, usual),
            f"{100 * (pooled > usual).mean():.0f} %",
            *(f"{by_lead[number]:.3f}" for number in at),
        ]
        print("| " + " | ".join(cells) + " |")
    print("without:", " ".join(f"{100 * error:.2f}" for error in np.sqrt(without.mean(0))))


if __name__ == "__main__":
    main()
