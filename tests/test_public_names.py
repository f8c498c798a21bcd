"""What others rely on: imports, commands, options, and files that earlier versions wrote.

A change here breaks somebody's method, script or file, and belongs in the changelog. That the
shipped boards render byte for byte is in ``tests/boards``, that the shipped weights load in
``tests/baselines/test_shipped_weights.py``.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
from command import Command
from places import MEDITERRANEAN, ROOT, TESTS

import oceanbench as package
from oceanbench.challenge import Challenge
from oceanbench.cli import cli
from oceanbench.data import shipped
from oceanbench.methods.method_file import load_method
from oceanbench.result import Result

NAMES = {
    "oceanbench": "METRICS Challenge OceanbenchError Patches Result Submission compare "
    "evaluate leaderboard list_challenges list_methods run train training_fields",
    "oceanbench.challenge": "Challenge",
    "oceanbench.errors": "OceanbenchError",
    "oceanbench.evaluate": "evaluate",
    "oceanbench.learning.patches": "Patches split",
    "oceanbench.metrics": "METRICS",
    "oceanbench.metrics.isotropic": "isotropic_psd_score isotropic_spectra isotropic_wavelength",
    "oceanbench.result": "Interval Result Score",
    "oceanbench.submission": "Submission",
    "oceanbench.grid": "wrap_longitude longitude_span great_circle_km as_nanoseconds "
    "centre_longitude interpolate fill_holes",
    "oceanbench.assimilation.anomalies": "Climate Series days_of maps_of nodes_of of_role",
}
OF_CLASSES = {
    "Challenge": "load open target fetch catalog",
    "Submission": "open files sha256",
    "Result": "load save score to_json name",
}
COMMANDS = {
    "list": "--kind --json --quiet",
    "show": "name --data-dir --json --quiet",
    "fetch": "challenge --data-dir --offline",
    "validate": "challenge file --data-dir",
    "evaluate": "challenge file --name --method --authors --reference --notes --output --data-dir "
    "--figures --workers --board --json --quiet",
    "run": "method challenge --name --weights --set --device --seed --output --data-dir --figures",
    "train": "method challenge --name --config --init --set --device --seed --output --data-dir",
    "compare": "first others --challenge --results --all --json --quiet --figure",
    "leaderboard": "challenge --format --results --challenges --rank-by --write --check",
    "check": "challenge result --reference --tolerance --absolute",
    "verify": "result --submission --challenge --data-dir",
    "doctor": "challenge --method --days --figure --data-dir --json --quiet",
    "export": "",
    "catalog": "",
}
FORMER = {"catalog"}  # still understood, and no longer told of
EXPORTS = {
    "catalog": "challenge file --data-dir",
    "codabench": "challenge file --sample --wheel --image --start --end --data-dir",
    "croissant": "challenge file --base --published --validate --data-dir",
}
BASELINES = json.loads((TESTS / "data" / "baseline_options.json").read_text(encoding="utf-8"))
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


def test_public_names_import() -> None:
    wrong = [f"{m}.{n}" for m, names in NAMES.items() for n in names.split() if not there(m, n)]
    assert wrong == []
    assert sorted(package.__all__) == sorted(NAMES["oceanbench"].split())


def test_public_classes_have_their_methods() -> None:
    for name, methods in OF_CLASSES.items():
        assert set(methods.split()) <= set(dir(getattr(package, name))), name


def test_what_the_pages_import_is_there() -> None:
    wrong = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            for node in ast.walk(ast.parse(textwrap.dedent(block))):
                if isinstance(node, ast.ImportFrom) and str(node.module).startswith("oceanbench"):
                    module, names = str(node.module), [alias.name for alias in node.names]
                    missing = [name for name in names if not there(module, name)]
                    wrong += [f"{page.name}: {module}.{name}" for name in missing]
    assert wrong == []


def test_the_changelog_leads_to_modules_that_are_there() -> None:
    """Who imported a module below the public names finds where it is now."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## [")[1]
    rows = re.findall(r"^\| .*`.* \| (.*) \|$", text, re.MULTILINE)
    places = [name for row in rows for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", row)]
    first = {p.stem for p in (ROOT / "oceanbench").iterdir()}
    wrong = [
        place
        for place in places
        if place.split(".")[0] in first and not there(*f"oceanbench.{place}".rsplit(".", 1))
    ]
    assert len(places) > 100 and wrong == []


def there(module: str, name: str) -> bool:
    """Whether ``from module import name`` works."""
    try:
        if hasattr(import_module(module), name):
            return True
        import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True


def test_the_commands_are_these(oceanbench: Command) -> None:
    code, text, _ = oceanbench("--help")
    assert code == 0
    told = re.findall(r"^  ([a-z]+) ", text.split("Commands:")[1], re.MULTILINE)
    assert told == sorted(COMMANDS.keys() - FORMER)


def test_commands_keep_their_arguments_and_options() -> None:
    for name, options in COMMANDS.items():
        assert set(options.split()) <= options_of(cli.commands[name]), name
    for name, options in EXPORTS.items():
        assert set(options.split()) <= options_of(cli.commands["export"].commands[name]), name
    assert cli.commands["catalog"].commands["export"] is cli.commands["export"].commands["catalog"]


def options_of(command: click.Command) -> set[str]:
    """Names of the options and arguments of a command."""
    return {option for parameter in command.params for option in parameter.opts}


def test_exit_codes(oceanbench: Command) -> None:
    """0 done, 1 a check failed, 2 the input was refused."""
    assert oceanbench("show", "lorenz96")[0] == 0
    Path("nothing").mkdir()
    assert oceanbench("leaderboard", "lorenz96", "--results", "nothing", "--check")[0] == 1
    assert oceanbench("show", "nothing")[0] == 2
    assert oceanbench("show", "lorenz96", "--nothing")[0] == 2


def signature(function: Callable[..., object]) -> str:
    """Parameters of a function and their defaults, without annotations."""
    found = inspect.signature(function)
    plain = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=plain, return_annotation=found.empty))


def test_baselines_keep_their_kinds_and_options() -> None:
    for name in shipped.names("baselines"):
        method = load_method(name)[1]
        functions = {part: getattr(method, part, None) for part in ("estimate", "start", "train")}
        found = {part: signature(function) for part, function in functions.items() if function}
        row = {name: {"kinds": list(method.KINDS), **found}}
        assert row == {name: BASELINES.get(name)}, f"baseline_options.json: {json.dumps(row)}"
    assert BASELINES.keys() <= set(shipped.names("baselines"))


def test_every_declaration_loads() -> None:
    paths = [*sorted((ROOT / "challenges").glob("*/challenge.yaml")), MEDITERRANEAN]
    assert len(paths) > 1
    for path in paths:
        assert Challenge.load(path).metrics, path


def test_every_committed_result_loads() -> None:
    paths = sorted((ROOT / "leaderboards").glob("*/*.json"))
    assert paths
    for path in paths:
        result = Result.load(path)
        assert (result.challenge["name"], result.name) == (path.parent.name, path.stem)
