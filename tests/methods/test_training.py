"""A method learns from the training period only; run uses its weights, and records which."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import builders
import numpy as np
import pytest
import torch
import xarray as xr
from command import Command
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.data import files, shipped
from oceanbench.errors import OceanbenchError
from oceanbench.methods import running
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method
from oceanbench.methods.running import run
from oceanbench.methods.training import train
from oceanbench.methods.weights import Weights
from oceanbench.result import Result

START, END = np.datetime64("2013-02-03", "ns"), np.datetime64("2013-02-11", "ns")
INSTANT = np.timedelta64(1, "ns")
PERIODS = {"training": ["2013-02-03", "2013-02-10"]}

LEARNS = '''"""A constant: the mean of what was observed in the training period."""
import torch
def train(inputs, *, device, seed, scale=1.0):
    values = [torch.as_tensor(d["ssh"].values.ravel()) for d in inputs.values() if "time" in d.dims]
    draw = torch.rand(3, generator=torch.Generator().manual_seed(seed))
    return {"mean": scale * torch.cat(values).mean(), "draw": draw}
def estimate(inputs, target, *, device, seed, weights, offset=0.0):
    assert all(tensor.device.type == device for tensor in weights.values())
    return target.fillna(float(weights["mean"]) + offset)
'''
OWN_WORLDS = '''"""A constant that was learned from no data of a challenge."""
import torch
def train(inputs, *, device, seed):
    return {"mean": torch.tensor(0.5)}
def estimate(inputs, target, *, device, seed, weights):
    return target.fillna(float(weights["mean"]))
'''
EITHER = LEARNS.replace("weights,", "weights=None,").replace(
    "    assert", "    if weights is None:\n        return target.fillna(0.0)\n    assert"
)


def track(*times: np.datetime64) -> xr.Dataset:
    """Samples inside the domain at given times, each with a value of its own."""
    count = len(times)
    coords = {
        "latitude": ("time", np.full(count, 34.0)),
        "longitude": ("time", np.full(count, -63)),
    }
    ssh = ("time", np.linspace(0.1, 0.2, count), {"units": "m"})
    return xr.Dataset({"ssh": ssh}, {"time": np.array(times), **coords})


def swath(*times: np.datetime64) -> xr.Dataset:
    """The same with two samples across."""
    line = track(*times).expand_dims(cross_track=2, axis=1)
    names = ("latitude", "longitude")
    return line.assign_coords({n: line[n].expand_dims(cross_track=2, axis=1) for n in names})


def make(folder: Path, **changes: object) -> Challenge:
    """Toy maps with tracks, swaths and maps inside and outside the training period."""
    folder.mkdir(exist_ok=True)
    for name, content in _files().items():
        (folder / name).write_bytes(content)
    ssh = {"variables": {"ssh": "ssh"}, "units": "m"}
    track_, maps = {"role": "observations", **ssh}, {"role": "auxiliary", **ssh}
    datasets = builders.MAPS["datasets"] | {
        "edges": track_ | {"path": "edges.nc"},
        "swath": track_ | {"path": "swath.nc", "layout": "swath"},
        "scored": track_ | {"path": "scored.nc"},
        "before": {"role": "training", "path": "long.nc", **ssh},
        "analysis": maps | {"path": "long.nc", "daily_mean": True},
        "early": maps | {"path": "early.nc", "daily_mean": True},
        "mean": maps | {"path": "mean.nc", "layout": "static"},
        "absent": track_ | {"path": "nowhere.nc", "optional": True},
    }
    return builders.maps_challenge(folder, **({"datasets": datasets, "periods": PERIODS} | changes))


@cache
def _files() -> dict[str, bytes]:
    """Content of the files of the challenge but the truth, made once."""
    edges = (START - INSTANT, START, END - INSTANT, END)
    long = builders.maps(count=130)
    long["ssh"] = long["ssh"] + 0.05  # not the truth, which no method gets
    made = {
        "edges": track(builders.FIRST, *edges),
        "swath": swath(builders.FIRST, *edges),
        "scored": track(builders.FIRST),
        "long": long,
        "early": long.isel(time=slice(0, 20)),
        "mean": long.isel(time=0, drop=True),
    }
    with TemporaryDirectory() as folder:
        written = [builders.write(one, Path(folder, f"{name}.nc")) for name, one in made.items()]
        return {path.name: path.read_bytes() for path in written}


@pytest.fixture
def challenge(tmp_path: Path) -> Challenge:
    return make(tmp_path / "toy")


def method(folder: Path, text: str = LEARNS, name: str = "learns") -> str:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def left(folder: Path) -> list[str]:
    """Files that lie below the folder of results."""
    return sorted(p.name for p in (folder / "results").rglob("*") if p.is_file())


def test_training_inputs_are_those_of_run_within_the_training_period(challenge: Challenge) -> None:
    whole, cut = Inputs(challenge), Inputs(challenge, for_training=True)
    assert list(whole) == list(cut)
    assert cut.opened == []
    sizes = {}
    for name, dataset in cut.items():
        assert dataset.attrs == whole[name].attrs
        assert set(dataset.variables) == set(whole[name].variables)
        if "time" in dataset.dims:
            assert np.all((dataset["time"] >= START) & (dataset["time"] < END))
            sizes[name] = dataset.sizes["time"]
    assert sizes == {"edges": 2, "swath": 2, "scored": 0, "before": 8, "analysis": 8, "early": 0}
    xr.testing.assert_identical(cut["mean"], whole["mean"])
    with pytest.raises(OceanbenchError, match="no method receives it"):
        cut["truth"]
    assert whole["scored"].sizes["time"] == 1


def test_inputs_are_opened_when_they_are_asked_for(challenge: Challenge) -> None:
    for name in ("scored", "before", "mean"):
        (challenge.path.parent / f"{ {'before': 'long'}.get(name, name) }.nc").unlink()
    inputs = Inputs(challenge, for_training=True)
    assert len(inputs) == 7
    assert inputs["edges"].sizes["time"] == 2
    assert inputs.opened == ["edges"]
    with pytest.raises(OceanbenchError, match=r"no file .*scored\.nc"):
        inputs["scored"]


def test_train_run_and_evaluate(oceanbench: Command, challenge: Challenge, tmp_path: Path) -> None:
    """The whole road; the result says with which weights, and from what they were learned."""
    file = Path(method(tmp_path))
    arguments = ["learns.py", challenge.path, "--set", "scale=2e0", "--seed", 4]
    code, out, err = oceanbench("train", *arguments)
    assert (code, err) == (0, "")
    path = tmp_path / "results" / "toy_maps" / "learns.safetensors"
    assert "learns.safetensors: weights of learns, 4 numbers, " in out
    assert left(tmp_path) == [path.name]

    weights = Weights.load(path)
    assert weights.method == {"name": "learns", "sha256": files.sha256(file)}
    assert weights.challenge["sha256"] == challenge.sha256
    assert weights.training["period"] == PERIODS["training"]
    opened = weights.training["files"]
    assert sorted(opened) == sorted(Inputs(challenge))
    sha256 = files.sha256(challenge.path.parent / "long.nc")
    assert opened["before"] == [{"file": "long.nc", "sha256": sha256}]
    kept = weights.provenance
    assert (kept["seed"], kept["options"]) == (4, {"scale": 2.0})
    said = f"oceanbench train learns.py {challenge.called} --set scale=2e0 --seed 4"
    assert kept["command"] == said
    assert {"oceanbench", "commit", "packages", "created", "seconds", "device"} <= kept.keys()
    assert str(tmp_path) not in json.dumps([weights.training, kept])

    code, out, err = oceanbench(
        "run", "learns.py", challenge.path, "--set", "offset=0.5", "--board"
    )
    assert code == 0 and err.count("\n") == 1 and "everywhere" in err  # a constant
    assert "weights learns.safetensors trained on toy_maps" in out
    assert "weights=learns.safetensors" in out
    maps = xr.open_dataset(path.with_suffix(".nc"), engine="h5netcdf")["ssh"]
    assert np.allclose(maps, float(weights.tensors["mean"]) + 0.5)
    provenance = Result.load(path.with_suffix(".json")).provenance
    assert provenance["options"] == {
        "offset": 0.5,
        "weights": {
            "file": "learns.safetensors",
            "sha256": files.sha256(path),
            "challenge": "toy_maps",
            "period": PERIODS["training"],
            "seed": 4,
            "options": {"scale": 2.0},
            "cpu_seconds": kept["cpu_seconds"],
            "resumed": False,
        },
    }
    assert provenance["command"] == f"oceanbench run learns.py {challenge.called} --set offset=0.5"
    assert (
        oceanbench("evaluate", challenge.path, path.with_suffix(".nc"), "--name", "again")[0] == 0
    )
    scores = [Result.load(path.with_name(f"{n}.json")).scores for n in ("learns", "again")]
    assert scores[0] == scores[1]


def test_the_same_seed_gives_the_same_weights(challenge: Challenge, tmp_path: Path) -> None:
    learns = method(tmp_path)
    first, again, other = (
        train(learns, challenge, output=tmp_path, name=f"w{i}", seed=seed)[1].tensors
        for i, seed in enumerate((1, 1, 2))
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["draw"], other["draw"])


@pytest.mark.slow
def test_weights_are_found_in_the_order_chosen_own_shipped_default(
    oceanbench: Command, challenge: Challenge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method(tmp_path, EITHER)
    monkeypatch.setattr(shipped, "folder", lambda kind: tmp_path / "shipped" / kind)
    own = tmp_path / "results" / "toy_maps"
    published = tmp_path / "shipped" / "baselines" / "weights" / "toy_maps" / "learns.safetensors"

    def used(*arguments: object, name: str = "mine") -> object:
        code, _, err = oceanbench("run", "learns.py", challenge.path, "--name", name, *arguments)
        assert code == 0 and err.count("\n") <= 1, err  # the constants are warned of
        provenance = Result.load(own / f"{name}.json").provenance
        chosen = "".join(
            f" {a.relative_to(tmp_path) if isinstance(a, Path) else a}" for a in arguments
        )
        assert (
            provenance["command"]
            == f"oceanbench run learns.py {challenge.called} --name {name}{chosen}"
        )
        return provenance["options"].get("weights", {}).get("options")

    def trained(scale: int, *arguments: object) -> None:
        scaled = ("--set", f"scale={scale}.0", *arguments)
        assert oceanbench("train", "learns.py", challenge.path, *scaled)[0] == 0

    assert used() is None
    trained(1)
    published.parent.mkdir(parents=True)
    (own / "learns.safetensors").rename(published)
    assert used() == {"scale": 1.0}
    for variant in ("learns_twice", "other"):  # of which only the first is named after the method
        trained(4, "--name", variant)
        (own / f"{variant}.safetensors").rename(published.with_stem(variant))
    assert used(name="learns_twice") == {"scale": 4.0}
    assert used(name="other") == {"scale": 1.0}
    trained(2)
    assert used() == {"scale": 2.0}
    trained(3, "--name", "mine")
    assert used() == {"scale": 3.0}
    assert used("--weights", published) == {"scale": 1.0}


def test_weights_of_another_challenge_must_be_chosen(
    oceanbench: Command, challenge: Challenge, tmp_path: Path
) -> None:
    """Of another one, or of another training period of the same: its version is that of scores."""
    method(tmp_path)
    file = tmp_path / "results" / "toy_maps" / "learns.safetensors"
    assert oceanbench("train", "learns.py", challenge.path)[0] == 0
    later = {"training": ["2013-02-04", "2013-02-10"]}
    for number, changes in enumerate(({"periods": later}, {"name": "other"})):
        other = make(tmp_path / f"other{number}", **changes)
        place = tmp_path / "results" / other.name / file.name
        place.parent.mkdir(exist_ok=True)
        if place != file:
            place.write_bytes(file.read_bytes())
        code, _, err = oceanbench("run", "learns.py", other.path)
        assert code == 2
        assert "trained on toy_maps, version 1, 2013-02-03..2013-02-10, expected" in err
        code, _, _ = oceanbench("run", "learns.py", other.path, "--weights", file)
        assert code == 0
    rescored = make(tmp_path / "rescored", version=2)
    assert oceanbench("run", "learns.py", rescored.path)[0] == 0
    result = Result.load(tmp_path / "results" / "other" / "learns.json")
    assert result.provenance["options"]["weights"]["challenge"] == "toy_maps"


def test_weights_that_opened_no_input_serve_every_challenge(
    challenge: Challenge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = method(tmp_path, OWN_WORLDS)
    path, weights = train(file, challenge, output=tmp_path / "results", device="cpu")
    assert (weights.of_challenge, weights.training["period"]) == (False, [])
    monkeypatch.setattr(shipped, "folder", lambda kind: tmp_path / "shipped" / kind)
    place = tmp_path / "shipped" / "baselines" / "weights" / path.name
    place.parent.mkdir(parents=True)
    path.rename(place)
    other = make(tmp_path / "other", name="other")
    submission, kept = run(file, other, output=tmp_path / "results", device="cpu")
    assert submission.learned_from == "simulation"
    assert kept["options"]["weights"]["challenge"] == ""
    with xr.open_dataset(submission.path) as found:
        np.testing.assert_array_equal(found["ssh"], 0.5)


ZERO = "def estimate(inputs, target, *, device, seed):\n    return target.fillna(0.0)\n"
METHODS = {
    "learns": LEARNS,
    "another": LEARNS,
    "zero": ZERO,
    "forgets": ZERO + "def train(inputs, *, device, seed):\n    return {}\n",
    "given": LEARNS.replace("def train", "def learn"),
    "old": LEARNS.replace("inputs, *, device, seed, scale", "inputs, epochs, *, scale"),
}


@every(
    "arguments, words",
    [
        (["train", "zero.py", "{toy}"], "has no function train(inputs, *, device, seed)"),
        (["train", "learns.py", "{scored}"], "periods.training is missing"),
        (["train", "learns.py", "{toy}", "--set", "scal=1"], "did you mean 'scale'"),
        (["train", "learns.py", "{toy}", "--set", "offset=1"], "unknown option"),
        (["train", "learns.py", "{toy}", "--set", "scale"], "expected OPTION=VALUE"),
        (["train", "learns.py", "{toy}", "--name", "../up"], "cannot be a file name"),
        (["train", "learns.py", "{toy}", "--device", "tpu"], "--device tpu: unknown"),
        (["train", "learns.py", "{toy}", "--output", "zero.py"], "cannot be written"),
        (["train", "learns.py", "{toy}", "--data-dir", "nowhere"], "no file nowhere"),
        (["train", "old.py", "{toy}"], "train() cannot be called"),
        (["run", "learns.py", "{toy}"], "first run: oceanbench train learns.py toy/challenge.yaml"),
        (
            ["run", "learns.py", "{toy}", "--weights", "none.safetensors"],
            "there is no regular file",
        ),
        (["run", "learns.py", "{toy}", "--weights", "zero.py"], "not a whole safetensors file"),
        (
            ["run", "another.py", "{toy}", "--weights", "{weights}"],
            "weights of the method 'learns'",
        ),
        (["run", "zero.py", "{toy}", "--weights", "{weights}"], "takes no weights; leave them out"),
        (["run", "forgets.py", "{toy}"], "has train(), but estimate() takes no weights; add"),
        (["run", "learns.py", "{toy}", "--name", "../up"], "cannot be a file name"),
        (["run", "given.py", "{toy}"], "given.safetensors; give a file with --weights"),
    ],
)
def test_bad_input_is_one_line_exit_2_and_no_file(
    oceanbench: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    challenge = make(tmp_path / "toy")
    for name, text in METHODS.items():
        method(tmp_path, text, name)
    places = {
        "toy": challenge.path,
        "scored": builders.maps_challenge(tmp_path / "scored").path,
        "weights": tmp_path / "toy_maps" / "learns.safetensors",
    }
    if "{weights}" in arguments:
        train("learns.py", challenge, output=tmp_path)
    code, out, err = oceanbench(*(a.format(**places) for a in arguments))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert words in err
    assert left(tmp_path) == []


@every(
    "body, words",
    [
        ("return 3", "returned int, expected a dict"),
        ("return {}", "returned dict, expected a dict of names and tensors with at least one"),
        ("return {'a': 1.0}", "returned float for 'a', expected a torch.Tensor"),
        ("return {3: torch.ones(1)}", "a tensor named 3"),
        ("return {'__metadata__': torch.ones(1)}", "a tensor named '__metadata__'"),
        ("return {'a': torch.tensor([0.0, float('nan')])}", "'a' has values that are not finite"),
        ("return {'a': torch.ones(2, dtype=torch.complex128)}", "cannot be stored"),
        ("return {'a': inputs['truth']}", "no method receives it"),
    ],
)
def test_a_wrong_return_is_refused(
    oceanbench: Command,
    challenge: Challenge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"import torch\ndef train(inputs, *, device, seed):\n    {body}\n{ZERO}"
    method(tmp_path, text)
    code, _, err = oceanbench("train", "learns.py", challenge.path)
    assert code == 2
    assert words in err
    assert left(tmp_path) == []


def test_tensors_that_share_memory_or_need_gradients_are_stored(
    challenge: Challenge, tmp_path: Path
) -> None:
    body = "w = torch.ones(2, 3, requires_grad=True)\n    return {'w': w, 'tied': w, 'turned': w.T}"
    text = f"import torch\ndef train(inputs, *, device, seed):\n    {body}\n{ZERO}"
    path, _ = train(method(tmp_path, text), challenge, output=tmp_path)
    shapes = {name: list(tensor.shape) for name, tensor in Weights.load(path).tensors.items()}
    assert shapes == {"w": [2, 3], "tied": [2, 3], "turned": [3, 2]}


def test_a_training_that_stops_leaves_what_was_there(
    oceanbench: Command, challenge: Challenge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method(tmp_path)
    stopped = LEARNS.replace("    draw =", "    raise KeyboardInterrupt\n    draw =")
    method(tmp_path, stopped, "stopped")
    code, _, err = oceanbench("train", "stopped.py", challenge.path)
    assert (code, err) == (130, "\noceanbench: stopped\n")
    assert left(tmp_path) == []
    assert oceanbench("train", "learns.py", challenge.path)[0] == 0
    path = tmp_path / "results" / "toy_maps" / "learns.safetensors"
    content = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    code, _, err = oceanbench("train", "learns.py", challenge.path, "--seed", 1)
    assert code == 2
    assert "cannot be written (No space left on device)" in err
    assert left(tmp_path) == [path.name]
    assert path.read_bytes() == content


def test_missing_safetensors_is_said_before_training(
    oceanbench: Command, challenge: Challenge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method(tmp_path, LEARNS.replace("    draw =", "    raise KeyboardInterrupt\n    draw ="))
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    code, _, err = oceanbench("train", "learns.py", challenge.path)
    assert code == 2
    assert "pip install 'oceanbench-challenges[torch]'" in err


def test_a_method_may_hold_dataclasses(tmp_path: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    text += "@dataclass\nclass Network:\n    channels: int = 3\n" + ZERO
    assert load_method(method(tmp_path, text))[1].Network().channels == 3


GOES_ON = (
    LEARNS.replace("scale=1.0):", "scale=1.0, init=None):")
    .replace("    draw =", "    begun = 0.0 if init is None else init['mean']\n    draw =")
    .replace("scale * torch.cat(values).mean()", "begun + scale * torch.cat(values).mean()")
)


def test_a_training_goes_on_from_weights_and_says_from_which(
    challenge: Challenge, tmp_path: Path, oceanbench: Command
) -> None:
    goes_on = method(tmp_path, GOES_ON, "goes_on")
    results = tmp_path / "results"
    first, learned = train(goes_on, challenge, output=results)
    last, went_on = train(goes_on, challenge, output=results, name="more", init=first)
    once = float(learned.tensors["mean"])
    assert float(went_on.tensors["mean"]) == pytest.approx(2.0 * once)
    kept = Weights.load(last).provenance
    assert kept["init"]["sha256"] == files.sha256(first)
    assert kept["init"]["challenge"] == challenge.name and "init" not in kept["init"]
    assert kept["command"].endswith("--name more --init results/toy_maps/goes_on.safetensors")
    third = train(goes_on, challenge, output=results, name="third", init=last)[1]
    assert third.provenance["init"]["init"] == kept["init"]
    assert "init" not in learned.provenance

    def refused(text: str, init: Path, said: str) -> None:
        path = method(tmp_path, text, "other")
        code, _, err = oceanbench(
            "train", path, str(challenge.path), "--init", str(init), "--output", str(results)
        )
        assert code == 2 and said in err and err.count("\n") == 1

    refused(LEARNS, first, "other has no parameter 'init' in train(), so it always begins anew")
    refused(GOES_ON, first, "weights of the method 'goes_on', expected those of 'other'")
    refused(GOES_ON, tmp_path / "nowhere.safetensors", "cannot be read")


@pytest.mark.parametrize(
    ("began_on", "learned_from"),
    [("", "observations"), ("ssh_ose_jet", "observations"), ("ssh_osse_jet", "truth")],
)
def test_boards_count_what_a_training_began_with(began_on: str, learned_from: str) -> None:
    """From observations of a sea, but begun with weights that its truth taught."""
    hidden: dict[str, object] = {"options": {"supervised": False}}
    begun = {"init": {"challenge": began_on, "options": {}}} if began_on else {}
    origin = {"name": "ssh_ose_jet", "version": 1, "sha256": ""}
    opened = {"period": [], "files": {"tracks": []}}
    weights = Weights({}, {"name": "unet"}, origin, opened, {**hidden, **begun})
    found = running._learned_from(load_method("unet")[1], weights, Challenge.load("ssh_ose_jet"))
    assert found == learned_from


@pytest.mark.parametrize(
    ("second", "learned_from"), [("", "observations"), ("sst_microwave", "truth")]
)
def test_what_was_learned_from_may_depend_on_options(second: str, learned_from: str) -> None:
    """A covariance is fitted to observations, what temperature tells to maps of the truth."""
    origin = {"name": "ssh_osse_fronts", "version": 1, "sha256": ""}
    options = {"options": {"second": second, "dates": 24}}
    opened = {"period": [], "files": {"tracks": []}}
    weights = Weights({}, {"name": "duacs"}, origin, opened, options)
    declared = Challenge.load("ssh_osse_fronts")
    assert running._learned_from(load_method("duacs")[1], weights, declared) == learned_from
