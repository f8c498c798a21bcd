"""Figures: every kind of challenge draws, with flagged scores too, and whole or not at all."""

from __future__ import annotations

import struct
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
import yaml
from matches import draw, matched_by_score
from matplotlib.figure import Figure

from oceanbench import figures
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.figures import points
from oceanbench.metrics import METRICS
from oceanbench.submission import Submission

DAYS = 12
TIME = np.datetime64("2012-10-22", "ns") + np.arange(DAYS) * np.timedelta64(1, "D")
LONGITUDE = -65.0 + 0.25 * np.arange(24)
LATITUDE = 33.0 + 0.25 * np.arange(24)
MAPS = {"ssh_maps.png", "ssh_rmse.png", "ssh_psd_score.png"}
TRACKS = {"ssh_track_error.png", "ssh_rmse.png", "ssh_psd.png"}


def waves(time: xr.DataArray, latitude: xr.DataArray, longitude: xr.DataArray) -> xr.DataArray:
    """Large waves that drift west slowly and small ones that do it fast, metres."""
    days = (time - TIME[0]) / np.timedelta64(1, "D")
    return np.sin(2 * np.pi * (longitude / 6 + days / 12 + latitude / 9)) + 0.3 * np.sin(
        2 * np.pi * (longitude / 0.6 + days / 2.5 + latitude / 0.8)
    )


def grid() -> xr.DataArray:
    coords = {"time": TIME, "latitude": LATITUDE, "longitude": LONGITUDE}
    axes = [xr.DataArray(v, dims=n, coords={n: v}) for n, v in coords.items()]
    signal = waves(*axes).transpose("time", "latitude", "longitude")
    return (signal + np.random.default_rng(1).normal(0, 0.05, signal.shape)).rename("ssh")


def smooth(truth: xr.DataArray) -> xr.DataArray:
    """The large waves and some noise: an estimate that resolves a part of the scales."""
    large = truth.rolling(longitude=3, latitude=3, center=True, min_periods=1).mean()
    noise = np.random.default_rng(0).normal(0, 0.02, truth.shape)
    return (large + noise).rename("ssh")


def passes(samples: int) -> xr.Dataset:
    """One ascending pass per day, sampled at 1 Hz, every 6.7 km."""
    second = np.timedelta64(1, "s")
    time = np.concatenate([t + np.arange(samples) * second for t in TIME[:-1]])
    along = np.tile(np.arange(samples) * 0.06, DAYS - 1)  # degrees of latitude
    start = np.repeat(np.linspace(-64.5, -61.0, DAYS - 1), samples)
    points = {
        "time": time,
        "latitude": ("time", 33.0 + along),
        "longitude": ("time", start + along / 5),
    }
    track = xr.Dataset(coords=points)
    return track.assign(ssh=waves(track["time"], track["latitude"], track["longitude"]))


def make_challenge(folder: Path, kind: str, truth: xr.Dataset, **changes: object) -> Challenge:
    truth.to_netcdf(folder / "truth.nc", engine="h5netcdf")
    maps = kind == "maps"
    scores = (
        [
            {"metric": "resolved_wavelength", "label": "λx"},
            {"metric": "resolved_period", "label": "λt"},
        ]
        if maps
        else [
            {"metric": "daily_rmse_score", "label": "µ"},
            {"metric": "along_track_wavelength", "label": "λx", "segment_km": 200},
        ]
    )
    content = {
        "name": f"tiny_{kind}",
        "version": 1,
        "title": "tiny",
        "kind": kind,
        "domain": {
            "longitude": [-65, -59.25],
            "latitude": [33, 38.75],
            "time": [str(TIME[i])[:10] for i in (0, -1)],
        },
        "datasets": {
            "truth": {
                "role": "truth",
                "path": "truth.nc",
                "layout": "grid" if maps else "track",
                "variables": {"ssh": "ssh"},
                "units": "m",
            }
        },
        "submission": {
            "variables": {"ssh": {"units": "m"}},
            "missing": "drop",
            **({} if maps else {"grid": {"step_degrees": 0.25}}),
        },
        "metrics": [{"metric": "rmse", "label": "RMSE"}, *scores],
        "rank_by": "RMSE",
        **changes,
    }
    path = folder / "challenge.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return Challenge.load(path)


def submit(folder: Path, estimate: xr.DataArray) -> Submission:
    estimate.to_dataset(name="ssh").to_netcdf(folder / "mine.nc", engine="h5netcdf")
    return Submission("mine", folder / "mine.nc")


def size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header of a PNG file."""
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", header[16:24])
    return width, height


def check(paths: list[Path], folder: Path, names: set[str]) -> None:
    assert {p.name for p in paths} == names == {p.name for p in folder.iterdir()}
    for path in paths:
        width, height = size(path)
        assert 600 < width < 2000
        assert 200 < height < 2600
        assert path.stat().st_size > 5_000


def words(figure: Figure) -> list[str]:
    """What a figure says above its axes and at its marks."""
    return [figure.get_suptitle(), *(t.get_text() for axes in figure.axes for t in axes.texts)]


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures, rendered as always."""
    found: list[Figure] = []
    render = figures._png
    monkeypatch.setattr(figures, "_png", lambda f: found.append(f) or render(f))
    return found


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Words of the figures, which are rendered as always."""
    found: list[str] = []
    render = figures._png
    monkeypatch.setattr(figures, "_png", lambda f: found.extend(words(f)) or render(f))
    return found


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures, not rendered."""
    found: list[Figure] = []
    monkeypatch.setattr(figures, "_png", lambda f: found.append(f) or b"a picture")
    return found


@pytest.fixture(autouse=True)
def without_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of resolved scales, which no figure shows, take most of the time."""
    monkeypatch.setattr("oceanbench.scoring.points.of_parts", lambda *_: None)


def test_maps(tmp_path: Path, titles: list[str]) -> None:
    truth = grid()
    challenge = make_challenge(tmp_path, "maps", truth.to_dataset())
    submission = submit(tmp_path, smooth(truth))
    before = dict(mpl.rcParams)
    folder = tmp_path / "not" / "yet"
    check(draw(challenge, submission, folder), folder, MAPS)
    assert dict(mpl.rcParams) == before
    assert any(t.startswith("λx = ") and t.endswith("°") for t in titles)
    assert any(t.startswith("λt = ") and t.endswith(" days") for t in titles)


def test_marks_are_the_published_scores(tmp_path: Path, drawn: list[Figure]) -> None:
    truth = grid()
    row = {"metric": "resolved_wavelength", "label": "L", "units": "km", "window": "hann_symmetric"}
    masks = {"domain": {}, "inner": {"inset_degrees": 0.5}}
    challenge = make_challenge(
        tmp_path,
        "maps",
        truth.to_dataset(),
        masks=masks,
        metrics=[{"metric": "rmse", "label": "RMSE"}, {**row, "mask": "inner"}],
    )
    submission = submit(tmp_path, smooth(truth))
    draw(challenge, submission, tmp_path / "figures")
    matched = matched_by_score(challenge, submission)["ssh", "inner"]
    metric = METRICS["resolved_wavelength"].function
    value = metric(
        matched.estimate, matched.truth, matched.weights, units="km", window="hann_symmetric"
    )
    assert f"L = {value:.4g} km" in words(drawn[-1])
    (mark,) = [line for line in drawn[-1].axes[0].lines if line.get_linestyle() == "--"]
    assert mark.get_xdata()[0] == value


def test_tracks(tmp_path: Path, titles: list[str]) -> None:
    challenge = make_challenge(tmp_path, "tracks", passes(80))
    submission = submit(tmp_path, smooth(grid()))
    folder = tmp_path / "figures"
    check(draw(challenge, submission, folder), folder, TRACKS)
    assert any(t.startswith("λx = ") and t.endswith(" km") for t in titles)


@pytest.mark.parametrize(
    ("factor", "words"), [(1.0, "resolved below grid"), (0.0, "unresolved")], ids=["truth", "zero"]
)
def test_flagged_maps(tmp_path: Path, titles: list[str], factor: float, words: str) -> None:
    truth = grid()
    challenge = make_challenge(tmp_path, "maps", truth.to_dataset())
    folder = tmp_path / "figures"
    check(draw(challenge, submit(tmp_path, factor * truth), folder), folder, MAPS)
    assert any(f"λx {words}" in t and f"λt {words}" in t for t in titles)


def test_flagged_tracks(tmp_path: Path, titles: list[str]) -> None:
    challenge = make_challenge(tmp_path, "tracks", passes(80))
    folder = tmp_path / "figures"
    check(draw(challenge, submit(tmp_path, 0.0 * grid()), folder), folder, TRACKS)
    assert any("λx unresolved" in t for t in titles)


def test_tracks_too_short_for_a_spectrum(tmp_path: Path, titles: list[str]) -> None:
    challenge = make_challenge(tmp_path, "tracks", passes(9))  # also: every day below 10 points
    folder = tmp_path / "figures"
    check(draw(challenge, submit(tmp_path, grid()), folder), folder, TRACKS)
    assert any("λx no data" in t for t in titles)


def test_no_row_that_is_long_enough(tmp_path: Path, titles: list[str]) -> None:
    truth = grid()
    truth[3:, :, 1::3] = np.nan
    challenge = make_challenge(tmp_path, "maps", truth.to_dataset())
    folder = tmp_path / "figures"
    check(draw(challenge, submit(tmp_path, smooth(grid())), folder), folder, MAPS)
    assert any("λx no data" in t for t in titles)


def test_flat_truth(tmp_path: Path) -> None:
    truth = xr.zeros_like(grid())
    challenge = make_challenge(tmp_path, "maps", truth.to_dataset())
    folder = tmp_path / "figures"
    check(draw(challenge, submit(tmp_path, truth), folder), folder, MAPS)


def members(truth: xr.DataArray, count: int) -> xr.DataArray:
    random = np.random.default_rng(2)
    draws = xr.DataArray(random.normal(0, 0.3, (count, *truth.shape)), dims=("member", *truth.dims))
    return (smooth(truth) + draws).rename("ssh")


@pytest.mark.slow
@pytest.mark.parametrize(("count", "bars"), [(5, 6), (60, 30)])
def test_calibration_of_members(
    tmp_path: Path, rendered: list[Figure], count: int, bars: int
) -> None:
    """Bars are ranks of few members, and shared by many."""
    truth = grid()
    challenge = make_challenge(tmp_path, "maps", truth.to_dataset())
    submission = submit(tmp_path, members(truth, count))
    folder = tmp_path / "figures"
    distribution = {"ssh_calibration.png", "ssh_members.png"}
    check(draw(challenge, submission, folder), folder, {*MAPS, *distribution})
    figure = next(f for f in rendered if f"{count} members" in f.get_suptitle())
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert len(heights) == bars
    assert np.mean(heights) == pytest.approx(1.0)


def test_calibration_of_a_standard_deviation_along_tracks(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    rows = [{"metric": "rmse", "label": "RMSE"}, {"metric": "coverage", "truth_error": 0.1}]
    challenge = make_challenge(tmp_path, "tracks", passes(80), metrics=rows)
    both = xr.Dataset({"ssh": smooth(grid()), "ssh_std": 0 * grid() + 0.2})
    both.to_netcdf(tmp_path / "mine.nc", engine="h5netcdf")
    draw(challenge, Submission("mine", tmp_path / "mine.nc"), tmp_path / "figures")
    heading = drawn[-1].get_suptitle()
    assert "mean and standard deviation" in heading
    assert "error of the truth 0.1 m" in heading
    expected = drawn[-1].axes[1].lines[1].get_xdata()
    assert expected == pytest.approx([np.hypot(0.2, 0.1)])


def test_masked_points_are_blank(tmp_path: Path, drawn: list[Figure]) -> None:
    truth = grid()
    truth[:, 8:16, 8:16] = np.nan
    challenge = make_challenge(tmp_path, "maps", truth.to_dataset())
    draw(challenge, submit(tmp_path, smooth(grid())), tmp_path / "figures")
    meshes = [axes.collections[0].get_array() for axes in drawn[0].axes[:4]]
    for mesh in meshes:
        assert np.ma.getmaskarray(mesh)[8:16, 8:16].all()
        assert np.ma.getmaskarray(mesh).sum() == 64
    truth_limits, estimate_limits, error_limits = (
        axes.collections[0].get_clim() for axes in drawn[0].axes[:3]
    )
    assert truth_limits == estimate_limits
    assert error_limits[0] == -error_limits[1]


@pytest.mark.usefixtures("drawn")
def test_nothing_is_left_when_drawing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = grid()
    challenge = make_challenge(tmp_path, "maps", truth.to_dataset())

    def fail(*_: object) -> Figure:
        raise OceanbenchError("no ink")

    monkeypatch.setattr(points, "score_plane", fail)
    with pytest.raises(OceanbenchError, match="no ink"):
        draw(challenge, submit(tmp_path, truth), tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


@pytest.mark.usefixtures("drawn")
def test_nothing_temporary_is_left_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = grid()
    challenge = make_challenge(tmp_path, "maps", truth.to_dataset())
    folder = tmp_path / "figures"

    def full(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OceanbenchError, match="disk full"):
        draw(challenge, submit(tmp_path, truth), folder)
    assert list(folder.iterdir()) == []
