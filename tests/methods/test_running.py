"""A method gets every input, never the truth; what it returns is checked before it is written."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import builders
import cycle_worlds
import forecast_worlds
import numpy as np
import pytest
import torch
import xarray as xr
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import functions_of, load_method, parse_options
from oceanbench.methods.running import run
from oceanbench.methods.weights import Weights

ZERO = '''"""Zero everywhere."""
AUTHORS = "Nobody"
def estimate(inputs, target, *, device, seed, level=0.0, name="a", count=1, flag=False, free=None):
    return target.fillna(level)
'''


@pytest.fixture
def challenge(tmp_path: Path) -> Challenge:
    track = builders.track().rename(sla="ssh")
    builders.write(track, tmp_path / "track.nc")
    observed = {"role": "observations", "layout": "track", "variables": {"ssh": "ssh"}}
    datasets = builders.MAPS["datasets"] | {
        "altimeter": observed | {"path": "track.nc"},
        "extra": observed | {"path": "nowhere.nc", "optional": True},
    }
    return builders.maps_challenge(tmp_path, datasets=datasets)


def method(folder: Path, text: str) -> str:
    path = folder / "method.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_inputs_hold_everything_but_the_truth(challenge: Challenge) -> None:
    inputs = Inputs(challenge)
    assert list(inputs) == ["altimeter"]
    assert len(inputs) == 1
    assert inputs["altimeter"].attrs["role"] == "observations"
    assert "truth" not in dict(inputs)
    assert not any(isinstance(v, Challenge) for v in vars(inputs).values())
    with pytest.raises(OceanbenchError, match="asked for 'truth', the truth"):
        inputs["truth"]
    with pytest.raises(OceanbenchError, match="did you mean 'altimeter'"):
        inputs["altimetre"]


def test_run_never_hands_the_truth_over(challenge: Challenge, tmp_path: Path) -> None:
    """Neither among the inputs, nor as values of the target, nor as an attribute of either."""
    seen = """
import json, numpy as np
from pathlib import Path
def estimate(inputs, target, *, device, seed):
    report = {"inputs": sorted(inputs), "finite": int(np.isfinite(target["ssh"]).sum()),
              "attrs": sorted(target.attrs) + sorted(target["ssh"].attrs)}
    Path(FILE).write_text(json.dumps(report))
    return target.fillna(0.0)
""".replace("FILE", repr(str(tmp_path / "seen.json")))
    run(method(tmp_path, seen), challenge, output=tmp_path)
    text = (tmp_path / "seen.json").read_text()
    assert text == '{"inputs": ["altimeter"], "finite": 0, "attrs": ["units"]}'


DISGUISES = {
    "static training": {"role": "training", "layout": "static", "path": "one_day.nc"},
    "auxiliary": {"role": "auxiliary", "path": "copy.nc"},
    "another path": {"role": "auxiliary", "path": "elsewhere/../truth.nc"},
    "packed anew": {"role": "auxiliary", "path": "packed.nc"},
}


@every("keys, words", [(keys, "the truth|of 'truth'") for keys in DISGUISES.values()])
def test_the_truth_in_disguise_is_refused(
    challenge: Challenge, tmp_path: Path, keys: dict, words: str
) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(challenge.path.parent, folder, ignore=shutil.ignore_patterns("row*", "toy"))
    (folder / "elsewhere").mkdir()
    truth = xr.load_dataset(folder / "truth.nc", engine="h5netcdf")
    builders.write(truth.isel(time=3, drop=True), folder / "one_day.nc")
    shutil.copy(folder / "truth.nc", folder / "copy.nc")
    again = truth.assign_attrs(title="another")
    again.to_netcdf(folder / "packed.nc", engine="h5netcdf", encoding={"ssh": {"zlib": True}})
    given = {"variables": {"ssh": "ssh"}, "units": "m", **keys}
    leaky = builders.maps_challenge(
        folder,
        datasets=builders.MAPS["datasets"] | {"given": given},
        periods={"training": ["2013-02-01", "2013-02-15"]},
    )
    with pytest.raises(OceanbenchError, match=words):
        Inputs(leaky)["given"]


def test_windows_to_learn_from_are_not_those_of_the_truth(tmp_path: Path) -> None:
    folder = tmp_path / "lorenz96"
    shutil.copytree(Challenge.load("lorenz96").path.parent, folder)
    shutil.copy(folder / "data" / "truth.nc", folder / "data" / "training.nc")
    declared = (folder / "challenge.yaml").read_text(encoding="utf-8")
    without = re.sub(r"\n +sha256: .*", "", declared)
    (folder / "challenge.yaml").write_text(without, encoding="utf-8")
    leaky = Challenge.load(str(folder / "challenge.yaml"))
    with pytest.raises(OceanbenchError, match="is the file of 'truth'"):
        Inputs(leaky, for_training=True)["training_truth"]


def test_a_method_that_asks_for_the_truth_fails(challenge: Challenge, tmp_path: Path) -> None:
    greedy = "def estimate(inputs, target, *, device, seed):\n    return inputs['truth']\n"
    with pytest.raises(OceanbenchError, match="no method receives it"):
        run(method(tmp_path, greedy), challenge, output=tmp_path)
    assert not (tmp_path / "toy_maps").exists()


def test_run_says_what_a_method_learned_from(tmp_path: Path) -> None:
    """The truth of its world, if the values of training maps were read."""
    training = builders.maps(first=np.datetime64("2013-03-01", "ns"))
    builders.write(training, tmp_path / "training.nc")
    before = {"role": "training", "path": "training.nc", "variables": {"ssh": "ssh"}}
    declared = builders.maps_challenge(
        tmp_path,
        datasets=builders.MAPS["datasets"] | {"before": before},
        periods={"training": ["2013-03-01", "2013-03-10"]},
    )
    bodies = {
        "truth": "float(inputs['before']['ssh'].mean())",
        "observations": "0.0 * len([d for d in inputs.values() if d.attrs['role'] == 'training'])",
    }
    for expected, value in bodies.items():
        head = "def estimate(inputs, target, *, device, seed):\n"
        text = f"{head}    return target.fillna({value})\n"
        submission, _ = run(method(tmp_path, text), declared, output=tmp_path)
        assert submission.learned_from == expected


def some_weights(folder: Path) -> Path:
    """Weights of a method that learned from worlds of its own."""
    parts = {
        "method": {"name": "method", "sha256": ""},
        "challenge": {"name": "toy_maps", "version": 1, "sha256": ""},
        "training": {"period": [], "files": {}},
        "provenance": {"seed": 0, "options": {"noise": 0.1}},
    }
    Weights({"level": torch.zeros(1)}, **parts).save(folder / "method.safetensors")
    return folder / "method.safetensors"


def test_run_says_which_physics_a_method_knows(tmp_path: Path) -> None:
    declared = builders.maps_challenge(tmp_path, physics="waves")
    body = "def estimate(inputs, target, *, device, seed):\n    return target.fillna(0.0)\n"
    for head, expected in {
        "": "",
        "'eddies'": "eddies",
        "'told'": "waves",
        "lambda seed, **_: f'number {seed}'": "number 0",
    }.items():
        text = f"PHYSICS = {head}\n{body}" if head else body
        submission, _ = run(method(tmp_path, text), declared, output=tmp_path)
        assert submission.physics == expected
    for head, words in {
        "PHYSICS = lambda: 'eddies'": r"PHYSICS\(\) failed \(.*unexpected keyword .* 'device'",
        "KINDS = 'maps'": r"KINDS is 'maps', expected the kinds",
        "KINDS = 3": "KINDS is 3, expected the kinds",
        "LEARNS_FROM = 'magic'": "LEARNS_FROM is 'magic'; .known: observations",
        "LEARNS_FROM = lambda: 'truth'": r"LEARNS_FROM\(\) failed .* argument 'noise'",
    }.items():
        text = f"{head}\n{body.replace('seed)', 'seed, weights)')}"
        with pytest.raises(OceanbenchError, match=words):
            run(method(tmp_path, text), declared, output=tmp_path, weights=some_weights(tmp_path))
    assert Challenge.load("lorenz96_wrong_model").physics == "lorenz96"
    assert Challenge.load("ssh_ose_jet").physics == "quasi-geostrophic"


def test_run_writes_the_standard_deviation_that_a_method_returns(
    challenge: Challenge, tmp_path: Path
) -> None:
    sure = """
def estimate(inputs, target, *, device, seed, still=False):
    std = target["ssh"].fillna(0.1).drop_attrs()
    std = std.isel(time=0, drop=True) if still else std
    return target.fillna(0.0).assign(ssh_std=std)
"""
    submission, _ = run(method(tmp_path, sure), challenge, output=tmp_path)
    opened = submission.open(challenge)
    assert opened["ssh_std"].attrs["units"] == "m"
    assert (opened["ssh_std"] == 0.1).all()
    with pytest.raises(OceanbenchError, match="'ssh_std' is not on the coordinates of target"):
        run(method(tmp_path, sure), challenge, output=tmp_path, settings={"still": "true"})


def test_run_writes_a_submission_with_its_provenance(challenge: Challenge, tmp_path: Path) -> None:
    submission, options = run(
        method(tmp_path, ZERO), challenge, output=tmp_path, settings={"level": "2e-1"}, seed=5
    )
    assert submission.name == "method"
    assert submission.method == "Zero everywhere"
    assert submission.authors == "Nobody"
    assert options["seed"] == 5
    assert options["options"] == {"level": 0.2}
    written = xr.open_dataset(submission.path, engine="h5netcdf")["ssh"]
    assert written.attrs["units"] == "m"
    assert np.all(written == 0.2)
    assert [p.name for p in submission.path.parent.iterdir()] == ["method.nc"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 3", "returned int, expected an xarray.Dataset"),
        ("return target.rename(ssh='sla')", "returned no variable 'ssh'"),
        ("return target.isel(time=slice(1, None))", "'time' differs"),
    ],
)
def test_a_wrong_return_is_refused(
    challenge: Challenge, tmp_path: Path, body: str, words: str
) -> None:
    text = f"def estimate(inputs, target, *, device, seed):\n    {body}\n"
    with pytest.raises(OceanbenchError, match=words):
        run(method(tmp_path, text), challenge, output=tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def estimate(:\n", "line 1"),
        ("import nonexistent_package\n", "needs the package 'nonexistent_package'"),
    ],
)
def test_a_file_that_is_no_method_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(OceanbenchError, match=words):
        load_method(method(tmp_path, text))


def test_a_method_without_the_functions_of_the_kind_is_refused(
    tmp_path: Path, challenge: Challenge
) -> None:
    stem, module = load_method(method(tmp_path, "x = 1\n"))
    with pytest.raises(OceanbenchError, match="has no function estimate"):
        functions_of(stem, module, challenge)


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(OceanbenchError, match=r"known: .*mean_field.*oi"):
        load_method("oy")


def test_random_numbers_without_the_seed_are_found_out(tmp_path: Path) -> None:
    """Calls are forked from one random state, so that what was drawn was the same in each."""
    head = '"""Noise."""\nimport random\nimport numpy as np\nimport torch\n'
    call = f"{head}def estimate(inputs, target, *, device, seed):\n    drawn = %s\n"
    filled = f"{call}    return target.fillna(0.0) + drawn\n"
    cycled = f"{head}def start(problem, *, device, seed):\n    return None\n"
    cycled += "def analyse(background, observations, memory):\n    drawn = %s\n"
    cycled += "    return background[:1] + drawn, None\n"
    starts = Challenge.load(forecast_worlds.declare(tmp_path / "starts"))
    cycles = cycle_worlds.challenge(tmp_path)
    for challenge, text, drawn, words in (
        (Challenge.load("lorenz96"), filled, "float(torch.rand(()))", "estimated alone"),
        (starts, filled, "np.random.normal()", "asked for again; draw random numbers from 'seed'"),
        (cycles, cycled, "random.random()", "of a world is another one"),
    ):
        with pytest.raises(OceanbenchError, match=words):
            run(method(tmp_path, text % drawn), challenge, output=tmp_path)
    seeded = "np.random.seed(seed) or np.random.normal()"
    run(method(tmp_path, filled % seeded), starts, output=tmp_path)


def test_options_take_the_type_of_their_defaults(tmp_path: Path) -> None:
    _, module = load_method(method(tmp_path, ZERO))
    texts = {"level": "1e-3", "name": "3", "count": "2", "flag": "true", "free": "[1, 2]"}
    options = parse_options([module.estimate], texts)
    assert options == {"level": 1e-3, "name": "3", "count": 2, "flag": True, "free": [1, 2]}
    for wrong in (
        {"count": "two"},
        {"level": "high"},
        {"level": "nan"},
        {"flag": "1"},
        {"free": "[1"},
        {"free": "[.inf]"},
        {"free": "2013-01-02"},
    ):
        with pytest.raises(OceanbenchError, match="expected"):
            parse_options([module.estimate], wrong)
    with pytest.raises(OceanbenchError, match="did you mean 'level'"):
        parse_options([module.estimate], {"levl": "1"})
    with pytest.raises(OceanbenchError, match="unknown option"):
        parse_options([module.estimate], {"seed": "1"})
