"""Every check catches its mutant, and lets the truth, persistence and real data pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from command import Command
from forecast_worlds import CONTENT, OCEAN, STARTS, UNITS, declare, persistence
from places import SHARED
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts import sanity
from oceanbench.kinds.forecasts.sanity import Sample
from oceanbench.kinds.forecasts.scoring import error_checks
from oceanbench.result import Result

REAL = SHARED / "data"
needs_real_data = pytest.mark.skipif(
    not REAL.is_dir(), reason="../shared/data has the real fields, and is not here"
)


def samples(
    estimate: xr.Dataset, truth: xr.Dataset, *, lead: int = 1, globe: bool = False
) -> dict[str, Sample]:
    return {
        str(n): Sample(
            estimate[n].values, truth[n].values, UNITS.get(str(n), "m"), f"'{n}'", lead, globe
        )
        for n in truth.data_vars
    }


def surface(day: int) -> xr.Dataset:
    return OCEAN.isel(depth=0, drop=True).sel(time=STARTS[0] + day).drop_vars("time")


TODAY, TOMORROW = surface(0), surface(1)


def changed(**fields: xr.DataArray) -> xr.Dataset:
    return TODAY.assign({n: f.assign_attrs(TODAY[n].attrs) for n, f in fields.items()})


def spilled(field: xr.DataArray, value: float) -> xr.DataArray:
    """Field with the value of land in the cells east of it."""
    beside = field.shift(longitude=1).isnull() & field.notnull() & (field.longitude > -69.9)
    return field.where(~beside, value)


BACKWARD = slice(None, None, -1)
REFUSED = {
    "rows turned over": (TOMORROW.isel(latitude=BACKWARD), "fits the truth upside down"),
    "columns turned over": (TOMORROW.isel(longitude=BACKWARD), "east and west exchanged"),
    "kelvin": (changed(thetao=TODAY.thetao + 273.15), "in kelvin; subtract 273.15"),
    "fraction": (changed(so=TODAY.so / 1000), "0.001 times as large"),
    "per cent": (changed(so=TODAY.so / 10), "0.1 times as large"),
    "centimetres": (changed(zos=100 * TODAY.zos), "in centimetres or per cent?"),
    "cm/s": (changed(uo=100 * TODAY.uo), "write it in m s-1"),
    "brine": (changed(so=TODAY.so.where(TODAY.latitude < 29, 60.0).where(TODAY.so.notnull())),
              "outside 0 to 50"),
    "swapped": (changed(uo=TODAY.vo, vo=TODAY.uo), "they are swapped; exchange them"),
    "a row up": (TODAY.map(lambda f: f.shift(latitude=1)), "one row away"),
    "a row down": (TODAY.map(lambda f: f.shift(latitude=-1)), "one row away"),
    "a column": (TODAY.map(lambda f: f.shift(longitude=1)), "one column away"),
    "land in the sea": (changed(thetao=spilled(TODAY.thetao, 0.0)), "exactly 0 at"),
    "lowest value": (changed(zos=spilled(TODAY.zos, -1.5)), "land was filled, or interpolated"),
}  # fmt: skip


@every("mutant", REFUSED)
def test_what_cannot_be_a_forecast_is_refused(mutant):
    estimate, words = REFUSED[mutant]
    for truth in (TODAY, TOMORROW):  # a perfect forecast, and one as wrong as persistence
        with pytest.raises(OceanbenchError) as refusal:
            sanity.inspect([samples(estimate, truth)], "mine")
        assert words in str(refusal.value), refusal.value


def test_half_the_globe_away_is_refused():
    """A globe is an ocean that is its own continuation."""
    whole = TOMORROW[["zos"]].fillna(0.4 + 0.2 * np.sin(np.deg2rad(TODAY.longitude * 24 - 30)))
    with pytest.raises(OceanbenchError, match="half the globe away"):
        sanity.inspect([samples(whole.roll(longitude=30), whole, globe=True)], "mine")


WARNED = {
    "another datum": (changed(zos=TODAY.zos + 0.4), "is +0.40 m from the truth everywhere"),
    "an anomaly": (changed(zos=0.02 * (TODAY.zos - TODAY.zos.mean()) + TODAY.zos.mean()),
                   "add the mean dynamic topography"),
}  # fmt: skip


@every("mutant", WARNED)
def test_what_could_be_a_forecast_is_warned_of(mutant):
    estimate, words = WARNED[mutant]
    (warning,) = sanity.inspect([samples(estimate, TODAY)], "mine")
    assert words in warning


@every("day", [1, 2, 5, 20])
def test_the_truth_and_persistence_pass(day):
    assert (
        sanity.inspect([samples(TODAY, TODAY), samples(TODAY, surface(day), lead=day)], "mine")
        == []
    )


def test_a_poor_forecast_passes():
    """Noise, a climatology and a smooth field are bad, and not wrong in any of these ways."""
    mean = OCEAN.isel(depth=0, drop=True).mean("time")
    random = np.random.default_rng(0)
    noisy = TODAY.map(lambda f: f + float(f.std()) * random.standard_normal(f.shape))
    smooth = TODAY.rolling(latitude=5, longitude=5, center=True, min_periods=1).mean()
    smooth = smooth.where(TODAY.notnull())
    for estimate in (mean, noisy, smooth):
        assert sanity.inspect([samples(estimate, TOMORROW)], "mine") == []


@needs_real_data
def test_real_altimetry_passes_and_its_mutants_do_not():
    duacs = xr.load_dataset(REAL / "duacs_global_zos_20181231_20190103.nc", engine="h5netcdf")
    maps = [duacs[["zos"]].isel(time=i, drop=True) for i in range(4)]
    for truth in maps[1:]:
        assert sanity.inspect([samples(maps[0], truth, globe=True)], "mine") == []
    mutants: dict[str, Callable[[xr.Dataset], xr.Dataset]] = {
        "one row away": lambda d: d.shift(latitude=1),
        "half the globe": lambda d: d.roll(longitude=720),
        "write it in m": lambda d: 100 * d,
    }
    for words, mutant in mutants.items():
        with pytest.raises(OceanbenchError, match=words):
            sanity.inspect([samples(mutant(maps[0]), maps[1], globe=True)], "mine")
    mean = maps[0].rolling(latitude=20, longitude=20, center=True, min_periods=1).mean()
    anomaly = (maps[0] - mean).where(maps[0].notnull())
    assert "dynamic topography" in sanity.inspect([samples(anomaly, maps[1])], "mine")[0]


@needs_real_data
@every("lead", [1, 2, 3, 4])
def test_a_real_forecast_passes(lead):
    """Its own first day stands for a forecast, all depths."""
    metno = xr.load_dataset(REAL / "metno_arctic20_forecast_20160201.nc", engine="h5netcdf")
    units = {"zos": "m", "thetao": "degrees_C", "so": "1e-3", "u": "m s-1", "v": "m s-1"}
    for level in range(metno.sizes["depth"]):
        first, later = (metno[[*units]].isel(time=t, depth=level) for t in (0, lead))
        found = {
            n: Sample(first[n].values, later[n].values, unit, n, lead) for n, unit in units.items()
        }
        assert sanity.inspect([found], "mine") == []


def test_error_that_falls_at_the_last_lead_is_warned_of():
    """The published one: the last lead of every start was scored on its third day."""
    published = [0.653, 0.668, 0.684, 0.688, 0.744, 0.757, 0.822, 0.825, 0.896, 0.684]
    (warning,) = error_checks.leads({"thetao": published}, range(10))
    assert "from lead 8 to lead 9" in warning
    assert error_checks.leads({"thetao": published[:-1]}, range(9)) == []
    assert error_checks.leads({"thetao": [1.0, 1.2, 1.15]}, [10, 20, 30]) == []
    assert error_checks.leads({"so": [1.0, 1.2], "thetao": [1, 2], "zos": [2, 1]}, [1, 2]) == []
    assert (
        error_checks.leads({"zos": [0.0, 0.0]}, [1, 2])
        == []
        == error_checks.leads({"zos": [1.0]}, [1])
    )


def test_an_error_that_does_not_grow_while_the_ocean_changes_is_told():
    changes, days = {"zos": 0.12, "so": 0.1}, [1, 5, 30]
    between_analyses = {"zos": [0.0416, 0.042, 0.0421], "so": [0.05, 0.08, 0.11]}
    (warning,) = error_checks.growth(between_analyses, changes, days)
    assert warning.startswith("the error of zos does not grow from lead 1 to lead 30")
    for honest in (
        {"zos": [0.0427, 0.06, 0.0883]},  # an emulator
        {"zos": [0.095, 0.095, 0.095]},  # a climatology
        {"zos": [0.01, 0.02, 0.0121]},  # it grows, if little
    ):
        assert error_checks.growth(honest, changes, days) == []
    noisy = {"zos": [0.05, 0.05, 0.05]}  # the start's error hides what the ocean does
    assert error_checks.growth(noisy, {"zos": 0.06}, days) == []
    assert len(error_checks.growth({"zos": [0.0, 0.0]}, changes, [1, 2])) == 1  # the truth itself
    assert error_checks.growth({"zos": [0.0]}, changes, [1]) == []


def test_checks_stand_on_the_road(oceanbench: Command, tmp_path):
    """A refusal is one line with exit code 2; a warning is told, kept and shown on the board."""
    rows = [row for row in CONTENT["metrics"] if row["metric"] == "rmse"]
    path = declare(tmp_path / "toy", metrics=rows)
    still = persistence()
    swapped = still.assign(uo=still.vo, vo=still.uo)
    swapped.to_netcdf("swapped.nc", engine="h5netcdf")
    code, _, err = oceanbench("evaluate", path, "swapped.nc")
    assert code == 2 and "swapped.nc: toy_forecasts: 'uo' is like" in err
    moved = still.assign(zos=still.zos + 0.4)
    moved.to_netcdf("moved.nc", engine="h5netcdf")
    code, out, err = oceanbench("evaluate", path, "moved.nc", "--board")
    assert code == 0 and err.startswith("warning: 'zos' is +0.4")
    assert "another datum" in out
    result = Result.load(tmp_path / "results" / "toy_forecasts" / "moved.json")
    assert len(result.warnings) == 1
    late = still.copy(deep=True)
    early = OCEAN.sel(time=(STARTS + 5).astype("M8[ns]")).rename(time="start")
    late.loc[{"lead": 5}] = early.assign_coords(start=still.start)
    late.to_netcdf("late.nc", engine="h5netcdf")
    code, _, err = oceanbench("evaluate", path, "late.nc")
    assert code == 0 and "falls from lead 3 to lead 5" in err
