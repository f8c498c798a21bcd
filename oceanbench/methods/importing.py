"""The module that a method file is; what imports it needs nothing else of OceanBench."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

from oceanbench.errors import OceanbenchError, terminal

EXTRA = "pip install 'oceanbench-challenges[all]'"
KEPT = re.compile(r"([\n\r\t]|\x1b\[\?25[lh])")  # lines, tabs, and a bar that hides the cursor
OURS = ("torch", "safetensors", "lightning", "scipy", "gsw", "dask", "distributed", "matplotlib")


def interpreter(program: str) -> list[str]:
    """Command of a process that runs a program and looks for modules where this one does.

    That is not the folder that it is started in, which may be a stranger's.
    """
    return [sys.executable, "-P", "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}"]


class Escaped:
    """A stream of text whose control sequences are shown and not obeyed, but those of a bar.

    Parameters
    ----------
    stream : where the text goes
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        """What else a stream has."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text."""
        parts = KEPT.split(text)
        parts[::2] = map(terminal, parts[::2])
        self._stream.write("".join(parts))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        self.write("".join(lines))


@contextmanager
def escaped() -> Iterator[None]:
    """Run a method's code: what it prints, and its traceback, may hold texts of data files."""
    with redirect_stdout(Escaped(sys.stdout)), redirect_stderr(Escaped(sys.stderr)):
        yield


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
        with escaped():
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
