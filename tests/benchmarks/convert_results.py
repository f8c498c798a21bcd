# ruff: noqa: T201
"""Bring the result files of boards to schema 2, with what their series hold.

    python tests/benchmarks/convert_results.py [FOLDER]

Intervals of scores of sums are computed again from the sums; scores that have an interval no more
lose it; scores that take members for independent draws are marked as not declared; rows that used
the swath, what weights learned from, and which physics a method knows, say so. A row of an older
version of its challenge is brought to the present one where the scores that changed are the same
for it: those of members and in all directions did, those of single values and Gaussians did not.
Rows of those stay as they are, and are printed: they have to be made again.
"""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import replace
from pathlib import Path

from oceanbench.challenge import Challenge, load_all
from oceanbench.data import shipped
from oceanbench.methods.running import TOLD
from oceanbench.metrics import METRICS
from oceanbench.metrics.aligned import NOT_DRAWS
from oceanbench.result import SCHEMA, Result, Score
from oceanbench.scoring.series import is_of_sums, sums_of
from oceanbench.scoring.statistics import of_sums

OF_OBSERVATIONS = [["oi"], ["bfn"], ["miost"]]  # methods without weights that use nothing else
WITHOUT_STATES = ("lorenz96_unsupervised",)  # challenges that give observations to learn from
COMMAND = "python tests/benchmarks/convert_results.py"
ISOTROPIC = "isotropic_wavelength"
MEMBERS = {  # methods of maps and windows that give members; of forecasts, the coverage says so
    "enks",
    "fourdvarnet_conv",
    "learned_correction_ensemble",
    "learned_correction_conditional",
    "learned_correction_perturbed",
}


def gives_members(result: Result) -> bool:
    """Whether a submission was one of members."""
    counts = [part.get("members", 1) for part in result.coverage]
    return max(counts) > 1 or result.name in MEMBERS


def with_interval(score: Score, result: Result, challenge: Challenge) -> Score:
    """Score with the interval that its sums give; its own where they are not there."""
    row = next(row for row in challenge.scores if row.label == score.label)
    metric = METRICS[row.metric]
    if not metric.interval:
        return replace(score, interval=None)
    resampled = metric.of_sums(row.options)
    if resampled is None or score.value is None:
        return score
    for series in result.series:
        wanted = (series["variable"], series["mask"]) == (score.variable, score.mask)
        if not (wanted and is_of_sums(series)) or (metric.daily and not series["daily"]):
            continue
        sums = sums_of(series, score.label)
        if metric.statistic is not None and sums.term is None:
            continue
        if abs(float(resampled(sums)) - score.value) > 1e-9 * max(abs(score.value), 1e-9):
            continue
        found = of_sums(sums, resampled, metric.limits)
        interval = None if found is None else found.interval()
        return replace(score, interval=interval and interval.within(*metric.limits))
    return score


def physics_of(command: str, challenge: Challenge) -> str:
    """Physics that the method of a command says it knows; its file is read, not run."""
    words = command.split()
    path = shipped.folder("baselines") / f"{words[2]}.py"
    if words[1] != "run" or not path.is_file():
        return ""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PHYSICS":
            if not isinstance(node.value, ast.Constant):
                return ""  # what depends on its arguments, only a run can tell
            name = str(node.value.value)
            return challenge.physics or "" if name == TOLD else name
    return ""


def converted(result: Result, challenge: Challenge) -> Result:
    """Result of the present version and schema."""
    scores = {s.label: with_interval(s, result, challenge) for s in result.scores}
    for row in challenge.scores:
        metric = METRICS[row.metric]
        if row.label not in scores and metric.of_draws:
            like = next(s for s in result.scores if s.metric == row.metric.removeprefix("fair_"))
            scores[row.label] = replace(
                like,
                metric=row.metric,
                label=row.label,
                variable=challenge.variable_of(row),
                mask=challenge.mask_of(row),
                value=None,
                interval=None,
                flag=NOT_DRAWS.flag,
                lead=row.lead,
                depth=row.depth,
            )
    used = result.provenance.get("options", {}).get("weights")
    command = str(result.provenance.get("command"))
    learned = "observations" if command.split()[2:3] in OF_OBSERVATIONS else ""
    if used:
        supervised = used["options"].get("supervised") is not False
        supervised &= not used["file"].startswith("duacs")
        supervised &= used["challenge"] not in WITHOUT_STATES
        there = Challenge.load(used["challenge"]).ocean == challenge.ocean
        learned = ("truth" if there else "simulation") if supervised else "observations"
    everything = "missions=all" in command
    return replace(
        result,
        challenge={
            "name": challenge.name,
            "version": challenge.version,
            "sha256": challenge.sha256,
        },
        submission={
            "members": "",
            "observations": "swot_karin" if everything else "",
            **result.submission,
            "learned_from": result.submission.get("learned_from") or learned,
            "physics": physics_of(command, challenge),
        },
        scores=[scores[row.label] for row in challenge.scores if row.label in scores],
        provenance={**result.provenance, "converted": COMMAND},
    )


def main() -> None:
    """Convert every result of a folder of boards."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "leaderboards")
    for challenge in load_all().values():
        for path in sorted((folder / challenge.name).glob("*.json")):
            result = Result.load(path)
            schema = json.loads(path.read_text(encoding="utf-8"))["schema"]
            known = schema == SCHEMA and "learned_from" in result.submission
            if result.challenge["sha256"] == challenge.sha256 and known:
                if "physics" not in result.submission:
                    command = str(result.provenance.get("command"))
                    words = {**result.submission, "physics": physics_of(command, challenge)}
                    replace(result, submission=words).save(folder)
                continue
            moved = gives_members(result) or any(s.metric == ISOTROPIC for s in result.scores)
            if result.challenge["version"] < challenge.version and moved:
                print(f"to be made again: {result.provenance['command']}")
                continue
            converted(result, challenge).save(folder)


if __name__ == "__main__":
    main()
