"""Error by lead of forecasts from observations.

    python docs/figures/forecasting.py apart    # what starts from the truth, and no method can
    python docs/figures/forecasting.py draw     # the table and the figure
    python docs/figures/forecasting.py starts   # how many starts tell rows apart

of ``ssh_forecast_jet``, or of ``ssh_forecast_basin`` or ``ssh_forecast_med2014`` where that is
named after it. ``apart`` scores the truth of the starts persisted, and on the jet carried by the
model, and keeps their scores in ``docs/figures/forecasting.json``; a truth of tracks has none.
``draw`` prints the table of docs/forecasting.md and draws ``docs/images/forecasting.png`` from the
results of the board. ``starts`` prints, for pairs of rows, the ratio of their pooled errors with
its paired interval, and how many starts such an interval needs to reach 5 % to either side.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from oceanbench import Challenge, Submission, evaluate
from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.assimilation.nudging.free_run import RunSettings, carried
from oceanbench.data.files import write_text
from oceanbench.figures.style import LINES, STYLE
from oceanbench.scoring.statistics import influence

ROOT = Path(__file__).parents[2]
FOUND = Path(__file__).with_suffix(".json")
APART = {  # of every challenge
    "ssh_forecast_jet": ("truth_persisted", "perfect_nowcast"),
    "ssh_forecast_basin": ("truth_persisted",),
    "ssh_forecast_med2014": (),
}
IMAGES = {
    "ssh_forecast_jet": "forecasting.png",
    "ssh_forecast_basin": "forecasting_basin.png",
    "ssh_forecast_med2014": "forecasting_med2014.png",
}


def forecasts(name: str, challenge: Challenge) -> xr.Dataset:
    """Forecasts from the truth of the starts, in the shape of a submission."""
    target = challenge.target()
    truth = challenge.open(challenge.truth_name)["ssh"].load().astype(np.float64)
    leads = target["lead"].values.tolist()
    values = np.empty(target["ssh"].shape)
    for number, start in enumerate(target["start"].values):
        first = truth.sel(time=start).values
        if name == "truth_persisted":
            values[number] = first
        else:
            axes = truth["longitude"].values, truth["latitude"].values
            values[number] = carried(first, *axes, leads, RunSettings())
    return target.assign(ssh=target["ssh"].copy(data=values.astype("f4")))


def apart(of: str) -> dict[str, list[dict[str, Any]]]:
    """RMSE with intervals, by lead and pooled, of what starts from the truth."""
    challenge, found = Challenge.load(of), {}
    with tempfile.TemporaryDirectory() as folder:
        for name in APART[of]:
            path = Path(folder) / f"{name}.nc"
            forecasts(name, challenge).to_netcdf(path, engine="h5netcdf")
            scores = evaluate(challenge, Submission(name, path)).scores
            found[name] = [
                {
                    "lead": score.lead,
                    "value": score.value,
                    "interval": {"low": score.interval.low, "high": score.interval.high},
                }
                for score in scores
                if score.metric == "rmse" and not score.against and score.interval
            ]
    return found


def results(challenge: str) -> dict[str, dict[str, Any]]:
    """Results of the board, but for other seeds of a row."""
    paths = sorted((ROOT / "leaderboards" / challenge).glob("*.json"))
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    return {name: one for name, one in found.items() if not one["submission"]["seed_of"]}


def rows(challenge: str) -> dict[str, list[dict[str, Any]]]:
    """The same of every row of the board, against the truth."""
    loaded = Challenge.load(challenge)
    against = [loaded.truth_name] if loaded.truth.is_observed_truth else None
    found = {
        name: [s for s in one["scores"] if s["metric"] == "rmse" and s.get("against") == against]
        for name, one in results(challenge).items()
    }
    return dict(sorted(found.items(), key=lambda item: pooled(item[1])["value"]))


def pooled(scores: list[dict[str, Any]]) -> dict[str, Any]:
    """Score that ranks."""
    return next(score for score in scores if score["lead"] is None)


def table(found: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """A row a method: pooled with its interval, and by lead, cm."""
    leads = [s["lead"] for s in next(iter(found.values())) if s["lead"] is not None]
    label = pooled(next(iter(found.values())))["label"].removeprefix("RMSE ")
    lines = [
        f"| RMSE, cm | {label} | " + " | ".join(map(str, leads)) + " |",
        "|---" * (len(leads) + 2) + "|",
    ]
    for name, scores in found.items():
        whole, by_lead = pooled(scores), [s for s in scores if s["lead"] is not None]
        low, high = (100 * whole["interval"][end] for end in ("low", "high"))
        cells = [f"{100 * score['value']:.2f}" for score in by_lead]
        head = f"{100 * whole['value']:.2f} [{low:.2f}, {high:.2f}]"
        lines.append(f"| `{name}` | {head} | " + " | ".join(cells) + " |")
    return lines


def draw(found: Mapping[str, list[dict[str, Any]]]) -> Figure:
    """RMSE by lead with its intervals."""
    figure = Figure(figsize=(7.5, 6.0), layout="constrained")
    axes = figure.subplots()
    for number, (name, scores) in enumerate(found.items()):
        by_lead = [score for score in scores if score["lead"] is not None]
        leads = [score["lead"] for score in by_lead]
        values = [100 * score["value"] for score in by_lead]
        if any(name in names for names in APART.values()):
            axes.plot(leads, values, ls=":", color="0.4", label=f"{name} (apart)")
            axes.annotate(name, (leads[-1], values[-1]), fontsize=7, ha="right", va="bottom")
            continue
        colour = LINES[number % len(LINES)]
        ends = [[100 * s["interval"][end] for s in by_lead] for end in ("low", "high")]
        axes.fill_between(leads, *ends, color=colour, alpha=0.15, lw=0)
        style = "-" if number < len(LINES) else "--"
        axes.plot(leads, values, style, marker="o", ms=3, color=colour, label=name)
    axes.set(xlabel="lead (days)", ylabel="RMSE (cm)", xlim=(0, None), ylim=(0, None))
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return figure


def starts(challenge: str) -> list[str]:
    """Ratio of pooled errors of pairs of rows, and the starts that ±5 % of it needs."""
    squares = {}
    for name, result in results(challenge).items():
        series = next(one for one in result["series"] if "squared_error" in one)
        squares[name] = np.array(series["squared_error"])
    lines = []
    for one, other in combinations(squares, 2):

        def ratio(index: IndexArray, one: str = one, other: str = other) -> FloatArray:
            sums = (squares[name][index].sum(axis=-1) for name in (one, other))
            found: FloatArray = np.sqrt(np.divide(*sums))
            return found

        count = squares[one].size
        found = influence(ratio, count, (0.0, np.inf), dated=True)
        between = None if found is None else found.interval()
        if between is not None:
            half = np.log(between.high / between.low) / 2
            needed = count * (half / np.log(1.05)) ** 2
            value = float(ratio(np.arange(count)[None])[0])
            ends = f"[{between.low:.3f}, {between.high:.3f}]"
            lines.append(f"| `{one}` / `{other}` | {value:.3f} {ends} | {needed:.0f} |")
    return lines


def main() -> None:
    """Do what the argument says."""
    parser = argparse.ArgumentParser(description="Error of forecasts by lead.")
    parser.add_argument("what", choices=("apart", "draw", "starts"))
    parser.add_argument("challenge", nargs="?", default="ssh_forecast_jet", choices=APART)
    options = parser.parse_args()
    if options.what == "starts":
        print("\n".join(starts(options.challenge)))
        return
    kept = json.loads(FOUND.read_text(encoding="utf-8"))
    if options.what == "apart":
        kept[options.challenge] = apart(options.challenge)
        write_text(json.dumps(kept, indent=1) + "\n", FOUND)
        return
    found = rows(options.challenge) | kept.get(options.challenge, {})
    print("\n".join(table(found)))
    with matplotlib.style.context(STYLE, after_reset=True):
        draw(found).savefig(ROOT / "docs" / "images" / IMAGES[options.challenge])


if __name__ == "__main__":
    main()
