"""bfloat16 is taken where a processor has instructions for it, or where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.learning import precision
from oceanbench.learning.precision import in_bfloat16, instructions

PROCESSORS = {  # what a system lists of its processor, and whether it is fast
    "flags\t\t: fpu avx512f avx512_bf16 amx_tile\nflags\t\t: fpu\n": True,
    "flags\t\t: fpu amx_bf16 amx_tile\n": True,
    "Features\t: fp asimd bf16\n": True,
    "flags\t\t: fpu avx2 avx512f avx512_vnni\n": False,
    "Features\t: fp asimd sve\n": False,
    "vendor_id\t: none bf16\n": False,
    "": False,
}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What this machine lists is not kept from one test to the next."""
    instructions.cache_clear()
    yield
    instructions.cache_clear()


@every("text, fast", PROCESSORS.items())
def test_it_goes_by_the_instructions_of_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, fast: bool
) -> None:
    instructions.cache_clear()
    listed = tmp_path / "cpuinfo"
    listed.write_text(text, encoding="ascii")
    monkeypatch.setattr(precision, "PROCESSOR", listed)
    assert in_bfloat16("auto", "cpu") is fast
    assert in_bfloat16("auto", "cpu", usual=False) is False
    assert in_bfloat16("bfloat16", "cpu") is True
    assert in_bfloat16("single", "cpu") is False


def test_where_nothing_is_listed_it_is_single(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "PROCESSOR", tmp_path / "absent")
    assert in_bfloat16("auto", "cpu") is False
    assert in_bfloat16("auto", "mps") is False


@pytest.mark.parametrize("fast", [True, False])
def test_an_accelerator_is_asked(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    def supported(*, including_emulation: bool) -> bool:
        return fast or including_emulation

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert in_bfloat16("auto", "cuda:1") is fast


def test_another_word_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="precision=bf16: unknown; "):
        in_bfloat16("bf16", "cpu")
