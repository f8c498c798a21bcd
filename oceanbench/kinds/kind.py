"""What a kind of challenge is: everything that depends on what the truth looks like."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

import xarray as xr

from oceanbench.declaration import Declaration, Mask, MetricRow, Section
from oceanbench.kinds.findings import Finding
from oceanbench.kinds.room import Room
from oceanbench.result import Result
from oceanbench.scoring.points import Evaluated

ESTIMATE: Mapping[str, str] = {"estimate": "estimate(inputs, target, *, device, seed)"}
Functions = Mapping[str, Callable[..., Any]]
Inputs = Mapping[str, xr.Dataset]


class Cases(NamedTuple):
    """What the intervals of scores resample.

    Attributes
    ----------
    name : in words: time, windows, starts
    dated : whether they follow each other, so that blocks of them are resampled, or are independent
    all_kept : whether a result keeps the sums of every score, or of the one that ranks
    """

    name: str
    dated: bool
    all_kept: bool = True

    @property
    def sampling(self) -> str:
        """What intervals are taken over, in words."""
        return f"{self.name}, {'correlated' if self.dated else 'independent of each other'}"


Ask = Callable[[Any], Any]  # question -> answer
Questions = Sequence[tuple[Inputs, xr.Dataset]]  # inputs and target of calls of one function


class Conversation(Protocol):
    """Opens a block in which one process of a method is asked again and again."""

    def __call__(
        self, serve: Callable[[Any], Ask], *, again: bool = False
    ) -> AbstractContextManager[Ask]:
        """Open it; ``again`` says that it repeats another."""


@dataclass(frozen=True)
class Driving:
    """How a method is called for many parts, and where its estimates are put.

    Attributes
    ----------
    many : (function, questions) -> the estimate of each in their order, by workers; None for one
        call after the other
    room : where the parts are put together, by a kind whose parts are large; None for the memory
    session : (what makes answers of the module of a method, whether it repeats another session) ->
        block in which one process is asked again and again, and remembers; None for this process
    again : as many, of questions that were asked before: what a method draws without its seed is
        another than it was; None for one call after the other
    """

    many: Callable[[str, Questions], Iterable[xr.Dataset]] | None = None
    room: Room | None = None
    session: Conversation | None = None
    again: Callable[[str, Questions], Iterable[xr.Dataset]] | None = None

    def asked(
        self, functions: Functions, serve: Callable[[Any], Ask], *, again: bool = False
    ) -> AbstractContextManager[Ask]:
        """Block in which a method is asked again and again, and remembers what it was told.

        Parameters
        ----------
        functions : of the method
        serve : what has the functions as attributes -> what answers a question
        again : whether the same was asked before
        """
        if self.session is not None:
            return self.session(serve, again=again)
        return nullcontext(serve(SimpleNamespace(**functions)))

    def answers(
        self,
        functions: Functions,
        name: str,
        questions: Questions,
        arguments: Mapping[str, Any],
        *,
        again: bool = False,
    ) -> Iterable[xr.Dataset]:
        """Estimates of a function for each question, in their order.

        Parameters
        ----------
        functions, name : of the method, and the one to call
        questions : inputs and target each
        arguments : keywords of every call
        again : whether the same was asked before
        """
        others = self.again if again else self.many
        if others is not None:
            return others(name, questions)
        return (functions[name](inputs, target, **arguments) for inputs, target in questions)


@dataclass(frozen=True)
class Resources:
    """With what a submission is scored; how, does not change the scores.

    Attributes
    ----------
    executor : whose workers share the work, and see the files at the same paths; None for none
    kept : folder where sums of references are kept from one evaluation to the next; None for none
    """

    executor: Executor | None = None
    kept: Path | None = None


class Submitted(NamedTuple):
    """Files of a submission, and what messages call them."""

    files: Sequence[Path]
    name: str


def unchanged(content: dict[str, Any]) -> dict[str, Any]:
    """Nothing goes without saying."""
    return content


def one_each(declaration: Declaration) -> list[MetricRow]:
    """One score for each row of ``metrics``."""
    return declaration.metrics


def submitted_variables(declaration: Declaration) -> list[str]:
    """Variables of a submission."""
    return list(declaration.submission.variables)


def called_once(
    functions: Functions,
    inputs: Inputs,
    target: xr.Dataset,
    arguments: Mapping[str, Any],
    driving: Driving | None = None,
) -> Any:
    """What ``estimate`` makes of the whole target."""
    return functions["estimate"](inputs, target.copy(deep=True), **arguments)


def no_facts(declaration: Declaration) -> list[tuple[str, str]]:
    """No keys of its own to tell of."""
    return []


def nothing_found(
    declaration: Declaration, data_dir: Path | None, datasets: Inputs
) -> Iterable[Finding]:
    """Nothing to tell an organiser of."""
    return ()


def whole(declaration: Declaration, count: int) -> Declaration:
    """All cases: the kind has no way to take a few."""
    return declaration


def on_the_target(declaration: Declaration) -> str:
    """Nowhere else than at the coordinates of the target."""
    return ""


def no_cost(declaration: Declaration, result: Result) -> tuple[str, str] | None:
    """No column of costs."""
    return None


def never_lost(declaration: Declaration, result: Result) -> str:
    """No result is ranked apart for what it did."""
    return ""


@dataclass(frozen=True)
class Kind:
    """A row of :data:`oceanbench.kinds.CHALLENGE_KINDS`, built by the module ``kind`` of a folder.

    Nothing but the kinds themselves asks which kind a challenge is, and the table of drawers in
    :mod:`oceanbench.figures`.

    Attributes
    ----------
    truth_layout : that the dataset of role ``truth`` has
    other_truths : layouts that it may have in its place
    roles : the layout that a dataset of each role has unless it says so; "" where it is ``grid``
    layouts : that datasets may have
    cases : what intervals resample
    check : refuse, as a ValueError that begins with the key, what does not go together
    open : (declaration, name, data_dir, period) -> a dataset with canonical names; the truth is cut
        to what is scored, the others to a period where one is given and they have dates
    target : (declaration, data_dir) -> empty variables on the coordinates that a method fills
    read : (declaration, submitted, data_dir) -> canonical variables of a submission, refused where
        they are not what is asked for
    score : (declaration, submitted, data_dir, resources) -> scores, and what figures are drawn from
    validate : (declaration, submitted, data_dir) -> lines that say how much of a submission can be
        scored; it is read as for scoring, and refused by the same rules
    keys : section of the keys of challenge.yaml that only this kind has
    mask_keys : section of what a mask may say; by default it is the whole
    row_keys : section of what a row of metrics may say
    submission_keys : rules of a submission that are kept, beside those that all kinds keep, of
        ``submission``, its variables and its grid; ``fill`` if ``missing: fill`` is
    hidden_in_training : roles that a method does not see while it learns, beside the truths
    defaults : content of a challenge.yaml -> the same with what goes without saying
    score_rows : every score, where a row of ``metrics`` may stand for many
    contract : the functions that a method file has, with their signatures; the options of the
        command line are those of all of them
    drive : (functions, inputs, target, arguments, driving) -> estimate: calls a method as the kind
        does, once for all or once for each case
    variables : names that scores may be of: those submitted, and those made of them
    facts : headings and texts that ``show`` tells of the kind's own keys
    cost : heading and text of a column of boards, what a row cost its method; None for no column
    elsewhere : what may be submitted in words, where it need not be on the target; "" where it must
    examined : (declaration, data_dir, datasets) -> what an organiser wants to know of the datasets
        that could be opened, and of the scores that no submission can have
    shortened : (declaration, count) -> the same challenge with a few days, windows or starts
    lost : why a result is ranked apart, below the others, in a word of what it did ("diverged"),
        which the board shows; "" if it is not
    """

    truth_layout: str
    roles: Mapping[str, str]
    layouts: Collection[str]
    cases: Cases
    check: Callable[[Declaration], None]
    open: Callable[[Declaration, str, Path | None, slice | None], xr.Dataset]
    target: Callable[[Declaration, Path | None], xr.Dataset]
    read: Callable[[Declaration, Submitted, Path | None], Any]
    score: Callable[[Declaration, Submitted, Path | None, Resources], Evaluated]
    validate: Callable[[Declaration, Submitted, Path | None], list[str]]
    other_truths: Collection[str] = ()
    keys: type[Section] = Section
    mask_keys: type[Mask] = Mask
    row_keys: type[MetricRow] = MetricRow
    submission_keys: Collection[str] = ()
    hidden_in_training: Collection[str] = ()
    defaults: Callable[[dict[str, Any]], dict[str, Any]] = unchanged
    score_rows: Callable[[Declaration], Sequence[MetricRow]] = one_each
    contract: Mapping[str, str] = field(default_factory=lambda: ESTIMATE)
    drive: Callable[[Functions, Inputs, xr.Dataset, Mapping[str, Any], Driving], Any] = called_once
    variables: Callable[[Declaration], list[str]] = submitted_variables
    facts: Callable[[Declaration], list[tuple[str, str]]] = no_facts
    cost: Callable[[Declaration, Result], tuple[str, str] | None] = no_cost
    elsewhere: Callable[[Declaration], str] = on_the_target
    examined: Callable[[Declaration, Path | None, Inputs], Iterable[Finding]] = nothing_found
    shortened: Callable[[Declaration, int], Declaration] = whole
    lost: Callable[[Declaration, Result], str] = never_lost

    @property
    def is_one_call(self) -> bool:
        """Whether a method is called once, and given all that there is."""
        return self.drive is called_once
