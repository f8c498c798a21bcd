"""Two samples of one distribution are told from two of others."""

from __future__ import annotations

import numpy as np
import pytest

from oceanbench.assimilation.uncertainty.two_samples import PERMUTATIONS, two_samples


def test_chances_are_even_for_one_distribution_and_small_for_two() -> None:
    random = np.random.default_rng(4)
    found = np.array(
        [two_samples(*random.standard_normal((2, 30, 2, 3)), random) for _ in range(60)]
    )
    assert found[:, 0].mean() == pytest.approx(1.0, abs=0.1)
    assert found[:, 1].mean() == pytest.approx(0.5, abs=0.12)  # three deviations of 60 even ones
    other = 1.0 + random.standard_normal((30, 2, 3))
    ratio, chance = two_samples(random.standard_normal((30, 2, 3)), other, random)
    assert ratio > 3.0 and chance == 1 / (1 + PERMUTATIONS)
    wide = 2.0 * random.standard_normal((60, 6))
    assert two_samples(random.standard_normal((60, 6)), wide, random)[1] < 0.05
