"""Every kind and role of file, with every fault that would be read wrongly in silence."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import faulty_files as faulty
import numpy as np
import pytest
import xarray as xr
from builders import DAY, FIRST
from faulty_files import DEPTHS, ERROR, LATITUDE, filled, in_two, score, zarr
from rows import every

from oceanbench.errors import OceanbenchError

RIGHT = None  # expected in the place of words that refuse: the score is right
READ = [  # kind, role, and what it does of a hole: the truth has fewer points, an estimate lacks
    ("maps", "truth", RIGHT),
    ("maps", "mine", "no value in the submission"),
    ("tracks", "truth", RIGHT),
    ("tracks", "mine", "no value in the submission"),
    ("windows", "truth", RIGHT),
    ("windows", "mine", "no value in the submission"),
    ("forecasts", "truth", RIGHT),
    ("forecasts", "mine", "no value in the forecast"),
    ("forecasts", "altimeter", RIGHT),
    ("forecasts", "climatology", RIGHT),
]

FEW = {"maps": ("truth", "mine"), "tracks": ("truth",), "windows": ("truth",)}
FEW["forecasts"] = ("altimeter",)
SOME = [row for row in READ if row[1] in FEW[row[0]]]


def check(words: str | None, *args: Any, rel: float = 1e-7, **kwargs: Any) -> None:
    """The score is right, or the file is refused in these words."""
    if words is not None:
        with pytest.raises(OceanbenchError, match=words):
            score(*args, **kwargs)
        return
    found = score(*args, **kwargs)
    assert found["RMSE"] == pytest.approx(ERROR, rel=rel)
    assert found.get("points", ERROR) == pytest.approx(ERROR, rel=rel)


@every("kind", faulty.CONTENTS)
def test_without_a_fault_the_score_is_the_error(tmp_path, kind):
    check(RIGHT, tmp_path, kind)


# --- what is missing -----------------------------------------------------------------------------

MISSING = {
    "attribute in double": filled(-999.9, {"missing_value": np.float64(-999.9)}),
    "attribute in single": filled(-999.9, {"missing_value": np.float32(-999.9)}, dtype="f8"),
    "no attribute": filled(9.969209968386869e36),
    "valid_max": filled(1e4, {"valid_max": np.float32(100)}),
    "valid_range": filled(900, {"valid_range": np.array([-60.0, 60.0])}, dtype="f8"),
    "Zarr 2": zarr(2, fill=-999.0),
    "Zarr 3": zarr(3, fill=-999.0),
}
PACKED = {
    "no attribute": filled(-32767, dtype="i2", scale=1e-3),
    "attribute in double": filled(-9999, {"missing_value": np.float64(-9999)}, "i2", 1e-3),
    "packed range": filled(30000, {"valid_max": np.int16(9000)}, "i2", 1e-3),
    "unpacked range": filled(30000, {"valid_max": np.float64(9.0)}, "i2", 1e-3),
}
UNDECLARED = {
    "−999": (filled(-999.0), "fill that is not declared|exactly -999"),
    "−99": (filled(-99.0), "fill that is not declared|exactly -99|lie outside"),
    "1e20": (filled(1e20), r"lie outside|exactly 1e\+20"),
    "int16": (filled(32767, dtype="i2", scale=1e-3), "end of what int16"),
    "int32": (filled(2**31 - 1, dtype="i4", scale=1e-4), "end of what int32"),
}


@pytest.mark.slow
@every("role, how", [(role, how) for role in READ for how in MISSING])
def test_what_a_file_says_is_missing_is_not_scored(tmp_path, role, how):
    kind, name, words = role
    check(words, tmp_path, kind, name, MISSING[how])


@pytest.mark.slow
@every("role, how", [(role, how) for role in SOME for how in PACKED])
def test_packed_values_have_their_fill(tmp_path, role, how):
    kind, name, words = role
    check(words, tmp_path, kind, name, PACKED[how], rel=2e-3)  # rounded to millimetres


@pytest.mark.slow
@every("role, how", [(role, how) for role in SOME for how in UNDECLARED])
def test_a_fill_that_no_attribute_names_is_refused(tmp_path, role, how):
    kind, name, _ = role
    check(UNDECLARED[how][1], tmp_path, kind, name, UNDECLARED[how][0])


def test_a_valid_range_that_is_of_other_values_is_refused(tmp_path):
    write = filled(-0.1, {"valid_range": np.array([0.3, 0.4])}, dtype="f8")
    check("outside its own valid range", tmp_path, "maps", "truth", write)


# --- what is given twice ------------------------------------------------------------------------


@pytest.mark.slow
@every(
    "kind, name, same, other",
    [
        ("maps", "truth", RIGHT, "twice, with different"),
        ("maps", "mine", "occurs twice", "occurs twice"),
        ("tracks", "truth", RIGHT, "twice, with different"),
        ("tracks", "mine", "occurs twice", "occurs twice"),
        ("windows", "truth", "2 files of windows", "2 files of windows"),
        ("windows", "mine", "2 files", "2 files"),
        ("forecasts", "truth", "given twice", "given twice"),
        ("forecasts", "initial", "given twice", "given twice"),
        ("forecasts", "altimeter", RIGHT, "one place and differ"),
        ("forecasts", "mine", "occurs twice", "occurs twice"),
    ],
)
def test_files_that_overlap_count_once_or_are_refused(tmp_path, kind, name, same, other):
    along = {"windows": "window"}.get(
        kind, "start" if (kind, name) == ("forecasts", "mine") else "time"
    )
    for folder, words, error in (("same", same, 0.0), ("other", other, 0.01)):
        (tmp_path / folder).mkdir()
        write = partial(in_two, along=along, other=error)
        check(words, tmp_path / folder, kind, name, write)


@every("kind, name", [("windows", "truth"), ("windows", "mine")])
def test_windows_are_given_once(tmp_path, kind, name):
    def change(dataset):
        return dataset.assign_coords(window=[0, 1, 1, 2, 3])

    check("a window is given twice", tmp_path, kind, name, change=change)


def test_observations_that_one_file_lacks_are_taken_from_the_other(tmp_path):
    def write(dataset, path):
        shared = dataset.isel(time=slice(0, 100))
        faulty.netcdf(shared.where(False), path.with_name("altimeter_a"))
        faulty.netcdf(dataset, path.with_name("altimeter_b"))

    check(RIGHT, tmp_path, "forecasts", "altimeter", write)


# --- levels --------------------------------------------------------------------------------------


def at(depth: float, **attrs: str) -> Callable[[xr.Dataset], xr.Dataset]:
    """A file that says, in a scalar coordinate, that it is of a depth."""
    return lambda dataset: (
        dataset.squeeze("depth", drop=True).assign_coords(
            depth=((), depth, {"units": "m", **attrs})
        )
        if "depth" in dataset.dims
        else dataset.assign_coords(depth=((), depth, {"units": "m", **attrs}))
    )


def moved(depth: float, **attrs: str) -> Callable[[xr.Dataset], xr.Dataset]:
    """A file whose one level is another, along a dimension."""
    return lambda d: d.assign_coords(depth=("depth", [depth], {"units": "m", **attrs}))


def flat(dataset: xr.Dataset) -> xr.Dataset:
    """A file without depths."""
    return dataset.isel(depth=0, drop=True)


@pytest.mark.slow
@every(
    "kind, name, change, words",
    [
        *[("level", name, at(100.0), "depth 100 m|no depth 0.5") for name in
          ("truth", "mine", "initial", "climatology")],
        *[("level", name, moved(100.0), "no depth 0.5") for name in
          ("truth", "mine", "initial", "climatology")],
        *[("level", name, moved(0.5, units="cm"), "in 'cm', expected metres") for name in
          ("truth", "mine")],
        *[("level", name, moved(0.5, positive="up"), "counted upward") for name in
          ("truth", "mine")],
        *[("level", name, at(0.5), RIGHT) for name in ("truth", "mine")],
        *[("level", name, flat, RIGHT) for name in ("truth", "mine")],
        *[("levels", name, flat, "has no depth, expected 2") for name in
          ("truth", "mine", "climatology")],
        *[("forecasts", name, at(100.0), "depth 100 m, expected the surface") for name in
          ("truth", "mine", "initial", "climatology")],
        *[("forecasts", name, at(0.5), RIGHT) for name in ("truth", "mine")],
        ("levels", "mine",
         lambda d: d.assign_coords(depth=("depth", DEPTHS, {"units": "centimeters"})),
         "expected metres"),
        ("levels", "truth", lambda d: d.assign_coords(depth=("depth", [0.5, 0.5])), "given twice"),
    ],
)  # fmt: skip
def test_fields_of_another_level_are_refused(tmp_path, kind, name, change, words):
    check(words, tmp_path, kind, name, change=change)


@every("kind", ["maps", "tracks"])
def test_maps_of_another_level_than_the_truth_are_refused(tmp_path, kind):
    def write(dataset, path):
        faulty.netcdf(at(100.0)(dataset), path)
        truth = faulty.files_of(kind)["truth"].assign_coords(depth=((), 0.5, {"units": "m"}))
        faulty.netcdf(truth, path.with_name("truth"))

    check("of depth 100 m and the truth of 0.5 m", tmp_path, kind, "mine", write)


@every(
    "name, change, words",
    [
        *[(name, lambda d: d.assign_coords(depth=((), "surface")), "expected a number of metres")
          for name in ("truth", "mine")],
        ("truth", lambda d: d.expand_dims(member=3), "has a dimension 'member'"),
        *[(f"forecasts/{name}", lambda d: d.expand_dims(member=3), "has a dimension 'member'")
          for name in ("truth", "climatology")],
        ("forecasts/truth", lambda d: d.isel(longitude=0), "longitude"),
        ("truth", lambda d: d.expand_dims(depth=[0.0, 9.0]), "has a dimension 'depth'"),
        ("mine", lambda d: d.assign_coords(latitude=("latitude", -d["latitude"].values,
                                                     {"units": "degrees_south"})),
         "in 'degrees_south'"),
        ("mine", lambda d: d.assign_coords(longitude=("longitude", -d["longitude"].values,
                                                      {"units": "degrees_west"})),
         "in 'degrees_west'"),
    ],
)  # fmt: skip
def test_a_field_is_one_number_at_each_place(tmp_path, name, change, words):
    kind, name = name.split("/") if "/" in name else ("maps", name)
    check(words, tmp_path, kind, name, change=change)


@every("kind", ["maps", "tracks"])
def test_a_truth_that_says_no_depth_is_of_the_surface(tmp_path, kind):
    def level(name: str, depth: float) -> Callable[[xr.Dataset], xr.Dataset]:
        return lambda d: d.assign_coords({name: ((), depth, {"units": "m"})})

    cases = [("depth", 0.5, RIGHT)]
    for name in ("depth", "depthu", "level", "olevel"):
        cases.append((name, 100.0, "of depth 100 m, expected the surface"))
    for number, (name, depth, words) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        check(words, folder, kind, "mine", change=level(name, depth))


# --- units ---------------------------------------------------------------------------------------


def said(unit: str, name: str | None = None) -> Callable[[xr.Dataset], xr.Dataset]:
    """A file that says that its variables are in a unit."""

    def change(dataset):
        chosen = dataset.copy()
        for variable in chosen.data_vars:
            chosen[variable].attrs["units"] = unit
        return chosen

    return change


@every("role", [(kind, name) for kind, name, _ in READ] + [("forecasts", "initial")])
def test_files_in_another_unit_are_refused(tmp_path, role):
    kind, name = role
    unit = "kg" if kind == "windows" else "cm"
    if name == "initial":  # of which no score is made: what methods get
        return
    check(f"'{unit}', expected", tmp_path, kind, name, change=said(unit))


def test_values_and_places_are_real_numbers(tmp_path):
    for number, (change, words) in enumerate(
        [
            (lambda d: d.astype("c16"), "complex128, expected real"),
            (lambda d: d.astype("f2"), "float16, numbers of three digits"),
            (lambda d: d.assign_coords(latitude=d["latitude"].astype("c16")), "latitude has type"),
            (lambda d: d.assign_coords(latitude=("time", ["a"] * d.sizes["time"])),
             "latitude has type"),
        ]
    ):  # fmt: skip
        folder = tmp_path / str(number)
        folder.mkdir()
        check(words, folder, "tracks", "truth", change=change)
    for name, change, words in (
        ("complex", lambda d: d.astype("c16"), "complex128, expected real"),
        ("half", lambda d: d.astype("f2"), "float16, numbers of three digits"),
        ("member", lambda d: d.expand_dims(member=3), "has dimensions .*'member'"),
    ):
        (tmp_path / name).mkdir()
        check(words, tmp_path / name, "windows", "truth", change=change)


@every("kind", ["maps", "tracks", "forecasts"])
def test_a_truth_declared_in_another_unit_than_the_submission_is_refused(tmp_path, kind):
    check("both are compared", tmp_path, kind, datasets__truth__units="cm")


@every("kind, spelling", [("maps", "metres"), ("tracks", "meter"), ("forecasts", "m")])
def test_a_unit_may_be_spelt_otherwise(tmp_path, kind, spelling):
    check(RIGHT, tmp_path, kind, "truth", change=said(spelling))


# --- axes ----------------------------------------------------------------------------------------


def single(dataset: xr.Dataset) -> xr.Dataset:
    """Coordinates in single precision, longitudes from 0 to 360: none is a node exactly."""
    turned = dataset.assign_coords(longitude=dataset["longitude"] + 360.0)
    names = [n for n in ("latitude", "longitude") if n in dataset.coords]
    return turned.assign_coords({n: turned[n].astype("f4") + np.float32(2e-5) for n in names})


def latitude_down(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.isel(latitude=slice(None, None, -1))


def longitude_down(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.isel(longitude=slice(None, None, -1))


def turned(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.assign_coords(longitude=dataset["longitude"] + 360.0)


def transposed(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.transpose(..., "latitude", "time" if "time" in dataset.dims else "start")


GRIDDED = [("maps", "truth"), ("maps", "mine"), ("tracks", "mine")]
GRIDDED += [("forecasts", n) for n in ("truth", "mine", "climatology")]
GRIDDED += [("level", n) for n in ("truth", "mine")]


@pytest.mark.slow
@every(
    "role, change",
    [(role, change) for role in GRIDDED for change in (latitude_down, longitude_down, turned)],
)
def test_axes_may_run_either_way_in_any_convention(tmp_path, role, change):
    check(RIGHT, tmp_path, *role, change=change)


@every("role", [*GRIDDED, ("tracks", "truth"), ("forecasts", "altimeter")])
def test_axes_may_be_in_single_precision(tmp_path, role):
    check(RIGHT, tmp_path, *role, change=single, rel=1e-4)


@every("role", [("maps", "truth"), ("forecasts", "truth"), ("forecasts", "mine")])
def test_files_beside_each_other_may_be_in_two_precisions(tmp_path, role):
    kind, name = role
    along = "start" if (kind, name) == ("forecasts", "mine") else "time"

    def write(dataset, path):
        half = dataset.sizes[along] // 2
        faulty.netcdf(dataset.isel({along: slice(0, half)}), path.with_name(f"{name}_a"))
        other = single(dataset.isel({along: slice(half, None)}))
        faulty.netcdf(
            turned(other).assign_coords(longitude=other["longitude"] - 360.0),
            path.with_name(f"{name}_b"),
        )

    check(RIGHT, tmp_path, kind, name, write, rel=1e-4)


def test_windows_in_single_precision_have_the_same_times(tmp_path):
    def change(dataset):
        return dataset.assign_coords(time=(100 + dataset["time"]).astype("f4"))

    def write(dataset, path):
        faulty.netcdf(change(dataset), path)
        truth = faulty.files_of("windows")["truth"]
        faulty.netcdf(truth.assign_coords(time=100 + truth["time"]), path.with_name("truth"))

    check(RIGHT, tmp_path, "windows", "mine", write)


@every("role", GRIDDED[:3])
def test_a_hole_beside_a_node_is_not_felt_at_the_node(tmp_path, role):
    """As interpolation between nodes that differ by rounding would."""
    kind, name = role

    def write(dataset, path):
        hole = (dataset["latitude"] == LATITUDE[3]) & (dataset["longitude"] == -63.0)
        faulty.netcdf(single(dataset.where(~hole)), path)
        truth = faulty.files_of("maps")["truth"]
        faulty.netcdf(truth.where(~hole), path.with_name("truth"))

    if role == ("maps", "mine"):
        check(RIGHT, tmp_path, kind, name, write, submission__regrid="linear", rel=1e-4)


@pytest.mark.slow
@every(
    "name, change, words",
    [
        (name, change, words)
        for name in ("truth", "mine")
        for change, words in (
            (lambda d: d.assign_coords(latitude=d["latitude"] + 90.0), "beyond the poles"),
            (lambda d: d.assign_coords(latitude=("latitude", d["latitude"].values * np.pi / 180,
                                                 {"units": "radians"})), "in 'radians'"),
            (lambda d: d.isel(latitude=[0, *range(7)]), "latitude has a value twice"),
            (lambda d: d.isel(longitude=[0, *range(9)]), "longitude has a value twice"),
            (lambda d: d.assign_coords(longitude=d["longitude"] + 0.25), "longitude"),
            (lambda d: d.assign_coords(latitude=d["latitude"].where(d["latitude"] > 30.2)),
             "missing values"),
        )
    ],
)  # fmt: skip
def test_axes_that_cannot_be_are_refused(tmp_path, name, change, words):
    for kind in ("maps", "forecasts"):
        (tmp_path / kind).mkdir()
        check(words, tmp_path / kind, kind, name, change=change)


# --- times ---------------------------------------------------------------------------------------


def counted(units: str, calendar: str | None, zero: str, per_day: float) -> faulty.Write:
    """A file whose times are numbers since some date."""

    def write(dataset, path):
        name = "start" if "start" in dataset.dims else "time"
        elapsed = (
            dataset[name].values.astype("M8[s]") - np.datetime64(zero, "s")
        ) / np.timedelta64(1, "D")
        attrs = {"units": units, **({"calendar": calendar} if calendar else {})}
        numbers = (name, np.round(elapsed * per_day, 9), attrs)
        dataset.assign_coords({name: numbers}).to_netcdf(path.with_suffix(".nc"), engine="h5netcdf")

    return write


DATED = [(kind, name) for kind, name, _ in READ if kind != "windows" and name != "climatology"]
JULIAN = "0000-12-30"  # 1 January of the year 1, of the Julian calendar


@pytest.mark.slow
@every(
    "role, how",
    [
        (role, how)
        for role in DATED
        for how in (
            ("days since 1-1-1 00:00:0.0", None, JULIAN, 1.0),
            ("hours since 0001-01-01 00:00:00", "standard", JULIAN, 24.0),
            ("days since 0001-01-01", "proleptic_gregorian", "0001-01-01", 1.0),
            ("seconds since 1900-01-01", None, "1900-01-01", 86400.0),
            ("days since 1601-01-01 12:00:00", None, "1601-01-01T12", 1.0),
        )
    ],
)
def test_times_are_read_from_any_year_they_are_counted_from(tmp_path, role, how):
    check(RIGHT, tmp_path, *role, counted(*how))


@every("role, calendar", [(r, c) for r in DATED for c in ("noleap", "360_day", "julian")])
def test_times_of_other_calendars_are_refused(tmp_path, role, calendar):
    how = counted("days since 2000-01-01", calendar, "2000-01-01", 1.0)
    check(f"calendar '{calendar}'", tmp_path, *role, how)


@every("role", [("maps", "mine"), ("maps", "truth"), ("forecasts", "truth"), ("forecasts", "mine")])
def test_dates_that_are_rounded_are_those_dates(tmp_path, role):
    def change(dataset):
        name = "start" if "start" in dataset.dims else "time"
        early = dataset[name].values - np.timedelta64(300, "ns")
        return dataset.assign_coords({name: early})

    def exactly(dataset, path):
        name = "start" if "start" in dataset.dims else "time"
        encoding = {name: {"units": "nanoseconds since 2000-01-01", "dtype": "int64"}}
        dataset.to_netcdf(path.with_suffix(".nc"), engine="h5netcdf", encoding=encoding)

    check(RIGHT, tmp_path, *role, exactly, change)


LEADS_IN = {
    "days": 1.0, "hours": 24.0, "minutes": 1440.0, "seconds": 86400.0, "us": 864e8, "ms": 864e5,
    "nanoseconds": 864e11,
}  # fmt: skip


@every("unit, dtype", [*((u, "i8") for u in LEADS_IN), ("us", "f4"), ("hours", "f8")])
def test_leads_are_read_in_any_unit_of_time(tmp_path, unit, dtype):
    def change(dataset):
        numbers = (np.array(faulty.LEADS) * LEADS_IN[unit]).astype(dtype)
        return dataset.assign_coords(lead=("lead", numbers, {"units": unit}))

    check(RIGHT, tmp_path, "forecasts", "mine", change=change)


@every(
    "change, words",
    [
        (lambda d: d.rename(lead="step"), RIGHT),
        (lambda d: d.rename(start="time", lead="step"), "no start"),
        (lambda d: d.assign_coords(lead=("lead", [1, 2], {"units": "months"})), "numbers of days"),
        (lambda d: d.assign_coords(lead=("lead", [24, 48])), "leads 24, 48 days, expected 1, 2"),
        (lambda d: d.assign_coords(lead=("lead", [0, 1])), "leads 0, 1 days, expected 1, 2"),
        (lambda d: d.assign_coords(valid_time=d["start"] + DAY * d["lead"].drop_attrs()), RIGHT),
        (lambda d: d.assign_coords(valid_time=d["start"] + DAY * (d["lead"] - 1).drop_attrs()),
         "not the start plus the lead"),
    ],
)  # fmt: skip
def test_leads_and_valid_days_agree(tmp_path, change, words):
    check(words, tmp_path, "forecasts", "mine", change=change)


@every(
    "kept, words",
    [
        (slice(None), RIGHT),
        (np.r_[0:54, 72:288], "2012-10-24 has 6 of 24 samples"),
        (slice(0, 265), "2012-11-02 has 1 of 24 samples"),
        (slice(1, None), "2012-10-22 has 23 of 24 samples"),
    ],
)
def test_a_daily_mean_needs_the_whole_day(tmp_path, kept, words):
    def change(dataset):
        hours = FIRST + np.arange(24 * 12) * np.timedelta64(1, "h")
        cycle = 0.05 * np.sin(2 * np.pi * np.arange(24 * 12) / 24)
        hourly = dataset.sel(time=hours.astype("M8[D]").astype("M8[ns]")).assign_coords(time=hours)
        return (hourly + xr.DataArray(cycle, dims="time")).isel(time=kept)

    check(words, tmp_path, "maps", "truth", change=change, datasets__truth__daily_mean=True)


def test_a_cell_without_all_its_samples_has_no_daily_mean(tmp_path):
    def change(dataset):
        hours = FIRST + np.arange(24 * 12) * np.timedelta64(1, "h")
        hourly = dataset.sel(time=hours.astype("M8[D]").astype("M8[ns]")).assign_coords(time=hours)
        hourly["ssh"] += xr.DataArray(np.arange(288) % 24 - 11.5, dims="time")
        hourly["ssh"][30:40, 2, 3] = np.nan
        return hourly

    check(RIGHT, tmp_path, "maps", "truth", change=change, datasets__truth__daily_mean=True)


# --- stores --------------------------------------------------------------------------------------

STORES = {
    "Zarr 2": zarr(2),
    "Zarr 3": zarr(3),
    "sharded": lambda dataset, path: zarr(3, **faulty.shards(dataset))(dataset, path),
    "NetCDF-3": faulty.netcdf3,
}


@pytest.mark.slow
@every("role, store", [((k, n), s) for k, n, _ in READ for s in STORES])
def test_every_store_is_read_alike(tmp_path, role, store):
    check(RIGHT, tmp_path, *role, STORES[store])


@every("role", [(kind, name) for kind, name, _ in READ])
def test_a_filter_that_is_not_installed_is_named(tmp_path, role):
    check(r"HDF5 filter 32015 \(zstd\)", tmp_path, *role, faulty.behind_a_filter)


# --- what methods get ----------------------------------------------------------------------------

GIVEN = {
    "twice": (in_two, RIGHT),
    "missing": (MISSING["attribute in double"], RIGHT),
    "default": (MISSING["no attribute"], RIGHT),
    "Zarr 3": (MISSING["Zarr 3"], RIGHT),
    "−999": (UNDECLARED["−999"][0], "fill that is not declared"),
    "int16": (UNDECLARED["int16"][0], "end of what int16"),
    "cm": (lambda d, p: faulty.netcdf(said("cm")(d), p), "'cm', expected 'm'"),
    "differs": (partial(in_two, other=0.01), "different values"),
    "noleap": (counted("days since 2000-01-01", "noleap", "2000-01-01", 1.0), "noleap"),
    "year 1": (counted("days since 0001-01-01", "standard", JULIAN, 1.0), RIGHT),
    "filter": (faulty.behind_a_filter, "zstd"),
    "rows down": (lambda d, p: faulty.netcdf(
        latitude_down(d) if "latitude" in d.dims else d, p), RIGHT),
}  # fmt: skip
ROLES = {"observations": "track", "training": "grid", "validation": "grid", "auxiliary": "grid"}


@pytest.mark.slow
@every("given, how", [(given, how) for given in ROLES for how in GIVEN])
def test_what_methods_are_given_is_read_by_the_same_rules(tmp_path, given, how):
    layout, (write, words) = ROLES[given], GIVEN[how]
    known = faulty.track() if layout == "track" else faulty.maps()

    def opened() -> xr.DataArray:
        challenge = faulty.with_input(tmp_path, given, layout)
        write(known, tmp_path / "input")
        return challenge.open("input")["ssh"].load()

    if words is not RIGHT:
        with pytest.raises(OceanbenchError, match=words):
            opened()
        return
    found = opened()
    there = found.notnull().values
    assert found.sizes == known["ssh"].sizes
    assert there.mean() > 0.8
    by = {"time": known["time"]} if layout == "track" else {}
    want = faulty.in_order(known["ssh"], found) if by else known["ssh"]
    np.testing.assert_allclose(found.values[there], want.values[there], atol=1e-7)
