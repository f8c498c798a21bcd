"""What all figures share: style and colours, what they look at, axes and marks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from oceanbench.data.files import whole
from oceanbench.declaration import MetricRow
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS, Flagged
from oceanbench.metrics.spectral.space_time import resolved_period
from oceanbench.scoring.matching import Matched

STYLE: dict[str, Any] = {
    "figure.dpi": 130,
    "savefig.dpi": 130,
    "savefig.bbox": "tight",
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "date.converter": "concise",
}
TRUTH, ESTIMATE, ERROR = "#000000", "#0072b2", "#d55e00"  # Okabe and Ito: safe for colour-blind
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
BLANK = "0.85"  # behind the maps: a masked point must not look like an error of zero
FORMATS = (".png", ".svg", ".pdf")
SYMBOLS = {"degrees_east": "°", "1": ""}
UNITS = {"degrees_C": "°C", "m s-1": "m/s", "1e-3": "10⁻³"}  # as they are written for readers


@dataclass(frozen=True)
class View:
    """One variable of a submission through one mask, with the words around its figures."""

    heading: str
    variable: str
    units: str
    matched: Matched


@dataclass(frozen=True)
class Mark:
    """A score as the figures show it; ``value`` is None where the score is flagged."""

    metric: str
    text: str
    value: float | None


def mark_of(row: MetricRow, matched: Matched) -> Mark:
    """Compute the score of a resolved scale as the evaluator does."""
    metric = METRICS[row.metric]
    found = metric.function(matched.estimate, matched.truth, matched.weights, **row.options)
    units = metric.unit_for(matched.truth, row.options)
    units = SYMBOLS.get(units, f" {units}")
    if not isinstance(found, Flagged):
        return Mark(row.metric, f"{row.label} = {found:.4g}{units}", found)
    bound = f" (≤ {found.value:.4g}{units})" if np.isfinite(found.value) else ""
    return Mark(row.metric, f"{row.label} {found.flag.replace('_', ' ')}{bound}", None)


def limits(*fields: xr.DataArray, symmetric: bool = False) -> dict[str, float]:
    """Colour limits that a few extreme points do not stretch."""
    values = np.concatenate([f.values[np.isfinite(f.values)] for f in fields])
    if symmetric:
        bound = float(np.quantile(np.abs(values), 0.995)) or 1.0
        return {"vmin": -bound, "vmax": bound}
    low, high = (float(q) for q in np.quantile(values, (0.005, 0.995)))
    return {"vmin": low, "vmax": high if high > low else low + 1.0}


def shape_of(truth: xr.DataArray) -> tuple[float, float]:
    """Aspect of the axes of a map, 1 / cos(latitude), and height over width of the panel."""
    latitude, longitude = truth["latitude"].values, truth["longitude"].values
    aspect = 1.0 / float(np.cos(np.deg2rad((latitude.min() + latitude.max()) / 2)))
    ratio = aspect * float(np.ptp(latitude)) / max(float(np.ptp(longitude)), 1e-9)
    return aspect, float(np.clip(ratio, 0.3, 2.0))


def geographic(axes: Axes, title: str, aspect: float) -> None:
    """Axes of a map."""
    axes.set(title=title, xlabel="longitude (°E)", ylabel="latitude (°N)", facecolor=BLANK)
    axes.set_aspect(aspect)
    axes.label_outer()
    axes.grid(False)


def scales(axes: Axes, which: Literal["x", "y"], label: str) -> None:
    """Logarithmic axis of wavelengths or periods with plain numbers, large scales first."""
    axes.set(**{f"{which}scale": "log", f"{which}label": label})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())
    axis.set_inverted(True)


def show(mark: Mark, axes: Axes) -> None:
    """Line and label of a resolved scale; nothing where it is flagged."""
    if mark.value is None:
        return
    style: dict[str, Any] = {"textcoords": "offset points", "color": ERROR, "va": "bottom"}
    if METRICS[mark.metric].value is resolved_period:
        axes.axhline(mark.value, color=ERROR, ls="--")
        style |= {"xycoords": axes.get_yaxis_transform(), "ha": "right"}
        axes.annotate(mark.text, (1.0, mark.value), (-4, 3), **style)
    else:
        axes.axvline(mark.value, color=ERROR, ls="--")
        style |= {"xycoords": axes.get_xaxis_transform(), "ha": "center"}
        axes.annotate(mark.text, (mark.value, 1.0), (0, 3), **style)


def check_format(path: Path) -> None:
    """Refuse a name of a figure whose ending is of no picture."""
    if path.suffix not in FORMATS:
        raise OceanbenchError(f"--figure {path}: expected a name that ends in {', '.join(FORMATS)}")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure, which appears whole or not at all; its folder is made."""
    with whole(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix("."))
    return path


def note(heading: str, text: str) -> Figure:
    """In place of a figure for which there are no data."""
    figure = Figure(figsize=(6.5, 2.0))
    figure.suptitle(heading)
    axes = figure.subplots()
    axes.set(xticks=[], yticks=[])
    axes.annotate(text, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
    return figure
