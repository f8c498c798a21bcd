"""Files of tensors that others may have made: safetensors, read within bounds, never a pickle."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from oceanbench.errors import OceanbenchError, in_one_line

if TYPE_CHECKING:
    from torch import Tensor

MOST_BYTES = 2**30  # of a file
MOST_HEADER = 2**22  # of them: its texts and the names of its tensors, all of which become objects


def read_tensors(path: Path, cure: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of a safetensors file, on the CPU, and the texts of its header.

    Parameters
    ----------
    path : of the file
    cure : what to do about another file, as the message ends

    Raises
    ------
    OceanbenchError
        if it is not a whole safetensors file, too large, or has values that are not finite
    """
    library = safetensors()
    try:
        if not path.is_file():
            raise OSError(errno.ENOENT, "there is no regular file of this name")
        if path.stat().st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {MOST_BYTES // 2**30} GiB")
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        if MOST_HEADER < length < len(content):
            raise OSError(errno.EFBIG, f"its header has more than {MOST_HEADER // 2**20} MiB")
        tensors = library.load(content)
        wrong = not_finite(tensors)
    except OSError as problem:
        raise OceanbenchError(f"{path}: cannot be read ({problem.strerror}); {cure}") from problem
    except Exception as problem:  # its own kind for a bad header, others for a strange one
        reason = in_one_line(problem, 200)
        raise OceanbenchError(
            f"{path}: not a whole safetensors file ({reason}); {cure}"
        ) from problem
    if wrong is not None:
        raise OceanbenchError(f"{path}: '{wrong}' has values that are not finite; {cure}")
    return tensors, from_json(content[8 : 8 + length]).get("__metadata__") or {}


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Name of the first tensor with a value that is not a number, or infinite; None without one.

    Parameters
    ----------
    tensors : dense, by name
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() or tensor.is_complex():
            wide = tensor.float() if tensor.element_size() == 1 else tensor  # torch asks no fewer
            if not bool(wide.isfinite().all()):
                return name
    return None


def safetensors() -> Any:
    """Module ``safetensors.torch``, an extra; refused in one line where it is missing."""
    try:
        return import_module("safetensors.torch")
    except ModuleNotFoundError as problem:
        raise OceanbenchError(
            f"weights need the package '{problem.name}'; install it with "
            "pip install 'oceanbench-challenges[torch]'"
        ) from problem
