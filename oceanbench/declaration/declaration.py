"""What a challenge.yaml says: data, and what follows from it without opening a file of data."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from oceanbench.data import files, shipped
from oceanbench.data.checks.budget import UNLIMITED, Budget
from oceanbench.data.checks.files import check_files
from oceanbench.declaration.consistency import HIDDEN
from oceanbench.declaration.metric_rows import MetricRow
from oceanbench.declaration.section import Dates, Period, Section, Text
from oceanbench.declaration.sections import (
    Dataset,
    Domain,
    Mask,
    Published,
    Source,
    SubmissionRules,
)
from oceanbench.errors import OceanbenchError, did_you_mean

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"

MOST = 500  # datasets, masks or rows of metrics


class Declaration(Section):
    """Content of a challenge.yaml, as kinds and scoring take it.

    Attributes
    ----------
    world : name of the ocean that the truth is of, which challenges may share; None for the
        challenge's own
    physics : name of the equations that the truth was made by, as methods name those of their
        models; None where that is not said
    own : the keys that only challenges of this kind have, in the section that the kind declares
    scores : every score, in the order of results; a row of ``metrics`` may stand for many
    path : of the challenge.yaml
    budget : what the files of a submission, and of a challenge that is not shipped, may hold
    """

    name: Annotated[str, Field(strict=True, pattern=NAME, max_length=100)]
    version: Annotated[int, Field(strict=True, ge=1)]
    title: Text
    kind: Text
    domain: Domain | None = None
    periods: dict[Period, Dates] = Field(default_factory=dict)
    datasets: Annotated[dict[str, Dataset], Field(max_length=MOST)]
    submission: SubmissionRules
    masks: Annotated[dict[str, Mask], Field(min_length=1, max_length=MOST)]
    metrics: Annotated[list[MetricRow], Field(max_length=MOST)]
    rank_by: Text
    reference_method: Annotated[str, Field(strict=True, pattern=NAME)] | None = None
    world: Text | None = None
    physics: Text | None = None
    reference: Text | None = None
    licence: Text | None = None
    published: Published | None = None
    own: Annotated[Section, Field(exclude=True)] = Field(default_factory=Section)
    scores: Annotated[list[MetricRow], Field(exclude=True)] = Field(default_factory=list)
    whole: Annotated[list[MetricRow], Field(exclude=True)] = Field(default_factory=list)
    path: Annotated[Path, Field(exclude=True)]
    budget: Annotated[Budget, Field(exclude=True)] = Budget()

    def of_role(self, role: str) -> list[str]:
        """Names of the datasets of a role."""
        return [name for name, dataset in self.datasets.items() if dataset.role == role]

    @property
    def ocean(self) -> str:
        """Name of the ocean that the truth is of."""
        return self.world or self.name

    @property
    def scored(self) -> Domain:
        """Box and days that are scored, for the kinds that have them."""
        assert self.domain is not None  # callers are of such a kind
        return self.domain

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, version {self.version}, {self.kind})"

    @property
    def truth_name(self) -> str:
        """Name of the dataset that no method ever receives."""
        return next(n for n, d in self.datasets.items() if d.role == "truth")

    @property
    def truth(self) -> Dataset:
        """Declaration of the truth."""
        return self.datasets[self.truth_name]

    def dataset(self, name: str) -> Dataset:
        """Declaration of a dataset; refused where none has the name."""
        if name not in self.datasets:
            hint = did_you_mean(name, self.datasets)
            raise OceanbenchError(f"{self.name}: no dataset '{name}'; {hint}")
        return self.datasets[name]

    @property
    def target_name(self) -> str | None:
        """Name of the dataset that says where the truth has values; None where there is none."""
        return next(iter(self.of_role("target")), None)

    def scored_at(self, data_dir: Path | None = None) -> str:
        """Name of the dataset whose points are scored: the truth, or the target where that lacks.

        The truth is named, too, where neither is here.
        """
        target = self.target_name
        if target is None or self.present(self.truth_name, data_dir):
            return self.truth_name
        return target if self.present(target, data_dir) else self.truth_name

    def is_kept(self, name: str) -> bool:
        """Whether a dataset stays with the organiser, so that participants do without it."""
        dataset = self.datasets[name]
        return self.target_name is not None and dataset.role in HIDDEN and dataset.source is None

    def excuse(self, name: str) -> str:
        """Why a dataset may lack; "" where it must be there."""
        if self.datasets[name].optional:
            return "optional"
        return "kept by the organiser" if self.is_kept(name) else ""

    @property
    def ranking(self) -> MetricRow:
        """Score that ranks the leaderboard: the first with that label or metric."""
        scores = self.whole or self.scores  # all, where only some are asked for
        rows = [m for m in scores if m.label == self.rank_by]
        return (rows or [m for m in scores if m.metric == self.rank_by])[0]

    @cached_property
    def sha256(self) -> str:
        """Checksum of challenge.yaml, kept with every result."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def variable_of(self, row: MetricRow) -> str:
        """Variable that a score looks at."""
        return row.variable or next(iter(self.submission.variables))

    def mask_of(self, row: MetricRow) -> str:
        """Name of the mask that a score looks through."""
        return row.mask or next(iter(self.masks))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{d.role}</td><td>{d.layout}</td>"
            f"<td>{escape(', '.join(d.variables))}</td></tr>"
            for name, d in self.datasets.items()
        )
        heads = "".join(f"<th>{head}</th>" for head in ("dataset", "role", "layout", "variables"))
        scores = escape(", ".join(row.label for row in self.metrics))
        return (
            f"<p>{escape(self.title)} (<code>{escape(self.name)}</code>, version {self.version}, "
            f"kind {escape(self.kind)})</p><table><tr>{heads}</tr>{rows}</table>"
            f"<p>Scores: {scores}; ranked by {escape(self.ranking.label)}</p>"
        )

    @property
    def is_shipped(self) -> bool:
        """Whether it came with OceanBench, and is trusted."""
        return self.path.absolute().is_relative_to(shipped.folder("challenges").absolute())

    @property
    def called(self) -> str:
        """Word that names it in a command, not yet quoted: if it is shipped its name, or its file.

        Of a file that lies elsewhere than below the present folder, and was given by its whole
        path, this is its folder and name.
        """
        told = files.path_as_written(self.path)
        if "/" not in told and self.path.is_absolute() and self.path.parent != Path.cwd():
            told = f"{self.path.parent.name}/{told}"
        return self.name if self.is_shipped else told

    def folders(self, data_dir: Path | None = None) -> list[Path]:
        """Where this challenge's files may lie, in the order of search."""
        cache = files.cache_folder() / self.name
        return [data_dir] if data_dir else [*shipped.data_folders(self.path.parent), cache]

    def present(self, name: str, data_dir: Path | None = None) -> list[Path]:
        """Files of a dataset that are there, unverified; empty when there is none.

        Raises
        ------
        OceanbenchError
            when the path leads out of the folders of the challenge, and the challenge is a
            stranger's
        """
        dataset, folders = self.dataset(name), self.folders(data_dir)
        path, where = dataset.path, f"{self.path}: datasets.{name}.path"
        # an absolute path is read, as any file of a stranger is, and nothing is fetched to it
        bound = not self.is_shipped and not (Path(path).is_absolute() and dataset.source is None)
        if bound:
            files.check_inside(path, where)
        found = files.expand(path, folders)
        if bound and data_dir is None:  # the user's own folder may have links
            files.check_no_link_out(found, folders, where)
        return found

    def there(self, name: str, data_dir: Path | None = None) -> list[Path]:
        """Files of a dataset, unverified; refused where there is none: what brings them."""
        if found := self.present(name, data_dir):
            return found
        raise OceanbenchError(self.how_to_get(name, data_dir))

    def files(self, name: str, data_dir: Path | None = None) -> list[Path]:
        """Files of a dataset, verified where the challenge gives a checksum.

        Raises
        ------
        OceanbenchError
            when they are not there: what to fetch and where to put it; when they read elsewhere or
            ask for too much
        """
        dataset, found = self.datasets[name], self.there(name, data_dir)
        if dataset.role in ("observations", "auxiliary", "first_guess"):
            self._check_hidden(name, found, data_dir)
        wanted, where = dataset.sha256, f"{self.name}: dataset '{name}'"
        expected = {f: wanted.get(f.name) if isinstance(wanted, dict) else wanted for f in found}
        if not (self.is_shipped and all(expected.values())):
            budget = UNLIMITED if self.is_shipped else self.budget
            values = check_files(found, budget, where)
            if dataset.role in ("truth", "observed_truth"):  # which are read when a file is scored
                budget.check("values", values, where)
        for file, known in expected.items():
            if known:
                files.check_sha256(file, known, where)
        return found

    def _check_hidden(self, name: str, found: Sequence[Path], data_dir: Path | None) -> None:
        """Refuse inputs in files that no method may read.

        Of a path that both say alike kinds know: what was observed may be seen once it is old.
        """
        path, mine = self.datasets[name].path, {file.resolve() for file in found}
        for other, hidden in self.datasets.items():
            alike = hidden.is_observed_truth and hidden.path == path
            if hidden.role not in HIDDEN or alike:
                continue
            if mine & {file.resolve() for file in self.present(other, data_dir)}:
                whose = "the truth" if hidden.role == "truth" else f"'{other}'"
                raise OceanbenchError(
                    f"{self.path}: datasets.{name}.path: {path} is a file of {whose}; methods "
                    "would read it"
                )

    def how_to_get(self, name: str, data_dir: Path | None = None) -> str:
        """Say that a dataset is not here, and what brings it."""
        dataset, place = self.datasets[name], self.folders(data_dir)[-1]
        target = self.target_name
        if self.is_kept(name) and target is not None and not self.present(target, data_dir):
            path = self.datasets[target].path
            return (
                f"{self.name}: neither dataset '{name}' nor its target '{target}' is here: no file "
                f"{self.folders(data_dir)[0] / path}; paths are relative to that folder"
            )
        if self.is_kept(name):
            return (
                f"{self.name}: dataset '{name}': no file {place / dataset.path}; its organiser "
                "keeps it, and scores what is sent there: 'oceanbench validate "
                f"{shlex.quote(self.called)} FILE' says whether a file can be scored"
            )
        command = None if data_dir else shipped.data_command(self.path.parent, dataset.path)
        if command:
            return (
                f"{self.name}: dataset '{name}': {dataset.path} is not installed; run "
                f"'{command}', or pass --data-dir with the folder that holds it"
            )
        source = dataset.source or Source()
        address = source.archive or source.url
        ways = []
        if address or source.copernicusmarine:
            called, there = shlex.quote(self.called), " --data-dir DIR" if data_dir else ""
            ways += [f"run 'oceanbench fetch {called}{there}'"]
        if source.instructions or address:
            told = source.instructions or f"download {address}"
            ways += [f"{told}, unpack it so that this path exists"]
        action = ", or ".join(ways) or "put the file there"
        return (
            f"{self.name}: dataset '{name}': no file {place / dataset.path}; {action}, "
            "or pass --data-dir with the folder that holds it"
        )

    def attributes(self, name: str) -> dict[str, Any]:
        """What a dataset says of itself to methods."""
        dataset = self.datasets[name]
        said = {"role": dataset.role, "layout": dataset.layout, "name": name}
        return {**said, "optional": int(dataset.optional)}
