"""What the files of `ssh_osse_fronts` contain, and what temperature tells of height there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from fronts import KM_PER_DEGREE, PARAMETERS

BOX = (325.0, 335.0, 35.0, 45.0)  # scored
TRUTH_PERIOD = ("2012-10-22", "2012-12-02")
NEARBY = np.arange(-2.0, 2.1, 0.5)  # degrees: where temperatures are known, of a height to guess
Row = tuple[str, float, str]


def of_files(data: Path) -> Iterator[Row]:
    """Measure the frozen files: label, value, units."""
    truth = xr.load_dataset(data / "truth.nc")
    parts = [xr.load_dataset(path) for path in sorted(data.glob("training_truth_*.nc"))]
    wide = xr.concat(parts, "time")
    training = wide.sel(longitude=slice(*BOX[:2]), latitude=slice(*BOX[2:]))
    for name, units in (("ssh", "m"), ("sst", "degrees C")):
        yield f"{name} std, scored period", float(truth[name].std()), units
        yield f"{name} std, training period", float(training[name].std()), units
        anomaly = training[name] - training[name].mean("time")
        yield f"{name} std about the time mean, training period", float(anomaly.std()), units
        yield f"e-folding time of the {name} anomaly", efolding_days(anomaly.values), "days"
        for low, high in ((30, 100), (50, 250)):
            label = f"zonal spectral slope of {name}, {low} to {high} km"
            yield label, spectral_slope(training[name], low, high), "1"
    for part in range(0, training.sizes["time"] - 44, 45):
        label = f"ssh std, training days {part} to {part + 44}"
        yield label, float(training["ssh"][part : part + 45].std()), "m"
    u, v = geostrophic_velocity(training["ssh"])
    eddy = (u - u.mean(0)) ** 2 + (v - v.mean(0)) ** 2
    yield "eddy kinetic energy", float(eddy.mean()) / 2 * 1e4, "cm²/s²"
    yield "largest speed", float(np.sqrt(u**2 + v**2).max()), "m/s"
    anomalies = [training[name] - training[name].mean("time") for name in ("ssh", "sst")]
    yield "correlation of the anomalies of ssh and sst", correlation(*anomalies), "1"
    told = linear_skill(wide, truth)
    yield "ssh anomaly told by sst within 2 degrees, linearly", 100 * told, "% of variance"
    for name in ("sst_infrared", "sst_microwave"):
        file = xr.load_dataset(data / f"{name}.nc")
        error = file["sst"] - truth["sst"].interp(
            latitude=file["latitude"], longitude=file["longitude"]
        )
        yield f"{name} minus truth, scored period", float(error.std()), "degrees C"
        yield f"{name}: share of pixels seen", 100 * float(file["sst"].notnull().mean()), "%"
    for path in sorted(data.glob("*.nc")):
        file = xr.load_dataset(path)
        if "track" in file:
            yield f"observations of {path.stem}", int(file["ssh"].count()), "1"
            yield "    of which in the scored box and period", int(scored(file).sum()), "1"


def of_world(world: xr.Dataset) -> Iterator[Row]:
    """Measure what only the simulation knows: buoyancy."""
    daily = world["ssh"].sel(time=world["day"].values)
    fields = [f.values - f.values.mean(0) for f in (world["sst"], world["buoyancy"], daily)]
    sst, buoyancy, ssh = fields
    yield "correlation of the anomalies of sst and buoyancy", correlation(sst, buoyancy), "1"
    yield "correlation of the anomalies of ssh and buoyancy", correlation(ssh, buoyancy), "1"


def correlation(a: np.ndarray | xr.DataArray, b: np.ndarray | xr.DataArray) -> float:
    """Correlation of two fields over all their points."""
    return float(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


def linear_skill(training: xr.Dataset, scored: xr.Dataset, ridge: float = 1e-2) -> float:
    """Share of the variance of the SSH anomaly that the best linear map of SST explains.

    Error-free temperatures of the same day at 9 x 9 places within two degrees, one map for all
    places, fitted on every third day of the training and judged on the scored days; anomalies are
    to the training mean.
    """
    mean = training.mean("time")
    chosen = training.isel(time=slice(None, None, 3))
    known = [
        _nearby(d - mean.sel(latitude=d.latitude, longitude=d.longitude)) for d in (chosen, scored)
    ]
    (x, y), (x_new, y_new) = known
    covariance = x.T @ x
    covariance += ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    guess = x_new @ np.linalg.solve(covariance, x.T @ y)
    return float(1 - np.mean((guess - y_new) ** 2) / np.mean(y_new**2))


def _nearby(anomaly: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Temperatures around places a degree apart, (samples, neighbours), and heights there."""
    step = float(anomaly["latitude"][1] - anomaly["latitude"][0])
    shifts = np.round(NEARBY / step).astype(int)
    reach, thin = shifts.max(), round(1.0 / step)
    sst = anomaly["sst"].values
    rows, columns = (np.arange(reach, n - reach, thin) for n in sst.shape[1:])
    around = [sst[:, rows + i][..., columns + j] for i in shifts for j in shifts]
    heights = anomaly["ssh"].values[:, rows][..., columns]
    return np.stack(around, -1).reshape(-1, len(around)), heights.ravel()


def efolding_days(anomaly: np.ndarray) -> float:
    """Lag at which the autocorrelation, averaged over the box, falls below 1/e."""
    lags = range(60)
    products = [np.mean(anomaly[: len(anomaly) - lag] * anomaly[lag:]) for lag in lags]
    kept = np.array(products) / products[0]
    after = int(np.argmax(kept < np.exp(-1)))
    return float(np.interp(-np.exp(-1), -kept[[after - 1, after]], [after - 1, after]))


def spectral_slope(field: xr.DataArray, shortest_km: float, longest_km: float) -> float:
    """Fit the log-log slope of the mean Hann-windowed zonal spectrum of all latitudes and times."""
    values = field.transpose(..., "longitude").values
    values = (values - values.mean(-1, keepdims=True)) * np.hanning(values.shape[-1])
    power = (np.abs(np.fft.rfft(values)) ** 2).reshape(-1, values.shape[-1] // 2 + 1).mean(0)
    step_km = float(field["longitude"].diff("longitude").mean()) * KM_PER_DEGREE[0]
    wavenumber = np.fft.rfftfreq(values.shape[-1], step_km)
    band = (wavenumber >= 1 / longest_km) & (wavenumber <= 1 / shortest_km)
    return float(np.polyfit(np.log(wavenumber[band]), np.log(power[band]), 1)[0])


def geostrophic_velocity(field: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Eastward and northward velocity, m/s, by centred differences and the model's f0."""
    metres = [
        1e3 * k * float(field[d].diff(d).mean())
        for d, k in zip(("longitude", "latitude"), KM_PER_DEGREE, strict=True)
    ]
    scale = PARAMETERS.gravity / PARAMETERS.coriolis
    return -scale * np.gradient(field.values, metres[1], axis=1), scale * np.gradient(
        field.values, metres[0], axis=2
    )


def scored(file: xr.Dataset) -> xr.DataArray:
    """Tell which observations lie in the scored box and period."""
    last = np.datetime64(TRUTH_PERIOD[1]) + 1
    inside = (file["time"] >= np.datetime64(TRUTH_PERIOD[0])) & (file["time"] < last)
    for name, low, high in (("longitude", *BOX[:2]), ("latitude", *BOX[2:])):
        inside = inside & (file[name] >= low) & (file[name] <= high)
    return inside & file["ssh"].notnull()
