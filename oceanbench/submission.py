"""A participant's file: opened without trusting it, and refused in one line if it is not right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oceanbench.challenge import Challenge
from oceanbench.data import files
from oceanbench.data.checks.files import check_files
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.kinds.kind import Submitted

LONGEST_NAME = 100  # bytes: files of this name get endings
INDEPENDENT = "independent"
LEARNED_FROM = {  # what a method learned from, and how boards say it
    "observations": "observations only",
    "simulation": "simulation of another world",
    "truth": "truth of the same world",
}
# what is said of a submission and its scores, rank or place on a board depend on
DECLARED = ("members", "observations", "learned_from", "physics", "seed_of")


def said(declared: Mapping[str, str]) -> dict[str, Any]:
    """What is said of a submission: of declared words those that are not empty, by known names."""
    for name in declared:
        if name not in DECLARED:
            raise OceanbenchError(f"declared '{name}'; {did_you_mean(name, DECLARED)}")
    return {name: declared[name] for name in DECLARED if declared.get(name)}


def as_options(declared: Mapping[str, str]) -> list[str]:
    """What is said of a submission, as options of the commands."""
    pairs = said(declared).items()
    return [part for name, word in pairs for part in (f"--{name.replace('_', '-')}", word)]


def name_of(file: Path) -> str:
    """Name of a submission from its file or glob: what can stand in a file name."""
    kept = re.sub(r"[^\w.-]", "", file.name.removesuffix(file.suffix)).strip(".")
    return kept or "submission"


@dataclass(frozen=True)
class Submission:
    """Estimates to be scored: a NetCDF file, a Zarr store, or a glob of files.

    Attributes
    ----------
    name : on the leaderboard
    path : of the file, the store, or a glob that is concatenated along time
    method, authors, reference, notes : what the leaderboard says about it
    members : ``independent`` where its members are independent draws of one distribution
    learned_from : what its method learned from, a key of :data:`LEARNED_FROM`; "" where it is not
        said
    physics : equations of the model that its method knows, or of worlds that it learned from, as
        challenges name those of their truths, joined by commas; "" where there are none, or it is
        not said
    observations : names of the optional datasets that its method used, joined by commas, ``truth``
        where it is the truth itself without the noise of its measurement
    seed_of : name of the submission of the same method, trained from another seed, whose row tells
        of this one too; "" where this has a row of its own
    """

    name: str
    path: Path
    method: str = ""
    authors: str = ""
    reference: str = ""
    notes: str = ""
    members: str = ""
    observations: str = ""
    learned_from: str = ""
    physics: str = ""
    seed_of: str = ""

    def __post_init__(self) -> None:
        """Refuse names that cannot be the name of a result file."""
        if "::" in str(self.path) or "://" in str(self.path):
            raise OceanbenchError(f"{self.path}: a submission is a local file; download it first")
        object.__setattr__(self, "path", Path(self.path))
        forbidden = set(self.name) & set('/\\:*?"<>|')
        odd = self.name.startswith(".") or self.name != self.name.strip()
        if not self.name or odd or forbidden or not self.name.isprintable():
            raise OceanbenchError(
                f"submission name {self.name!r} cannot be a file name; use letters, digits, - _ ."
            )
        if len(self.name.encode()) > LONGEST_NAME:
            raise OceanbenchError(
                f"submission name {self.name[:20]!r}… has {len(self.name.encode())} bytes, more "
                f"than {LONGEST_NAME}; choose a shorter --name"
            )
        if self.seed_of == self.name:
            raise OceanbenchError(
                f"submission {self.name!r} is said to be another seed of itself; give it a --name "
                "of its own"
            )
        if self.learned_from and self.learned_from not in LEARNED_FROM:
            hint = did_you_mean(self.learned_from, LEARNED_FROM)
            raise OceanbenchError(f"learned from {self.learned_from!r}; {hint}")
        if self.members not in ("", INDEPENDENT):
            raise OceanbenchError(
                f"members are {self.members!r}, expected '{INDEPENDENT}' or nothing; say so "
                "only of independent draws of one distribution"
            )

    @property
    def declared(self) -> dict[str, str]:
        """What is said of it, by the names of :data:`DECLARED`."""
        return {name: getattr(self, name) for name in DECLARED}

    @property
    def files(self) -> list[Path]:
        """Files of the submission, sorted by name."""
        text = str(self.path)
        if "\0" in text:
            raise OceanbenchError("the path of a submission has a NUL in it; correct it")
        if self.path.exists():
            if not (self.path.is_file() or self.path.is_dir()):
                raise OceanbenchError(f"{text}: neither a file nor a Zarr store; give one of them")
            return [self.path]
        found = files.expand(text, [Path()])
        if not found:
            raise OceanbenchError(f"{text}: no such file; give a NetCDF file, Zarr store or glob")
        return found

    @property
    def sha256(self) -> str:
        """Checksum of the file, or of the checksums of all its files."""
        sums = [files.sha256(f) for f in self.files]
        return sums[0] if len(sums) == 1 else files.sha256_of_text("\n".join(sums))

    def submitted_to(self, challenge: Challenge) -> Submitted:
        """Files that neither harm nor ask for too much, and what messages call them."""
        found = self.files
        check_files(found, challenge.budget, self.path.name)
        return Submitted(found, self.path.name)

    def open(self, challenge: Challenge) -> Any:
        """Canonical variables of the submission around the challenge's domain, in memory.

        Returns
        -------
        Dataset (time, latitude, longitude[, member]), or of windows ([sampling,] window, time,
        component[, member]): names, units and float64 coordinates as the challenge declares them,
        longitudes in its convention, latitudes increasing; a variable without members may have its
        standard deviation beside it, ``<name>_std``. Of forecasts, where each field lies: none is
        read

        Raises
        ------
        OceanbenchError
            what was found, where, what was expected and what to do
        """
        return CHALLENGE_KINDS[challenge.kind].read(challenge, self.submitted_to(challenge), None)
