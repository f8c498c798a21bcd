# %% [markdown]
# # Gallery of figures
#
# `figures` scores a submission and draws it; what it returns are matplotlib figures by their names, which you may change and
# save as you like. `oceanbench evaluate … --figures` and `run … --figures` write the same ones as PNG files. What is
# drawn depends on the kind of challenge and on the form of the estimate: one value at each point, members, or a mean and its
# standard deviation.
#
# ## Maps
#
# Optimal interpolation of a jet:

# %%
import numpy as np
import xarray as xr

import oceanbench
from oceanbench.figures import figures

oceanbench.run("oi", "ssh_osse_jet", output="results")
maps = figures("ssh_osse_jet", oceanbench.Submission("oi", "results/ssh_osse_jet/oi.nc"))
list(maps)

# %% [markdown]
# Truth, estimate and error of the middle day, and the error of all days:

# %%
maps["ssh_maps"]

# %% [markdown]
# The error day by day:

# %%
maps["ssh_rmse"]

# %% [markdown]
# Which waves are resolved: the score by wavelength and period, with the contour that λx and λt are read from:

# %%
maps["ssh_psd_score"]

# %% [markdown]
# ## Along tracks
#
# Where the truth is an altimeter that was held back, errors are drawn along its passes, and the resolved scale is read
# where the spectrum of the error crosses half of the signal's.

# %%
oceanbench.run("oi", "ssh_ose_jet", output="results")
tracks = figures("ssh_ose_jet", oceanbench.Submission("oi", "results/ssh_ose_jet/oi.nc"))
list(tracks)

# %%
tracks["ssh_track_error"]

# %%
tracks["ssh_psd"]

# %% [markdown]
# ## Windows of a small system, and how sure an estimate is
#
# An estimate may say how sure it is, here as members: five smooth lines through noisy observations of Lorenz-96, each with noise of its own.

# %%
challenge = oceanbench.Challenge.load("lorenz96")
seen = challenge.open("observations")["state"]
random = np.random.default_rng(0)
lines = seen.interpolate_na("time").ffill("time").bfill("time").fillna(seen.mean())
members = xr.concat([lines + random.normal(0.0, 1.5, lines.shape) for _ in range(5)], "member")
submission = members.drop_vars("noise_variance").to_dataset(name="state")
submission.to_netcdf("lines.nc", engine="h5netcdf")
windows = figures("lorenz96", oceanbench.Submission("lines", "lines.nc"))
list(windows)

# %%
windows["state_windows"]

# %% [markdown]
# Does the truth fall where the members say, as often as they say?

# %%
windows["state_calibration"]

# %% [markdown]
# ## Differences
#
# How far one submission is from others on the same days, in percent of their scores; faint bars are not told apart.

# %%
from oceanbench.figures.differences import differences

differences([oceanbench.compare("miost", other, "ssh_osse_jet") for other in ("duacs", "bfn")])

# %% [markdown]
# ## A figure of your own
#
# A figure is an ordinary matplotlib one: change what you like, and save it.

# %%
figure = maps["ssh_rmse"]
figure.axes[0].axhline(0.03, color="0.4", ls="--")
figure.suptitle("Six weeks of optimal interpolation")
figure.savefig("rmse.pdf")
figure

# %% [markdown]
# Forecasts have figures of their own, by lead: `oceanbench run damped_persistence reanalysis_emulation --figures` takes some minutes and draws
# errors and spectra at every lead. How the figures of these pages were made is written beside each.
