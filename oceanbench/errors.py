"""The one error a user sees, and what its message is made of."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, and list them all.

    >>> did_you_mean("rmse_skore", ["rmse", "rmse_score"])
    "did you mean 'rmse_score'? (known: rmse, rmse_score)"
    """
    names = sorted(set(known))
    close = get_close_matches(name, names, n=1)
    guess = f"did you mean '{close[0]}'? " if close else ""
    return f"{guess}(known: {', '.join(names)})"
