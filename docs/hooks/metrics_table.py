"""Put the METRICS table where a page says ``<!-- metrics -->``."""

from __future__ import annotations

from typing import Any

from oceanbench import METRICS

MARK = "<!-- metrics -->"
HEADS = ("metric", "claim", "unit", "better", "ideal", "needs", "interval", "options")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the mark by the table."""
    return markdown.replace(MARK, _table()) if MARK in markdown else markdown


def _table() -> str:
    rows = [HEADS, ("---",) * len(HEADS)]
    for name, metric in METRICS.items():
        options = ", ".join(f"`{n}={p.default}`" for n, p in metric.options.items())
        rows.append(
            (
                f"[`{name}`](reference/metrics.md#{metric.described.__module__}.{name})",
                metric.claim,
                metric.units or "the variable's",
                metric.better or "nearer to ideal",
                f"{metric.ideal:g}" if isinstance(metric.ideal, float) else metric.ideal or "–",
                f"{metric.needs}, distribution" if metric.probabilistic else metric.needs,
                "yes" if metric.resampled else "no",
                options or "–",
            )
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
