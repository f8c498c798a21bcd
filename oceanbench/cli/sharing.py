"""Whose workers share what a command does: processes of this machine, or a cluster."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

PATIENCE = 20.0  # seconds in which a scheduler answers, and has a worker
_WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=1, max=1024),
    default=1,
    show_default=True,
    help="Processes of this machine that share the work.",
)
_SCHEDULER = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="dask.distributed cluster whose workers share it; they see the same paths.",
)


def sharing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options ``--workers`` and ``--scheduler``."""
    return _WORKERS(_SCHEDULER(command))


@contextmanager
def executor_of(workers: int, scheduler: str | None) -> Iterator[Executor | None]:
    """Executor of a command; None for this process alone.

    Parameters
    ----------
    workers : processes, which begin afresh: a fork would share the open files
    scheduler : address of a cluster that is there

    Raises
    ------
    OceanbenchError
        if both are asked for, or the cluster does not answer or has no worker
    """
    if scheduler is not None:
        if workers > 1:
            raise OceanbenchError("found --workers and --scheduler; give one of them")
        with _cluster(scheduler) as executor:
            yield executor
    elif workers > 1:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
            yield executor
    else:
        yield None


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    """Executor of a cluster."""
    try:
        from distributed import Client
    except ModuleNotFoundError as problem:
        raise OceanbenchError(
            f"--scheduler {address}: needs the package 'distributed'; install it with "
            "pip install distributed"
        ) from problem
    try:
        client: Any = Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError, TypeError, ImportError) as problem:
        raise OceanbenchError(
            f"--scheduler {address}: no scheduler answers there; start one with 'dask scheduler', "
            "and give the address that it prints, such as tcp://10.0.0.1:8786"
        ) from problem
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as problem:
            raise OceanbenchError(
                f"--scheduler {address}: has no worker; start some with 'dask worker {address}'"
            ) from problem
        executor: Executor = client.get_executor(pure=False)
        yield executor
