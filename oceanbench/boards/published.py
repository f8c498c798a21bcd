"""Scores that others published, as a challenge brings them: text beside its own scores."""

from __future__ import annotations

import io

import pandas as pd

from oceanbench.challenge import Challenge
from oceanbench.data.files import check_inside, check_no_link_out, read_text
from oceanbench.errors import OceanbenchError, did_you_mean

MOST_TEXT = 2**18  # bytes of the table
TEXTS = ("method", "observations", "notes", "reference")  # columns that are no scores


def published_table(challenge: Challenge) -> pd.DataFrame:
    """Rows that others published, as text; empty where a challenge has none.

    Raises
    ------
    OceanbenchError
        if the file lies outside the folder of the challenge, or is no table of its scores: what it
        holds is not shown then
    """
    if challenge.published is None:
        return pd.DataFrame()
    name, where = challenge.published.path, f"{challenge.path}: published.path"
    check_inside(name, where)
    path = challenge.path.parent / name
    if not path.is_file():
        raise OceanbenchError(f"{where}: no file {path}; add it")
    check_no_link_out([path], [challenge.path.parent], where)
    try:
        text = read_text(path, MOST_TEXT)
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, index_col=False)
    except (ValueError, OSError) as problem:
        raise OceanbenchError(
            f"{path}: cannot be read as CSV ({type(problem).__name__}); correct it"
        ) from problem
    labels = {row.label for row in challenge.scores}
    wrong = [str(c) for c in table.columns if c not in TEXTS and c.split(" [")[0] not in labels]
    if wrong or "method" not in table.columns:
        raise OceanbenchError(
            f"{where}: {path.name} has a column that is no score of the challenge, or no column "
            f"'method'; {did_you_mean(wrong[0] if wrong else 'method', [*TEXTS, *labels])}"
        )
    return table
