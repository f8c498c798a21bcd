"""Sums and differences of variables: parsed, never evaluated."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError

MOST_TERMS = 32
TERM = re.compile(r"\s*([+-]?)\s*([A-Za-z_]\w*)\s*")


def parse_sum(expression: str) -> list[tuple[int, str]]:
    """Signs and names of a sum or difference of variables; anything else is refused.

    >>> parse_sum("sla_unfiltered + mdt - lwe")
    [(1, 'sla_unfiltered'), (1, 'mdt'), (-1, 'lwe')]
    """
    terms: list[tuple[int, str]] = []
    position = 0
    while position < len(expression):
        if len(terms) == MOST_TERMS:
            raise OceanbenchError(f"a sum of more than {MOST_TERMS} variables; write fewer")
        match = TERM.match(expression, position)
        if match is None or (terms and not match[1]):
            raise OceanbenchError(
                f"'{expression}' is not a variable nor a sum or difference of variables, such as "
                "'sla_unfiltered + mdt - lwe'"
            )
        terms.append((-1 if match[1] == "-" else 1, match[2]))
        position = match.end()
    if not terms:
        raise OceanbenchError("an empty expression names no variable; write its name in the file")
    return terms


def combine(dataset: xr.Dataset, expression: str) -> xr.DataArray:
    """Variable, or signed sum of variables, of a dataset in float64; attributes of the first."""
    terms = parse_sum(expression)
    total = sum(sign * dataset[name].astype(np.float64) for sign, name in terms)
    result = xr.DataArray(total)
    result.attrs = dict(dataset[terms[0][1]].attrs)
    return result
