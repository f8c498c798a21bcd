"""challenge.yaml → a frozen, validated Challenge; every refusal names file, key, value and cure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import ValidationError, model_validator

from oceanbench.data import copernicus, downloads, shipped
from oceanbench.data.catalog import catalog as intake_catalog
from oceanbench.data.checks.budget import Budget
from oceanbench.declaration import (
    Dates,
    Declaration,
    MarineService,
    Section,
    Source,
    consistency,
    one_line,
    read_yaml,
    time_slice,
)
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.kinds import CHALLENGE_KINDS, Kind
from oceanbench.metrics import METRICS


class Challenge(Declaration):
    """A challenge that exists is valid: datasets, masks, metrics and rules.

    Load one with :meth:`load`.
    """

    @classmethod
    def load(cls, name_or_path: str | Path, budget: Budget | None = None) -> Challenge:
        """Read a challenge by name or from the path of a challenge.yaml.

        Parameters
        ----------
        name_or_path : of a shipped challenge; of a challenge.yaml
        budget : what the files of strangers may hold, by default :class:`Budget`

        Raises
        ------
        OceanbenchError
            with file, key, value and cure
        """
        path = shipped.find("challenges", str(name_or_path), "{name}/challenge.yaml")
        content = read_yaml(path)
        try:
            given = {"path": path, "budget": budget or Budget()}
            return cls.model_validate({**_with_defaults(content), **given})
        except ValidationError as problem:
            raise OceanbenchError(f"{path}: {one_line(problem)}") from problem
        except ValueError as problem:
            raise OceanbenchError(f"{path}: {problem}") from problem

    @model_validator(mode="after")
    def _consistent(self) -> Challenge:
        kind = CHALLENGE_KINDS[self.kind]
        consistency.check_datasets(
            self.datasets,
            self.kind,
            roles=kind.roles,
            layouts=kind.layouts,
            truth_layouts=(kind.truth_layout, *kind.other_truths),
        )
        consistency.check_rules(self.submission, self.kind, kind.submission_keys)
        consistency.check_submission(self.submission, self.truth, self.domain)
        kind.check(self)
        for index, row in enumerate(self.metrics):
            try:
                consistency.check_row(
                    row,
                    self.kind,
                    truth_layout=kind.truth_layout,
                    dated=kind.cases.dated,
                    variables=kind.variables(self),
                    masks=self.masks,
                )
            except ValueError as problem:
                raise ValueError(f"metrics[{index}].{problem}") from problem
        consistency.check_periods(self.periods, self.domain, self.datasets)
        consistency.check_labels([row.label for row in self.metrics], "metrics: label")
        self.scores.extend(kind.score_rows(self))
        self._check_scores()
        return self

    def _check_scores(self) -> None:
        consistency.check_scores(self.scores)
        labels = [row.label for row in self.scores]
        consistency.check_labels(labels, "metrics: label of a score")
        if self.reference_method is not None:
            known = shipped.names("baselines")
            if self.reference_method not in known:
                raise ValueError(
                    f"reference_method: '{self.reference_method}' is no shipped baseline; "
                    f"{did_you_mean(self.reference_method, known)}; a method of your own is run "
                    "with 'oceanbench run FILE CHALLENGE'"
                )
        self._check_ranking()

    def _check_ranking(self) -> None:
        known = [*(row.metric for row in self.metrics), *(row.label for row in self.scores)]
        if self.rank_by not in known:
            hint = did_you_mean(self.rank_by, known)
            raise ValueError(f"rank_by: '{self.rank_by}' is not among metrics; {hint}")
        consistency.check_ranking(self.rank_by, METRICS[self.ranking.metric])

    def ranked_by(self, label: str) -> Challenge:
        """Return the challenge with another score that ranks; its checksum stays that of the file.

        Raises
        ------
        OceanbenchError
            if it has no such score, or one that is no rank
        """
        other = self.model_copy(update={"rank_by": label})
        try:
            other._check_ranking()
        except ValueError as problem:
            raise OceanbenchError(f"{self.path}: {problem}") from problem
        return other

    def open(
        self, name: str, data_dir: Path | None = None, period: Dates | None = None
    ) -> xr.Dataset:
        """Open a dataset with canonical names.

        The truth is cut to the domain, data of role ``training`` and ``validation`` to the period
        of that name, and others that have times to a period where one is given. The attributes
        ``role`` and ``layout`` say what it is.
        """
        role = self.dataset(name).role
        learned: dict[str, Dates] = {
            n: self.periods[n] for n in consistency.LEARNED if n in self.periods
        }
        dates = learned.get(role, period)
        within = None if dates is None else time_slice(dates)
        opened = CHALLENGE_KINDS[self.kind].open(self, name, data_dir, within)
        return opened.assign_attrs(self.attributes(name))

    def target(self, data_dir: Path | None = None) -> xr.Dataset:
        """Empty variables on the coordinates that a method has to fill.

        They are the coordinates of the truth, of the target where that is not here or, where
        ``submission.grid`` is given, a regular grid over the domain with daily maps; no value of
        the truth is read.
        """
        return CHALLENGE_KINDS[self.kind].target(self, data_dir)

    def fetch(self, name: str, data_dir: Path | None = None, *, offline: bool = False) -> str:
        """Make a dataset present: verify its files, or download them where that is possible.

        Returns
        -------
        what was done, in a few words

        Raises
        ------
        OceanbenchError
            when the files are missing and cannot be downloaded: what to fetch, where to put it
        """
        dataset, source = self.dataset(name), self.dataset(name).source or Source()
        service, place = source.copernicusmarine, self.folders(data_dir)[-1]
        present = self.present(name, data_dir)
        part = None if service is None else self._asked_of(service, name)
        lacking = None if part is None else copernicus.missing(part, place, dataset.path)
        if present and (offline or not lacking):
            count = len(self.files(name, data_dir))
            without = f", {len(lacking)} days missing" if lacking else ""
            return f"{count} file{'s' if count > 1 else ''} present{without}"
        address = source.url or source.archive
        fetched = not offline and (address is not None or part is not None)
        if not fetched and (excuse := self.excuse(name)):
            return f"{excuse}, not here"
        if not fetched:
            raise OceanbenchError(self.how_to_get(name, data_dir))
        most = self.budget.stored
        if part is not None:
            count = copernicus.fetch(part, place, dataset.path, most=most)
            return f"{count} downloaded, {len(self.files(name, data_dir))} present"
        archive = source.url is None
        wanted = [d.path for d in self.datasets.values()] if archive else [dataset.path]
        downloads.fetch(
            str(address), place, wanted, known_hash=source.sha256, archive=archive, most=most
        )
        if not self.present(name, data_dir):
            raise OceanbenchError(
                f"{self.name}: dataset '{name}': {address} holds no {dataset.path}; look into "
                f"it, and put its files so that this path exists in {place}"
            )
        return f"{len(self.files(name, data_dir))} downloaded"

    def _asked_of(self, service: MarineService, name: str) -> copernicus.Request:
        """What a dataset asks of the Copernicus Marine Service."""
        first, last = (np.datetime64(day, "D") for day in service.time)
        return copernicus.Request(
            datasets=service.datasets,
            variables=self.datasets[name].in_files,
            days=list(np.arange(first, last + 1)),
            depth=service.depth,
            latitude=service.latitude,
            longitude=service.longitude,
        )

    def catalog(self, data_dir: Path | None = None) -> Any:
        """Intake catalog of every dataset that is present, built in memory."""
        present = {name: self.present(name, data_dir) for name in self.datasets}
        if not any(present.values()):
            raise OceanbenchError(self.how_to_get(self.truth_name, data_dir))
        return intake_catalog(
            {name: found for name, found in present.items() if found},
            {n: {"role": d.role, "layout": d.layout} for n, d in self.datasets.items()},
        )


def _with_defaults(content: dict[str, Any]) -> dict[str, Any]:
    """Content of a challenge.yaml with what goes without saying for its kind, and its own keys.

    Raises
    ------
    ValueError
        if there is no such kind, or a key is of another one
    """
    name = content.get("kind")
    if not isinstance(name, str) or name not in CHALLENGE_KINDS:
        if "kind" not in content:
            return content  # the declaration says that it is missing
        hint = did_you_mean(str(name), CHALLENGE_KINDS)
        raise ValueError(f"kind: found {name!r}, expected: a kind of challenge; {hint}")
    kind = CHALLENGE_KINDS[name]
    for other, row in CHALLENGE_KINDS.items():
        for key in row.keys.model_fields:
            if key in content and key not in kind.keys.model_fields:
                raise ValueError(f"{key}: is for kind '{other}', kind is '{name}'; remove it")
    ours = {"own", "scores", "whole", "path", "budget"}
    known = [*(set(Declaration.model_fields) - ours), *kind.keys.model_fields]
    if unknown := [key for key in content if key not in known]:
        raise ValueError(f"unknown key '{unknown[0]}'; {did_you_mean(str(unknown[0]), known)}")
    content = kind.defaults(content)
    if isinstance(content.get("datasets"), dict):
        content["datasets"] = {
            key: {"layout": kind.roles[d["role"]], **d}
            if isinstance(d, dict) and isinstance(d.get("role"), str) and kind.roles.get(d["role"])
            else d
            for key, d in content["datasets"].items()
        }
    given = {key: content.pop(key) for key in kind.keys.model_fields if key in content}
    return {**content, **_in_sections_of(kind, content), "own": kind.keys.model_validate(given)}


def _in_sections_of(kind: Kind, content: Mapping[str, Any]) -> dict[str, Any]:
    """Masks and rows of metrics in the sections that a kind has for them."""
    masks, rows = content.get("masks", {"domain": {}}), content.get("metrics")
    found: dict[str, Any] = {"masks": masks}
    if isinstance(masks, dict):
        found["masks"] = {n: _parsed(kind.mask_keys, m, f"masks.{n}") for n, m in masks.items()}
    if isinstance(rows, list):
        found["metrics"] = [_parsed(kind.row_keys, r, f"metrics[{i}]") for i, r in enumerate(rows)]
    return found


def _parsed(section: type[Section], content: Any, where: str) -> Section:
    try:
        return section.model_validate(content)
    except ValidationError as problem:
        raise ValueError(one_line(problem, where)) from problem


def load_all(folder: Path | None = None) -> Mapping[str, Challenge]:
    """Every challenge of a folder, by name.

    Parameters
    ----------
    folder : that has a folder with a challenge.yaml for each; by default the shipped ones
    """
    if folder is None:
        return {name: Challenge.load(name) for name in shipped.names("challenges")}
    found = [Challenge.load(path) for path in sorted(folder.glob("*/challenge.yaml"))]
    if not found:
        raise OceanbenchError(f"{folder}: no challenge; expected folders with a challenge.yaml")
    names = [challenge.name for challenge in found]
    if len(set(names)) < len(names):
        raise OceanbenchError(f"{folder}: two challenges have one name, of {', '.join(names)}")
    return dict(zip(names, found, strict=True))
