# %% [markdown]
# # A first method of your own
#
# A map is a file; a *method* is what makes maps, on any challenge. It is one Python file with one function,
# and the package's own methods are nothing else. In this tutorial you write one, give it an option,
# choose the option's value without looking at the truth, and run it on two challenges.
#
# ## One file, one function
#
# `estimate` receives `inputs`, every dataset of the challenge but the truth, and `target`, the coordinates to
# fill. Keyword parameters with defaults are its options. The first line of the file says what it is: boards
# show it.

# %%
# %%writefile nearby_mean.py
"""Average of nearby observations, with weights that fade in space and time."""

import numpy as np
import xarray as xr

KINDS = ("maps", "tracks")
STEP = 0.25  # degrees between the nodes of the average


def estimate(inputs, target, *, device, seed, km=50.0, days=4.0, every=5):
    tracks = [d for d in inputs.values() if d.attrs["layout"] == "track"]
    for name in target:
        seen = xr.concat([t[[name]] for t in tracks], "time").sortby("time")
        seen = seen.dropna("time").isel(time=slice(None, None, every)).load()
        target[name][:] = average(seen, name, target, km, days)
    return target


def average(seen, name, target, km, days):
    latitude, longitude = (nodes_around(target[a].values) for a in ("latitude", "longitude"))
    y = 111.2 * (seen["latitude"].values - latitude[:, None])
    east = (seen["longitude"].values - longitude[:, None] + 180.0) % 360.0 - 180.0
    x = 111.2 * np.cos(np.radians(latitude.mean())) * east
    in_y, in_x = np.exp(-0.5 * (y / km) ** 2), np.exp(-0.5 * (x / km) ** 2)
    maps = []
    for day in target["time"].values:
        ago = (seen["time"].values - day) / np.timedelta64(1, "D")
        weight = in_y * np.exp(-0.5 * (ago / days) ** 2)
        maps.append((weight * seen[name].values) @ in_x.T / (weight @ in_x.T + 1e-300))
    axes = {"time": target["time"], "latitude": latitude, "longitude": longitude}
    coarse = xr.DataArray(np.stack(maps), axes, tuple(axes))
    return coarse.interp(latitude=target["latitude"], longitude=target["longitude"])


def nodes_around(axis):
    return np.arange(axis.min() - STEP, axis.max() + 2 * STEP, STEP)


# %% language="bash"
# oceanbench run nearby_mean.py ssh_osse_jet

# %% [markdown]
# The command ran `estimate` in a process that has no way to the truth, wrote `results/ssh_osse_jet/nearby_mean.nc`,
# and scored that file as it would score a stranger's.
#
# ## Choose options without the truth
#
# Which `km` is best? To try ten values and keep the one with the best *score* would be to learn from the truth
# that ranks you. What one may do is hold observations back: map without one altimeter, and see how well
# the maps predict it. The same file serves; it is Python, and `inputs` is a mapping.

# %%
import nearby_mean
import numpy as np

import oceanbench
from oceanbench.observing.sampling import sample

challenge = oceanbench.Challenge.load("ssh_osse_jet")
target = challenge.target().isel(time=slice(None, None, 6))
tracks = {
    name: challenge.open(name) for name in ("topex-poseidon_interleaved", "geosat2", "envisat")
}
withheld = challenge.open("jason1")
inside = (
    (withheld["time"] >= target["time"][0])
    & (withheld["time"] <= target["time"][-1])
    & (withheld["latitude"] > 33.0)
    & (withheld["latitude"] < 43.0)
    & (withheld["longitude"] > 295.0)
    & (withheld["longitude"] < 305.0)
)
withheld = withheld.isel(time=inside.values)

for km in (15.0, 25.0, 40.0, 60.0):
    maps = nearby_mean.estimate(tracks, target.copy(deep=True), device="cpu", seed=0, km=km)
    error = sample(maps["ssh"], withheld) - withheld["ssh"]
    missed = 100.0 * float(np.sqrt((error**2).mean()))
    print(f"km={km:g}: the withheld altimeter is missed by {missed:.1f} cm")

# %% [markdown]
# ## Run it with the option, here and elsewhere
#
# `--set` gives an option on the command line; the result file keeps it, and boards show it. The file itself is
# of no particular challenge: `ssh_osse_jet_noisy` has the same jet, seen by altimeters that err.

# %% language="bash"
# oceanbench run nearby_mean.py ssh_osse_jet --name nearby_mean_25 --set km=25
# oceanbench compare results/ssh_osse_jet/nearby_mean_25.json results/ssh_osse_jet/nearby_mean.json oi --challenge ssh_osse_jet

# %% [markdown]
# From Python the same is one call, and a result is a table.

# %%
result = oceanbench.run("nearby_mean.py", "ssh_osse_jet_noisy", options={"km": 25.0})
result

# %% [markdown]
# An average knows nothing of how the sea varies. [Optimal interpolation](../baselines/oi.md) does, by a covariance;
# [the tour of methods](../assimilation.md) goes on from there, and
# [Methods](../methods.md) has all the rules. A method may also *learn*: [a first network](first_network.md).
