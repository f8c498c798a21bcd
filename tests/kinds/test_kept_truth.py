"""A truth that stays with its organiser: participants run, validate and look a challenge over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import builders
import forecast_worlds
import numpy as np
import pytest
import window_worlds
import xarray as xr
import yaml
from command import Command
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.data.files import write_netcdf
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.kinds.places import places_of

METHOD = '''"""A method."""
def estimate(inputs, target, *, device, seed):
    return target.fillna({value})
'''
TARGET = {"role": "target", "path": "target.nc", "variables": {"ssh": "ssh"}}
RMSE = [{"metric": "rmse", "label": "RMSE"}]


class World(NamedTuple):
    """File of the truth in an organiser's folder, a submission, and what a method makes."""

    truth: str
    mine: xr.Dataset
    value: str = "0.5"


def maps(folder: Path) -> World:
    truth = builders.maps()
    truth["ssh"][3:, :2, :3] = np.nan  # a coast that comes later
    builders.maps_challenge(folder, truth, metrics=RMSE)
    return World("truth.nc", builders.maps(noise=0.1))


def tracks(folder: Path) -> World:
    builders.tracks_challenge(folder, metrics=RMSE)
    return World("track.nc", builders.maps(noise=0.1))


def windows(folder: Path) -> World:
    world = window_worlds.world("lorenz63", windows=4, times=20)
    folder.mkdir()
    flag = (world.truth.isel(component=0) > 0).rename("warm").astype("int8")
    truth = xr.Dataset({"state": world.truth, "warm": flag})
    truth.to_netcdf(folder / "truth.nc", engine="h5netcdf")
    observed = world.inputs["observations"][["state"]]
    observed.to_netcdf(folder / "observations.nc", engine="h5netcdf")
    one = {"variables": {"state": "state"}, "units": "1"}
    masks = {"all": {}, "hidden": {"unobserved_in": "observations"}, "warm": {"flagged": "warm"}}
    content: dict[str, Any] = {
        "name": "toy_windows",
        "version": 1,
        "title": "Toy windows",
        "kind": "windows",
        "datasets": {
            "truth": {"role": "truth", "path": "truth.nc", **one},
            "observations": {"role": "observations", "path": "observations.nc", **one},
        },
        "submission": {"variables": {"state": {"units": "1", "valid_range": [-100, 100]}}},
        "masks": masks,
        "metrics": [{"metric": "mse", "label": mask, "mask": mask} for mask in masks],
        "rank_by": "all",
    }
    builders.write_challenge(folder, content, {})
    return World("truth.nc", (world.truth + 0.5).to_dataset(name="state"))


def forecasts(folder: Path) -> World:
    starts = forecast_worlds.FORECASTS["starts"] | {"last": str(forecast_worlds.STARTS[1])}
    rows = [{"metric": "rmse", "label": "RMSE"}]
    forecast_worlds.declare(folder, starts=starts, metrics=rows, rank_by="rmse")
    mine = forecast_worlds.persistence().isel(start=slice(2))
    return World("truth.nc", mine, "inputs['initial'].isel(start=-1, drop=True)")


KINDS: dict[str, Callable[[Path], World]] = {
    "maps": maps,
    "tracks": tracks,
    "windows": windows,
    "forecasts": forecasts,
}


class Both(NamedTuple):
    """Declarations of the organiser and the participants, a submission, and a method."""

    organiser: Path
    public: Path
    mine: Path
    method: Path


def declare(path: Path, target: dict[str, Any]) -> None:
    content = yaml.safe_load(path.read_text("utf-8"))
    content["datasets"]["target"] = target
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")


@pytest.fixture(scope="module", params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """An organiser's folder with a target, and one without the truth for participants."""
    root = tmp_path_factory.mktemp("kept")
    organiser = root / "organiser" / "challenge.yaml"
    world = KINDS[request.param](organiser.parent)
    whole = Challenge.load(organiser)
    write_netcdf(places_of(whole.open(whole.truth_name)), organiser.with_name("target.nc"))
    variables = {name: name for name in whole.submission.variables}
    declare(organiser, {**TARGET, "variables": variables})
    shutil.copytree(organiser.parent, root / "public")
    (root / "public" / world.truth).unlink()
    world.mine.to_netcdf(root / "mine.nc", engine="h5netcdf")
    (root / "method.py").write_text(METHOD.format(value=world.value))
    return Both(organiser, root / "public" / "challenge.yaml", root / "mine.nc", root / "method.py")


def counted(lines: list[str]) -> list[str]:
    """Counts through masks that need no flag of the truth."""
    return [line for line in lines if "mask warm" not in line]


def test_participants_do_without_the_truth_and_its_organiser_scores(
    both: Both, oceanbench: Command
) -> None:
    code, out, err = oceanbench("run", both.method, both.public, "--json")
    assert (code, err) == (0, "")
    ran = json.loads(out)
    made = Path(ran["file"])
    assert made.is_file() and not made.with_suffix(".json").exists(), "nothing is scored"
    code, out, err = oceanbench("validate", both.public, both.mine)
    assert (code, err) == (0, "")
    assert "by the places of 'target'; its organiser has the truth" in out
    whole = json.loads(oceanbench("validate", both.organiser, both.mine, "--json")[1])["found"]
    here = json.loads(oceanbench("validate", both.public, both.mine, "--json")[1])["found"]
    assert counted(here) == counted(whole) and counted(here), "the same points are counted"
    assert len(here) == len(whole), "and those through a flag of the truth are named"
    code, _, err = oceanbench("evaluate", both.public, both.mine)
    assert code == 2 and err.count("\n") == 1
    assert "its organiser keeps it, and scores what is sent there: 'oceanbench validate" in err
    assert evaluate(both.organiser, both.mine).scores[0].value > 0


FEW = [
    pytest.param(k, marks=pytest.mark.slow) if k in ("tracks", "forecasts") else k for k in KINDS
]


@pytest.mark.parametrize("both", FEW, indirect=True)
def test_what_the_organiser_refuses_participants_know_before(
    both: Both, oceanbench: Command
) -> None:
    with xr.open_dataset(both.mine, engine="h5netcdf", decode_timedelta=False) as opened:
        holes = opened.load()
    for array in holes.data_vars.values():
        array.values[..., ::4] = np.nan
    holes.to_netcdf("holes.nc", engine="h5netcdf")
    here, there = (oceanbench("validate", c, "holes.nc") for c in (both.public, both.organiser))
    assert here == there and here[0] == 2


@pytest.mark.parametrize("both", FEW, indirect=True)
def test_the_doctor_passes_both_folders(both: Both, oceanbench: Command) -> None:
    for declaration, kept in ((both.organiser, False), (both.public, True)):
        words = ["doctor", declaration, "--method", both.method, "--days", 2, "--json"]
        code, out, _ = oceanbench(*words, "--figure", "a.svg")
        found = json.loads(out)
        said = [f for f in found["findings"] if "kept by the organiser, and not here" in f["text"]]
        assert [f["severity"] for f in said] == ["remark"] * kept
        stops = [f for f in found["findings"] if f["severity"] == "stops"]
        assert code == 0, stops
        assert bool(found["rehearsal"]["scores"]) != kept
    assert oceanbench("fetch", both.public)[0] == 0
    assert "(kept by the organiser)" in oceanbench("show", both.public)[1]


def shortened(target: xr.Dataset) -> xr.Dataset:
    name = "time" if "time" in target.dims else "window"
    return target.isel({name: slice(0, 2)})


def shifted(target: xr.Dataset) -> xr.Dataset:
    name = "component" if "component" in target.coords else "longitude"
    return target.assign_coords({name: target[name] + 0.25})


def elsewhere(target: xr.Dataset) -> xr.Dataset:
    name = "component" if "component" in target.coords else "latitude"
    return target.where(target[name] > target[name].min())


def valued(target: xr.Dataset) -> xr.Dataset:
    return target * 0.5


def test_a_target_that_is_not_where_the_truth_is_stops_the_organiser(
    both: Both, oceanbench: Command, tmp_path: Path
) -> None:
    file = both.organiser.with_name("target.nc")
    whole, content = xr.load_dataset(file, engine="h5netcdf"), file.read_bytes()
    try:
        for spoil in (shortened, shifted, elsewhere, valued):
            spoilt = spoil(whole)
            for array in spoilt.data_vars.values():
                array.attrs, array.encoding = {}, {}
            write_netcdf(spoilt, file)
            with pytest.raises(OceanbenchError) as refusal:
                evaluate(both.organiser, both.mine)
            assert "'target' does not tell where the truth is" in str(refusal.value), spoil
            assert "'oceanbench export target'" in str(refusal.value)
        words = ["doctor", both.organiser, "--days", 0, "--json", "--figure", "a.svg"]
        code, out, _ = oceanbench(*words)
        assert code == 1 and "does not tell where the truth is" in out
    finally:
        file.write_bytes(content)


def test_a_target_is_written_and_declared_by_a_command(oceanbench: Command, tmp_path: Path) -> None:
    path = builders.maps_challenge(tmp_path / "toy", metrics=RMSE).path
    code, out, err = oceanbench("export", "target", path, "toy/target.nc")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].strip().startswith("target: {role: target, path: target.nc")
    told = oceanbench("export", "target", path, "elsewhere.nc")[1]
    assert "path: elsewhere.nc" in told and f"move it to {path.parent}" in told
    assert f"ssh: {builders.maps()['ssh'].size} points" in out
    for file in ("toy/truth.nc", "toy/challenge.yaml"):
        code, _, err = oceanbench("export", "target", path, file)
        assert code == 2 and f"{file}: is a file of toy_maps itself" in err
    assert "kind 'cycles', which has no" in oceanbench("export", "target", "qg_cycles", "t.nc")[2]
    assert ".: is a folder; give the name" in oceanbench("export", "target", path, ".")[2]
    declare(path, TARGET)
    (tmp_path / "toy" / "truth.nc").rename(tmp_path / "truth.nc")
    builders.write(builders.maps(noise=0.1), tmp_path / "mine.nc")
    assert oceanbench("validate", path, "mine.nc")[0] == 0
    written = xr.load_dataset("toy/target.nc")["ssh"]
    assert "units" not in written.attrs and (written == 1).all(), "it tells nothing of the truth"
    declare(path, TARGET | {"path": "toy/target.nc"})
    code, _, err = oceanbench("validate", path, "mine.nc")
    assert code == 2 and "neither dataset 'truth' nor its target 'target' is here" in err
    declare(path, TARGET)
    (0 * written).to_netcdf("toy/target.nc", engine="h5netcdf")
    code, _, err = oceanbench("validate", path, "mine.nc")
    assert code == 2 and "should be 1 where the truth has some" in err


@every(
    "change, said",
    [
        ({"layout": "track"}, "layout is 'track', and that of 'truth' is 'grid'"),
        ({"variables": {"sla": "ssh"}}, "variables: ['sla'], expected the truth's ['ssh']"),
        ({"path": "truth.nc"}, "truth.nc is the truth's; methods would read it"),
    ],
)
def test_a_target_that_cannot_be_one_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    changes = {"datasets.target": TARGET | change}
    with pytest.raises(OceanbenchError) as refusal:
        Challenge.load(builders.write_challenge(tmp_path, builders.MAPS, changes))
    assert said in str(refusal.value)


def test_there_is_one_target_and_no_method_is_given_it(oceanbench: Command, tmp_path: Path) -> None:
    two = {"datasets.target": TARGET, "datasets.second": TARGET | {"path": "b.nc"}}
    with pytest.raises(OceanbenchError, match="target and second have role 'target'; keep one"):
        Challenge.load(builders.write_challenge(tmp_path / "two", builders.MAPS, two))
    path = builders.maps_challenge(tmp_path / "one", datasets__target=TARGET).path
    assert oceanbench("export", "target", path, "one/target.nc")[0] == 0
    Path("asks.py").write_text(
        'def estimate(inputs, target, *, device, seed):\n    return inputs["target"] + target\n'
    )
    code, _, err = oceanbench("run", "asks.py", path)
    assert code == 2 and "no input 'target'" in err
