"""Work that is shared: done here one after the other, or by the workers of an executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, TypeVar

from oceanbench.progress import progress

T = TypeVar("T")


class SharedWork:
    """Results of some work on each of several items, in their order, from when it is made on.

    A worker that ends in the middle costs time: a cluster gives what it had to another one, and
    where the workers of a pool are gone with it, the rest is done here.

    Parameters
    ----------
    work : of one item; workers are sent it, and the items
    items : of what is to be done
    executor : whose workers do it; None for this process, when the results are asked for
    label : of the bar that shows how far it is
    """

    def __init__(
        self,
        work: Callable[[Any], T],
        items: Sequence[Any],
        executor: Executor | None,
        label: str,
    ) -> None:
        self._work, self._items, self._label = work, items, label
        self._futures: list[Future[Any] | None] | None = None
        if executor is not None:
            self._futures = [_sent(executor, work, item) for item in items]

    def __iter__(self) -> Iterator[Any]:
        """Results in the order of the items; the first refusal ends all."""
        bar = progress(self._items, self._label)
        if self._futures is None:
            yield from map(self._work, bar)
            return
        try:
            for future, item in zip(self._futures, bar, strict=True):
                try:
                    found = self._work(item) if future is None else future.result()
                except BrokenExecutor:
                    found = self._work(item)
                yield found
        finally:
            for future in self._futures:
                if future is not None:
                    future.cancel()


def _sent(executor: Executor, work: Callable[[Any], Any], item: Any) -> Future[Any] | None:
    """Result to come of an item that a worker has; None where the workers are gone."""
    try:
        return executor.submit(work, item)
    except BrokenExecutor:
        return None
