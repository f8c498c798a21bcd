# %% [markdown]
# # Defining a challenge
#
# You have a sea that nobody else has: a simulation, a campaign, a region. A challenge makes it a question that
# others can answer, and their answers comparable. It is a folder with a `challenge.yaml` and data; nothing is registered
# anywhere, and nothing leaves your machine. In this tutorial the sea is a formula, so that it takes seconds.
#
# ## A truth, and who observes it
#
# Three trains of waves that drift west, on a box of six degrees, for seven weeks:

# %%
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.observing.noise import nadir_error
from oceanbench.observing.orbits import find_orbit, nadir_track
from oceanbench.observing.sampling import sample

folder = Path("my_sea")
folder.mkdir()
day = np.datetime64("2021-03-01", "ns") + np.arange(50) * np.timedelta64(1, "D")
latitude, longitude = np.arange(33.0, 41.1, 0.25), np.arange(-41.0, -32.9, 0.25)
t = np.arange(day.size)[:, None, None]
y, x = latitude[:, None] - 33.0, (longitude + 41.0) * np.cos(np.radians(37.0))
height = 0.12 * np.sin(2.1 * x + 1.3 * y + 0.09 * t) + 0.10 * np.sin(2.9 * x - 1.6 * y + 0.14 * t)
height = height + 0.08 * np.sin(1.4 * x + 3.2 * y + 0.05 * t) - 0.05 * y
axes = {"time": day, "latitude": latitude, "longitude": longitude}
truth = xr.DataArray(height, axes, tuple(axes), "ssh", {"units": "m"})
truth.to_netcdf(folder / "truth.nc", engine="h5netcdf")

# %% [markdown]
# Two altimeters on their real orbits, each with an error of its own:

# %%
box = (-41.0, -33.0, 33.0, 41.0)  # west, east, south, north
for seed, name in enumerate(("sentinel3a", "jason1")):
    track = nadir_track(find_orbit(name), box, day[0], day[-1])
    track["ssh"] = sample(truth, track) + nadir_error(track, seed=seed)
    track["ssh"].attrs["units"] = "m"
    track.to_netcdf(folder / f"{name}.nc", engine="h5netcdf")
    print(name, track.sizes["time"], "samples")

# %% [markdown]
# ## The declaration
#
# What is scored: where and when, against which truth, by which scores. Observations reach two weeks beyond the scored days
# on both sides, so that the last day is not a forecast. Files are named relative to the
# declaration.

# %% language="bash"
# cat > my_sea/challenge.yaml << END
# name: my_sea
# version: 1
# title: Three trains of waves under two altimeters
# kind: maps
# domain: {longitude: [-40, -34], latitude: [34, 40], time: [2021-03-15, 2021-04-05]}
# datasets:
#   truth: {role: truth, path: truth.nc, variables: {ssh: ssh}, units: m}
#   sentinel3a: {role: observations, path: sentinel3a.nc, variables: {ssh: ssh}, units: m}
#   jason1: {role: observations, path: jason1.nc, variables: {ssh: ssh}, units: m}
# submission:
#   variables: {ssh: {units: m, valid_range: [-3, 3]}}
# metrics:
#   - {metric: rmse_score, label: µ(RMSE)}
#   - {metric: rmse, label: RMSE}
#   - {metric: geostrophic_rmse, label: current RMSE}
# rank_by: µ(RMSE)
# reference_method: oi
# END

# %% [markdown]
# A key that is unknown, a unit that is not the file's, or a training period that touches the scored days is
# refused in one line. If `show` prints it, it is valid.

# %% language="bash"
# oceanbench show my_sea/challenge.yaml

# %% [markdown]
# ## Is it a good question?
#
# Run what is there. The method of reference should do better than a constant, and worse than perfect; if the constant wins,
# there are too few observations, and if everybody is perfect, there is nothing to rank.

# %% language="bash"
# oceanbench evaluate my_sea/challenge.yaml
# oceanbench run mean_field my_sea/challenge.yaml

# %% [markdown]
# Three weeks are scored here. With one week all would be as before, but for the intervals: there would be too few days to
# know any.
#
# ## A participant sends a file
#
# And what if the file is not what it should be? A friend has got hold of the truth, and sends nine tenths of it:

# %%
scored = truth.sel(time=slice("2021-03-15", "2021-04-05"))
scored = scored.sel(latitude=slice(34, 40), longitude=slice(-40, -34))
(0.9 * scored).assign_attrs(units="m").to_netcdf("from_a_friend.nc", engine="h5netcdf")

# %% language="bash"
# oceanbench evaluate my_sea/challenge.yaml from_a_friend.nc --name friend

# %% [markdown]
# The warning says so, and the result keeps it.
#
# ## A private board, and a site of it
#
# Results are files in `results/my_sea`. A board is rendered from them, as a table for a page or as a site for any
# static host; it opens from a file as well, without a network: `site/index.html` has the table that one sorts and
# filters, a page for each row, and comparisons.

# %% language="bash"
# oceanbench leaderboard my_sea/challenge.yaml --results results
# oceanbench leaderboard --site site --challenges . --results results
# ls site/challenges/my_sea

# %%
import oceanbench

oceanbench.leaderboard("my_sea/challenge.yaml", results="results")

# %% [markdown]
# ## Before you publish it
#
# - `oceanbench doctor my_sea/challenge.yaml` looks it over: what would stop participants, what would mislead them, and
#   the cure of each ([how](../challenges.md#before-you-publish)).
# - Write a card, `my_sea/README.md`: what is asked, what the scores mean, what is wrong with them. The site shows it.
# - Give every file its `sha256`, so that all are scored on the same numbers, and say its `licence`.
# - Raise `version` whenever a score changes its meaning: results of another version are not ranked together.
# - Keep the truth to yourself, if you can: `oceanbench export target` writes where it has values, participants run and
#   validate with that, and you score what they send back ([how](../challenges.md#a-truth-that-stays-with-you)).
#   [Trust](../trust.md) says what to expect of files of strangers.
#
# [Challenges](../challenges.md) has every key; challenges on tracks that are held back, of windows of small systems and of forecasts
# are declared in the same way.
