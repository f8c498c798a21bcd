"""Whether observations of windows are of the truth's windows, as noisy as they say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.kinds import state_files
from oceanbench.kinds.findings import Finding, refused

APART = 2.0  # times the deviation that the noise is said to have


def unlike_observations(
    name: str, observations: xr.Dataset, truth: xr.Dataset
) -> Iterator[Finding]:
    """Observations on other windows or times than the truth, far from it, or none at all."""
    for variable in sorted(set(observations) & set(truth), key=str):
        seen, known = observations[variable], truth[variable]
        if "sampling" in seen.dims:
            known = state_files.in_samplings(
                known, [str(label) for label in seen["sampling"].values]
            )
        try:
            seen = state_files.same_windows(seen, known.transpose(*seen.dims), name)
        except OceanbenchError as problem:
            yield refused(name, problem)
            continue
        error = float(np.sqrt(((seen - known) ** 2).mean()))
        said = float(np.sqrt(observations.get("noise_variance", np.nan)).mean())
        if not np.isfinite(error):
            yield Finding("misleads", name, f"no value of '{variable}' is observed")
        elif error > APART * said or error < said / APART:
            yield Finding(
                "misleads",
                name,
                f"is {error:.3g} from the truth (rms), and its noise_variance says {said:.3g}",
                "correct noise_variance, or the order of windows, times or components",
            )
        elif not np.isfinite(said) and error > float(known.std()):
            yield Finding(
                "misleads",
                name,
                f"is {error:.3g} from the truth (rms), which varies by {float(known.std()):.3g}",
                "check the order of its windows, times and components",
            )
