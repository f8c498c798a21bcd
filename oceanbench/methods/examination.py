"""What an organiser wants to know of a challenge before publishing it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xarray as xr

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluated
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.kinds.findings import SEVERITIES, Finding, named, refused
from oceanbench.methods.running import run
from oceanbench.metrics import METRICS
from oceanbench.result import Result

MOST_READ = 2**24  # values of a dataset: of a larger one, some times are read
SOME_TIMES = 5
TIMES = ("time", "start")
OTHER_UNIT = 8.0  # times as variable, as for submissions
OTHER_LEVEL = 3.0  # times the larger deviation, of the difference of two means
COMPARED = ("observations", "training", "validation", "initial", "climatology", "observed_truth")


@dataclass(frozen=True)
class Seen:
    """A variable of a dataset, as its files have it.

    Attributes
    ----------
    dataset, role, variable, units : which
    times : first and last day, or number; of a map without time ""
    read, of : times that were read, and that there are
    holes : share of the values that are missing
    low, high, mean, deviation : of the values that were read; None without any
    """

    dataset: str
    role: str
    variable: str
    units: str
    times: str
    read: int
    of: int
    holes: float
    low: float | None
    high: float | None
    mean: float | None
    deviation: float | None


@dataclass(frozen=True)
class Rehearsal:
    """A method on a few cases.

    Attributes
    ----------
    method : its name
    cases : how many of what: days, windows or starts
    cpu_seconds : that it took
    result : its scores, which are none of the challenge's; None where the truth is not here
    """

    method: str
    cases: str
    cpu_seconds: float
    result: Result | None


@dataclass(frozen=True)
class Examination:
    """A challenge with all that was found; ``datasets`` are those that could be opened."""

    challenge: Challenge
    findings: list[Finding]
    seen: list[Seen]
    datasets: Mapping[str, xr.Dataset] = field(repr=False)
    rehearsal: Rehearsal | None
    seconds: float

    @property
    def stops(self) -> bool:
        """Whether something would stop participants."""
        return any(found.severity == "stops" for found in self.findings)


def examined(
    challenge: Challenge,
    *,
    data_dir: Path | None = None,
    method: str | None = None,
    days: int = 5,
) -> Examination:
    """Open everything that a challenge declares, compare it, and rehearse with a method.

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`
    data_dir : folder of the challenge's files
    method : baseline's name or path of a method file; by default the challenge's reference method
    days : days, windows or starts of the rehearsal; with 0 there is none

    Returns
    -------
    Examination, whose findings come worst first
    """
    begin = time.perf_counter()
    here = {name: bool(challenge.present(name, data_dir)) for name in challenge.datasets}
    absent = [name for name, there in here.items() if not there]
    findings = [*_left_out(challenge), *_absent(challenge, absent, data_dir)]
    datasets, seen = {}, []
    for name in (name for name in here if here[name]):
        try:
            opened = challenge.open(name, data_dir)
            seen += _looked_at(challenge, name, opened)
            datasets[name] = opened
        except OceanbenchError as problem:
            findings.append(refused(name, problem))
    findings += _compared(challenge, seen)
    findings += CHALLENGE_KINDS[challenge.kind].examined(challenge, data_dir, datasets)
    rehearsal, chosen = None, method or challenge.reference_method
    if chosen and days and not any(found.severity == "stops" for found in findings):
        try:
            rehearsal = _rehearsed(challenge, chosen, days, data_dir)
            findings += _of_rehearsal(rehearsal, findings)
        except OceanbenchError as problem:
            findings.append(refused(f"method {chosen}", problem))
    order = list(SEVERITIES)
    findings.sort(key=lambda found: order.index(found.severity))
    return Examination(challenge, findings, seen, datasets, rehearsal, time.perf_counter() - begin)


def _left_out(challenge: Challenge) -> Iterator[Finding]:
    """What the declaration leaves out that participants need."""
    if challenge.reference_method is None:
        yield Finding(
            "remark",
            "reference_method",
            "is not given: newcomers have nothing to begin with, nor rows a reference",
            "name a shipped baseline: oceanbench list --kind " + challenge.kind,
        )
    if not METRICS[challenge.ranking.metric].ranks:
        text = "is ideal of what knows nothing, too: of zeros, of the climate, or of no event"
        yield Finding("misleads", "rank_by", text, "rank by an error")
    if challenge.licence is None:
        yield Finding("remark", "licence", "is not given", "say under what terms the data are")
    if not (challenge.path.parent / "README.md").is_file():
        yield Finding(
            "remark", "README.md", "there is no card", "write beside challenge.yaml what is asked"
        )
    unbounded = [n for n, v in challenge.submission.variables.items() if v.valid_range is None]
    if unbounded:
        yield Finding(
            "misleads",
            f"submission.variables {named(unbounded)}",
            "no valid_range: values in another unit are known by what is plausible anywhere",
            "give [low, high] of the truth with some room",
        )
    unsummed = [n for n, d in challenge.datasets.items() if d.sha256 is None]
    if unsummed:
        yield Finding(
            "remark",
            f"datasets {named(unsummed)}",
            "no sha256: participants cannot tell whether they have the same files",
            "add sha256, as sha256sum prints it",
        )
    for name, dataset in challenge.datasets.items():
        if Path(dataset.path).is_absolute():
            yield Finding(
                "misleads",
                name,
                f"path {dataset.path} begins at the root: it is there on this machine only",
                "write it relative to challenge.yaml",
            )


def _absent(challenge: Challenge, names: list[str], data_dir: Path | None) -> Iterator[Finding]:
    """Datasets that are not here, those together that the same command or person brings."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        brings = challenge.how_to_get(name, data_dir).partition("; ")[2]
        groups[challenge.excuse(name), brings].append(name)
    for (excuse, brings), together in groups.items():
        files = named([challenge.datasets[name].path for name in together], 2)
        text = f"{excuse}, and not here: nothing is said of it" if excuse else f"no file {files}"
        yield Finding("remark" if excuse else "stops", named(together), text, brings)


def _looked_at(challenge: Challenge, name: str, opened: xr.Dataset) -> list[Seen]:
    """Values of a dataset, read and so checked: all, or of a large one those of some times."""
    axis = next((dim for dim in TIMES if dim in opened.dims), None)
    count = opened.sizes[axis] if axis else 1
    part = opened
    if axis and opened.nbytes > 8 * MOST_READ:
        chosen = np.unique(np.linspace(0, count - 1, SOME_TIMES).astype(int))
        part = opened.isel({axis: chosen})
    read = part.sizes[axis] if axis else 1
    if 0 in part.sizes.values():
        raise OceanbenchError(
            f"no value is left of it ({dict(part.sizes)}) in its period or domain; correct the "
            "dates, or give the files of those days"
        )
    where = ""
    if axis:
        ends = opened[axis].values[[0, -1]]
        if ends.dtype.kind == "M":
            ends = np.sort(ends).astype("datetime64[D]")
        first, last = (f"{end:g}" if ends.dtype.kind == "f" else str(end) for end in ends)
        where = f"{first} to {last}"
    seen = []
    declared = challenge.datasets[name].variables
    for variable, array in ((n, a) for n, a in part.data_vars.items() if n in declared):
        values = np.asarray(array.values, dtype=np.float64)
        known = values[np.isfinite(values)]
        numbers: list[float | None] = [None] * 4
        if known.size:
            numbers = [float(f(known)) for f in (np.min, np.max, np.mean, np.std)]
        holes = 1.0 - known.size / max(values.size, 1)
        role, units = challenge.datasets[name].role, str(array.attrs.get("units", ""))
        seen.append(Seen(name, role, str(variable), units, where, read, count, holes, *numbers))
    return seen


def _compared(challenge: Challenge, seen: list[Seen]) -> Iterator[Finding]:
    """Datasets that vary otherwise than the truth, or about another level."""
    truths = {one.variable: one for one in seen if one.dataset == challenge.truth_name}
    for one in seen:
        truth = truths.get(one.variable)
        if one.deviation is None or one.mean is None:
            yield Finding("misleads", one.dataset, f"'{one.variable}' has no value at all")
            continue
        if truth is None or truth.mean is None or one.role not in COMPARED or not truth.deviation:
            continue
        ratio = one.deviation / truth.deviation
        apart = abs(one.mean - truth.mean)
        if not 1.0 / OTHER_UNIT <= ratio <= OTHER_UNIT:
            yield Finding(
                "misleads",
                one.dataset,
                f"'{one.variable}' varies {ratio:.3g} times as much as the truth",
                f"is it in {truth.units or 'the same unit'}?",
            )
        elif apart > OTHER_LEVEL * max(one.deviation, truth.deviation):
            yield Finding(
                "misleads",
                one.dataset,
                f"'{one.variable}' is {one.mean:.3g} on average, and the truth {truth.mean:.3g}",
                "refer both to one level, or say on the card why they differ",
            )


def _rehearsed(challenge: Challenge, method: str, days: int, data_dir: Path | None) -> Rehearsal:
    """Run a method on the first cases, and score what it made, or see whether it could be."""
    kind = CHALLENGE_KINDS[challenge.kind]
    short = kind.shortened(challenge, days)
    assert isinstance(short, Challenge)  # a copy of it
    with TemporaryDirectory() as folder:
        submission, kept = run(method, short, output=Path(folder), data_dir=data_dir)
        if short.is_kept(short.truth_name) and not short.present(short.truth_name, data_dir):
            result = None
            kind.validate(short, submission.submitted_to(short), data_dir)
        else:
            result, _ = evaluated(short, submission, data_dir=data_dir)
    what = kind.cases.name.replace("time", "days")
    return Rehearsal(submission.name, f"{days} {what}", float(kept["cpu_seconds"]), result)


def _of_rehearsal(rehearsal: Rehearsal, known: list[Finding]) -> Iterator[Finding]:
    """What looks wrong in the estimates of the method, and scores that it has not."""
    about = f"method {rehearsal.method}"
    if rehearsal.result is None:
        return
    for warning in rehearsal.result.warnings:
        text, _, cure = warning.partition("; ")
        yield Finding("misleads", about, text, cure)
    lost = [
        score.label
        for score in rehearsal.result.scores
        if score.flag == "no_data" and not any(score.label in found.about for found in known)
    ]
    if lost:
        yield Finding(
            "remark",
            about,
            f"no value of {named(lost)} on so few cases",
            "see whether they have one with more --days",
        )
