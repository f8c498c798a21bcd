"""Where a score of one wavenumber crosses a level, at the ends of what is known."""

from __future__ import annotations

import numpy as np
import pytest

from oceanbench.metrics.spectral.crossing import crossing_wavelength


def test_sorted_scores_are_interpolated_between_the_two_lowest_too() -> None:
    k, score = np.array([1.0, 2.0, 3.0]), np.array([0.9, 0.6, 0.2])
    found = crossing_wavelength(k, score, rule="sorted")
    assert found == pytest.approx(1 / 3 + (1 / 2 - 1 / 3) * (0.5 - 0.2) / (0.6 - 0.2))
