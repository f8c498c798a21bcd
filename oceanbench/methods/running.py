"""Run a method on a challenge: hand it the inputs, never the truth, and write its submission."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import xarray as xr

from oceanbench.challenge import Challenge
from oceanbench.data import files, shipped
from oceanbench.declaration import std_name
from oceanbench.errors import OceanbenchError, did_you_mean, in_one_line
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.kinds.kind import Driving
from oceanbench.kinds.room import FileRoom
from oceanbench.methods.confinement import Confinement
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_calls import MethodCalls
from oceanbench.methods.method_file import (
    Function,
    check_call,
    check_kind,
    command,
    functions_of,
    load_method,
    parse_options,
    resolve_device,
    shareable,
)
from oceanbench.methods.weights import Weights
from oceanbench.submission import LEARNED_FROM, Submission, said

IN_MEMORY = 2**28  # bytes of estimates; larger ones of forecasts are written start by start
TOLD = "told"  # PHYSICS of a method that takes the model that a challenge tells of


def run(  # noqa: PLR0913  (what its command has)
    method: str,
    challenge: Challenge,
    *,
    output: Path,
    name: str | None = None,
    weights: Path | None = None,
    settings: Mapping[str, str] | None = None,
    device: str = "auto",
    seed: int = 0,
    data_dir: Path | None = None,
    executor: Executor | None = None,
    declared: Mapping[str, str] | None = None,
) -> tuple[Submission, dict[str, Any]]:
    """Run a method and write its maps as a submission.

    Parameters
    ----------
    method : baseline's name or path of a method file
    challenge : from :meth:`Challenge.load`
    output : folder; the file is ``<output>/<challenge>/<name>.nc``
    name : of the submission; by default that of the method
    weights : file of a method that learned; by default that which ``train`` wrote into ``output``
        under ``name`` or the method's name, else the one shipped for the challenge or for any
    settings : options of the method as texts
    device : ``auto``, ``cpu``, ``cuda``, …
    seed : for methods that draw random numbers
    data_dir : folder of the challenge's files
    executor : whose workers share the starts of forecasts, or the samplings of windows
    declared : what is said of the submission, by the names of
        :data:`oceanbench.submission.DECLARED`, in place of what the method's file says

    Returns
    -------
    the submission, and what the result's provenance keeps: ``device``, ``seed``, ``options``, the
    ``command``, the ``cpu_seconds`` that the method took, and whether its calls were ``confined``
    """
    stem, module = load_method(method)
    check_kind(stem, module, challenge)
    kind = CHALLENGE_KINDS[challenge.kind]
    functions = functions_of(stem, module, challenge)
    options = parse_options(functions.values(), settings or {})
    device = resolve_device(device)
    arguments = {"device": device, "seed": seed, **options}
    given = said(declared or {})
    submission = Submission(
        name=name or stem,
        path=output / challenge.name / f"{name or stem}.nc",
        method=(inspect.getdoc(module) or stem).split("\n")[0].rstrip("."),
        authors=str(getattr(module, "AUTHORS", "")),
        reference=str(getattr(module, "REFERENCE", "")),
        **given,
    )
    own, learned_as = submission.path.parent, [stem]
    if submission.name.startswith(f"{stem}_"):  # of a variant, in place of the usual ones
        learned_as.insert(0, submission.name)
    published = shipped.weights_folders()
    names = [
        *(own / some for some in (submission.name, stem)),
        *(place / challenge.name / some for some in learned_as for place in published),
        *(place / stem for place in published),
    ]
    places = [place.with_name(f"{place.name}.safetensors") for place in names]
    file = _weights_file(
        stem,
        module,
        functions,
        weights,
        places,
        f"train {shlex.quote(method)} {shlex.quote(challenge.called)}",
    )
    if file is not None:
        learned = Weights.load(file, device)
        _check_origin(learned, file, stem, challenge, chosen=weights is not None)
        arguments["weights"] = learned.tensors
        submission = replace(submission, learned_from=_learned_from(module, learned, challenge))
        options["weights"] = learned.origin(file)
    submission = replace(submission, physics=_physics(module, challenge, arguments))
    target = challenge.target(data_dir)
    inputs = Inputs(challenge, data_dir)
    for what, function in functions.items():
        check_call(stem, kind.contract[what], function, **arguments)
    units = {n: v.units for n, v in challenge.submission.variables.items()}
    units |= {std_name(name): unit for name, unit in units.items()}
    title = f"{submission.name} on {challenge.name}"
    with ExitStack() as block:
        path = Path(str(module.__file__))
        data = _data_of(challenge, data_dir)
        confinement = Confinement.of(data, path, keeps=kind.is_one_call)
        calls = block.enter_context(
            MethodCalls.served(stem, path, arguments, confinement, executor)
        )
        place, room = submission.path, None
        if target.nbytes > IN_MEMORY:
            place = block.enter_context(files.whole(submission.path))
            room = FileRoom(place, units, title)
        driving = Driving(calls.many, room, calls.session, calls.again)
        estimate = kind.drive(calls.of(functions), inputs, target, arguments, driving)
        if room is None or not room.used:
            kept = {n: estimate[n] for n in units if n in estimate}
            maps = {
                n: a.drop_attrs(deep=True).assign_attrs(units=units[n]) for n, a in kept.items()
            }
            files.write_netcdf(xr.Dataset(maps, attrs={"title": title}), place)
        estimate.close()
    if not submission.learned_from:
        known = any(
            challenge.datasets[n].role == "training" and _is_truth(inputs[n]) for n in calls.read
        )
        submission = replace(submission, learned_from="truth" if known else "observations")
    return replace(submission, **given), {
        "device": device,
        "seed": seed,
        "cpu_seconds": round(sum(calls.seconds), 3),
        "confined": calls.confined,
        "options": {key: shareable(value) for key, value in options.items()},
        "command": command(
            "run",
            method,
            challenge,
            name=name,
            weights=weights,
            settings=settings,
            seed=seed,
            data_dir=data_dir,
            declared=given,
        ),
    }


def _data_of(challenge: Challenge, data_dir: Path | None) -> list[Path]:
    """Files of a challenge, and folders of those that are shipped: no method reads them itself."""
    names = challenge.datasets
    files = [file for name in names for file in challenge.present(name, data_dir)]
    shipped_data = shipped.folder("challenges").glob("*/data")
    in_wheel = [folder.parent for folder in shipped.data_folders(challenge.path.parent)[1:]]
    return [*files, *shipped_data, *in_wheel]


def _weights_file(
    stem: str,
    module: ModuleType,
    functions: Mapping[str, Function],
    chosen: Path | None,
    places: Sequence[Path],
    training: str,
) -> Path | None:
    """File of the weights for a method: the one chosen, or the first there is of the places.

    None for a method that takes none, or that has a default where there is no file.
    """
    taking = [inspect.signature(f).parameters.get("weights") for f in functions.values()]
    wanted = next((parameter for parameter in taking if parameter is not None), None)
    learns = callable(getattr(module, "train", None))
    if wanted is None:
        if learns:
            raise OceanbenchError(
                f"{stem}: has train(), but {' and '.join(f'{name}()' for name in functions)} "
                "takes no weights; add a keyword parameter 'weights'"
            )
        if chosen is not None:
            raise OceanbenchError(f"--weights {chosen}: {stem} takes no weights; leave them out")
        return None
    if chosen is not None:
        return chosen
    for place in places:
        if place.is_file():
            return place
    if wanted.default is wanted.empty:
        cure = f"first run: oceanbench {training}, or " if learns else ""
        raise OceanbenchError(
            f"{stem}: needs weights, and there is no {places[0]}; {cure}give a file with --weights"
        )
    return None


def _learned_from(module: ModuleType, weights: Weights, challenge: Challenge) -> str:
    """What weights were learned from, a key of :data:`oceanbench.submission.LEARNED_FROM`.

    Of weights that went on from others, what tells most of the truth.
    """
    first = weights.challenge["name"] if weights.of_challenge else ""
    stages = [{"challenge": first, **weights.provenance}]
    while before := stages[-1].get("init"):
        stages.append(before)
    return max((_stage(module, one, challenge) for one in stages), key=list(LEARNED_FROM).index)


def _stage(module: ModuleType, training: Mapping[str, Any], challenge: Challenge) -> str:
    """What one training of several learned from."""
    if training["options"].get("supervised") is False:
        return "observations"
    if said := _said_by(module, "LEARNS_FROM", training["options"]):
        if said not in LEARNED_FROM:
            hint = did_you_mean(said, LEARNED_FROM)
            raise OceanbenchError(f"{module.__file__}: LEARNS_FROM is '{said}'; {hint}")
        return said
    name = str(training["challenge"])
    if not name:  # worlds of its own
        return "simulation"
    if name not in shipped.names("challenges"):
        return "truth" if name == challenge.ocean else "simulation"
    trained = Challenge.load(name)
    if not any(_is_truth(trained.open(given)) for given in trained.of_role("training")):
        return "observations"
    return "truth" if trained.ocean == challenge.ocean else "simulation"


def _physics(module: ModuleType, challenge: Challenge, arguments: Mapping[str, Any]) -> str:
    """Equations of the model that a method has with its arguments, or is told of."""
    name = _said_by(module, "PHYSICS", arguments)
    return challenge.physics or "" if name == TOLD else name


def _said_by(module: ModuleType, name: str, options: Mapping[str, Any]) -> str:
    """Word of a method file, or what its function of options says."""
    said = getattr(module, name, None) or ""
    try:
        return str((said(**options) if callable(said) else said) or "")
    except Exception as problem:
        why = in_one_line(problem)
        raise OceanbenchError(f"{module.__file__}: {name}() failed ({why}); mend it") from problem


def _is_truth(training: xr.Dataset) -> bool:
    """Whether training data are maps or states, not observations of them."""
    return training.attrs["layout"] != "track" and "noise_variance" not in training.coords


def _check_origin(
    weights: Weights, file: Path, stem: str, challenge: Challenge, *, chosen: bool
) -> None:
    """Refuse weights of another method and, unless the user chose them, of another challenge.

    The version of a challenge is that of its scores, which weights know nothing of. Weights that
    learned from no file of a challenge are of none, and serve any.
    """
    if weights.method["name"] != stem:
        raise OceanbenchError(
            f"{file}: weights of the method '{weights.method['name']}', expected those of "
            f"'{stem}'; train '{stem}', or choose its file with --weights"
        )
    period = [str(day) for day in challenge.periods.get("training", ())]
    expected = (challenge.name, challenge.version, period)
    found = (weights.challenge["name"], weights.challenge["version"], weights.training["period"])
    other = (found[0], found[2]) != (expected[0], expected[2])
    if other and weights.of_challenge and not chosen:
        raise OceanbenchError(
            f"{file}: weights {_origin(*found)}, expected {_origin(*expected)}; train again, or "
            "name the file with --weights to use them all the same"
        )


def _origin(name: str, version: int, period: Sequence[str]) -> str:
    return f"trained on {name}, version {version}, {'..'.join(map(str, period)) or 'no period'}"
