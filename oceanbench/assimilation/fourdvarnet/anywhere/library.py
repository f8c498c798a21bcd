"""Worlds and scenes in a folder: made once, by several processes, whenever they find the time.

``worlds`` and ``scenes`` are folders of it. What is there is not made again, so that whoever was
interrupted goes on, and two commands may fill one folder together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch

from oceanbench.assimilation.fourdvarnet.anywhere.configuration import AnywhereConfiguration
from oceanbench.assimilation.fourdvarnet.anywhere.scenes.scene import (
    keep_scene,
    scene_path,
)
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.seas import GAUSSIAN
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.simulations import (
    World,
    keep_world,
    make_world,
    world_path,
)
from oceanbench.errors import OceanbenchError
from oceanbench.progress import progress

SEED = 0  # of the worlds, whatever the training's is


@dataclass(frozen=True)
class Library:
    """Folder of worlds and scenes.

    Attributes
    ----------
    folder : made if there is none
    worlds, scenes : how many
    own : the only world, if there is one; else worlds are simulated
    """

    folder: Path
    worlds: int
    scenes: int
    own: World | None = None

    @classmethod
    def of(cls, folder: Path, configuration: AnywhereConfiguration) -> Library:
        """As many as a configuration is trained on."""
        return cls(folder, configuration.worlds, configuration.scenes)

    @property
    def world_files(self) -> list[Path]:
        """Files of the worlds."""
        return [world_path(self.folder / "worlds", number) for number in range(self.worlds)]

    @property
    def scene_files(self) -> list[Path]:
        """Files of the scenes."""
        return [scene_path(self.scene_folder, number) for number in range(self.scenes)]

    @property
    def scene_folder(self) -> Path:
        """Folder of the scenes."""
        return self.folder / "scenes"

    def fill(self, *, workers: int = 1) -> None:
        """Make what is missing.

        Parameters
        ----------
        workers : processes, of one thread each
        """
        if self.own is None:
            world = partial(make_world, self.folder / "worlds", seed=SEED)
            self._make(world, self.world_files, "worlds", workers)
        else:
            keep_world(self.own, *self.world_files)
        gaussian, given = (GAUSSIAN if self.own is None else 0.0), self.world_files
        folder = self.scene_folder
        scene = partial(keep_scene, folder, worlds=given, gaussian=gaussian)
        self._make(scene, self.scene_files, "scenes", workers)

    @staticmethod
    def _make(make: Callable[[int], None], files: Sequence[Path], label: str, workers: int) -> None:
        if workers < 1:
            raise OceanbenchError(f"workers={workers}: expected at least one")
        missing = [number for number, file in enumerate(files) if not file.is_file()]
        begin = os.getpid() % max(len(missing), 1)  # not where another command is at work
        missing = missing[begin:] + missing[:begin]
        if workers == 1 or len(missing) < 2:
            for number in progress(missing, label):
                make(number)
            return
        context = get_context("spawn")
        with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
            done = [pool.submit(make, number) for number in missing]
            for number in progress(range(len(done)), label):
                done[number].result()
