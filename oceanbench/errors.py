"""The one error a user sees, what its message is made of, and arguments that are refused so."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from unicodedata import normalize

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
LONGEST = 60  # letters of a value in a message


class OceanbenchError(ValueError):
    """The user's input was refused: what was found, where, what was expected, what to do.

    The command line prints the message as one line, without a traceback, and exits with 2.
    """


def in_one_line(problem: Exception, most: int | None = None) -> str:
    r"""What an error of another package says, on one line and of so many letters at the most.

    >>> in_one_line(ValueError("no such\n  key"))
    'no such key'
    """
    return " ".join(str(problem).split())[:most]


def terminal(text: object) -> str:
    r"""One line of a terminal: no control sequences, no invisible or reordering characters.

    >>> terminal("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(
        c if c.isprintable() else " " if c.isspace() else ascii(c)[1:-1] for c in str(text)
    )


def alike(text: object) -> str:
    """Text in which letters that look the same are: the two of mu, for one.

    >>> alike("\u00b5") == alike("\u03bc")
    True
    """
    return normalize("NFKC", str(text))


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Say which known name was probably meant, and list them all.

    >>> did_you_mean("rmse_skore", ["rmse", "rmse_score"])
    "did you mean 'rmse_score'? (known: rmse, rmse_score)"
    """
    names = sorted(set(known))
    close = get_close_matches(str(name), names, n=1)
    guess = f"did you mean '{close[0]}'? " if close else ""
    return f"{guess}(known: {', '.join(names)})"


def typed(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Function whose arguments are of the types that it says, or are refused in one line.

    It is meant for what users call with what they type.

    >>> @typed
    ... def doubled(number: int) -> int:
    ...     return 2 * number
    >>> doubled("2")
    Traceback (most recent call last):
    oceanbench.errors.OceanbenchError: doubled: number: found str, expected int
    """
    shape = signature(function)
    arguments: dict[str, Argument] = {}

    @wraps(function)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
        if not arguments:
            arguments.update(_arguments(function))
        try:
            given = shape.bind(*args, **kwargs)
        except TypeError as problem:
            takes = ", ".join(shape.parameters)
            raise OceanbenchError(f"{function.__name__}: {problem}; it takes {takes}") from None
        for name in [name for name in given.arguments if name in arguments]:
            said = f"{function.__name__}: {name}"
            given.arguments[name] = arguments[name].checked(given.arguments[name], said)
        return function(*given.args, **given.kwargs)

    return call


@dataclass(frozen=True)
class Argument:
    """What an argument may be.

    Attributes
    ----------
    adapter : that checks it
    words : its type, as the function says it
    """

    adapter: TypeAdapter[Any]
    words: str

    def checked(self, value: Any, name: str) -> Any:
        """Value, if it is one that the argument may be."""
        from pydantic import ValidationError  # noqa: PLC0415  (slow to import)

        try:
            return self.adapter.validate_python(value, strict=True)
        except ValidationError as problem:
            first, *_ = problem.errors(include_url=False)
            if set(first.get("ctx", {})) & {"ge", "le"} or first["type"] == "finite_number":
                raise OceanbenchError(f"{name}: found {value}: {first['msg'].lower()}") from None
            found = type(value).__name__
            if isinstance(value, Mapping | list | tuple):  # of which a part may be wrong
                found += f" {textwrap.shorten(terminal(value), LONGEST, placeholder='…')}"
            raise OceanbenchError(f"{name}: found {found}, expected {self.words}") from None


def _arguments(function: Callable[..., Any]) -> Iterator[tuple[str, Argument]]:
    """Arguments of a function but those that it takes by any name."""
    from pydantic import ConfigDict, TypeAdapter  # noqa: PLC0415  (slow to import)

    hints = get_type_hints(function, include_extras=True)
    config = ConfigDict(arbitrary_types_allowed=True)
    for name, parameter in signature(function).parameters.items():
        if parameter.kind is not parameter.VAR_KEYWORD:
            hint = hints[name]
            told = get_origin(hint) is Annotated
            words = hint.__origin__.__name__ if told else str(parameter.annotation)
            yield name, Argument(TypeAdapter(_instances(hint), config=config), words)


def _instances(hint: Any) -> Any:
    """Type whose models are asked for as they are, and not validated again."""
    from pydantic import BaseModel, InstanceOf  # noqa: PLC0415  (slow to import)

    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return InstanceOf[hint]  # type: ignore[misc]
    if isinstance(hint, UnionType):
        return Union[tuple(map(_instances, get_args(hint)))]  # noqa: UP007  (of a tuple)
    return hint
