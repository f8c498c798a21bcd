"""A method is driven through cycles, sees nothing later, and is scored by what it makes of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import cycle_worlds
import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from command import Command
from rows import every

from oceanbench.assimilation.cycling import CycledMembers
from oceanbench.boards.placing import place_of
from oceanbench.boards.ranking import board
from oceanbench.boards.rendering import to_html
from oceanbench.challenge import Challenge
from oceanbench.dynamics import models as of_torch
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.kinds.cycles import models
from oceanbench.kinds.cycles.driving import driven, each_world, nature_of
from oceanbench.kinds.cycles.opening import keys
from oceanbench.kinds.cycles.pieces import Worlds
from oceanbench.kinds.cycles.problem import ServedWorld
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method
from oceanbench.methods.running import run
from oceanbench.result import Result

KALMAN = '''"""A Kalman filter of the members, with perturbed observations."""

import numpy as np

KINDS = ("cycles",)
PHYSICS = "told"


def start(problem, *, device, seed, members=12, inflation=1.05):
    assert len(problem.climate) == 300 and set(problem.training) == {
        "training_truth", "training_observations"}
    assert problem.model == ("lorenz96", {"forcing": 8.0}) and problem.cycles == 140
    assert np.isfinite(problem.training["training_truth"]).all()
    return np.random.default_rng(seed), members, inflation


def analyse(background, observations, memory):
    random, count, inflation = memory
    members = background[:count]
    mean = members.mean(0)
    members = mean + inflation * (members - mean)
    values, seen, variance = observations
    cov = np.cov(members.T)
    noise = np.sqrt(variance) * random.standard_normal((count, seen.size))
    gain = cov[:, seen] @ np.linalg.inv(cov[np.ix_(seen, seen)] + np.diag(variance))
    return members + (values + noise - noise.mean(0) - members[:, seen]) @ gain.T, memory
'''
INSERTION = '''"""The background, with the observations put into it."""

KINDS = ("cycles",)


def start(problem, *, device, seed):
    return None


def analyse(background, observations, memory):
    state = background.mean(0, keepdims=True)
    state[:, observations.components] = observations.values
    return state, None
'''
CHEAT = '''"""Keeps on disk what it saw, and looks up what comes when it is asked again."""

from pathlib import Path

import numpy as np

KINDS = ("cycles",)


def start(problem, *, device, seed):
    return None, 0


def analyse(background, observations, memory):
    path, cycle = memory
    path = path or Path(__file__).with_name(f"seen_{observations.values[0]:.6f}.npy")
    known = np.load(path) if path.exists() else np.zeros((0, 8))
    state = background.mean(0, keepdims=True)
    state[:] = known[cycle + 1] if cycle + 1 < len(known) else observations.values
    if cycle == len(known):
        np.save(path, np.vstack([known, observations.values]))
    return state, (path, cycle + 1)
'''


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Path of the challenge, with methods beside it."""
    found = cycle_worlds.challenge(tmp_path)
    for name, text in (("kalman", KALMAN), ("insertion", INSERTION), ("cheat", CHEAT)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return found.path


def test_it_is_run_scored_ranked_drawn_and_validated(toy: Path, oceanbench: Command) -> None:
    code, out, _ = oceanbench("show", toy)
    assert code == 0 and "spin-up" in out and "of 4, 10 cycles, from every 5th analysis" in out
    assert "state_rmse  ← ranks" in out and "state_rmse (variable: state_background)" in out
    for name in ("kalman", "insertion"):
        code, out, err = oceanbench("run", f"{name}.py", toy, "--figures", "--board")
        assert (code, err) == (0, "")
    assert re.search(r"\| 2 +\| b +\| insertion ◀ new", out)
    results = Path("results/toy_cycles")
    kalman, insertion = (Result.load(results / f"{n}.json") for n in ("kalman", "insertion"))
    assert kalman["RMSEa"].value < kalman["RMSEb"].value < kalman["10"].value
    assert kalman["RMSEa"].value < 0.45 < insertion["RMSEa"].value
    assert insertion["RMSEa"].value == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert kalman["chi2"].value == pytest.approx(1.0, abs=0.25)
    assert kalman["spread/error"].value == pytest.approx(1.0, abs=0.3)
    assert insertion["chi2"].flag == insertion["spread/error"].flag == "deterministic"
    assert kalman["divergences"].value == 0.0
    assert kalman["RMSEa"].interval is not None
    assert kalman.coverage[0]["cycles"] == 280 and kalman.coverage[0]["model_steps"] == 280 * 12
    assert {p.stem for p in (results / "kalman").iterdir()} == {"state_error", "state_calibration"}
    code, out, _ = oceanbench("validate", toy, results / "kalman.nc")
    assert code == 0 and "state: 2 worlds of 120 scored cycles, 12 members" in out


def scored(challenge: Challenge, states: np.ndarray) -> Result:
    """Result of states (window, time, component)."""
    target = challenge.target()
    return evaluate(challenge, target.assign(state=(target["state"].dims, states)))


def test_the_truth_is_perfect_and_a_cycle_late_it_is_not(tmp_path: Path) -> None:
    challenge = cycle_worlds.challenge(tmp_path)
    truth = challenge.open("truth")["state"].values
    perfect = scored(challenge, truth)
    for label in ("RMSEa", "RMSEb", "4", "10"):
        assert perfect[label].value == pytest.approx(0.0, abs=1e-4)
    assert perfect["lost"].value == perfect["divergences"].value == 0.0
    late = scored(challenge, np.roll(truth, 1, axis=1))
    apart = np.sqrt(((truth[:, 20:] - truth[:, 19:-1]) ** 2).mean(-1)).mean()
    assert late["RMSEa"].value == pytest.approx(apart, rel=1e-6)
    assert late["RMSEb"].value == pytest.approx(apart, rel=1e-4)  # its forecasts are late too


def test_a_world_that_blew_up_is_the_climate_and_ranks_below(
    toy: Path, oceanbench: Command
) -> None:
    challenge = Challenge.load(toy)
    truth = challenge.open("truth")["state"].values
    states = truth + 0.1
    states[1, 60:] = np.nan
    target = challenge.target()
    target.assign(state=(target["state"].dims, states)).to_netcdf("lost.nc", engine="h5netcdf")
    code, _, err = oceanbench("evaluate", toy, "lost.nc")
    assert code == 0 and "blew up at cycle 60 of a world" in err
    code, out, _ = oceanbench("run", "insertion.py", toy, "--board")
    lost = Result.load("results/toy_cycles/lost.json")
    climate = challenge.open("training_truth")["state"].mean(("window", "time")).values
    error = np.full((2, 120), 0.1)
    error[1, 40:] = np.sqrt(((climate - truth[1, 60:]) ** 2).mean(-1))
    assert lost["RMSEa"].value == pytest.approx(error.mean(), rel=1e-5)
    assert lost["divergences"].value >= 1.0
    apart = r"\n\n\*\*Ranked apart: diverged\*\*\n\n\| rank .*\n.*\n\| 1 +\| a +\| lost "
    assert re.search(r"\| 1 +\| a +\| insertion ◀ new .*" + apart, out)
    rows = [Result.load(f"results/toy_cycles/{name}.json") for name in ("lost", "insertion")]
    shown = board(challenge, rows)
    assert "Rows that diverged, if only once, are ranked apart" in shown.legend
    for page in (to_html([shown]), shown._repr_html_()):
        places = [page.index(x) for x in ("<td>insertion<", "apart: diverged", "<td>lost<")]
        assert places == sorted(places)
    assert list(shown.to_dataframe()["apart"]) == ["", "diverged"]
    code, out, _ = oceanbench("evaluate", toy, "lost.nc")
    assert "lost on toy_cycles: diverged: ranked apart, below 1 row; rank 1 of 1" in out
    assert "against insertion" in out and place_of(challenge, rows, "insertion").leader is None
    late = truth + 0.1
    late[1, 135:] = np.nan  # of 120 cycles from the 20th on, the last five
    found = scored(challenge, late)
    assert (found["divergences"].value, found["lost"].value <= 5 / 240) == (1.0, True)
    assert "Rows that diverged" in board(challenge, [found]).legend
    nowhere = replace(models.model("lorenz96", 0.05, {}), run=lambda members, *_: members * np.nan)
    known = challenge.open("truth")["state"]
    known = known.assign_coords(ended=("window", [False, False]))
    worlds = Worlds(known, truth, truth[..., None], nowhere, keys(challenge))
    assert (worlds.background == 100.0).all()  # what the model cannot run is at the bound
    states[1, 90] = 1.0
    with pytest.raises(OceanbenchError, match="missing at cycle 60 of world 1"):
        scored(challenge, states)


def test_members_that_leave_the_bound_end_their_world(toy: Path) -> None:
    wild = toy.with_name("wild.py")
    wild.write_text(KALMAN.replace("    values, seen", "    members *= 4.0\n    values, seen"))
    submission, _ = run(str(wild), Challenge.load(toy), output=toy.parent / "results")
    with xr.open_dataset(submission.path, engine="h5netcdf") as opened:
        missing = np.isnan(opened["state"].values)
    assert not missing[:, 0].any() and missing[:, -1].all()


def test_a_process_of_its_own_makes_no_difference_to_what_is_found(toy: Path) -> None:
    challenge, method = Challenge.load(toy), str(toy.with_name("kalman.py"))
    submission, _ = run(method, challenge, output=toy.parent / "results")
    _, module = load_method(method)
    functions = {"start": module.start, "analyse": module.analyse}
    arguments = {"device": "cpu", "seed": 0}
    here = each_world(functions, Inputs(challenge), challenge.target(), arguments)
    with xr.open_dataset(submission.path, engine="h5netcdf") as opened:
        np.testing.assert_array_equal(opened["state"].values, here["state"].values)
        np.testing.assert_array_equal(opened["model_steps"], here["model_steps"])


def test_nothing_is_kept_on_disk_or_it_is_found_out(toy: Path) -> None:
    words = "Read-only|denied|of a world is another one when the world is asked"  # by the system
    with pytest.raises(OceanbenchError, match=words):
        run(str(toy.with_name("cheat.py")), Challenge.load(toy), output=toy.parent / "results")
    challenge, starts = Challenge.load(toy), iter(range(9))

    def start(problem, *, device, seed):
        return next(starts)  # which no process of its own can count

    def analyse(background, observations, memory):
        return background[:1] * (1.0 if memory < 2 else np.nan), memory

    with pytest.raises(OceanbenchError, match="of a world is another one when"):
        functions, arguments = {"start": start, "analyse": analyse}, {"device": "cpu", "seed": 0}
        each_world(functions, Inputs(challenge), challenge.target(), arguments)


@every(
    "line, words",
    [
        ("return background[0], None", r"shape \(8,\), expected \(member, 8\), 1 to 500"),
        ("return background, None, 1", r"returned tuple, expected a pair"),
        ("return background[: len(background) - 1], None", "keep their number"),
        ("return background, bytes(2**27)", "the memory of the method has 128 MiB"),
        ("return background[:, :3], None", r"shape \(200, 3\)"),
        ("raise ValueError('no')", "^wrong: it failed, ValueError: no$"),
        ("return background.astype(str), None", "of type <U.*, expected real numbers"),
        ("return background + 0j, None", "of type complex128, expected real numbers"),
        ("import numpy; return background.astype(numpy.half), None", "type float16, numbers of th"),
        ("PROBLEM.steps = 'few'; return background[:2], None", "no longer a count of steps"),
        ("PROBLEM.steps = -(10**9); return background[:2], None", "no longer a count of steps"),
        ("import os; count = 2 + int.from_bytes(os.urandom(8), 'big') % 190; "
         "return background[: count if len(background) == 200 else 200], None",
         r"members of a world, and \d+ when it is asked for again|\[\d+, \d+\] members"),
    ],
)  # fmt: skip
def test_what_is_no_analysis_is_refused_in_one_line(tmp_path: Path, line: str, words: str) -> None:
    challenge = cycle_worlds.challenge(tmp_path)
    method = tmp_path / "wrong.py"
    head = "def start(problem, *, device, seed):\n    global PROBLEM\n    PROBLEM = problem\n"
    body = f"def analyse(background, observations, memory):\n    {line}\n"
    method.write_text(f'"""A method that is wrong."""\nKINDS = ("cycles",)\n{head}{body}')
    with pytest.raises(OceanbenchError, match=words):
        run(str(method), challenge, output=tmp_path / "results")


def test_more_members_than_the_first_background_has_are_draws_of_the_climate(toy: Path) -> None:
    """The first background is what it was; others are added, the same each time they are drawn."""
    challenge = Challenge.load(toy)
    nature = nature_of(Inputs(challenge), "state", challenge.target())
    drawn = np.random.default_rng([3, 1]).integers(0, len(nature.climate), 200)
    first = nature.first(1, 3)
    np.testing.assert_array_equal(first, nature.climate[drawn])
    members, again = (CycledMembers.of(nature.problem(), 230, seed=3) for _ in range(2))
    found = members.taken(first)
    assert found.shape == (230, 8)
    np.testing.assert_array_equal(found, again.taken(first))
    np.testing.assert_array_equal(found[:200], first)
    assert (found[200:, None] == nature.climate).all(-1).any(-1).all()
    np.testing.assert_array_equal(members.taken(found), found)
    np.testing.assert_array_equal(
        CycledMembers.of(nature.problem(), 40, seed=3).taken(first), first[:40]
    )
    for count in (0, 1, 10**12):
        with pytest.raises(OceanbenchError, match=f"members={count}, expected 2 to 500"):
            CycledMembers.of(nature.problem(), count, seed=3)
    answer = ServedWorld(nature.problem(), {"device": "cpu", "seed": 3, "members": 230})
    asked = answer(load_method("etkf")[1])
    ended = driven(nature, first, 1, asked, range(3))
    assert ended.members.shape == (3, 230, 8) and ended.steps == 3 * 230


def test_its_rules_are_its_own(tmp_path: Path) -> None:
    content = yaml.safe_load(cycle_worlds.challenge(tmp_path).path.read_text())

    def refused(words: str, **changes: object) -> None:
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump({**content, **changes}), encoding="utf-8")
        with pytest.raises(OceanbenchError, match=words):
            Challenge.load(path)

    refused("periods; remove them", periods={"training": ["2001-01-01", "2001-12-31"]})
    refused("every: 7 cycles do not divide block, 20", every=7)
    refused("model: unknown model 'lorenz69'; did you mean 'lorenz96'", model={"name": "lorenz69"})
    refused("unknown parameter 'force'", model={"name": "lorenz96", "parameters": {"force": 8.0}})
    refused("spin_up", spin_up=0)
    refused(r"leads: \[10, 4\] do not increase", leads=[10, 4])
    scored = {k: v for k, v in content["datasets"].items() if "training" not in k}
    refused("0 have role 'training', expected states of other worlds", datasets=scored)
    row = {"metric": "state_rmse", "label": "RMSEa"}
    refused("unknown 'state_lead_5'; did you mean", metrics=[{**row, "variable": "state_lead_5"}])


def test_a_part_of_the_state_has_scores_of_its_own_on_the_days_its_truth_is_known(
    tmp_path: Path,
) -> None:
    """Half of the components, whose truth is known at every fifth cycle, and the whole."""
    rows = [
        {"metric": "rmse", "label": label, "mask": mask, "variable": variable}
        for label, mask, variable in (
            ("first", "first", "state"),
            ("last", "last", "state"),
            ("later", "last", "state_lead_10"),
        )
    ]
    masks = {"first": {"components": [0, 3]}, "last": {"components": [4, 7]}}
    challenge = cycle_worlds.challenge(tmp_path, masks=masks, metrics=rows, rank_by="first")
    truth = challenge.open("truth")["state"].values
    apart = truth + np.where(np.arange(8) < 4, 0.1, 0.3)
    apart[:, np.arange(140) % 5 > 0, 4:] = 9.0  # which nobody looks at
    known = truth.copy()
    known[:, np.arange(140) % 5 > 0, 4:] = np.nan
    cycle_worlds.as_file(known, tmp_path / "truth.nc")
    found = scored(challenge, apart)
    assert found["first"].value == pytest.approx(0.1, rel=1e-5)
    assert found["last"].value == pytest.approx(0.3, rel=1e-5)
    assert [found[label].n for label in ("first", "last")] == [2 * 120 * 4, 2 * 24 * 4]
    dynamics = models.model("lorenz96", 0.05, {})
    later = apart[:, 20:130:5]
    for _ in range(10):
        later = dynamics.advance(later)
    error = np.sqrt(((later - known[:, 30:140:5])[..., 4:] ** 2).mean())
    assert found["later"].value == pytest.approx(error, rel=1e-4)
    masks["last"]["components"] = [4, 8]
    wrong = cycle_worlds.challenge(tmp_path, masks=masks, metrics=rows, rank_by="first")
    with pytest.raises(OceanbenchError, match=r"masks\.last\.components: 8 is none of the 8"):
        scored(wrong, truth)
    masks["last"]["components"] = [5, 4]
    with pytest.raises(OceanbenchError, match=r"masks\.last\.components: \[5, 4\] are none"):
        cycle_worlds.challenge(tmp_path, masks=masks, metrics=rows, rank_by="first")


def test_a_deviation_and_worlds_that_are_not_there_are_refused(tmp_path: Path) -> None:
    challenge = cycle_worlds.challenge(tmp_path)
    target = challenge.target().fillna(1.0)
    with pytest.raises(OceanbenchError, match="cannot be advanced by a model; give members"):
        evaluate(challenge, target.assign(state_std=target["state"]))
    with pytest.raises(OceanbenchError, match="has 139 of time"):
        evaluate(challenge, target.isel(time=slice(1, None)))


def test_what_is_of_other_worlds_or_noise_that_is_none_is_refused(tmp_path: Path) -> None:
    """By those who evaluate, and by those who only run a method."""
    challenge = cycle_worlds.challenge(tmp_path)
    content = yaml.safe_load(challenge.path.read_text())
    estimate = challenge.target().fillna(1.0)
    seen = xr.load_dataset(tmp_path / "observations.nc")
    variance = seen["noise_variance"]
    file = tmp_path / "observations.nc"
    for words, changed in {
        r"has 2 of window \(1, 0\), expected 2 \(0, 1\)": seen.isel(window=[1, 0]),
        "has 139 of time": seen.isel(time=slice(1, None)),
        "has 6 of component": seen.isel(component=slice(6)),
        r"has dimensions \('sampling',": seen.expand_dims("sampling"),
        r"noise_variance has dimensions \('window', 'component'\)": seen.assign_coords(
            noise_variance=variance.expand_dims(window=2)
        ),
        "values nan, nan, nan": seen.assign_coords(noise_variance=variance * np.nan),
        r"values -0\.5": seen.assign_coords(noise_variance=-variance),
    }.items():
        file.unlink()
        changed.to_netcdf(file, engine="h5netcdf")
        with pytest.raises(OceanbenchError, match=words):
            evaluate(challenge, estimate)
        with pytest.raises(OceanbenchError, match=words):
            each_world({}, Inputs(challenge), challenge.target(), {"seed": 0})
    file.unlink()
    seen.assign_coords(noise_variance=cycle_worlds.NOISE).to_netcdf(file, engine="h5netcdf")
    assert challenge.open("observations")["noise_variance"].equals(variance)
    for steps in ([np.nan, 1.0], [-1, 1], ["a", "b"], [1e300, 1.0], [0.5, 1.0]):
        told = estimate.assign_coords(model_steps=("window", steps))
        with pytest.raises(OceanbenchError, match=r"'model_steps'.*expected a count for each wi"):
            evaluate(challenge, told)
    told = estimate.assign_coords(model_steps=("window", [3, 4]))
    assert evaluate(challenge, told).coverage[0]["model_steps"] == 7
    for words, changes in {
        "cannot run its states .8 components are no two layers": {"name": "two_layer_jet"},
        "with 2.5 fast each": {"name": "lorenz96_two_scale", "parameters": {"fast": 2.5}},
        "with 0 fast each": {"name": "lorenz96_two_scale", "parameters": {"fast": 0.0}},
    }.items():
        challenge.path.write_text(yaml.safe_dump({**content, "model": changes}))
        with pytest.raises(OceanbenchError, match=words):
            Challenge.load(challenge.path).target()


def test_the_models_are_those_of_the_dynamics() -> None:
    states = 3.0 * np.random.default_rng(0).standard_normal((5, 40))
    found = models.model("lorenz96", 0.2, {"forcing": 7.0}).advance(states)
    other = of_torch.model("lorenz96", 0.2, forcing=7.0)
    np.testing.assert_allclose(found, other.advance(torch.as_tensor(states)), rtol=1e-13)


def test_the_two_scales_are_lorenz_96_where_they_are_apart_and_exchange_energy() -> None:
    """Without coupling the slow ones are the one-scale model; the coupling conserves energy."""
    states = np.random.default_rng(0).standard_normal((3, 8 + 8 * 32))
    apart = models.lorenz96_two_scale(states, coupling=0.0, forcing=20.0)
    np.testing.assert_allclose(apart[:, :8], models.lorenz96(states[:, :8], forcing=20.0))
    change = models.lorenz96_two_scale(states, coupling=1.0) - apart
    np.testing.assert_allclose((states * change).sum(-1), 0.0, atol=1e-10)
    free = apart - np.concatenate([20.0 - states[:, :8], -10.0 * states[:, 8:]], -1)
    np.testing.assert_allclose((states * free).sum(-1), 0.0, atol=1e-10)
