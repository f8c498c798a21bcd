"""Figures of a submission; the only package that draws."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib.style
import xarray as xr
from matplotlib.figure import Figure

from oceanbench.challenge import Challenge
from oceanbench.data.files import write_bytes
from oceanbench.declaration import Declaration
from oceanbench.errors import typed
from oceanbench.evaluate import as_challenge, as_submission, evaluated
from oceanbench.figures.cycles import cycles
from oceanbench.figures.forecasts import forecasts
from oceanbench.figures.points import of_maps, of_tracks, of_windows
from oceanbench.figures.style import STYLE
from oceanbench.submission import Submission

Drawer = Callable[[Declaration, str, Any], Iterator[tuple[str, Figure]]]

DRAWERS: Mapping[str, Drawer] = MappingProxyType(
    {
        "maps": of_maps,
        "tracks": of_tracks,
        "windows": of_windows,
        "forecasts": forecasts,
        "cycles": cycles,
    }
)


def draw(declaration: Declaration, name: str, material: Any, folder: Path) -> list[Path]:
    """Draw maps or windows, errors and spectra of a submission, and a distribution's calibration.

    Nothing is opened or scored again, but the few fields of forecasts that are drawn as maps. No
    file appears before all figures are drawn.

    Parameters
    ----------
    declaration : of the challenge
    name : of the submission
    material : from :func:`oceanbench.evaluate.evaluated`
    folder : where to write the PNG files; made if it does not exist

    Returns
    -------
    list of the files written
    """
    drawn = DRAWERS[declaration.kind](declaration, f"{name} on {declaration.name}", material)
    with matplotlib.style.context(STYLE, after_reset=True):
        pictures = {f"{what}.png": _png(figure) for what, figure in drawn}
    for what, picture in pictures.items():
        write_bytes(picture, folder / what)
    return [folder / what for what in pictures]


@typed
def figures(
    challenge: Challenge | Path | str,
    submission: Submission | xr.Dataset | Path | str,
    *,
    name: str = "",
    data_dir: Path | str | None = None,
) -> dict[str, Figure]:
    """Score a submission and draw it: matplotlib figures by their names, nothing is written.

    Parameters
    ----------
    challenge : loaded, its name, or the path of a challenge.yaml
    submission : the participant's file, its path, or the estimates themselves
    name : of a submission that is a path or a dataset
    data_dir : folder of the challenge's files
    """
    loaded = as_challenge(challenge)
    folder = None if data_dir is None else Path(data_dir)
    with as_submission(submission, name) as file, matplotlib.style.context(STYLE, after_reset=True):
        _, material = evaluated(loaded, file, data_dir=folder)
        return dict(DRAWERS[loaded.kind](loaded, f"{file.name} on {loaded.name}", material))


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
