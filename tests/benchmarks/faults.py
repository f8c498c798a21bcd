"""Small faults that a module may have: what ``mutants.py`` puts into it."""

from __future__ import annotations

import ast
import copy
import gc
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

PAIRS = [(ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot)]
PAIRS += [(ast.In, ast.NotIn), (ast.Add, ast.Sub), (ast.And, ast.Or)]
SWAPPED = {one: other for pair in PAIRS for one, other in (pair, pair[::-1])}
REVERSED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}


@dataclass(frozen=True)
class Mutant:
    """One fault: what stands between two places of a file, and what is put there instead."""

    file: str
    line: int
    column: int
    first: int  # lines of the statement that it is in, or of the function if in its head
    last: int
    inside: bool  # a function, so that its code can be changed after it was imported
    start: int  # in bytes
    end: int
    before: str
    after: str

    def __str__(self) -> str:
        """As an editor finds it."""
        return f"{self.file}:{self.line}:{self.column}: {self.before} → {self.after}"

    @property
    def lines(self) -> set[int]:
        """Those of the statement."""
        return set(range(self.first, self.last + 1))

    def applied(self, source: bytes) -> bytes:
        """Source of the file with the fault in it, all else on the line where it was."""
        lines = b"\n" * source.count(b"\n", self.start, self.end)
        after = self.after.encode()
        within = after[:-1] + lines + after[-1:] if lines else after  # a bracket is the last
        return source[: self.start] + within + source[self.end :]


def faults(node: ast.AST) -> Iterator[ast.AST]:
    """Small faults that an expression may have instead of itself."""
    match node:
        case ast.Compare():
            for number, operator in enumerate(node.ops):
                for table in (SWAPPED, REVERSED):
                    if type(operator) in table:
                        other = copy.deepcopy(node)
                        other.ops[number] = table[type(operator)]()
                        yield other
        case ast.BinOp(op=ast.Add() | ast.Sub()) | ast.BoolOp():
            other = copy.deepcopy(node)
            other.op = SWAPPED[type(node.op)]()
            yield other
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield ast.Constant(node.value + 1)
        case ast.Constant(value=float()):
            yield ast.Constant(node.value / 2 if node.value else 0.1)


Place = tuple[int, int, bool]  # first and last line of the statement, inside a function


def expressions(node: ast.AST, place: Place = (1, 1, False)) -> Iterator[tuple[ast.AST, Place]]:
    """All with the place of their statement; no annotations, decorators, texts and ``strict=``."""
    first, last, inside = place
    if isinstance(node, ast.stmt):
        body = getattr(node, "body", [])
        head = bool(body) and not isinstance(node, ast.FunctionDef)
        first, last = node.lineno, body[0].lineno - 1 if head else node.end_lineno or 0
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        within = inside or (isinstance(node, ast.FunctionDef) and name == "body")
        for child in field if isinstance(field, list) else [field]:
            strict = isinstance(child, ast.keyword) and child.arg == "strict"
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr) and not strict:
                yield child, (first, max(first, last), within)
                yield from expressions(child, (first, last, within))


def mutants_of(path: Path, root: Path) -> list[Mutant]:
    """All the faults that are tried in a file, in order."""
    source, name = path.read_bytes(), path.relative_to(root).as_posix()
    starts = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]
    found = []
    for node, place in expressions(ast.parse(source)):
        for fault in faults(node):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            before = " ".join(source[start:end].decode().split())
            after = ast.unparse(fault)
            after = after if isinstance(fault, ast.Constant) else f"({after})"
            where = name, node.lineno, node.col_offset + 1, *place
            found.append(Mutant(*where, start, end, before, after))
    return found


def put_in(source: bytes, file: Path) -> None:
    """Give all functions of a module that is imported the code that they have in this source."""
    new = {
        (code.co_qualname, code.co_firstlineno): code
        for code in _codes(compile(source, file, "exec"))
    }
    gc.unfreeze()  # what the tests' conftest.py keeps from the search for garbage
    for function in gc.get_objects():
        if type(function) is FunctionType and function.__code__.co_filename == str(file):
            code = function.__code__
            function.__code__ = new[code.co_qualname, code.co_firstlineno]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)
