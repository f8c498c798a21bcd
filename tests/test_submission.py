"""A participant's file is refused in one line that says what, where, expected and cure, or read."""

from __future__ import annotations

import os
import tracemalloc

import h5py
import numpy as np
import pytest
import xarray as xr
from builders import DAY, FIRST, days, maps, maps_challenge, submission, write
from rows import every

from oceanbench.data.checks.budget import Budget
from oceanbench.errors import OceanbenchError
from oceanbench.submission import Submission


@pytest.fixture
def challenge(tmp_path):
    return maps_challenge(tmp_path / "challenge")


def refusal(challenge, path) -> str:
    with pytest.raises(OceanbenchError) as caught:
        Submission("mine", path).open(challenge)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 500
    return text


def refused(challenge, tmp_path, dataset) -> str:
    text = refusal(challenge, write(dataset, tmp_path / "mine.nc"))
    assert text.startswith(("mine.nc", str(tmp_path)))
    return text


BAD = {
    "wrong name": (
        lambda d: d.rename(ssh="height"),
        ["height", "'ssh' (or gssh)", "ds.rename({'height': 'ssh'})"],
    ),
    "wrong name among others": (
        lambda d: d.rename(ssh="sla").assign(speed=d["ssh"].assign_attrs(units="m s-1")),
        ["speed", "ds.rename({'sla': 'ssh'})"],
    ),
    "members by another name": (
        lambda d: d.expand_dims(realization=[0, 1]), ["ds.rename({'realization': 'member'})"],
    ),
    "no variable": (lambda d: d.drop_vars("ssh"), ["no variable", "'ssh'"]),
    "wrong units": (
        lambda d: d.assign(ssh=d["ssh"].assign_attrs(units="cm")), ["'cm'", "'m'", "convert"],
    ),
    "missing dimension": (
        lambda d: d.isel(time=0), ["time", "dimension", "expected", "ds.expand_dims('time')"],
    ),
    "extra dimension": (
        lambda d: d.expand_dims(depth=[0.0, 10.0]),
        ["depth", "(time, latitude, longitude)", "ds.isel(depth=0)"],
    ),
    "integers": (
        lambda d: d.assign(ssh=(100 * d["ssh"]).round().astype("i4").assign_attrs(units="m")),
        ["int32", "floating point", "astype"],
    ),
    "complex dates missing": (lambda d: d.drop_vars("time"), ["'time'", "found"]),
    "no latitude": (lambda d: d.drop_vars("latitude"), ["'latitude'", "nav_lat"]),
    "not sorted": (
        lambda d: d.isel(time=[0, 2, 1, *range(3, 15)]),
        ["not increasing", "2012-10-23", "follows 2012-10-24", "sortby"],
    ),
    "duplicated": (
        lambda d: d.isel(time=[0, 1, 1, *range(2, 15)]), ["2012-10-23", "twice", "one map"],
    ),
    "date missing": (
        lambda d: d.assign_coords(time=np.r_[d["time"].values[:-1], np.array(["NaT"], "M8[ns]")]),
        ["NaT", "date"],
    ),
    "other dates": (
        lambda d: d.assign_coords(time=days(15, np.datetime64("2017-01-01", "ns"))),
        ["time", "2017-01-01", "2012-10-22", "another challenge", "toy_maps"],
    ),
    "other box": (
        lambda d: d.assign_coords(longitude=d["longitude"] + 30),
        ["longitude", "-35", "-65", "another challenge"],
    ),
    "other latitudes": (
        lambda d: d.assign_coords(latitude=d["latitude"] - 60), ["latitude", "-27", "33"],
    ),
    "longitude twice": (
        lambda d: d.isel(longitude=[0, 1, 1, *range(2, 9)]), ["longitude", "twice"],
    ),
    "longitude missing": (
        lambda d: d.assign_coords(longitude=np.r_[np.nan, d["longitude"].values[1:]]),
        ["longitude"],
    ),
    "latitude missing": (
        lambda d: d.assign_coords(latitude=np.r_[d["latitude"].values[:-1], np.nan]),
        ["latitude"],
    ),
    "centimetres": (
        lambda d: d.assign(ssh=(100 * d["ssh"]).assign_attrs(units="m")),
        ["outside [-5, 5] m", "check the unit"],
    ),
    "land without _FillValue": (
        lambda d: d.assign(ssh=d["ssh"].where(d["latitude"] > 33, -214748.36)),
        ["135 values", "-214748", "NaN"],
    ),
    "infinite": (
        lambda d: d.assign(ssh=d["ssh"].where(d["latitude"] > 33, -np.inf)),
        ["135 values", "inf"],
    ),
    "time not decoded": (
        lambda d: d.assign_coords(
            time=("time", np.arange(15.0), {"Unit": "days since 2012-10-22"})
        ),
        ["'Unit'", "units", "days since|seconds since"],
    ),
    "time without units": (
        lambda d: d.assign_coords(time=("time", np.arange(15.0))), ["without units", "since"],
    ),
    "curvilinear": (
        lambda d: d.rename(latitude="y", longitude="x").drop_vars(["y", "x"]).assign_coords(
            nav_lat=(("y", "x"), np.zeros((7, 9))), nav_lon=(("y", "x"), np.zeros((7, 9)))
        ),
        ["latitude", "('y', 'x')", "regular"],
    ),
    "text": (
        lambda d: d.assign(ssh=d["ssh"].astype(str)), ["ssh", "type|object|str"],
    ),
}  # fmt: skip


@every("case", BAD)
def test_bad_maps_are_refused_in_words(case, challenge, tmp_path):
    change, words = BAD[case]
    text = refused(challenge, tmp_path, change(maps()))
    for word in words:
        assert any(w in text for w in word.split("|")), (word, text)


@pytest.mark.parametrize("calendar", ["360_day", "noleap", "julian"])
def test_other_calendars_are_refused_by_name(calendar, challenge, tmp_path):
    attrs = {"units": "days since 2012-10-22", "calendar": calendar}
    dataset = maps().assign_coords(time=("time", np.arange(15), attrs))
    text = refused(challenge, tmp_path, dataset)
    assert calendar in text and "standard" in text


# --- a standard deviation beside a variable -----------------------------------------------------


def with_std(std=0.1, name="ssh_std", **attrs) -> xr.Dataset:
    """Maps with a standard deviation of their own units."""
    dataset = maps()
    return dataset.assign({name: (dataset["ssh"] * 0 + std).assign_attrs({"units": "m", **attrs})})


@every(
    "change",
    [
        lambda d: d,
        lambda d: d.astype("f4"),
        lambda d: d.rename(ssh_std="gssh_std"),
        lambda d: d.rename(ssh="gssh", ssh_std="gssh_std"),
        lambda d: d.assign(ssh_std=d["ssh_std"].transpose("longitude", "time", "latitude")),
        lambda d: d.assign(ssh_std=d["ssh_std"].drop_attrs()),
        lambda d: d.isel(latitude=slice(None, None, -1)),
        lambda d: d.assign_coords(longitude=d["longitude"] + 360),
    ],
)
def test_standard_deviation_is_opened_beside_its_variable(change, challenge, tmp_path):
    opened = submission(change(with_std()), tmp_path / "mine.nc").open(challenge)
    assert set(opened.data_vars) == {"ssh", "ssh_std"}
    np.testing.assert_allclose(opened["ssh_std"], 0.1, rtol=1e-6)
    assert opened["ssh_std"].sizes == {"time": 15, "latitude": 7, "longitude": 9}


def test_standard_deviation_may_be_anything_where_the_variable_is_missing(challenge, tmp_path):
    dataset = with_std()
    land = dataset["latitude"] < 34
    dataset["ssh"] = dataset["ssh"].where(~land)
    dataset["ssh_std"] = dataset["ssh_std"].where(~land, -999.0)
    assert "ssh_std" in submission(dataset, tmp_path / "mine.nc").open(challenge)


def spoiled_std(value: float) -> xr.Dataset:
    dataset = with_std()
    dataset["ssh_std"][3, 2, 1:3] = value
    return dataset


BAD_STD = {
    "zero": (spoiled_std(0.0), ["2 values of 'ssh_std'", "0", "more than 0", "sign"]),
    "negative": (spoiled_std(-0.1), ["2 values", "-0.1", "more than 0"]),
    "infinite": (spoiled_std(np.inf), ["2 values", "inf", "at most 10 m"]),
    "centimetres": (with_std(12.0), ["945 values", "12", "at most 10 m", "unit"]),
    "missing in part": (
        spoiled_std(np.nan), ["missing at 2 points", "'ssh'", "first at 2012-10-25"],
    ),
    "members too": (
        with_std().assign(ssh=xr.concat([maps()["ssh"]] * 2, "member")),
        ["'ssh' has members", "'ssh_std'", "keep one"],
    ),
    "members of its own": (
        with_std().assign(ssh_std=xr.concat([with_std()["ssh_std"]] * 2, "member")),
        ["'ssh_std'", "member", "expected those of 'ssh'"],
    ),
    "one map for all times": (
        with_std().assign(ssh_std=with_std()["ssh_std"].isel(time=0, drop=True)),
        ["'ssh_std' has dimensions ('latitude', 'longitude')", "'time'"],
    ),
    "variance": (with_std(units="m2"), ["'ssh_std' is in 'm2'", "expected 'm'", "convert"]),
    "unknown unit": (with_std(units="furlong"), ["'furlong'", "expected 'm'"]),
    "integers": (
        with_std(1.0).assign(ssh_std=with_std(1.0)["ssh_std"].astype("i4")),
        ["'ssh_std' has type int32", "floating point"],
    ),
    "two of them": (
        with_std().assign(gssh_std=with_std()["ssh_std"]), ["'ssh_std'", "'gssh_std'", "keep one"],
    ),
}  # fmt: skip


@every("case", BAD_STD)
def test_bad_standard_deviations_are_refused_in_words(case, challenge, tmp_path):
    dataset, words = BAD_STD[case]
    text = refused(challenge, tmp_path, dataset)
    for word in words:
        assert word in text, (word, text)


def test_standard_deviation_of_some_files_of_a_glob_is_refused(challenge, tmp_path):
    write(with_std().isel(time=slice(0, 8)), tmp_path / "map_1.nc")
    write(maps().isel(time=slice(8, 15)), tmp_path / "map_2.nc")
    text = refusal(challenge, tmp_path / "map_*.nc")
    assert "map_2.nc" in text and "no 'ssh_std'" in text and "for all times or for none" in text


def test_ensemble_without_a_member_is_refused(challenge, tmp_path):
    none = maps().expand_dims(member=2).isel(member=slice(0, 0))
    assert "no member" in refused(challenge, tmp_path, none)


# --- files that are not what they seem ----------------------------------------------------------


def test_truncated_file_is_refused(challenge, tmp_path):
    path = write(maps(), tmp_path / "mine.nc")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    text = refusal(challenge, path)
    assert "mine.nc" in text and "complete" in text


@every("content", [b"", b"CDF", b"CDF\x01\x00", b"hello\n" * 100, b"\x89HDF\r\n\x1a\n"])
def test_file_that_is_no_netcdf_is_refused(content, challenge, tmp_path):
    path = tmp_path / "mine.nc"
    path.write_bytes(content)
    text = refusal(challenge, path)
    assert "mine.nc" in text and "cannot be read" in text


def test_folder_that_is_no_zarr_store_is_refused(challenge, tmp_path):
    (tmp_path / "mine.zarr").mkdir()
    assert "cannot be read" in refusal(challenge, tmp_path / "mine.zarr")


def test_missing_file_is_refused(challenge, tmp_path):
    assert "no such file" in refusal(challenge, tmp_path / "nothing.nc")


@pytest.mark.parametrize("address", ["http://x.org/a.nc", "reference::a.json", "s3://bucket/a"])
def test_addresses_are_refused(address, challenge):
    assert "local file" in refusal(challenge, address)


def test_data_in_a_group_is_refused_with_a_word_about_groups(challenge, tmp_path):
    path = tmp_path / "mine.nc"
    maps().to_netcdf(path, engine="h5netcdf", group="ocean")
    assert "group" in refusal(challenge, path)


def test_netcdf3_file_is_read(challenge, tmp_path):
    path = tmp_path / "mine.nc"
    dataset = maps()
    dataset["time"] = dataset["time"].assign_attrs()
    dataset.to_netcdf(path, engine="scipy", encoding={"time": {"units": "days since 2012-10-22"}})
    xr.testing.assert_allclose(Submission("mine", path).open(challenge)["ssh"], maps()["ssh"])


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_store_is_read(version, challenge, tmp_path):
    path = tmp_path / "mine.zarr"
    maps().to_zarr(path, zarr_format=version, consolidated=False)
    found = Submission("mine", path).open(challenge)["ssh"]
    np.testing.assert_allclose(found, maps()["ssh"])
    assert len(Submission("mine", path).sha256) == 64


def test_numbers_of_three_digits_are_refused(challenge, tmp_path):
    """Rounded to half a millimetre, a metre of sea level is another map."""
    path = tmp_path / "mine.zarr"
    maps().astype("f2").to_zarr(path, zarr_format=3, consolidated=False)
    assert "'ssh' has type float16, numbers of three digits, expected float32" in refusal(
        challenge, path
    )


def test_glob_of_daily_files_is_one_submission(challenge, tmp_path):
    whole = maps()
    names = [f"map_{(7 * i) % 15:02d}.nc" for i in range(15)]  # not in the order of time
    for i, name in enumerate(names):
        write(whole.isel(time=[i]), tmp_path / name)
    mine = Submission("mine", tmp_path / "map_*.nc")
    xr.testing.assert_allclose(mine.open(challenge)["ssh"], whole["ssh"])
    assert len(mine.sha256) == 64


@every(
    "change, words",
    [
        (lambda d: d.assign_coords(longitude=d["longitude"] + 0.1), "longitude"),
        (lambda d: d.isel(latitude=slice(1, None)), "latitude"),
        (lambda d: d.assign_coords(time=d["time"] - 5 * DAY), "twice|not increasing"),
        (lambda d: d.isel(time=slice(0, 0)), "time"),
    ],
    ids=["other longitudes", "other latitudes", "overlap in time", "no time"],
)
def test_files_of_a_glob_that_do_not_fit_together_are_refused(change, words, challenge, tmp_path):
    whole = maps()
    write(whole.isel(time=slice(0, 8)), tmp_path / "map_1.nc")
    write(change(whole.isel(time=slice(8, 15))), tmp_path / "map_2.nc")
    text = refusal(challenge, tmp_path / "map_*.nc")
    assert any(w in text for w in words.split("|"))


@every("name", ["mine[1].nc", "[final]/mine.nc", "mine (copy).nc", "µ ssh.nc"])
def test_file_is_found_under_any_name(name, challenge, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    write(maps(), path)
    Submission("mine", path).open(challenge)


@every("name", ["", ".hidden", "a/b", "..", "a\nb", "a|b", 'a"b'])
def test_names_that_cannot_be_file_names_are_refused(name, tmp_path):
    with pytest.raises(OceanbenchError, match="file name"):
        Submission(name, tmp_path / "mine.nc")


# --- files that reach for others ----------------------------------------------------------------


def spoil(path, kind, secret) -> None:
    """Replace the values of a good file by something that reads another file."""
    shape = (15, 7, 9)
    with h5py.File(path, "a") as file:
        if kind == "external link":
            del file["ssh"]
            file["ssh"] = h5py.ExternalLink(str(secret), "ssh")
        elif kind == "external link unused":
            file["other"] = h5py.ExternalLink(str(secret), "ssh")
        elif kind == "dangling link":
            file["other"] = h5py.ExternalLink("/nowhere.nc", "ssh")
        elif kind == "link in a group":
            file.create_group("a/b")["c"] = h5py.ExternalLink(str(secret), "ssh")
        elif kind == "soft link":
            file["other"] = h5py.SoftLink("/ssh")
        elif kind == "external storage":
            del file["ssh"]
            file.create_dataset("ssh", shape, "f8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
        elif kind == "virtual dataset":
            del file["ssh"]
            layout = h5py.VirtualLayout(shape, "f8")
            layout[:] = h5py.VirtualSource(str(secret), "ssh", shape)
            file.create_virtual_dataset("ssh", layout)


@every(
    "kind",
    [
        "external link", "external link unused", "dangling link", "link in a group", "soft link",
        "external storage", "virtual dataset",
    ],
)  # fmt: skip
def test_file_that_reads_another_file_is_refused(kind, challenge, tmp_path):
    secret = write(maps(), tmp_path / "secret.nc")
    path = write(maps(), tmp_path / "mine.nc")
    spoil(path, kind, secret)
    text = refusal(challenge, path)
    assert "outside the file" in text and "into the file itself" in text


def test_hard_links_in_a_circle_do_not_hang_the_reader(challenge, tmp_path):
    path = write(maps(), tmp_path / "mine.nc")
    with h5py.File(path, "a") as file:
        file.create_group("loop")["again"] = file["/"]
    opened = Submission("mine", path).open(challenge)
    np.testing.assert_array_equal(opened["ssh"], maps()["ssh"])


def test_symbolic_link_in_a_zarr_store_is_refused(challenge, tmp_path):
    path = tmp_path / "mine.zarr"
    maps().to_zarr(path, zarr_format=3, consolidated=False)
    chunk = next(p for p in (path / "ssh").rglob("*") if p.is_file() and p.name != "zarr.json")
    secret = tmp_path / "secret"
    chunk.rename(secret)
    chunk.symlink_to(secret)
    assert "symbolic link" in refusal(challenge, path)


# --- files that would fill the memory -----------------------------------------------------------


def bomb(path, *, count=15, start=0, west=-65.0, east=-61.0, nx=400, ny=400):
    """Maps of declared size whose values are not in the file."""
    with h5py.File(path, "w") as file:
        axes = {
            "time": (
                start + np.arange(count),
                {"units": "days since 2012-10-22", "calendar": "standard"},
            ),
            "latitude": (np.linspace(33, 36, ny), {}),
            "longitude": (np.linspace(west, east, nx), {}),
        }
        for name, (values, attrs) in axes.items():
            file[name] = values
            file[name].make_scale(name)
            file[name].attrs.update(attrs)
        ssh = file.create_dataset("ssh", (count, ny, nx), "f8", chunks=(1, 20, 20))
        for i, name in enumerate(axes):
            ssh.dims[i].attach_scale(file[name])
    return path


@every("kind", ["one file", "round the globe", "several files", "descending"])
def test_absurd_size_is_refused_before_anything_is_read(kind, challenge, tmp_path, monkeypatch):
    challenge = challenge.model_copy(update={"budget": Budget(values=2**18)})
    path = tmp_path / "bomb.nc"
    if kind == "several files":
        for i in (0, 1):
            bomb(tmp_path / f"bomb{i}.nc", count=7, start=7 * i)
        path = tmp_path / "bomb*.nc"
    elif kind == "round the globe":
        bomb(path, west=0.0, east=359.75, nx=1440)
    elif kind == "descending":
        bomb(path, west=-61.0, east=-65.0)
    else:
        bomb(path)
    tracemalloc.start()
    try:
        text = refusal(challenge, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "GiB" in text or "MiB" in text or "more than" in text
    assert peak < 10 * 2**20, f"{peak / 2**20:.0f} MiB were read of a file that is refused"


def test_terabytes_are_refused_in_a_moment(challenge, tmp_path):
    path = bomb(tmp_path / "bomb.nc", nx=200_000, ny=200_000)
    assert "chunks, more than" in refusal(challenge, path)


# --- what comes out -----------------------------------------------------------------------------


def test_opened_submission_is_canonical(challenge, tmp_path):
    dataset = maps(west=295, east=299).rename(latitude="lat", longitude="lon", ssh="gssh")
    dataset = dataset.isel(lat=slice(None, None, -1)).astype("f4")
    dataset = dataset.assign_coords(lon=dataset["lon"].astype("f4"))
    opened = submission(dataset, tmp_path / "mine.nc").open(challenge)
    assert list(opened.data_vars) == ["ssh"]
    assert opened["time"].dtype == "M8[ns]"
    assert opened["longitude"].dtype == opened["latitude"].dtype == np.float64
    assert (np.diff(opened["latitude"]) > 0).all() and (np.diff(opened["longitude"]) > 0).all()
    assert float(opened["longitude"][0]) == -65.0


@every("units", ["m", "meters", "metre", None])
def test_spellings_of_the_unit_are_accepted(units, challenge, tmp_path):
    dataset = maps()
    dataset["ssh"].attrs = {"units": units} if units else {}
    submission(dataset, tmp_path / "mine.nc").open(challenge)


def test_packed_integers_are_decoded(challenge, tmp_path):
    packing = {"dtype": "i2", "scale_factor": 1e-4, "_FillValue": -32768}
    path = tmp_path / "mine.nc"
    maps().to_netcdf(path, engine="h5netcdf", encoding={"ssh": packing})
    found = Submission("mine", path).open(challenge)["ssh"]
    np.testing.assert_allclose(found, maps()["ssh"], atol=1e-4)


def test_one_more_map_and_node_on_each_side_is_kept_unless_the_challenge_crops(tmp_path):
    wide = maps(west=-67, east=-59, south=31, north=38, count=20, first=FIRST - 2 * DAY)
    path = write(wide, tmp_path / "mine.nc")
    sizes = []
    for crop in (False, True):
        challenge = maps_challenge(tmp_path / str(crop), submission__crop_to_domain=crop)
        sizes.append(dict(Submission("mine", path).open(challenge).sizes))
    assert sizes == [
        {"time": 17, "latitude": 9, "longitude": 11},
        {"time": 15, "latitude": 7, "longitude": 9},
    ]


def test_coordinates_on_dimensions_of_another_name_are_refused_without_contradiction(
    challenge, tmp_path
):
    """lat(latitude): the message must not say that there is no 'lat'."""
    dataset = maps()
    dataset = (
        dataset.rename_dims({})
        .drop_vars(["latitude", "longitude"])
        .assign_coords(
            lat=("latitude", maps()["latitude"].values),
            lon=("longitude", maps()["longitude"].values),
        )
    )
    path = write(dataset, tmp_path / "mine.nc")
    try:
        opened = Submission("mine", path).open(challenge)
    except OceanbenchError as problem:
        assert "nor lat" not in str(problem)
    else:
        np.testing.assert_array_equal(opened["latitude"], maps()["latitude"])


def test_a_pipe_is_refused_not_waited_for(challenge, tmp_path):
    os.mkfifo(tmp_path / "mine.nc")
    assert "neither a file nor a Zarr store" in refusal(challenge, tmp_path / "mine.nc")


@every("bound", ["time", "latitude", "longitude"])
def test_a_domain_without_a_bound_is_not_taken_for_the_globe(
    bound, challenge, tmp_path, monkeypatch
):
    path, box = write(maps(), tmp_path / "mine.nc"), challenge.scored.box
    open_ended = property(lambda domain: box._replace(**{bound: None}))
    monkeypatch.setattr(type(challenge.scored), "box", open_ended)
    with pytest.raises(AssertionError):
        Submission("mine", path).open(challenge)
