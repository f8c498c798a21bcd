"""The simulated basin: kept with its coast, and interpolated to finer grids."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from oceanbench.assimilation.fourdvarnet.forecasts.basin_worlds import (
    BasinStage,
    beyond_coast,
    felt,
    laid_on,
    simulated_basin,
)
from oceanbench.dynamics.basin import north_atlantic_like, refined


def test_a_simulated_basin_is_kept_with_its_coast_and_felt_at_sea_alone(tmp_path):
    stages = (BasinStage(0.6, 21600.0, 1), BasinStage(0.3, 14400.0, 1))
    found = simulated_basin(3, 1, stages=stages, checkpoint=str(tmp_path))
    xr.testing.assert_identical(
        found, simulated_basin(3, 1, stages=stages, checkpoint=str(tmp_path))
    )
    assert found["ssh"].shape == found["sst"].shape == (3, 40, 40)
    assert 0.6 < float(found["sea"].mean()) < 0.9
    assert float(found["sst"].where(found["sea"]).min()) > 0.0
    days = np.arange("2010-01-01", "2010-01-04", dtype="M8[D]").astype("M8[ns]")
    warm = laid_on(found["sst"], days)
    other = warm.where(found["sea"], 99.0)
    seen = felt(warm, found["sea"], seed=1)
    xr.testing.assert_identical(seen, felt(other, found["sea"], seed=1))
    assert bool(seen.isnull().any())
    assert not bool((seen.notnull() & ~found["sea"]).any())
    assert bool(beyond_coast(warm, found["sea"]).notnull().all())
    wide, narrow = (torch.from_numpy(north_atlantic_like(n).wet) for n in (0.6, 0.3))
    even = refined(torch.stack([7.0 * wide] * 2), narrow.float(), without_rows=1)
    np.testing.assert_allclose(even[1], 7.0 * narrow, rtol=1e-6)
