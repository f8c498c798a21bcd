"""challenge.yaml → a frozen, validated Challenge; every refusal names file, key, value and cure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pooch
import xarray as xr
from pydantic import Field, ValidationError, model_validator

from oceanbench.data import files, opening, shipped
from oceanbench.declaration import (
    Dataset,
    Dates,
    Day,
    Domain,
    Mask,
    MetricRow,
    Number,
    Period,
    Published,
    Section,
    Source,
    Starts,
    SubmissionRules,
    Text,
    Told,
    consistency,
    one_line,
    read_yaml,
    time_slice,
)
from oceanbench.declaration.consistency import LEARNED
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.kinds.forecasts import observation_rows, rules, submitted_fields
from oceanbench.kinds.forecasts.daily_maps import Maps, as_days, open_maps
from oceanbench.kinds.forecasts.derivation import Derivation, check_derived
from oceanbench.kinds.forecasts.derived import DERIVED
from oceanbench.kinds.forecasts.grid import Grid, depths_found_in
from oceanbench.kinds.forecasts.score_rows import expand
from oceanbench.kinds.forecasts.submitted_fields import SURFACE, Schedule
from oceanbench.kinds.windows import files as windows
from oceanbench.metrics import METRICS


class Challenge(Section):
    """A challenge that exists is valid: datasets, masks, metrics and rules.

    Load one with :meth:`load`.
    """

    name: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    version: Annotated[int, Field(strict=True, ge=1)]
    title: Text
    kind: Literal["maps", "tracks", "windows", "forecasts"]
    domain: Domain | None = None
    periods: dict[Period, Dates] = Field(default_factory=dict)
    datasets: dict[str, Dataset]
    submission: SubmissionRules
    model: Told | None = None
    samplings: list[Text] = Field(default_factory=list)
    starts: Starts | None = None
    leads: list[Day] = Field(default_factory=list)
    depths: list[Number] = Field(default_factory=list)
    derived: dict[str, Text] = Field(default_factory=dict)
    masks: Annotated[dict[str, Mask], Field(min_length=1)] = Field(
        default_factory=lambda: {"domain": Mask()}
    )
    metrics: list[MetricRow]
    rank_by: Text
    reference_method: Text | None = None
    reference: Text | None = None
    licence: Text | None = None
    published: Published | None = None
    path: Annotated[Path, Field(exclude=True)]

    @classmethod
    def load(cls, name_or_path: str | Path) -> Challenge:
        """Read a challenge by name or from the path of a challenge.yaml.

        Raises
        ------
        OceanbenchError
            with file, key, value and cure
        """
        path = shipped.find("challenges", str(name_or_path), "{name}/challenge.yaml")
        content = read_yaml(path)
        if "path" in content:
            raise OceanbenchError(f"{path}: unknown key 'path' at the top; remove it")
        try:
            return cls.model_validate({**content, "path": path})
        except ValidationError as problem:
            raise OceanbenchError(f"{path}: {one_line(problem)}") from problem

    @model_validator(mode="before")
    @classmethod
    def _unsaid(cls, value: Any) -> Any:
        """Say what goes without saying: tracks for observations, the kind's layout for truth.

        Forecasts weigh by area, and have a skill against each reference that there is.
        """
        if not isinstance(value, dict) or not isinstance(value.get("datasets"), dict):
            return value
        usual = {"observations": "track", "mask": "static", "climatology": "static"}
        usual["observed_truth"] = "points"
        if value.get("kind") == "forecasts":
            value = rules.unsaid(value)
        if value.get("kind") == "tracks":
            usual["truth"] = "track"
        if value.get("kind") == "windows":
            usual = dict.fromkeys(("truth", "observations", "training", "validation"), "windows")
        datasets = {
            name: {"layout": usual[d["role"]], **d}
            if isinstance(d, dict) and isinstance(d.get("role"), str) and d["role"] in usual
            else d
            for name, d in value["datasets"].items()
        }
        return {**value, "datasets": datasets}

    @model_validator(mode="after")
    def _consistent(self) -> Challenge:
        consistency.check_datasets(self.datasets, self.kind, self.periods)
        if self.kind == "windows":
            if self.domain is not None or self.periods:
                raise ValueError("kind 'windows' has neither domain nor periods; remove them")
        elif self.domain is None:
            raise ValueError("domain: is missing; add it")
        elif self.samplings or self.model:
            raise ValueError(f"samplings and model are for kind 'windows', kind is '{self.kind}'")
        self._check_forecasts()
        consistency.check_periods(self.periods, self.domain)
        observations = self.of_role("observations")
        consistency.check_masks(self.masks, self.kind, self.samplings, observations)
        consistency.check_submission(self.submission, self.kind, self.truth)
        self._check_metrics()
        return self

    def _check_forecasts(self) -> None:
        if self.kind == "forecasts":
            check_derived(self.derived, self.submission.variables, self.depths)
            rules.check_schedule(self.starts, self.leads, self.depths, self.domain)
            rules.check_roles([d.role for d in self.datasets.values()])
        elif self.starts or self.leads or self.depths or self.derived:
            raise ValueError(
                f"starts, leads, depths, derived are for 'forecasts', not '{self.kind}'"
            )
        columns = self.columns if self.kind == "forecasts" else {}
        observation_rows.check_observed(self.datasets, columns)

    def _check_metrics(self) -> None:
        for index, row in enumerate(self.metrics):
            try:
                consistency.check_row(
                    row,
                    self.kind,
                    submitted=list(self.submission.variables),
                    derived=self.derived,
                    masks=self.masks,
                    roles=[d.role for d in self.datasets.values()],
                )
            except ValueError as problem:
                raise ValueError(f"metrics[{index}].{problem}") from problem
        consistency.check_labels([row.label for row in self.metrics], "metrics: label")
        labels = [row.label for row in self.scores]
        consistency.check_labels(labels, "metrics: label of a score")
        metrics = [row.metric for row in self.metrics]
        if self.rank_by not in (*labels, *metrics):
            hint = did_you_mean(self.rank_by, labels if self.kind == "forecasts" else metrics)
            raise ValueError(f"rank_by: '{self.rank_by}' is not among metrics; {hint}")
        if METRICS[self.ranking.metric].better is None:
            raise ValueError(f"rank_by: '{self.rank_by}' has no better or worse; rank by another")

    def of_role(self, role: str) -> list[str]:
        """Names of the datasets of a role."""
        return [name for name, dataset in self.datasets.items() if dataset.role == role]

    @cached_property
    def scores(self) -> list[MetricRow]:
        """Every score: of forecasts, a row of ``metrics`` stands for many."""
        if self.kind != "forecasts":
            return self.metrics
        return expand(self.metrics, self.columns, self.leads, list(self.masks), self.observed)

    @cached_property
    def columns(self) -> dict[str, tuple[float | None, ...]]:
        """Depths of every variable of forecasts, submitted or derived."""
        return {**self.schedule.depths, **dict.fromkeys(self.derived, SURFACE)}

    @property
    def observed(self) -> dict[str, Dataset]:
        """Observations that forecasts are scored against; no method ever receives them."""
        return {n: d for n, d in self.datasets.items() if d.role == "observed_truth"}

    @cached_property
    def schedule(self) -> Schedule:
        """Starts, leads and depths of a complete submission of forecasts."""
        assert self.starts is not None  # callers have asked for the kind
        column: tuple[float | None, ...] = tuple(self.depths) or SURFACE
        depths = {
            name: SURFACE if variable.surface else column
            for name, variable in self.submission.variables.items()
        }
        return Schedule(self.starts.days, tuple(self.leads), depths)

    def derivation(self, grid: Grid) -> Derivation:
        """How the derived variables of a challenge of forecasts are made on its nodes."""
        return Derivation(self.derived, grid, tuple(self.depths))

    def unit_of(self, variable: str) -> str:
        """Unit of a variable, submitted or derived."""
        if variable in self.derived:
            return DERIVED[self.derived[variable]].units
        return self.submission.variables[variable].units

    @property
    def scored(self) -> Domain:
        """Box and days that are scored; a challenge of windows has none."""
        assert self.domain is not None  # callers have asked for the kind
        return self.domain

    @property
    def truth_name(self) -> str:
        """Name of the dataset that no method ever receives."""
        return next(n for n, d in self.datasets.items() if d.role == "truth")

    @property
    def truth(self) -> Dataset:
        """Declaration of the truth."""
        return self.datasets[self.truth_name]

    @property
    def ranking(self) -> MetricRow:
        """Score that ranks the leaderboard: the first with that label or metric."""
        rows = [m for m in self.scores if m.label == self.rank_by]
        return (rows or [m for m in self.scores if m.metric == self.rank_by])[0]

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

    def folders(self, data_dir: Path | None = None) -> list[Path]:
        """Where this challenge's files may lie, in the order of search."""
        cache = Path(pooch.os_cache("oceanbench")) / self.name
        return [data_dir] if data_dir else [*shipped.data_folders(self.path.parent), cache]

    def present(self, name: str, data_dir: Path | None = None) -> list[Path]:
        """Files of a dataset that are there, unverified; empty when there is none."""
        return files.expand(self.datasets[name].path, self.folders(data_dir))

    def files(self, name: str, data_dir: Path | None = None) -> list[Path]:
        """Files of a dataset, verified where the challenge gives a checksum.

        Raises
        ------
        OceanbenchError
            when they are not there: what to fetch and where to put it
        """
        dataset, found = self.datasets[name], self.present(name, data_dir)
        if not found:
            raise OceanbenchError(self._how_to_get(name, data_dir))
        if dataset.role in ("observations", "auxiliary"):
            truth = {file.resolve() for file in self.present(self.truth_name, data_dir)}
            if truth & {file.resolve() for file in found}:
                raise OceanbenchError(
                    f"{self.path}: datasets.{name}.path: {dataset.path} is a file of the truth; "
                    "methods would read it"
                )
        for file in found:
            wanted = dataset.sha256
            expected = wanted.get(file.name) if isinstance(wanted, dict) else wanted
            if expected:
                files.check_sha256(file, expected, f"{self.name}: dataset '{name}'")
        return found

    def _how_to_get(self, name: str, data_dir: Path | None) -> str:
        dataset, place = self.datasets[name], self.folders(data_dir)[-1]
        command = None if data_dir else shipped.data_command(self.path.parent, dataset.path)
        if command:
            return (
                f"{self.name}: dataset '{name}': {dataset.path} is not installed; run "
                f"'{command}', or pass --data-dir with the folder that holds it"
            )
        source = dataset.source or Source()
        origin = source.instructions or (
            f"download {source.archive or source.url}" if source.archive or source.url else None
        )
        action = f"{origin}, unpack it so that this path exists" if origin else "put the file there"
        return (
            f"{self.name}: dataset '{name}': no file {place / dataset.path}; {action}, "
            "or pass --data-dir with the folder that holds it"
        )

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
        dataset, source = self.datasets[name], self.datasets[name].source or Source()
        if self.present(name, data_dir):
            count = len(self.files(name, data_dir))
            return f"{count} file{'s' if count > 1 else ''} present"
        address = source.url or source.archive
        if dataset.optional and (offline or address is None):
            return "optional, not here"
        if offline or address is None:
            raise OceanbenchError(self._how_to_get(name, data_dir))
        place = self.folders(data_dir)[-1]
        target = place if source.archive else (place / dataset.path).parent
        is_archive = source.url is None
        files.fetch(address, target, known_hash=source.sha256, archive=is_archive)
        return f"{len(self.files(name, data_dir))} downloaded"

    def open(
        self, name: str, data_dir: Path | None = None, period: Dates | None = None
    ) -> xr.Dataset:
        """Open a dataset with canonical names.

        The truth is cut to the domain, data of role ``training`` and ``validation`` to the period
        of that name, and others that have times to a period where one is given. The attributes
        ``role`` and ``layout`` say what it is.
        """
        dataset = self.datasets[name]
        if dataset.layout == "windows":
            return self._open_windows(name, data_dir)
        if dataset.role == "initial":
            return self._open_initial(name, data_dir)
        box = self.scored.box if dataset.role == "truth" else None
        dates = self.periods[dataset.role] if dataset.role in LEARNED else period
        if box is None and dates is not None and dataset.layout != "static":
            box = opening.Box(time=time_slice(dates))
        opened = opening.open_dataset(
            self.files(name, data_dir),
            variables=dataset.variables,
            units=dataset.units,
            layout=dataset.layout,
            daily_mean=dataset.daily_mean,
            box=box,
        )
        return self._on_nodes(opened, name).assign_attrs(self._attributes(name))

    def _open_initial(self, name: str, data_dir: Path | None) -> xr.Dataset:
        """Initial conditions: the maps of the starts and of no other day, which may be the truth's.

        Methods must use none of a later start than that of the forecast they make.
        """
        dataset = self.datasets[name]
        opened = opening.open_dataset(
            self.files(name, data_dir),
            variables=dataset.variables,
            units=dataset.units,
            layout="grid",
            box=self.scored.box._replace(time=None),
        )
        days = as_days(opened["time"], name)
        starts = self.schedule.starts
        if lost := [str(start) for start in starts if start not in days]:
            raise OceanbenchError(
                f"{self.name}: dataset '{name}' has no map of {lost[0]} ({len(lost)} starts in "
                "all); a file is missing or incomplete"
            )
        index = [int(np.flatnonzero(days == start)[0]) for start in starts]
        initial = self._on_nodes(opened.isel(time=index), name).rename(time="start")
        when = starts.astype("datetime64[ns]")
        return initial.assign_coords(start=when).assign_attrs(self._attributes(name))

    @property
    def grid(self) -> Grid | None:
        """Nodes of a challenge of forecasts that declares them, else the truth's are scored."""
        grid = self.submission.grid
        if self.kind != "forecasts" or grid is None:
            return None
        return Grid.regular(self.scored.box, grid.step_degrees)

    def _on_nodes(self, opened: xr.Dataset, name: str) -> xr.Dataset:
        """Forecasts' inputs on the declared grid and depths: files may have more of both."""
        if (grid := self.grid) is None:
            return opened
        opened = opened.isel(grid.found_in(opened, name))
        opened = opened.assign_coords(latitude=grid.latitude, longitude=grid.longitude)
        if "depth" not in opened.dims or not self.depths:
            return opened
        levels = depths_found_in(opened, self.depths, name, all_of_them=True)
        return opened.isel(depth=[levels[d] for d in self.depths]).assign_coords(depth=self.depths)

    def _attributes(self, name: str) -> dict[str, Any]:
        """What a dataset says of itself to methods, with the model that they are told of."""
        dataset = self.datasets[name]
        attributes: dict[str, Any] = {"role": dataset.role, "layout": dataset.layout, "name": name}
        attributes["optional"] = int(dataset.optional)
        if self.model is not None:
            attributes |= {"model": self.model.name}
            attributes |= {f"model_{k}": v for k, v in self.model.parameters.items()}
        return attributes

    def _open_windows(self, name: str, data_dir: Path | None) -> xr.Dataset:
        dataset = self.datasets[name]
        found = self.files(name, data_dir)
        opened = windows.open_dataset(found, dataset.variables, dataset.units)
        if "sampling" in opened.dims:
            labels = [str(label) for label in opened["sampling"].values]
            if labels != self.samplings:
                raise OceanbenchError(
                    f"{found[0].name}: its samplings are {labels}, expected those of {self.path}: "
                    f"{self.samplings}"
                )
        return opened.assign_attrs(self._attributes(name))

    def flag(self, name: str, data_dir: Path | None = None) -> xr.DataArray:
        """Flag in the file of the truth, that masks of windows look through."""
        return windows.open_flag(self.files(self.truth_name, data_dir)[0], name)

    def target(self, data_dir: Path | None = None) -> xr.Dataset:
        """Empty variables on the coordinates that a method has to fill.

        They are the coordinates of the truth or, where ``submission.grid`` is given, a regular grid
        over the domain with daily maps; no value of the truth is read.
        """
        grid = self.submission.grid
        if self.kind == "forecasts":
            return self._forecast_target(data_dir)
        if self.kind == "windows":
            truth = self.open(self.truth_name, data_dir)
            coords = {"sampling": np.array(self.samplings)} if self.samplings else {}
            return self._empty(coords | {n: truth[n] for n in ("window", "time", "component")})
        if grid is None and self.kind == "tracks":
            raise OceanbenchError(
                f"{self.path}: submission.grid is missing, so that methods do not know which maps "
                "to make; add for example grid: {step_degrees: 0.2}"
            )
        if grid is None:
            truth = self.open(self.truth_name, data_dir)
            coords = {n: truth[n].values for n in ("time", "latitude", "longitude")}
        else:
            first, last = (np.datetime64(d, "D") for d in self.scored.time)
            days = np.arange(first, last + 1 + grid.days_after)
            coords = {
                "time": days.astype("datetime64[ns]"),
                "latitude": _nodes(*self.scored.latitude, grid.step_degrees),
                "longitude": _nodes(*self.scored.west_east, grid.step_degrees),
            }
        return self._empty(coords)

    def maps(
        self, name: str, grid: Grid | None = None, data_dir: Path | None = None
    ) -> tuple[Maps, Grid]:
        """Maps by day of a dataset of a challenge of forecasts, on the nodes that are scored."""
        dataset = self.datasets[name]
        units = {n: v.units for n, v in self.submission.variables.items()}
        found, nodes = open_maps(
            name,
            self.files(name, data_dir),
            dataset.variables,
            units,
            grid=grid or self.grid or self.scored.box,
            depths=self.depths,
        )
        return replace(found, derivation=self.derivation(nodes)), nodes

    def _forecast_target(self, data_dir: Path | None) -> xr.Dataset:
        """Variables by start and lead, read-only and of no size: a method makes its own."""
        _, grid = self.maps(self.truth_name, data_dir=data_dir)
        units = {name: variable.units for name, variable in self.submission.variables.items()}
        return submitted_fields.target(self.schedule, grid, units)

    def _empty(self, coords: Mapping[str, Any]) -> xr.Dataset:
        """Every variable of a submission on the coordinates, without values."""
        shape = tuple(len(c) for c in coords.values())
        return xr.Dataset(
            {
                name: (tuple(coords), np.full(shape, np.nan), {"units": variable.units})
                for name, variable in self.submission.variables.items()
            },
            coords=coords,
        )

    def catalog(self, data_dir: Path | None = None) -> Any:
        """Intake catalog of every dataset that is present, built in memory."""
        present = {name: self.present(name, data_dir) for name in self.datasets}
        if not any(present.values()):
            raise OceanbenchError(self._how_to_get(self.truth_name, data_dir))
        return opening.catalog(
            {name: found for name, found in present.items() if found},
            {n: {"role": d.role, "layout": d.layout} for n, d in self.datasets.items()},
        )


def _nodes(first: float, last: float, step: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.linspace(first, last, round((last - first) / step) + 1)


def load_all() -> Mapping[str, Challenge]:
    """Every shipped challenge, by name."""
    return {name: Challenge.load(name) for name in shipped.names("challenges")}
