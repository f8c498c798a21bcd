"""The module that a method file is; what imports it needs nothing else of OceanBench."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from oceanbench.errors import OceanbenchError

EXTRA = "pip install 'oceanbench-challenges[all]'"
OURS = ("torch", "safetensors", "lightning", "scipy", "gsw", "dask", "distributed", "matplotlib")


def imported(path: Path) -> ModuleType:
    """Module of a method file.

    Raises
    ------
    OceanbenchError
        if it is not Python, or needs a package that is not there
    """
    spec = importlib.util.spec_from_file_location(f"oceanbench_method_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise OceanbenchError(f"{path}: not a Python file; a method is a file with functions")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickles look their module up
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as problem:
        raise OceanbenchError(lacks(path, problem)) from problem
    except SyntaxError as problem:
        raise OceanbenchError(f"{path}, line {problem.lineno}: {problem.msg}; correct it") from None
    return module


def lacks(path: Path, problem: ModuleNotFoundError) -> str:
    """What is said of a package that a method needs, and is not there."""
    package = str(problem.name).partition(".")[0]
    brings = EXTRA if package in OURS else f"pip install {package}"
    return f"{path.name}: needs the package '{problem.name}'; install it, for example with {brings}"


def imports(path: Path) -> set[str]:
    """Modules that a method file imports at its top."""
    found: set[str] = set()
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found
