"""Several processes that train one network together, on one machine or more.

Every process draws the same batch and learns from its own part of it; their gradients are averaged,
which is the gradient of the whole batch. What launches them and lets them talk is Lightning Fabric,
an extra: ``pip install 'oceanbench-challenges[train]'``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor

from oceanbench.errors import OceanbenchError


@dataclass(frozen=True)
class Team:
    """A process among those that train together; by itself by default.

    Attributes
    ----------
    number, count : of this process, from 0, and of all
    device : of torch, of this process
    mean : a tensor of every process -> their mean
    """

    number: int = 0
    count: int = 1
    device: str = "cpu"
    mean: Callable[[Tensor], Tensor] | None = None

    def average(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Give every process the mean of their gradients."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.mean is None or not gradients:
            return
        flat = self.mean(torch.cat([g.flatten() for g in gradients]))
        sizes = [g.numel() for g in gradients]
        for gradient, part in zip(gradients, torch.split(flat, sizes), strict=True):
            gradient.copy_(part.view_as(gradient))

    def check(self, batch: int, name: str) -> None:
        """Refuse a batch that has not the same part for all."""
        if batch % self.count:
            raise OceanbenchError(
                f"{name}: processes={self.count}: a batch of {batch} has not as many equal parts; "
                f"give a number of processes that divides {batch}"
            )


@contextmanager
def together(count: int, *, nodes: int = 1, device: str = "cpu") -> Iterator[Team]:
    """Do what follows in several processes; only the first goes on after it.

    The others begin by running the same command again, so that all that it did before is done by
    every process. On several nodes, a launcher such as ``torchrun`` starts all of them.

    Parameters
    ----------
    count : processes on a node, each with a device of its own where that is not the CPU
    nodes : machines
    device : of torch

    Raises
    ------
    OceanbenchError
        if there are several, and Lightning Fabric is not installed
    """
    if count < 1 or nodes < 1:
        raise OceanbenchError(f"processes={count}, nodes={nodes}: expected at least one of each")
    if count == nodes == 1:
        yield Team(device=device)
        return
    try:
        library = import_module("lightning_fabric")
    except ModuleNotFoundError as problem:
        raise OceanbenchError(
            f"processes={count}, nodes={nodes}: needs the package '{problem.name}'; install it "
            "with pip install 'oceanbench-challenges[train]'"
        ) from problem
    kind = torch.device(device).type
    fabric = library.Fabric(accelerator=kind, devices=count, num_nodes=nodes, strategy="ddp")
    fabric.launch()
    number = int(fabric.global_rank)
    try:
        yield Team(
            number,
            int(fabric.world_size),
            str(fabric.device),
            lambda values: fabric.all_reduce(values, reduce_op="mean"),
        )
    except OceanbenchError:
        if number:  # the first process says it
            raise SystemExit(0) from None
        raise
    fabric.barrier()
    torch.distributed.destroy_process_group()
    if number:
        raise SystemExit(0)
