"""What ``show METHOD`` and ``run METHOD --help`` say of a method: kinds, options, cost, source."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from oceanbench.cli.printing import width

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) : (.*)$")
LINKED = re.compile(r":\w+:`~?(?:[\w.]+\.)?(\w+)`")
NOT_OPTIONS = ("device", "seed", "weights", "init")


@dataclass(frozen=True)
class Option:
    """An option of a method: ``--set name=value``.

    Attributes
    ----------
    name, default : of the parameter, as text; the default is empty where it has none
    meaning : of its docstring
    """

    name: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Method:
    """A method as a user sees it.

    Attributes
    ----------
    name, claim : of its file
    kinds : of challenge that it is for; empty for any
    reference : where it is from
    run, train : its options; of training none where it learns nothing
    cost : CPU seconds on the shipped boards, by challenge
    weights : challenges that it ships weights for
    presets : of each field of its networks' configuration, the value in each preset
    fields : what each of them means
    """

    name: str
    claim: str
    kinds: tuple[str, ...]
    reference: str
    run: tuple[Option, ...]
    train: tuple[Option, ...]
    cost: dict[str, float]
    weights: tuple[str, ...]
    presets: dict[str, dict[str, Any]]
    fields: dict[str, str]

    def record(self) -> dict[str, Any]:
        """Everything, for programs."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Everything, for people."""
        yield f"{self.name}: {self.claim}"
        yield f"  kinds     {', '.join(self.kinds) or 'any'}"
        if self.reference:
            yield from _wrapped("  from      ", self.reference)
        if self.cost:
            costs = (f"{name} {seconds:.0f}" for name, seconds in self.cost.items())
            yield from _wrapped("  CPU s     ", ", ".join(costs))
        if self.weights:
            yield from _wrapped("  weights   ", ", ".join(self.weights))
        for command, options in (("run", self.run), ("train", self.train)):
            if options:
                yield f"  options of {command} (--set OPTION=VALUE)"
            for option in options:
                yield from _wrapped("    ", f"{option.name}={option.default}", 6)
                yield from _wrapped("        ", option.meaning)
        if self.presets:
            yield "  fields of a configuration (train --config FILE), by preset"
        for name, values in self.presets.items():
            told = {str(value) for value in values.values()}
            each = ", ".join(f"{preset} {value}" for preset, value in values.items())
            yield from _wrapped("    ", f"{name}: {each if len(told) > 1 else told.pop()}", 6)
            yield from _wrapped("        ", self.fields.get(name, ""))


class WithMethod(click.Command):
    """A command whose ``--help`` tells of the method that is named, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Print the help with what the method says of itself, if both are asked for."""
        named = [word for word in args if not word.startswith("-")]
        if named and set(args) & set(ctx.help_option_names):
            click.echo(self.get_help(ctx))
            click.echo("")
            for line in described(named[0]).lines():
                click.echo(line)
            ctx.exit()
        return super().parse_args(ctx, args)


def described(name_or_path: str) -> Method:
    """Method of a baseline's name or a file, which is imported."""
    from oceanbench.methods.method_file import load_method

    name, module = load_method(name_or_path)
    functions = [getattr(module, part, None) for part in ("estimate", "train")]
    run, train = (_options(f) if callable(f) else () for f in functions)
    return Method(
        name,
        (module.__doc__ or "").split("\n")[0].rstrip("."),
        tuple(getattr(module, "KINDS", ())),
        str(getattr(module, "REFERENCE", "")),
        run,
        train,
        _costs(name),
        _weights(name),
        *_presets(getattr(module, "PRESETS", {})),
    )


def _options(function: Callable[..., Any]) -> tuple[Option, ...]:
    """Options of a function, with what its docstring says of each."""
    meanings = _meanings(inspect.getdoc(function) or "")
    return tuple(
        Option(
            name,
            "" if p.default is p.empty else str(p.default),
            meanings.get(name, ""),
        )
        for name, p in inspect.signature(function).parameters.items()
        if p.kind is p.KEYWORD_ONLY and name not in NOT_OPTIONS
    )


def _presets(presets: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Fields of configurations, and what the docstring of their class says of each."""
    if not presets:
        return {}, {}
    first = next(iter(presets.values()))
    meanings = _meanings(inspect.getdoc(type(first)) or "", "Attributes")
    names = [field.name for field in fields(first)]
    values = {name: {p: getattr(c, name) for p, c in presets.items()} for name in names}
    return values, {name: meanings[name] for name in names if name in meanings}


def _meanings(text: str, section: str = "Parameters") -> dict[str, str]:
    """Parameters or attributes of a numpydoc docstring, by their names."""
    found: dict[str, str] = {}
    names: list[str] = []
    heading = f"{section}\n{'-' * len(section)}\n"
    for line in text.partition(heading)[2].splitlines():
        entry = ENTRY.match(line)
        if entry:
            names = [name.strip() for name in entry.group(1).split(",")]
            found |= dict.fromkeys(names, _plain(entry.group(2)))
        elif line.startswith("    "):
            found |= {name: f"{found[name]} {_plain(line.strip())}" for name in names}
        else:
            names = []
    return found


def _plain(text: str) -> str:
    """Text without the marks of a docstring: of a name that is linked, its last part."""
    return LINKED.sub(r"\1", text).replace("``", "")


def _costs(name: str) -> dict[str, float]:
    """CPU seconds of the method's own rows on the shipped boards."""
    from oceanbench.data import shipped
    from oceanbench.result import Result

    rows = sorted(shipped.folder("leaderboards").glob(f"*/{name}.json"))
    made = {path.parent.name: Result.load(path).provenance for path in rows}
    return {name: float(p["cpu_seconds"]) for name, p in made.items() if p.get("cpu_seconds")}


def _weights(name: str) -> tuple[str, ...]:
    from oceanbench.data import shipped

    file, folders = f"{name}.safetensors", shipped.weights_folders()
    found = sorted(path.parent.name for folder in folders for path in folder.glob(f"*/{file}"))
    everywhere = any((folder / file).is_file() for folder in folders)
    return (*found, *(["any challenge"] if everywhere else []))


def _wrapped(head: str, text: str, hanging: int | None = None) -> Iterator[str]:
    later = " " * (len(head) if hanging is None else hanging)
    yield from textwrap.wrap(
        text, width(), initial_indent=head, subsequent_indent=later, break_long_words=False
    )
