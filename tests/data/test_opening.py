"""Files of challenges: names, units, times, boxes; and the traps of real files."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from builders import DAY, FIRST, days, maps, maps_challenge, track, write
from matches import matched_by_score
from places import MEDITERRANEAN, SHARED
from rows import every

from oceanbench import evaluate
from oceanbench.challenge import Challenge
from oceanbench.data.files import check_sha256, sha256
from oceanbench.data.opening import Bounds, open_dataset, select
from oceanbench.data.plausibility import Expected
from oceanbench.data.units import PLAUSIBLE, same_unit, standard_unit
from oceanbench.errors import OceanbenchError
from oceanbench.submission import Submission

REAL = SHARED / "data"
needs_real_data = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"the real files, which may not be shipped, are not at {REAL}"
)


def opened(path, **changes) -> xr.Dataset:
    units = changes.pop("units", "m")
    options = {
        "variables": {"ssh": "ssh"},
        "expected": {"ssh": Expected(units)},
        "layout": "grid",
    }
    files = path if isinstance(path, list) else [path]
    return open_dataset(files, **{**options, **changes})


# --- variables and units ------------------------------------------------------------------------


def test_sum_of_variables_is_taken_in_double_precision(tmp_path):
    dataset = track().astype("f4")
    path = write(dataset, tmp_path / "track.nc")
    found = opened(path, layout="track", variables={"ssh": "sla - mdt"})["ssh"]
    want = dataset["sla"].values.astype("f8") - dataset["mdt"].values.astype("f8")
    np.testing.assert_array_equal(found, want)
    assert found.attrs["units"] == "m"


def test_missing_term_of_a_sum_is_refused_with_a_suggestion(tmp_path):
    path = write(track(), tmp_path / "track.nc")
    with pytest.raises(OceanbenchError, match="no variable 'mtd'; did you mean 'mdt'"):
        opened(path, layout="track", variables={"ssh": "sla + mtd"})


@every("term", ["sla", "mdt"])
def test_unit_of_every_term_of_a_sum_is_checked(tmp_path, term):
    dataset = track()
    dataset[term].attrs["units"] = "cm"
    path = write(dataset, tmp_path / "track.nc")
    with pytest.raises(OceanbenchError, match="'cm', expected 'm'"):
        opened(path, layout="track", variables={"ssh": "sla + mdt"})


@every(
    "found, expected, same",
    [("meters", "m", True), ("PSU", "1e-3", True), ("cm", "m", False), ("degC", "K", False),
     ("m", "m s-1", False), ("1", "1", True), ("furlong", "furlong", True)],
)  # fmt: skip
def test_units_are_compared_by_meaning(found, expected, same):
    assert same_unit(found, expected) is same


@every(
    "spelt, unit",
    [
        *((spelt, "degrees_C") for spelt in (
            "degrees_C", "degree_C", "degC", "deg_C", "deg C", "degrees C", "Degrees  C",
            "°C", "° C", "ºC", "℃", "C", "celsius", "Celsius", "CELSIUS", "degree_Celsius",
            "degrees_celsius", "degrees Celsius", "deg. C", "degrees_c", "centigrade", "Cel",
        )),
        *((spelt, "K") for spelt in (
            "K", "kelvin", "Kelvin", "KELVIN", "kelvins", "degrees_K", "degree_K", "degK", "deg K",
            "degrees Kelvin", "°K",
        )),
        *((other, other) for other in ("c", "k", "degrees", "degrees_east", "Coulomb")),
    ],
)  # fmt: skip
def test_degrees_are_read_by_one_rule(spelt, unit):
    assert standard_unit(spelt) == unit


def test_what_is_plausible_is_the_same_in_every_unit():
    assert Expected("m", -5.0, 5.0).noisy == Expected("m", -15.0, 15.0)
    for small, large, factor in (("cm", "m", 100), ("mm", "m", 1000), ("cm s-1", "m s-1", 100)):
        assert PLAUSIBLE[small] == tuple(factor * bound for bound in PLAUSIBLE[large])
    for unit, warm in (("degrees_C", 35.0), ("K", 308.15)):
        assert PLAUSIBLE[unit][0] < warm - 40.0 < warm < PLAUSIBLE[unit][1]


# --- time ---------------------------------------------------------------------------------------


@every("units", ["days", "hours", "seconds", "milliseconds"])
def test_dates_come_in_nanoseconds_whatever_their_unit(tmp_path, units):
    path = tmp_path / "a.nc"
    encoding = {"time": {"units": f"{units} since 2012-10-01", "dtype": "float64"}}
    maps().to_netcdf(path, engine="h5netcdf", encoding=encoding)
    time = opened(path)["time"]
    assert time.dtype == "M8[ns]"
    np.testing.assert_array_equal(time, days(15))


def test_daily_means_are_labelled_with_their_day(tmp_path):
    hourly = maps(count=48)
    hourly = hourly.assign_coords(time=FIRST + np.arange(48) * np.timedelta64(1, "h"))
    hourly["time"] = hourly["time"] + np.timedelta64(30, "m")
    found = opened(write(hourly, tmp_path / "a.nc"), daily_mean=True)
    np.testing.assert_array_equal(found["time"], days(2))
    np.testing.assert_allclose(found["ssh"][1], hourly["ssh"][24:].mean("time"))
    assert found["ssh"].attrs["units"] == "m"


def test_a_day_that_lacks_samples_is_left_out_unless_it_is_scored(tmp_path):
    hourly = maps(count=47)
    hourly = hourly.assign_coords(time=FIRST + np.arange(47) * np.timedelta64(1, "h"))
    path = write(hourly, tmp_path / "a.nc")
    for box in (None, Bounds(latitude=(33.0, 36.0))):
        np.testing.assert_array_equal(opened(path, daily_mean=True, box=box)["time"], days(1))
    with pytest.raises(OceanbenchError, match="has 23 of 24 samples"):
        opened(path, daily_mean=True, box=Bounds(time=slice(FIRST, FIRST + 2 * DAY)))


def test_several_files_are_joined_in_the_order_of_time(tmp_path):
    whole = maps()
    files = [
        write(whole.isel(time=slice(8, 15)), tmp_path / "a.nc"),
        write(whole.isel(time=slice(0, 8)), tmp_path / "b.nc"),
    ]
    found = opened(files)["ssh"]
    assert found.chunks is not None  # nothing is read yet
    xr.testing.assert_allclose(found.load(), whole["ssh"])


@every("shift", [0.1, 1e-9])
def test_files_on_different_grids_are_refused_not_padded(tmp_path, shift):
    whole = maps()
    other = whole.isel(time=slice(8, 15))
    files = [
        write(whole.isel(time=slice(0, 8)), tmp_path / "a.nc"),
        write(other.assign_coords(longitude=other["longitude"] + shift), tmp_path / "b.nc"),
    ]
    try:
        found = opened(files)["ssh"]
    except OceanbenchError as problem:
        assert "longitude" in str(problem)
    else:
        assert shift < 1e-6 and found.shape == (15, 7, 9)


# --- boxes --------------------------------------------------------------------------------------


@every("convention", [0.0, 360.0, -360.0])
def test_box_is_found_in_any_convention_of_longitude(convention):
    dataset = maps(west=-3, east=3)
    dataset = dataset.assign_coords(longitude=dataset["longitude"] + convention)
    box = Bounds(time=None, latitude=(33.5, 34.5), longitude=(-1.0, 2.0))
    found = select(dataset, box, "grid")
    np.testing.assert_allclose(found["longitude"], np.arange(-1, 2.1, 0.5))
    np.testing.assert_allclose(found["latitude"], [33.5, 34, 34.5])


def test_box_of_a_track_keeps_the_points_inside():
    dataset = track()
    box = Bounds(
        latitude=(34.0, 35.0), longitude=(296.0, 297.5), time=slice(FIRST, FIRST + 3 * DAY)
    )
    found = select(dataset, box, "track")
    assert 0 < found.sizes["time"] < dataset.sizes["time"]
    assert ((found["longitude"] >= 296) & (found["longitude"] <= 297.5)).all()
    assert ((found["latitude"] >= 34) & (found["latitude"] <= 35)).all()
    assert found["time"].max() <= FIRST + 3 * DAY


def test_last_day_of_a_domain_is_whole(tmp_path):
    from builders import tracks_challenge  # noqa: PLC0415

    one = track(passes=1, samples=3)
    last = np.array(
        ["2012-11-05T00:00", "2012-11-05T23:59:59.999999999", "2012-11-06T00:00"], dtype="M8[ns]"
    )
    challenge = tracks_challenge(tmp_path, one.assign_coords(time=last))
    assert challenge.open("altimeter").sizes["time"] == 2


def test_bounds_of_a_box_belong_to_it_on_maps():
    box = Bounds(time=slice(FIRST + DAY, FIRST + 3 * DAY), latitude=(34.0, 35.0))
    found = select(maps(), box, "grid")
    np.testing.assert_array_equal(found["time"], days(3, FIRST + DAY))
    np.testing.assert_allclose(found["latitude"], [34.0, 34.5, 35.0])


@every("east, columns", [(359.0, 360), (200.0, 201)])
def test_maps_round_the_globe_have_their_seam_once(east, columns):
    globe = maps(west=0.0, east=east, south=-1.0, north=1.0, step=1.0, count=1)
    box = Bounds(longitude=(0.0, 360.0) if east > 200 else (0.0, 200.0))
    assert select(globe, box, "grid").sizes["longitude"] == columns


def test_a_seam_that_is_given_twice_is_there_once_in_any_box():
    globe = maps(west=0.0, east=360.0, south=-1.0, north=1.0, step=1.0, count=1)
    for box in (Bounds(longitude=(0.0, 360.0)), Bounds(longitude=(-180.0, 180.0)), Bounds()):
        found = np.sort(select(globe, box, "grid")["longitude"].values % 360.0)
        np.testing.assert_array_equal(found, np.arange(360.0))


def test_a_node_on_the_pole_is_one(tmp_path):
    polar = maps(south=89.0, north=90.0)
    found = opened(write(polar, tmp_path / "a.nc"))
    np.testing.assert_array_equal(found["latitude"], polar["latitude"])


# --- checksums ----------------------------------------------------------------------------------


def test_checksum_sees_every_byte_and_every_name(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a").write_bytes(b"1")
    first = sha256(tmp_path / "store")
    (tmp_path / "store" / "a").rename(tmp_path / "store" / "b")
    second = sha256(tmp_path / "store")
    (tmp_path / "store" / "b").write_bytes(b"2")
    third = sha256(tmp_path / "store")
    assert len({first, second, third}) == 3
    with pytest.raises(OceanbenchError, match="fetch it again"):
        check_sha256(tmp_path / "store" / "b", first, "here")


# --- traps of real files --------------------------------------------------------------------------


def test_time_with_the_attribute_unit_is_refused_by_that_name(tmp_path):
    dataset = maps().assign_coords(
        time=("time", np.arange(15.0), {"Unit": "days since 1950-01-01"})
    )
    with pytest.raises(OceanbenchError, match="'Unit', expected 'units'"):
        opened(write(dataset, tmp_path / "a.nc"))


@every("calendar", ["360_day", "noleap"])
def test_other_calendars_are_refused_by_name(tmp_path, calendar):
    attrs = {"units": "days since 2012-10-22", "calendar": calendar}
    dataset = maps().assign_coords(time=("time", np.arange(15), attrs))
    with pytest.raises(OceanbenchError, match=calendar):
        opened(write(dataset, tmp_path / "a.nc"))


def test_names_by_standard_name_are_understood(tmp_path):
    dataset = maps().rename(latitude="phi", longitude="lambda_", time="t")
    for name, standard in (("phi", "latitude"), ("lambda_", "longitude"), ("t", "time")):
        dataset[name].attrs["standard_name"] = standard
    found = opened(write(dataset, tmp_path / "a.nc"))
    np.testing.assert_allclose(found["ssh"], maps()["ssh"])


@needs_real_data
@pytest.mark.parametrize(
    ("name", "rmse", "mu", "sigma"),
    [("BASELINE", 0.0304208, 0.735187, 0.066534), ("MDT", 0.0491534, 0.585083, 0.084054)],
)
def test_real_mediterranean_experiment_has_its_known_scores(name, rmse, mu, sigma):
    """It crosses 0 degrees, in two conventions, and its last map lies before the last point."""
    folder = REAL / "ose_med2014"
    challenge = Challenge.load(MEDITERRANEAN)
    mine = Submission(name, folder / "dc_maps" / f"OSE_ssh_mapping_{name}.nc")
    result = evaluate(challenge, mine, data_dir=folder)
    assert result.score("RMSE").value == pytest.approx(rmse, abs=5e-8)
    assert result.score("µ(RMSE)").value == pytest.approx(mu, abs=5e-7)
    assert result.score("σ(RMSE)").value == pytest.approx(sigma, abs=5e-7)
    coverage = result.coverage[0]
    assert (coverage["points"], coverage["scored"]) == (2791, 2637)
    found = next(iter(matched_by_score(challenge, mine, data_dir=folder).values()))
    assert int((found.weights > 0).sum()) == 2637


@needs_real_data
def test_real_global_map_has_no_seam():
    path = REAL / "duacs_global_zos_20181231_20190103.nc"
    box = Bounds(longitude=(-5.0, 5.0), latitude=(-40.0, -30.0))
    found = opened(path, variables={"ssh": "zos"}, units=None, box=box)["ssh"].load()
    assert found["longitude"].size == 40
    assert float(np.abs(found.diff("longitude")).max()) < 0.3


@needs_real_data
def test_real_curvilinear_forecast_is_refused_as_maps_in_words():
    path = REAL / "metno_arctic20_forecast_20160201.nc"
    with pytest.raises(OceanbenchError, match=r"regular grid|no variable"):
        opened(path, variables={"ssh": "zeta"}, units=None)


@needs_real_data
def test_real_track_is_read():
    path = REAL / "tracks" / "dt_global_alg_phy_l3_20170402_275-350_20-60.nc"
    box = Bounds(longitude=(-75.0, -20.0), latitude=(25.0, 50.0))
    found = opened(path, layout="track", variables={"ssh": "sla_unfiltered"}, units=None, box=box)
    assert found.sizes["time"] > 100
    assert found["time"].dtype == "M8[ns]"


def test_catalog_opens_netcdf3_and_is_refused_without_data(tmp_path):
    challenge = maps_challenge(tmp_path)
    with pytest.raises(OceanbenchError, match="no file"):
        challenge.catalog(tmp_path / "empty")
    old = xr.load_dataset(tmp_path / "truth.nc")
    old["time"].encoding = {"units": "days since 2000-01-01", "dtype": "float64"}
    old.to_netcdf(tmp_path / "truth.nc", engine="scipy", format="NETCDF3_CLASSIC")
    opened = challenge.catalog()["truth"].read()
    assert opened["ssh"].sizes["time"] == 15
