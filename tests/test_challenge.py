"""challenge.yaml: what exists is valid, and what is refused is told in one line with its cure."""

from __future__ import annotations

import pytest
import xarray as xr
import yaml
from builders import (
    MAPS,
    TRACKS,
    changed,
    load_challenge,
    maps,
    maps_challenge,
    tracks_challenge,
    write,
    write_challenge,
)
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.data.expressions import parse_sum
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.submission import Submission


def refusal(path) -> str:
    with pytest.raises(OceanbenchError) as caught:
        Challenge.load(path)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text


TRUTH = MAPS["datasets"]["truth"]
BAD = {  # changes at dotted keys -> words of the refusal
    "unknown key at the top": ({"tytle": "x"}, ["'tytle'", "did you mean 'title'"]),
    "unknown key, nested": (
        {"submission.regird": "linear"}, ["submission", "'regird'", "did you mean 'regrid'"],
    ),
    "unknown key in a dataset": (
        {"datasets.truth.unit": "m"}, ["datasets.truth", "'unit'", "did you mean 'units'"],
    ),
    "unknown key in a mask": (
        {"masks.domain": {"inset": 1.0}}, ["masks.domain", "'inset'", "inset_degrees"],
    ),
    "unknown key in periods": ({"periods": {"trainig": ["2012-01-01", "2012-02-01"]}}, ["trainig"]),
    "path at the top": ({"path": "x"}, ["'path'"]),
    "unknown metric": (
        {"metrics.0.metric": "rsme"}, ["metrics[0]", "'rsme'", "did you mean 'rmse'"],
    ),
    "unknown option": (
        {"metrics.2.windw": "hann"},
        ["metrics[2]", "'windw'", "resolved_wavelength", "did you mean 'window'"],
    ),
    "option of another metric": ({"metrics.0.window": "hann"}, ["metrics[0]", "'window'", "rmse"]),
    "unknown option in options": ({"metrics.0.options": {"bogus": 1}}, ["metrics[0]", "bogus"]),
    "bad value in options": (
        {"metrics.2.options": {"window": "hanning"}}, ["metrics[2]", "window", "hanning"],
    ),
    "bad value of an option": (
        {"metrics.2.window": "hanning"}, ["metrics[2]", "window", "'hanning'", "'hann_symmetric'"],
    ),
    "option 1e-3 read as text": (
        {"metrics.2.level": "1e-3"}, ["metrics[2]", "level", "1e-3", "1.0e-3"],
    ),
    "unknown mask": ({"metrics.0.mask": "domian"}, ["metrics[0].mask", "did you mean 'domain'"]),
    "unknown variable": (
        {"metrics.0.variable": "shs"}, ["metrics[0].variable", "did you mean 'ssh'"],
    ),
    "label twice": ({"metrics.1.label": "RMSE"}, ["metrics", "label", "'RMSE'", "twice|unique"]),
    "unknown rank_by": ({"rank_by": "rsme"}, ["rank_by", "'rsme'", "did you mean 'rmse'"]),
    "rank_by of a metric without a better": (
        {"metrics.0.metric": "bias", "rank_by": "bias", "metrics.0.label": "bias"},
        ["rank_by", "bias"],
    ),
    "no metric": ({"metrics": []}, ["rank_by|metrics"]),
    "two truths": ({"datasets.second": TRUTH}, ["datasets", "2", "truth, second", "exactly one"]),
    "no truth": ({"datasets.truth.role": "observations"}, ["datasets", "0", "exactly one"]),
    "bad role": ({"datasets.truth.role": "thruth"}, ["datasets.truth.role", "'thruth'", "'truth'"]),
    "bad kind": ({"kind": "map"}, ["kind", "'map'", "'maps'"]),
    "bad missing": ({"submission.missing": "ignore"}, ["submission.missing", "'ignore'", "'drop'"]),
    "truth on a track in maps": ({"datasets.truth.layout": "track"}, ["layout", "track", "grid"]),
    "track metric on maps": (
        {"metrics.0": {"metric": "along_track_wavelength"}}, ["metrics[0]", "track", "maps"],
    ),
    "number as text": (
        {"domain.longitude": ["1e-3", 4]}, ["domain.longitude[0]", "'1e-3'", "number", "1.0e-3"],
    ),
    "number as text in a mask": (
        {"masks.domain": {"inset_degrees": "1e-3"}}, ["inset_degrees", "'1e-3'", "1.0e-3"],
    ),
    "no as a label": ({"metrics.0.label": False}, ["metrics[0].label", "False", "quotes"]),
    "no as a title": ({"title": False}, ["title", "False", "quotes"]),
    "yes as a version": ({"version": True}, ["version", "True"]),
    "version as text": ({"version": "1"}, ["version", "'1'"]),
    "flag as text": ({"submission.crop_to_domain": "no"}, ["crop_to_domain", "'no'"]),
    "bad name": ({"name": "Toy Maps"}, ["name", "Toy Maps"]),
    "date that does not exist": (
        {"domain.time": ["2012-10-32", "2012-11-05"]}, ["domain.time[0]", "2012-10-32"],
    ),
    "date as a number": ({"domain.time": [20121022, 20121105]}, ["domain.time", "20121022"]),
    "dates in the wrong order": (
        {"domain.time": ["2012-11-05", "2012-10-22"]}, ["domain", "time", "first"],
    ),
    "latitudes in the wrong order": ({"domain.latitude": [36, 33]}, ["latitude", "south"]),
    "latitude beyond the pole": ({"domain.latitude": [33, 90.5]}, ["latitude"]),
    "longitude and latitude swapped": (
        {"domain.longitude": [33, 36], "domain.latitude": [-165, -161]}, ["latitude"],
    ),
    "bound that is no number": ({"domain.longitude": [float("nan"), 4]}, ["longitude"]),
    "one bound": ({"domain.longitude": [-65]}, ["domain.longitude"]),
    "negative inset": ({"masks.domain": {"inset_degrees": -0.25}}, ["inset_degrees", "-0.25"]),
    "training in the evaluation period": (
        {"periods": {"training": ["2012-11-01", "2013-01-01"]}},
        ["periods.training", "2012-11-01", "evaluation", "2012-10-22"],
    ),
    "training around the evaluation period": (
        {"periods": {"training": ["2012-01-01", "2013-01-01"]}}, ["periods.training", "evaluation"],
    ),
    "training that ends on the first day": (
        {"periods": {"training": ["2012-01-01", "2012-10-22"]}}, ["periods.training", "evaluation"],
    ),
    "training in the forbidden period": (
        {
            "periods": {
                "training": ["2012-12-01", "2013-09-30"],
                "forbidden": ["2012-11-06", "2013-01-01"],
            }
        },
        ["periods.training", "forbidden"],
    ),
    "validation in the evaluation period": (
        {"periods": {"validation": ["2012-01-01", "2012-10-22"]}},
        ["periods.validation", "evaluation"],
    ),
    "validation in the training period": (
        {
            "periods": {
                "training": ["2011-01-01", "2011-12-31"],
                "validation": ["2011-12-31", "2012-02-01"],
            }
        },
        ["periods.validation", "training period 2011-01-01", "keep them apart"],
    ),
    "validation data without a period": (
        {"datasets.past": {**TRUTH, "role": "validation"}},
        ["datasets.past", "periods.validation"],
    ),
    "training in the wrong order": (
        {"periods": {"training": ["2013-09-30", "2013-01-02"]}}, ["periods.training"],
    ),
    "training data without a period": (
        {"datasets.past": {**TRUTH, "role": "training"}}, ["datasets.past", "periods.training"],
    ),
    "other variables than the truth's": (
        {"submission.variables": {"sst": {"units": "K"}}}, ["submission.variables", "sst", "ssh"],
    ),
    "expression": ({"datasets.truth.variables": {"ssh": "a * b"}}, ["variables", "a * b", "sum"]),
    "missing key": ({"domain": None}, ["domain", "missing", "add"]),
    "missing key, nested": ({"datasets.truth.path": None}, ["datasets.truth.path", "missing"]),
    "missing metric": ({"metrics.0.metric": None}, ["metrics[0].metric", "missing"]),
    "list where a section is expected": ({"domain": [1, 2]}, ["domain"]),
    "text where a list is expected": ({"metrics": "rmse"}, ["metrics"]),
    "no variables": (
        {"datasets.truth.variables": {}, "submission.variables": {}}, ["variables"],
    ),
}  # fmt: skip


@every("case", BAD)
def test_mistake_is_refused_with_key_value_and_cure(case, tmp_path):
    changes, words = BAD[case]
    text = refusal(write_challenge(tmp_path, MAPS, changes))
    for word in words:
        assert any(w in text for w in word.split("|")), (word, text)


BAD_TRACKS = {
    "fill": ({"submission.missing": "fill"}, ["submission.missing", "fill", "drop"]),
    "map metric": ({"metrics.0": {"metric": "resolved_wavelength"}}, ["metrics[0]", "grid"]),
    "step of zero": ({"submission.grid": {"step_degrees": 0.0}}, ["step_degrees"]),
    "segments of no length": (
        {"metrics.0": {"metric": "along_track_wavelength", "segment_km": -5.0}, "rank_by": "µ"},
        ["segment_km"],
    ),
}  # fmt: skip


@every("case", BAD_TRACKS)
def test_mistake_about_tracks_is_refused(case, tmp_path):
    changes, words = BAD_TRACKS[case]
    text = refusal(write_challenge(tmp_path, TRACKS, changes))
    assert all(word in text for word in words), text


@every(
    "text, words",
    [
        ("name: [unclosed", ["not valid YAML"]),
        ("a: b: c", ["not valid YAML"]),
        ("\t- x", ["not valid YAML"]),
        ("", ["found none"]),
        ("just a text", ["found none"]),
        ("- a\n- b", ["found none"]),
        ("no: 1\nname: x", ["unknown key"]),
        ("1: 2", ["unknown key"]),
        ("domain: {time: [2012-02-30, 2012-03-01]}", ["2012-02-30|day|date"]),
        ("x: !!python/object/apply:os.system ['true']", ["not valid YAML"]),
        ("name: a\nname: b", ["name", "twice|duplicate|not valid YAML"]),
        ("a: &x [1]\nb: *x", ["anchor|alias|unknown key"]),
        ("<<: {name: a}\nversion: 1", ["merge"]),
    ],
)
def test_broken_yaml_is_refused_in_one_line(text, words, tmp_path):
    path = tmp_path / "challenge.yaml"
    path.write_text(text, encoding="utf-8")
    found = refusal(path)
    for word in words:
        assert any(w in found for w in word.split("|")), found


def test_a_long_value_is_shown_by_its_beginning(tmp_path):
    for length, shown in ((77, f"'{'x' * 77}'"), (78, f"'{'x' * 59}…")):
        with pytest.raises(OceanbenchError) as caught:
            load_challenge(tmp_path / str(length), MAPS, version="x" * length)
        assert f"found {shown}, expected" in str(caught.value)


def test_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "challenge.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    assert "YAML" in refusal(path)


def test_key_given_twice_is_refused(tmp_path):
    path = write_challenge(tmp_path, MAPS, {})
    path.write_text(path.read_text() + "version: 2\n")
    assert "version" in refusal(path)


def test_missing_file_and_unknown_name_are_refused(tmp_path):
    with pytest.raises(OceanbenchError, match="no such file"):
        Challenge.load(tmp_path / "challenge.yaml")
    with pytest.raises(OceanbenchError, match="ssh_osse_jet"):
        Challenge.load("ssh_osse_jett")


@every(
    "expression, terms",
    [
        ("ssh", [(1, "ssh")]),
        ("sla_unfiltered + mdt - lwe", [(1, "sla_unfiltered"), (1, "mdt"), (-1, "lwe")]),
        ("a-b", [(1, "a"), (-1, "b")]),
        ("- a + b", [(-1, "a"), (1, "b")]),
    ],
)
def test_sums_and_differences_of_variables_are_understood(expression, terms):
    assert parse_sum(expression) == terms


@every(
    "expression",
    ["", " ", "a b", "a + ", "a * b", "a / b", "2 * a", "a + 1", "(a)", "a + (b - c)", "a ** b",
     "a--b", "a + - b", "__import__('os')", "a.b", "a[0]", "a;b", "a, b", "a\\n+", "ssh # mdt"],
)  # fmt: skip
def test_nothing_but_sums_and_differences_is_understood(expression):
    with pytest.raises(OceanbenchError, match=r"sum|empty"):
        parse_sum(expression)


def test_what_may_be_absent_has_a_default(tmp_path):
    challenge = load_challenge(tmp_path, MAPS)
    assert challenge.submission.missing == challenge.submission.regrid == "refuse"
    assert challenge.ranking.label == "RMSE"
    assert challenge.truth_name == "truth"
    assert len(challenge.sha256) == 64
    without = yaml.safe_dump(changed(MAPS, {"masks": None, "rank_by": "rmse"}))
    (tmp_path / "challenge.yaml").write_text(without)
    assert list(Challenge.load(tmp_path / "challenge.yaml").masks) == ["domain"]


def test_folder_of_a_challenge_may_be_given_and_have_any_name(tmp_path):
    folder = tmp_path / "my [first] challenge"
    challenge = maps_challenge(folder)
    assert Challenge.load(folder).name == challenge.name
    assert challenge.open("truth")["ssh"].shape == (15, 7, 9)


def test_the_ocean_of_a_challenge_is_its_world_or_its_own(tmp_path):
    assert load_challenge(tmp_path / "a", MAPS).ocean == "toy_maps"
    assert load_challenge(tmp_path / "b", MAPS, world="natl60").ocean == "natl60"


def test_challenge_cannot_be_changed(tmp_path):
    challenge = load_challenge(tmp_path, MAPS)
    with pytest.raises(ValueError, match="frozen"):
        challenge.version = 2


def test_target_has_the_coordinates_of_the_truth_and_none_of_its_values(tmp_path):
    challenge = maps_challenge(tmp_path)
    target = challenge.target()
    assert bool(target["ssh"].isnull().all())
    assert target["ssh"].shape == (15, 7, 9)
    assert target["ssh"].attrs["units"] == "m"


def test_training_data_are_cut_to_the_training_period(tmp_path):
    truth = maps(count=40)
    challenge = maps_challenge(
        tmp_path,
        truth,
        periods={"training": ["2012-11-10", "2012-11-20"]},
        datasets={"truth": TRUTH, "past": {**TRUTH, "role": "training"}},
    )
    time = challenge.open("past")["time"].values.astype("M8[D]").astype(str)
    assert (time[0], time[-1]) == ("2012-11-10", "2012-11-20")
    time = challenge.open("truth")["time"].values.astype("M8[D]").astype(str)
    assert (time[0], time[-1]) == ("2012-10-22", "2012-11-05")


def test_missing_data_are_asked_for_with_the_place_to_put_them(tmp_path):
    challenge = load_challenge(
        tmp_path, MAPS, datasets__truth__source={"instructions": "get it from AVISO"}
    )
    with pytest.raises(OceanbenchError, match=r"get it from AVISO.*--data-dir"):
        challenge.open("truth", data_dir=tmp_path / "nowhere")
    with pytest.raises(OceanbenchError, match=r"truth\.nc"):
        challenge.open("truth")


@pytest.mark.parametrize("form", ["text", "by file"])
def test_file_with_another_checksum_is_refused(tmp_path, form):
    wrong = "0" * 64
    sha = wrong if form == "text" else {"truth.nc": wrong}
    challenge = maps_challenge(tmp_path, datasets__truth__sha256=sha)
    with pytest.raises(OceanbenchError, match=r"truth\.nc has sha256 .* expected 000000000000"):
        challenge.open("truth")


def test_layouts_go_without_saying_and_a_grid_is_asked_for_by_methods_only(tmp_path):
    """Observations are tracks, and so is the truth of an observing-system experiment."""
    datasets = TRACKS["datasets"]
    plain = {k: v for k, v in datasets["altimeter"].items() if k != "layout"}
    observed = {"role": "observations", "path": "other.nc", "variables": {"ssh": "sla"}}
    challenge = tracks_challenge(
        tmp_path,
        datasets={"altimeter": plain, "other": observed},
        submission={"variables": {"ssh": {"units": "m"}}},
    )
    assert {d.layout for d in challenge.datasets.values()} == {"track"}
    write(maps(count=16), tmp_path / "mine.nc")
    assert evaluate(challenge, Submission("mine", tmp_path / "mine.nc")).score("µ").value > 0.7
    with pytest.raises(OceanbenchError, match=r"submission\.grid is missing"):
        challenge.target()


def test_an_ensemble_is_scored_by_its_mean(tmp_path):
    challenge = maps_challenge(tmp_path)
    members = [maps(noise=0.1, seed=seed) for seed in range(4)]
    ensemble = xr.concat(members, dim="member")
    mean = ensemble.mean("member", keep_attrs=True)
    results = []
    for name, dataset in {"members": ensemble, "mean": mean}.items():
        write(dataset, tmp_path / f"{name}.nc")
        results.append(evaluate(challenge, Submission(name, tmp_path / f"{name}.nc")))
    for score in results[0].scores:
        assert score.value == pytest.approx(results[1].score(score.label).value, rel=1e-12)


@pytest.mark.parametrize("role", ["observations", "auxiliary"])
def test_an_input_may_not_be_the_truths_file(tmp_path, role):
    leak = {"role": role, "path": "truth.nc", "variables": {"ssh": "ssh"}, "layout": "grid"}
    path = write_challenge(tmp_path, MAPS, {"datasets": {"truth": TRUTH, "leak": leak}})
    assert "datasets.leak.path: truth.nc is the truth's" in refusal(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"submission.variables.ssh.valid_range": [5, -5]}, "valid_range"),
        ({"metrics.2.level": 2.0}, "between 0 and 1"),
        ({"masks": {}}, "masks"),
    ],
)
def test_empty_ranges_and_impossible_levels_are_refused(tmp_path, changes, words):
    assert words in refusal(write_challenge(tmp_path, MAPS, changes))
