"""Put rows of a board where a page says ``<!-- board CHALLENGE LABEL: ROW ROW … -->``."""

from __future__ import annotations

import re
from typing import Any

from oceanbench import leaderboard

MARK = re.compile(r"<!-- board (\S+) (.+?): (.+?) -->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the marks by tables."""
    return MARK.sub(lambda found: table(found[1], found[2], found[3].split()), markdown)


def table(challenge: str, label: str, names: list[str]) -> str:
    """Score, interval and group of some rows of a board; a row that is not there is an error."""
    rows = {row["submission"]: row for row in leaderboard(challenge).rows}
    unit = next(iter(rows.values()))["scores"][label]["units"]
    lines = [f"| row | {label} ({unit}) | 95 % interval | group |", "|---|---|---|---|"]
    for name in names:
        row = rows[name]
        value, low, high = (row["scores"][label][key] for key in ("value", "low", "high"))
        lines.append(f"| `{name}` | {value:.4f} | [{low:.4f}, {high:.4f}] | {row['group']} |")
    return "\n".join(lines)
