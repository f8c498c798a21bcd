"""What is done of a scene is kept while it is made, and it goes on from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import map_worlds
import pytest
import xarray as xr

from oceanbench.assimilation.nudging import bfn_qg
from oceanbench.assimilation.training_fields import training_fields
from oceanbench.errors import OceanbenchError
from oceanbench.progress import Stages


@pytest.mark.parametrize("first_guess", ["oi", pytest.param("bfn", marks=pytest.mark.slow)])
def test_an_interrupted_scene_goes_on_where_it_was(
    first_guess: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = map_worlds.inputs(18)
    expected = training_fields(given, first_guess=first_guess, step_degrees=0.5)
    monkeypatch.setattr(bfn_qg, "SOLVED_DAYS", 6)
    solve, calls = bfn_qg.solve, []

    def stopped(*arguments: Any, **options: Any) -> Iterator[Any]:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return solve(*arguments, **options)

    monkeypatch.setattr(bfn_qg, "solve", stopped)

    def made() -> xr.Dataset:
        return training_fields(
            given, first_guess=first_guess, step_degrees=0.5, checkpoint=str(tmp_path)
        )

    with pytest.raises(KeyboardInterrupt):
        made()
    kept = sorted(p.name for p in tmp_path.rglob("*.npy"))
    assert kept == ["interpolation-0000.npy", "interpolation-0001.npy"]
    before = len(calls)
    xr.testing.assert_allclose(made(), expected, rtol=0.0, atol=1e-9)
    left = len(calls) - before
    (file,) = tmp_path.iterdir()
    file.unlink()
    before = len(calls)
    made()
    assert len(calls) - before == len(kept) + left


def test_a_broken_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Stages, items: Any, stage: str, make: Any) -> Any:
        found = [self.keep("x", lambda: make(items[0])) if self.keep else make(items[0])]
        (part,) = tmp_path.rglob("x.npy")
        part.write_bytes(b"no array")
        return [*found, self.keep("x", lambda: make(items[0])) if self.keep else None]

    monkeypatch.setattr(Stages, "each", broken)
    with pytest.raises(OceanbenchError, match=r"x\.npy: not a whole array .*; remove it"):
        training_fields(map_worlds.inputs(), first_guess="oi", checkpoint=str(tmp_path))
