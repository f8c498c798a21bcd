"""The face of the package, as one types it into a notebook."""

from __future__ import annotations

from pathlib import Path

import builders
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from rows import every

import oceanbench
from oceanbench import Challenge, OceanbenchError, Result, Submission
from oceanbench.figures import figures

METHOD = '''"""A level, everywhere."""


def train(inputs, *, device, seed, level=0.25):
    import torch

    return {"level": torch.tensor(level)}


def estimate(inputs, target, *, device, seed, weights, factor=1.0, shown=False):
    return target.fillna(factor * float(weights["level"]))
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a toy challenge, a submission and a method that learns."""
    folder = tmp_path_factory.mktemp("face")
    training = builders.maps(first=np.datetime64("2013-02-01", "ns"))
    builders.write(training, folder / "training.nc")
    datasets = builders.MAPS["datasets"] | {
        "before": {"role": "training", "path": "training.nc", "variables": {"ssh": "ssh"}}
    }
    periods = {"training": ["2013-02-01", "2013-02-15"]}
    builders.maps_challenge(folder, datasets=datasets, periods=periods)
    builders.write(builders.maps(noise=0.05), folder / "mine.nc")
    (folder / "level.py").write_text(METHOD)
    return folder


def test_a_file_a_path_and_a_dataset_have_the_same_scores(place: Path) -> None:
    declared, file = place / "challenge.yaml", place / "mine.nc"
    estimates = xr.load_dataset(file)
    found = [
        oceanbench.evaluate(str(declared), str(file)),
        oceanbench.evaluate(declared, file, name="mine"),
        oceanbench.evaluate(Challenge.load(declared), Submission("mine", str(file))),
        oceanbench.evaluate(declared, estimates),
    ]
    assert [result.name for result in found] == ["mine"] * 4
    assert len({result["RMSE"].value for result in found}) == 1
    assert oceanbench.evaluate(declared, file, only="RMSE").labels == ["RMSE"]
    assert found[0]["RMSE"].value == pytest.approx(0.05, rel=0.1)
    xr.testing.assert_identical(estimates, xr.load_dataset(file))


def test_a_method_is_trained_and_run(place: Path, tmp_path: Path) -> None:
    method, declared = place / "level.py", place / "challenge.yaml"
    weights = oceanbench.train(method, declared, options={"level": 0.5}, output=tmp_path)
    assert weights == tmp_path / "toy_maps" / "level.safetensors"
    options = {"factor": 2.0, "shown": True}
    declared_as = {"learned_from": "simulation", "physics": "none"}
    result = oceanbench.run(
        method, declared, options=options, output=tmp_path, declared=declared_as
    )
    kept = Result.load(tmp_path / "toy_maps" / "level.json")
    assert kept["RMSE"].value == result["RMSE"].value
    assert kept.provenance["options"]["factor"] == 2.0
    assert kept.provenance["options"]["shown"] is True
    assert kept.submission["learned_from"] == "simulation"
    assert kept.provenance["command"].endswith("--learned-from simulation --physics none")
    assert float(xr.load_dataset(tmp_path / "toy_maps" / "level.nc")["ssh"].max()) == 1.0
    board = oceanbench.leaderboard(declared, results=tmp_path)
    assert list(board.computed["submission"]) == ["level"]
    assert board.to_dataframe().loc["level", "RMSE"] == result["RMSE"].value
    assert repr(board) == "Board('toy_maps': level)"
    assert "level" in board._repr_html_()


def test_results_are_tables(place: Path) -> None:
    result = oceanbench.evaluate(place / "challenge.yaml", place / "mine.nc")
    table = result.to_dataframe()
    assert list(table.index) == result.labels
    assert table.loc["RMSE", "value"] == result["RMSE"].value
    assert table.loc["RMSE", "low"] < table.loc["RMSE", "value"] < table.loc["RMSE", "high"]
    assert "mine on toy_maps, version 1" in result._repr_html_()
    with pytest.raises(OceanbenchError, match="mine: has no score 'RSME'; did you mean 'RMSE'"):
        result["RSME"]
    assert "<code>toy_maps</code>" in Challenge.load(place / "challenge.yaml")._repr_html_()


def test_what_is_shipped_is_listed() -> None:
    challenges, methods = oceanbench.list_challenges("maps"), oceanbench.list_methods()
    assert challenges.loc["ssh_osse_jet", "data"] == "here"
    assert "lorenz96" not in challenges.index
    assert methods.loc["oi", "kinds"] == ("maps", "tracks")
    assert "rank" in oceanbench.leaderboard("lorenz96").computed


def test_a_submission_is_drawn(place: Path) -> None:
    drawn = figures(place / "challenge.yaml", place / "mine.nc")
    assert "ssh_maps" in drawn
    assert all(isinstance(figure, Figure) for figure in drawn.values())


def test_the_face_shows_what_it_has() -> None:
    assert {*oceanbench.__all__, "__version__"} <= set(dir(oceanbench))
    assert oceanbench.__version__.split(".")[0].isdigit()
    with pytest.raises(AttributeError, match="has no attribute 'evalute'"):
        _ = oceanbench.evalute


@every(
    "call, words",
    [
        (lambda p: oceanbench.evaluate(7, p), r"challenge: found int, expected Challenge"),
        (lambda p: oceanbench.evaluate("ssh_ose_jte", p), "did you mean 'ssh_ose_jet'"),
        (lambda p: oceanbench.evaluate("ssh_ose_jet", 7), "submission: found int, expected Sub"),
        (lambda p: oceanbench.evaluate("ssh_ose_jet", p / "no.nc"), "no such file"),
        (lambda p: oceanbench.evaluate("ssh_ose_jet", Submission("a", p), name="b"),
         "name: b, but the submission is called a"),
        (lambda p: oceanbench.run("io", "ssh_ose_jet"), "io"),
        (lambda p: oceanbench.run("oi", "ssh_ose_jet", options={"nose": 1}, output=p), "'noise'"),
        (lambda p: oceanbench.run("oi", "ssh_ose_jet", options={"noise": [1]}, output=p), "float"),
        (lambda p: oceanbench.compare("oi", 7, "ssh_ose_jet"), "second: found int, expected str"),
        (lambda p: oceanbench.leaderboard("nothing"), "nothing"),
        (lambda p: oceanbench.leaderboard("lorenz96", results="none"), "results none: no such"),
        (lambda p: oceanbench.run("oi", "ssh_ose_jet", options="noise=1"), "options: found str"),
        (lambda p: oceanbench.run("oi", "ssh_ose_jet", declared={"learnt_from": "truth"}),
         "declared 'learnt_from'; did you mean 'learned_from'"),
        (lambda p: oceanbench.run("oi", "ssh_ose_jet", seed="a"), "seed: found str, expected int"),
        (lambda p: oceanbench.run("oi", "ssh_ose_jet", seed=-1), "found -1: .* than or equal to 0"),
        (lambda p: oceanbench.run(every, "ssh_ose_jet"), "method: found function, expected str"),
        (lambda p: oceanbench.evaluate("lorenz96", p, name=3), "name: found int, expected str"),
        (lambda p: Challenge.load("ssh_ose_jet").open("jason"), "no dataset 'jason'; did you mean"),
        (lambda p: Challenge.load("ssh_ose_jet").dataset(3), "no dataset '3'"),
        (lambda p: figures("ssh_osse_jet", "nope.nc"), "nope.nc: no such file"),
        (lambda p: oceanbench.evaluate("ssh_ose_jet", p, nam="a"),
         r"^evaluate: got an unexpected keyword argument 'nam'; it takes challenge, submission"),
        (lambda p: oceanbench.run("oi"), "^run: missing a required argument: 'challenge'"),
        (lambda p: oceanbench.evaluate("a" * 5000, p), "challenge aaa.*: File name too long"),
        (lambda p: oceanbench.evaluate("a\nb", p), "is called 'a b'"),
        (lambda p: oceanbench.run("oi", "ssh_ose_jet", declared={"members": 3}),
         r"declared: found dict \{'members': 3\}, expected Mapping"),
        (lambda p: oceanbench.evaluate("lorenz96", xr.Dataset(attrs={"x": None})), "cannot be wri"),
        (lambda p: oceanbench.evaluate("lorenz96", xr.Dataset({("a", "b"): 1.0})), "cannot be wri"),
        (lambda p: oceanbench.training_fields("ssh_ose_jet", frist=1), "argument 'frist'; it take"),
        (lambda p: oceanbench.training_fields("ssh_ose_jet", missions=["a"]), "missions: found li"),
        (lambda p: oceanbench.training_fields("ssh_ose_jet", step_degrees=-1.0), "than or equal"),
        (lambda p: oceanbench.training_fields("ssh_ose_jet", step_degrees=np.nan), "finite"),
        (lambda p: oceanbench.training_fields("ssh_ose_jet", device="tpu"), "--device tpu"),
        (lambda p: oceanbench.list_challenges(3), "kind 3: unknown"),
        (lambda p: oceanbench.list_challenges("map"), "did you mean 'maps'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, call, words: str) -> None:
    with pytest.raises(OceanbenchError, match=words) as refusal:
        call(tmp_path)
    assert "\n" not in str(refusal.value)
