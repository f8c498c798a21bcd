"""A test of a table loses no row and names those that fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from rows import every


def test_every_row_runs_and_those_that_fail_are_named() -> None:
    seen = []

    @every("a, b", [(1, 1), (1, "two"), (3, 3), (4, 5)])
    def claim(a: int, b: int) -> None:
        seen.append(a)
        assert a == b

    with pytest.raises(ExceptionGroup, match="2 of 4 rows fail: row 1: 1-two; row 3: 4-5"):
        claim()
    assert seen == [1, 1, 3, 4]


def test_a_refusal_that_does_not_come_fails() -> None:
    @every("value", ["1", "one"])
    def claim(value: str) -> None:
        with pytest.raises(ValueError, match="invalid literal"):
            int(value)

    with pytest.raises(BaseExceptionGroup, match="1 of 2 rows fail: row 0: 1"):
        claim()


@every("number", [1, 2])
def test_rows_have_folders_of_their_own(number: int, tmp_path: Path) -> None:
    assert not list(tmp_path.iterdir())
    (tmp_path / "same").write_text(str(number))
