"""What ``mutants.py`` puts into a module: small faults, and marks that tell what is reached."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
    start: int  # in bytes
    end: int
    before: str
    after: str

    def __str__(self) -> str:
        """As an editor finds it."""
        return f"{self.file}:{self.line}:{self.column}: {self.before} → {self.after}"

    def applied(self, source: bytes) -> bytes:
        """Source of the file with the fault in it."""
        return source[: self.start] + self.after.encode() + source[self.end :]


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


def expressions(node: ast.AST, first: int = 1, last: int = 1) -> Iterator[tuple[ast.AST, int, int]]:
    """All with the lines of their statement; no annotations, decorators, texts and ``strict=``."""
    if isinstance(node, ast.stmt):
        body = getattr(node, "body", [])
        head = bool(body) and not isinstance(node, ast.FunctionDef)
        first, last = node.lineno, body[0].lineno - 1 if head else node.end_lineno or 0
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in field if isinstance(field, list) else [field]:
            strict = isinstance(child, ast.keyword) and child.arg == "strict"
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr) and not strict:
                yield child, first, max(first, last)
                yield from expressions(child, first, last)


def mutants_of(path: Path, root: Path) -> list[Mutant]:
    """All the faults that are tried in a file, in order."""
    source, name = path.read_bytes(), path.relative_to(root).as_posix()
    starts = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]
    found = []
    for node, first, last in expressions(ast.parse(source)):
        for fault in faults(node):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            before = " ".join(source[start:end].decode().split())
            after = ast.unparse(fault)
            after = after if isinstance(fault, ast.Constant) else f"({after})"
            place = name, node.lineno, node.col_offset + 1, first, last
            found.append(Mutant(*place, start, end, before, after))
    return found


def is_marked(statement: ast.stmt) -> bool:
    """Texts and imports from the future stay where they are."""
    text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return not text and not (
        isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
    )


def statements(source: bytes) -> set[int]:
    """Lines in which a statement begins that can be marked."""
    every = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt))
    return {node.lineno for node in every if is_marked(node)}


def marked(source: bytes, name: str) -> str:
    """Source that calls ``__reached__``, if there is one in builtins, before every statement.

    A trace of Python's would slow down all libraries, not only what is marked.
    """
    module = ast.parse(source)
    for node in ast.walk(module):
        for block in ("body", "orelse", "finalbody"):
            if isinstance(found := getattr(node, block, None), list):
                pairs = (
                    (_call(name, each.lineno) if is_marked(each) else [], each) for each in found
                )
                setattr(node, block, [each for calls, each in pairs for each in (*calls, each)])
    first = next((n for n, each in enumerate(module.body) if is_marked(each)), 1)
    define = '__reached__ = getattr(__import__("builtins"), "__reached__", id)'
    module.body[first:first] = ast.parse(define).body
    return ast.unparse(module)


def _call(name: str, line: int) -> list[ast.stmt]:
    return ast.parse(f"__reached__(({name!r}, {line}))").body
