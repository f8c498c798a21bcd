"""Weights that a method learned: a safetensors file that says how they came about, never a pickle.

Its header holds ``schema`` and, as JSON, the parts ``method``, ``challenge``, ``training`` and
``provenance`` of :class:`Weights`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from oceanbench.data.files import sha256, write_bytes
from oceanbench.errors import OceanbenchError, in_one_line
from oceanbench.learning.tensor_files import not_finite, read_tensors, safetensors

if TYPE_CHECKING:
    import torch

SCHEMA = 1
CURE = "give a file that 'oceanbench train' wrote, or train again"
PARTS: dict[str, dict[str, type]] = {
    "method": {"name": str, "sha256": str},
    "challenge": {"name": str, "version": int, "sha256": str},
    "training": {"period": list, "files": dict},
    "provenance": {"seed": int, "options": dict},
}


@dataclass(frozen=True)
class Weights:
    """Tensors that a method learned on a challenge, and how.

    Attributes
    ----------
    tensors : by name, as ``train`` returned them
    method : ``name`` and ``sha256`` of the method file
    challenge : ``name``, ``version``, ``sha256`` of challenge.yaml
    training : ``period`` (first and last day) and ``files``, per dataset that was opened a list of
        ``file`` and ``sha256``
    provenance : versions, time, device, seed, options and command, as in a result, and ``init``,
        the :meth:`origin` of the weights that the training went on from
    """

    tensors: dict[str, torch.Tensor] = field(repr=False)
    method: dict[str, Any]
    challenge: dict[str, Any]
    training: dict[str, Any]
    provenance: dict[str, Any]

    def origin(self, file: Path) -> dict[str, Any]:
        """What is recorded of weights that were used, read from a file."""
        begun = {"init": self.provenance["init"]} if self.provenance.get("init") else {}
        return {
            "file": file.name,
            "sha256": sha256(file),
            "challenge": self.challenge["name"] if self.of_challenge else "",
            "period": self.training["period"],
            "seed": self.provenance["seed"],
            "options": self.provenance["options"],
            "cpu_seconds": self.provenance.get("cpu_seconds"),
            **({"resumed": self.provenance["resumed"]} if "resumed" in self.provenance else {}),
            **begun,
        }

    @property
    def of_challenge(self) -> bool:
        """Whether anything of the challenge was opened; else they are of worlds of their own."""
        return bool(self.training["files"])

    def save(self, path: Path) -> None:
        """Write a safetensors file of finite values; it appears whole or not at all."""
        metadata = {"schema": str(SCHEMA)}
        metadata |= {part: json.dumps(getattr(self, part), ensure_ascii=False) for part in PARTS}
        try:
            content = safetensors().save(self.tensors, metadata)
            wrong = not_finite(self.tensors)
        except (KeyError, ValueError, RuntimeError) as problem:
            reason = in_one_line(problem)
            raise OceanbenchError(
                f"{path}: a tensor cannot be stored ({reason}); train() must return dense tensors "
                "of a common type, each with its own memory"
            ) from problem
        if wrong is not None:
            raise OceanbenchError(
                f"{path}: '{wrong}' has values that are not finite: the training diverged; train "
                "with smaller steps"
            )
        write_bytes(content, path)

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> Weights:
        """Read a file that ``oceanbench train`` wrote.

        Parameters
        ----------
        path : of the safetensors file
        device : of torch, where the tensors go

        Raises
        ------
        OceanbenchError
            if it is not a whole safetensors file of finite values, or does not say what it was
            trained on
        """
        tensors, metadata = read_tensors(path, CURE)
        parts = _parts(metadata, path)
        return cls({name: tensor.to(device) for name, tensor in tensors.items()}, **parts)


def _parts(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Parts of a header."""
    if "schema" not in metadata:
        raise OceanbenchError(
            f"{path}: does not say which method and challenge its tensors belong to; give a file "
            "that 'oceanbench train' wrote"
        )
    if metadata["schema"] != str(SCHEMA):
        raise OceanbenchError(
            f"{path}: weights of schema {metadata['schema']}, expected {SCHEMA}; train again"
        )
    parts = {}
    for part, keys in PARTS.items():
        try:
            parts[part] = from_json(metadata.get(part, "null"))
        except ValueError:
            parts[part] = None
        for key, kind in keys.items():
            if not isinstance(parts[part], dict) or not isinstance(parts[part].get(key), kind):
                raise OceanbenchError(
                    f"{path}: '{part}.{key}' of its header is missing or wrong; train again"
                )
    for key, fine in _origins(parts["provenance"]):
        if not fine:
            raise OceanbenchError(f"{path}: '{key}' of its header is wrong; train again")
    return parts


def _origins(stage: Any) -> Iterator[tuple[str, bool]]:
    """What a training says of its cost and of those that it went on from, and whether it may."""
    where = "provenance"
    while stage:
        seconds, resumed = stage.get("cpu_seconds"), stage.get("resumed", False)
        number = type(seconds) in (int, float) and 0 <= seconds < math.inf
        yield f"{where}.cpu_seconds", seconds is None or number
        yield f"{where}.resumed", isinstance(resumed, bool)
        stage, where = stage.get("init"), f"{where}.init"
        if stage:
            fine = isinstance(stage, dict) and isinstance(stage.get("options"), dict)
            yield where, fine and isinstance(stage.get("challenge"), str)
