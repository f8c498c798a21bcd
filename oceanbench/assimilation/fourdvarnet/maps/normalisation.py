"""Mean and standard deviation by which a variable is normalised, kept with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of a variable."""

    mean: float
    deviation: float

    @classmethod
    def fitted(cls, values: FloatArray) -> Normalisation:
        """Those of values; a field that does not vary is only centred."""
        return cls(float(values.mean()), float(values.std()) or 1.0)

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], prefix: str = "", *, name: str) -> Normalisation:
        """Read what :meth:`tensors` kept with the weights of the method of a name."""
        try:
            return cls(*(float(weights[f"{prefix}{f.name}"]) for f in fields(cls)))
        except (KeyError, ValueError, RuntimeError) as problem:  # missing, or not one number
            raise OceanbenchError(f"{name}: these are not its weights; train it") from problem

    def tensors(self, prefix: str = "") -> dict[str, Tensor]:
        """To be kept with the weights."""
        return {f"{prefix}{f.name}": torch.tensor(getattr(self, f.name)) for f in fields(self)}

    def normalised(self, values: FloatArray) -> Tensor:
        """Values less the mean, in deviations, in single precision."""
        return torch.as_tensor((values - self.mean) / self.deviation, dtype=torch.float32)
