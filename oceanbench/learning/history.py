"""How trainings go: rows of step, loss and validation in a CSV file, and for TensorBoard."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COLUMNS = ("training", "step", "seconds", "loss", "validation", "best")
ROWS = 200  # of a training, beside those of its validations


@dataclass
class History:
    """File of a run that trains one network or several, one after the other.

    Attributes
    ----------
    path : of the CSV file; what TensorBoard shows lies in a folder beside it, if it is installed
    began : seconds of the clock
    known : labels of trainings that have a row by this run
    """

    path: Path
    began: float = field(default_factory=time.monotonic)
    known: set[str] = field(default_factory=set)
    board: Any = None

    def note(
        self,
        label: str,
        step: int,
        loss: float,
        validation: float | None = None,
        best: float | None = None,
    ) -> None:
        """Write a row; one that a run which was interrupted wrote of a later step goes.

        Parameters
        ----------
        label : of the training
        step : that was made
        loss : mean of the last ones
        validation, best : where it was validated just now
        """
        if label not in self.known:
            self._begin(label, step)
        seconds = round(time.monotonic() - self.began, 1)
        row = [label, step, seconds, loss, *("" if v is None else v for v in (validation, best))]
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)
        if self.board is not None:
            self.board.add_scalar(f"{label}/loss", loss, step)
            if validation is not None:
                self.board.add_scalar(f"{label}/validation", validation, step)

    def _begin(self, label: str, step: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, str]] = []
        if self.path.is_file():
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        kept = [r for r in rows if r["training"] != label or int(r["step"]) < step]
        with self.path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(kept)
        if not self.known:
            self.board = _board(self.path.with_suffix(".tensorboard"))
        self.known.add(label)


_CURRENT: ContextVar[History | None] = ContextVar("history", default=None)


@contextmanager
def recorded(path: Path, *, resumes: bool) -> Iterator[None]:
    """Keep the history of all that is trained meanwhile in a file.

    Parameters
    ----------
    path : of the CSV file
    resumes : whether rows that are there may be of the same trainings
    """
    if not resumes:
        path.unlink(missing_ok=True)
    history = History(path)
    token = _CURRENT.set(history)
    try:
        yield
    finally:
        _CURRENT.reset(token)
        if history.board is not None:
            history.board.close()


def note(
    label: str,
    step: int,
    steps: int,
    loss: float,
    validated: tuple[float, float] | None = None,
) -> None:
    """Write a row, now and then and at every validation, if a history is kept.

    Parameters
    ----------
    label, step, loss : as of :meth:`History.note`
    steps : of the whole training
    validated : the last score and the best, if it was validated just now
    """
    history = _CURRENT.get()
    if history is None or (validated is None and step % max(steps // ROWS, 1)):
        return
    history.note(label, step, loss, *(validated or ()))


def _board(folder: Path) -> Any:
    """Writer for TensorBoard; None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (slow, and not needed)
    except ImportError:
        return None
    return SummaryWriter(str(folder))
