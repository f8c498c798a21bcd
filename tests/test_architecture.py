"""Imports point downward only: in every room all stand on floors, and import from floors below."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from places import ROOT
from rows import every

PACKAGE = ROOT / "oceanbench"

ROOMS: dict[str, list[set[str]]] = {  # floors of what lies directly in a package, from the top
    "": [
        {"cli"},
        {"boards", "figures", "methods"},
        {"evaluate"},
        {"submission"},
        {"challenge"},
        {"kinds"},
        {"scoring"},
        {"declaration", "result"},
        {"assimilation"},
        {"forecasting"},
        {"learning"},
        {"data", "dynamics", "metrics", "observing"},
        {"grid", "progress"},
        {"times"},
        {"arrays", "errors"},
    ],
    "boards": [
        {"exports"},
        {"site"},
        {"rendering", "verification"},
        {"differences", "ranking"},
        {"records"},
        {"finding", "placing", "published"},
        {"leagues"},
        {"checking"},
        {"contradictions"},
        {"escaping", "influences", "regression"},
    ],
    "kinds": [
        {"cycles", "forecasts", "maps", "tracks", "windows"},  # a kind never imports another
        {"gridded", "points", "state_observations"},
        {"examining", "expected", "kind", "parts", "state_files", "submitted"},
        {"findings", "places", "room"},
    ],
    "kinds/forecasts": [
        {"kind"},
        {"examination"},
        {"scoring"},
        {"submission"},
        {"lead_conventions", "opening", "score_rows"},
        {"daily_maps", "starts", "submitted_fields"},
        {"derivation", "interpolation", "observations", "schedule"},
        {"derived", "grid", "rules", "sanity"},
        {"forecast_rows"},
    ],
    "data": [
        {"checks"},
        {"catalog", "listing", "opening"},
        {"copernicus", "coordinates", "plausibility"},
        {"downloads", "missing"},
        {"attributes", "dates", "expressions", "files", "joining", "shipped", "transfer", "units"},
    ],
    "metrics": [
        {"isotropic", "table"},
        {"distributions"},
        {"metric"},
        {"innovations"},
        {
            "anomalies",
            "cycling",
            "geostrophic",
            "horizons",
            "pointwise",
            "probabilistic",
            "relative",
            "spectral",
        },
        {"cases", "events", "sums"},
        {"aligned", "options"},
    ],
    "assimilation": [
        {"generative", "learned_analysis", "training_fields"},
        {"fourdvarnet"},
        {"nudging", "variational"},
        {"cycled_worlds", "cycling", "observations", "uncertainty"},
        {"ensemble", "gaussian"},
        {"anomalies", "window_batches"},
    ],
    "assimilation/generative": [
        {"maps", "members", "training"},
        {"objectives"},
        {"configuration", "estimate_errors", "flow"},
        {"residual_network", "scoring_rules"},
    ],
    "assimilation/fourdvarnet": [
        {"anywhere", "augmented", "forecasts"},
        {"cycles", "maps", "windows"},
        {"compilation"},
        {"gauss_newton", "incremental", "learned_descent", "solver"},
        {"variational_problem"},
        {"bilevel", "bumps", "gated_prior", "shared_errors"},
        {"adjoint", "batch", "conjugate_gradients", "priors", "published", "step_length"},
    ],
    "assimilation/fourdvarnet/anywhere": [
        {"anywhere_mapping"},
        {"training", "withheld_passes"},
        {"increments", "library"},
        {"draws"},
        {"box", "first_guess", "network", "scenes", "window_sampler"},
        {"configuration", "innovations", "scaling", "worlds"},
    ],
}
MOST_ENTRIES = 24  # directly in the package
MOST_MODULES = 16  # of a folder, beside __init__
MOST_LINES = 300  # of a module
OF_EVERY_MODEL = {"Operators", "Parameters"}
METHODS_MAY_IMPORT = {
    "assimilation",
    "forecasting",
    "learning",
    "dynamics",
    "observing",
    "arrays",
    "grid",
    "progress",
    "errors",
}

MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")
BASELINES = sorted((ROOT / "baselines").glob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, at any depth of its code and for type checks too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: write imports in full"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if is_module(name) else str(node.module)


def is_module(name: str) -> bool:
    """Whether a dotted name is a module or a package of ours."""
    path = ROOT.joinpath(*name.split("."))
    return name.startswith("oceanbench.") and (path.is_dir() or path.with_suffix(".py").is_file())


def ours(path: Path) -> set[str]:
    """First part, below the package, of the modules of ours that a file imports."""
    names = {n for n in imports(path) if n.split(".")[0] == "oceanbench"}
    assert "oceanbench" not in names, f"{path}: import the module, not the face of the package"
    return {n.split(".")[1] for n in names}


def others(path: Path) -> set[str]:
    """Top-level names of the packages of others that a file imports."""
    return {n.split(".")[0] for n in imports(path)} - {"oceanbench"}


def part(path: Path) -> str:
    """Name of the module or subpackage, directly below the package, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def named(path: Path) -> str:
    """Readable name of a parametrised test."""
    return path.relative_to(ROOT).as_posix()


def below(name: str) -> set[str]:
    """Everything of ours that importing a module brings along."""
    found, waiting = set(), {name}
    while waiting:
        found |= waiting
        waiting = {n for p in MODULES if part(p) in waiting for n in ours(p)} - found
    return found


def entries(room: str) -> set[str]:
    """Names of the modules and packages that lie directly in a room."""
    found = {p.stem for p in (PACKAGE / room).glob("*.py")} - {"__init__"}
    return found | {p.parent.name for p in (PACKAGE / room).glob("*/__init__.py")}


def within(room: str, parts: Sequence[str]) -> str | None:
    """Name of what lies directly in a room and is, or holds, the module of a path's parts."""
    above = room.split("/") if room else []
    inside = list(parts[: len(above)]) == above and len(parts) > len(above)
    return parts[len(above)] if inside else None


@every("room", ROOMS)
def test_everything_stands_on_one_floor(room: str) -> None:
    standing = [name for floor in ROOMS[room] for name in floor]
    assert sorted(standing) == sorted(entries(room)), f"oceanbench/{room}: give each a floor here"


def test_every_room_of_rooms_has_floors() -> None:
    rooms = {
        p.parent.parent.relative_to(PACKAGE).as_posix() for p in PACKAGE.glob("*/*/**/__init__.py")
    }
    assert rooms == ROOMS.keys() - {""}, "give its rooms floors in this test"


@every("folder", sorted({p.parent for p in MODULES}))
def test_every_folder_of_modules_is_a_package(folder: Path) -> None:
    """What has no ``__init__`` would be imported all the same, and stand on no floor."""
    assert (folder / "__init__.py").is_file(), f"{named(folder)}: give it an __init__.py"


@every("path, room", [(path, room) for path in MODULES for room in ROOMS])
def test_imports_point_downward(path: Path, room: str) -> None:
    own = within(room, path.relative_to(PACKAGE).with_suffix("").parts)
    if own in (None, "__init__"):
        return
    floor = {name: number for number, names in enumerate(ROOMS[room]) for name in names}
    for imported in imports(path):
        first, *parts = imported.split(".")
        name = within(room, parts) if first == "oceanbench" else None
        if name is None or name == own:
            continue
        assert floor[name] > floor[own], f"{named(path)} imports '{imported}', which is not below"


def test_the_house_stays_small() -> None:
    found = {
        p.name for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()
    }
    assert len(found) <= MOST_ENTRIES, "oceanbench/: put the new entry into a room"
    for folder in {p.parent for p in MODULES}:
        count = sum(p.name != "__init__.py" for p in folder.glob("*.py"))
        assert count <= MOST_MODULES, f"{named(folder)}: {count} modules; give it rooms"


def test_a_class_has_a_name_of_its_own() -> None:
    """Two things of one name are told apart by none who reads; models name their own alike."""
    places: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(named(path))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert twice.keys() == OF_EVERY_MODEL, twice
    for name in OF_EVERY_MODEL:
        assert {Path(p).parent.name for p in twice[name]} == {"dynamics"}


@every("path", MODULES)
def test_modules_are_short(path: Path) -> None:
    count = len(path.read_text(encoding="utf-8").splitlines())
    assert count < MOST_LINES, f"{named(path)}: {count} lines; cut it"


@every("path", sorted((PACKAGE / "metrics").rglob("*.py")))
def test_metrics_know_nothing_of_challenges(path: Path) -> None:
    assert ours(path) <= {"metrics", "grid", "times", "arrays", "errors"}


def test_evaluation_needs_neither_torch_nor_figures() -> None:
    brought = below("evaluate")
    assert not brought & {"cli", "boards", "figures", "methods"}
    for path in MODULES:
        if part(path) in brought:
            assert not others(path) & {"torch", "matplotlib"}, named(path)


@every("path", MODULES)
def test_only_figures_imports_matplotlib(path: Path) -> None:
    assert part(path) == "figures" or "matplotlib" not in others(path)


@every("path", MODULES)
def test_package_never_imports_baselines(path: Path) -> None:
    assert "baselines" not in others(path)


@every("path", BASELINES)
def test_baselines_cannot_reach_the_truth(path: Path) -> None:
    assert ours(path) <= METHODS_MAY_IMPORT
    assert "baselines" not in others(path)


@every("path", MODULES)
def test_no_module_is_a_drawer(path: Path) -> None:
    assert not {"utils", "util", "helpers", "common", "misc"} & {path.stem, path.parent.name}


@every("path", MODULES)
def test_no_setting_comes_from_the_environment(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    allowed = {"environ"} if path.stem == "confinement" else set()  # which sets what it never reads
    assert not (names - allowed) & {"environ", "environb", "getenv"}
