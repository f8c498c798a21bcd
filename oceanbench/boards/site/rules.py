"""What a challenge asks for, in lines and rows."""

from __future__ import annotations

from collections.abc import Iterator

from oceanbench.challenge import Challenge
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.metrics import METRICS


def rules_of(challenge: Challenge) -> Iterator[tuple[str, str]]:
    """Headings and texts: what is scored, when, on what data, and what a submission holds."""
    kind = CHALLENGE_KINDS[challenge.kind]
    if (domain := challenge.domain) is not None:
        west, east = domain.longitude
        south, north = domain.latitude
        yield "domain", f"{west:g} to {east:g} °E, {south:g} to {north:g} °N"
        yield "scored", f"{domain.time[0]} to {domain.time[1]}"
    yield from kind.facts(challenge)
    for name, (first, last) in challenge.periods.items():
        yield name.replace("_", " "), f"{first} to {last}"
    rules = challenge.submission
    said = [f"holes: {rules.missing}"]
    said += [f"regrid: {rules.regrid}"] if "regrid" in kind.submission_keys else []
    variables = ", ".join(f"{name} [{v.units}]" for name, v in rules.variables.items())
    yield "to submit", f"{variables} ({', '.join(said)})"
    yield "masks", ", ".join(challenge.masks)
    for role in dict.fromkeys(dataset.role for dataset in challenge.datasets.values()):
        names = [
            f"{name} (optional)" if challenge.datasets[name].optional else name
            for name in challenge.of_role(role)
        ]
        yield role.replace("_", " "), ", ".join(names)
    if challenge.physics is not None:
        yield "physics of the truth", challenge.physics
    yield "intervals", f"95 %, over {kind.cases.sampling}"
    if challenge.reference_method is not None:
        yield "reference method", challenge.reference_method
    if challenge.licence is not None:
        yield "licence", challenge.licence


def declared_scores(challenge: Challenge) -> Iterator[dict[str, str]]:
    """Label, metric, claim and options of every row of the metrics."""
    for row in challenge.metrics:
        given = {key: value for key in ("variable", "mask") if (value := getattr(row, key))}
        options = ", ".join(f"{k}: {v}" for k, v in {**given, **row.options}.items())
        claim = METRICS[row.metric].claim
        yield {"label": row.label, "metric": row.metric, "claim": claim, "options": options}
