"""Print the tables and draw the figure of the page on emulators, from results and submissions.

    oceanbench run emulator reanalysis_emulation        # and so on: the rows that are wanted
    python docs/figures/emulator.py results emulator emulator_ensemble damped_persistence

Errors, activity and spread are those of the result files; spectra are those of the submissions
beside them: sea level, less what is usual, in a box without land, mean over starts and directions.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, StrMethodFormatter

from oceanbench import Challenge
from oceanbench.figures.style import STYLE, TRUTH
from oceanbench.metrics.spectral.isotropic import in_rings, spectra_in_box
from oceanbench.result import Result

ROOT = Path(__file__).parent.parent.parent
BOX = {"latitude": slice(29.0, 42.0), "longitude": slice(-73.0, -50.0)}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito
SHOWN = (1, 2, 3, 5, 7, 10, 15, 20, 30)
SPECTRUM_OF = 10  # days
WAVELENGTHS = (200, 300, 500, 1000)  # km, that are written on the axis


def by_lead(result: Result, metric: str, variable: str) -> dict[int, float]:
    """Scores of a metric over the whole basin, by lead."""
    return {
        score.lead: score.value
        for score in result.scores
        if (score.metric, score.variable, score.mask) == (metric, variable, "basin")
        and score.lead is not None
        and score.value is not None
    }


def table(results: Sequence[Result], metric: str, variable: str, digits: int) -> str:
    """Rows of a Markdown table."""
    lines = [f"| {variable} {metric} | " + " | ".join(map(str, SHOWN)) + " |"]
    lines.append("|---" * (len(SHOWN) + 1) + "|")
    for result in results:
        found = by_lead(result, metric, variable)
        if found and any(found.values()):
            cells = " | ".join(f"{found[lead]:.{digits}f}" for lead in SHOWN)
            lines.append(f"| `{result.submission['name']}` | {cells} |")
    return "\n".join(lines)


def spectra(challenge: Challenge, paths: Sequence[Path]) -> dict[str, xr.DataArray]:
    """Spectra of sea level at a lead: of the truth, of forecasts, of one member and of the mean."""
    fields = {}
    truth = challenge.open(challenge.truth_name)["zos"]
    usual = challenge.open("climatology")["zos"]
    for path in paths:
        forecast = xr.open_dataset(path)["zos"].sel(lead=SPECTRUM_OF)
        if "member" in forecast.dims:
            fields[f"{path.stem}, a member"] = forecast.isel(member=0)
            forecast = forecast.mean("member")
        fields[path.stem] = forecast
        valid = forecast["start"] + np.timedelta64(SPECTRUM_OF * 86_400, "s")
        fields["truth"] = truth.sel(time=valid).drop_vars("time")
    days = valid.dt.dayofyear
    apart = {
        n: (f.drop_vars("lead", errors="ignore") - usual.sel(dayofyear=days)).sel(BOX)
        for n, f in fields.items()
    }
    arrays = {n: f.transpose("start", "latitude", "longitude") for n, f in apart.items()}
    like = arrays["truth"].rename(start="time")
    scored = np.ones(like.shape, bool)
    found = spectra_in_box({n: f.values for n, f in arrays.items()}, like, scored, window="hann")
    assert found is not None  # there is no land in the box
    return {str(n): in_rings(density) for n, density in found.items()}


def curves(axes: Axes, results: Sequence[Result], metric: str, title: str) -> None:
    """A score of sea level by lead, one line per row."""
    for result, colour in zip(results, COLOURS, strict=False):
        found = by_lead(result, metric, "zos")
        axes.plot(list(found), list(found.values()), color=colour, label=result.submission["name"])
    axes.set(title=title, xlabel="lead, days", xlim=(0, 30.5), ylim=(0, None))


def draw(results: Sequence[Result], found: dict[str, xr.DataArray]) -> Figure:
    """Three panels: error and activity by lead, spectra."""
    figure = Figure(figsize=(11.0, 3.8), layout="constrained")
    error, activity, power = figure.subplots(1, 3)
    curves(error, results, "rmse", "RMSE of sea level, m")
    curves(activity, results, "activity", "activity: σ of its anomalies over that of the truth")
    activity.axhline(1.0, color=TRUTH, linewidth=0.8)
    error.legend(fontsize=8)
    colours = {r.submission["name"]: c for r, c in zip(results, COLOURS, strict=False)}
    for name, density in found.items():
        row, _, of_member = name.partition(",")
        look = {"color": colours.get(row, TRUTH), "linestyle": "--" if of_member else "-"}
        power.loglog(1 / density["freq_r"], density, label=name, **look)
    power.set(
        title=f"spectrum of its anomalies, day {SPECTRUM_OF}",
        xlabel="wavelength, km",
        ylabel="m² km²",
    )
    power.invert_xaxis()
    power.xaxis.set_major_locator(FixedLocator(WAVELENGTHS))
    power.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    power.xaxis.set_minor_formatter(NullFormatter())
    power.legend(fontsize=8)
    return figure


def main() -> None:
    """Print the tables and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where oceanbench run wrote")
    parser.add_argument("rows", nargs="+")
    asked = parser.parse_args()
    folder = asked.folder / "reanalysis_emulation"
    results = [Result.load(folder / f"{row}.json") for row in asked.rows]
    for variable, digits in {"zos": 4, "thetao": 3, "so": 4, "uo": 4, "vo": 4}.items():
        print(table(results, "rmse", variable, digits), end="\n\n")
    for metric in ("activity", "crps", "spread_skill", "coverage"):
        print(table(results, metric, "zos", 4 if metric == "crps" else 2), end="\n\n")
    drawn = [folder / f"{row}.nc" for row in asked.rows if row.startswith("emulator")]
    with matplotlib.style.context(STYLE):
        figure = draw(results, spectra(Challenge.load("reanalysis_emulation"), drawn))
        figure.savefig(ROOT / "docs" / "images" / "emulator.png")


if __name__ == "__main__":
    main()
