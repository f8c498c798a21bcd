# %% [markdown]
# # From the tracks to a first map, and its score
#
# An altimeter sees the sea along a line. In this tutorial you look at a few weeks of such lines,
# make daily maps of them with twenty lines of NumPy, and learn what these maps are worth.
# Nothing needs downloading: the challenge `ssh_osse_jet` and its data come with the package.

# %% language="bash"
# oceanbench show ssh_osse_jet

# %% [markdown]
# The truth is a simulation of a jet, which you are not given. Four altimeters fly over it. (The
# line of `truth` is there because the challenge has one; methods never receive it.)
#
# ## Look at what was observed
#
# A challenge opens its datasets by name, with the same names, units and times whatever their files
# look like.

# %%
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import oceanbench

challenge = oceanbench.Challenge.load("ssh_osse_jet")
names = ["topex-poseidon_interleaved", "jason1", "geosat2", "envisat"]
tracks = xr.concat([challenge.open(name)[["ssh"]] for name in names], "time").sortby("time")
tracks

# %%
ten_days = tracks.sel(time=slice("2012-11-01", "2012-11-10"))
plt.figure(figsize=(6, 5))
plt.scatter(ten_days["longitude"], ten_days["latitude"], 4, ten_days["ssh"])
plt.colorbar(label="sea surface height (m)")
plt.xlabel("longitude (°)")
plt.ylabel("latitude (°)")
plt.title("Ten days of four altimeters")
plt.show()

# %% [markdown]
# ## Make a map
#
# `target` is what a map of this challenge has to fill: the variable, all NaN, on the days and nodes
# that are asked for.

# %%
target = challenge.target()
target

# %% [markdown]
# The simplest estimate at a place and a day is an average of what was seen nearby, with weights that
# fade over some 50 km and 4 days. Sea level is smooth, so half a degree between nodes is
# enough to begin with; `interp` does the rest.

# %%
KM, DAYS, EVERY = 50.0, 4.0, 3  # one sample of three: neighbours tell the same
KM_PER_DEGREE = 111.2

thin = tracks.isel(time=slice(None, None, EVERY)).load()
latitude = np.arange(32.5, 43.6, 0.5)
longitude = np.arange(294.5, 305.6, 0.5)
east = KM_PER_DEGREE * np.cos(np.radians(38.0))

maps = []
for day in target["time"].values:
    days = (thin["time"].values - day) / np.timedelta64(1, "D")
    near = np.abs(days) < 3 * DAYS
    some, days = thin.isel(time=near), days[near]
    y = KM_PER_DEGREE * (some["latitude"].values - latitude[:, None])
    x = east * (some["longitude"].values - longitude[:, None])
    in_y, in_x = np.exp(-0.5 * (y / KM) ** 2), np.exp(-0.5 * (x / KM) ** 2)
    in_time = np.exp(-0.5 * (days / DAYS) ** 2)
    total = (in_y * in_time * some["ssh"].values) @ in_x.T
    maps.append(total / ((in_y * in_time) @ in_x.T))

coarse = xr.DataArray(
    np.stack(maps),
    {"time": target["time"], "latitude": latitude, "longitude": longitude},
    ("time", "latitude", "longitude"),
)
ssh = coarse.interp(latitude=target["latitude"], longitude=target["longitude"], method="cubic")
my_map = ssh.assign_attrs(units="m").to_dataset(name="ssh")
my_map.to_netcdf("my_map.nc", engine="h5netcdf")

# %% [markdown]
# ## Score it
#
# First: could it be scored? A file with another unit, a missing day or a hole is refused in one line
# that says what to do.

# %% language="bash"
# oceanbench validate ssh_osse_jet my_map.nc
# oceanbench evaluate ssh_osse_jet my_map.nc --name mine --learned-from observations

# %% [markdown]
# µ is 1 for a perfect map and 0 for one that explains nothing; λx and λt are the shortest wavelength and
# period that the map resolves. Brackets hold 95 % intervals: how far the
# number could move on six other weeks of the same sea. Beside the scores stands the difference to optimal interpolation (`oi`, the
# method of reference of this challenge) and to the leader of the
# [board](../leaderboards/challenges/ssh_osse_jet/index.html), with a verdict.
#
# ## See what is wrong with it
#
# Figures of any submission are one call away, and are ordinary matplotlib figures.

# %%
from oceanbench.figures import figures

drawn = figures("ssh_osse_jet", oceanbench.Submission("mine", "my_map.nc"))
drawn["ssh_maps"]

# %% [markdown]
# The error is made of eddies that the average flattened, and grows where no track passed by. Try other
# values of `KM` and `DAYS`; then go on with [a method of your own](first_method.md), which has
# options, can be run on any challenge, and never sees the truth.
