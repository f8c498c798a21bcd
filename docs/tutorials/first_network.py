# %% [markdown]
# # A first trained network
#
# A method that learns has a second function, `train`, in the same file. In this tutorial you look at what there is
# to learn from, train a network of three layers to correct a rough map, score it, fine-tune it on another
# challenge, and train a 4DVarNet from a recipe.
#
# ## What there is to learn from
#
# `ssh_osse_jet` has a training period: nine months, none of which is scored, with the altimeters' tracks *and* the
# maps that they were drawn from. `training_fields` puts both on one grid, with a first guess: here optimal
# interpolation. That takes half a minute, once: the folder `kept` has it for all that follows.

# %%
import matplotlib.pyplot as plt
import torch

import oceanbench
from oceanbench.learning.patches import split

fields = oceanbench.training_fields(
    "ssh_osse_jet", first_guess="oi", step_degrees=0.25, checkpoint="kept"
)
fields

# %%
day = fields.isel(time=100)
figure, panels = plt.subplots(1, 3, figsize=(11, 3.4), sharey=True, layout="constrained")
for axes, name in zip(panels, fields, strict=True):
    mesh = axes.pcolormesh(day["longitude"], day["latitude"], day[name], vmin=-0.7, vmax=0.7)
    axes.set_title(name.replace("_", " "))
    axes.set_xlabel("longitude (°)")
panels[0].set_ylabel("latitude (°)")
figure.colorbar(mesh, ax=panels, label="sea surface height (m)")
plt.show()

# %% [markdown]
# Networks learn from patches. `split` keeps the last month to validate with, and leaves two weeks between, so
# that the two are not the same eddies; `Patches` is a `torch.utils.data.Dataset`, of any size and stride.

# %%
learned, checked = split(fields)
patches = oceanbench.Patches.of(learned, days=5, size=24, stride=12)
loader = torch.utils.data.DataLoader(patches, batch_size=16, shuffle=True)
batch = next(iter(loader))
print(len(patches), "patches;", {name: tuple(value.shape) for name, value in batch.items()})
share = batch["observations"].isfinite().float().mean()
print(f"observed: {100 * share:.1f} % of the points")

# %% [markdown]
# ## A network in a method file
#
# The network is given five days of first guess and of misfits (observation less first guess, 0 where there is none), and
# answers with the error of the first guess on the middle day. `fit` is the loop that the package's
# own networks are trained with: it keeps the weights that validated best, shows loss and validation while it runs,
# and writes them to a CSV file.

# %%
# %%writefile small_net.py
"""Optimal interpolation, corrected by a network of three layers."""

import torch
from torch.utils.data import default_collate

from oceanbench.assimilation.training_fields import mapping_fields, training_fields
from oceanbench.learning.patches import Patches, split
from oceanbench.learning.training import TrainingSchedule, fit

KINDS = ("maps",)
DAYS, STEP, SIZE = 5, 0.25, 24


def network(hidden=32):
    layers = [(2 * DAYS, hidden), (hidden, hidden), (hidden, 1)]
    found = []
    for entering, leaving in layers:
        conv = torch.nn.Conv2d(entering, leaving, 7, padding=3, padding_mode="replicate")
        found += [conv, torch.nn.SiLU()]
    torch.nn.init.zeros_(found[-2].weight)  # so that it begins with no correction
    return torch.nn.Sequential(*found[:-1])


def corrected(net, batch):
    misfits = (batch["observations"] - batch["first_guess"]).nan_to_num()
    given = torch.cat([batch["first_guess"], misfits], 1)
    return batch["first_guess"][:, DAYS // 2] + 0.1 * net(given)[:, 0]


def train(inputs, *, device, seed, steps=600, first_guess="oi", checkpoint="", init=None):
    options = {"first_guess": first_guess, "checkpoint": checkpoint}
    fields = training_fields(inputs, step_degrees=STEP, **options)
    learned, checked = (
        Patches.of(part, days=DAYS, size=SIZE, stride=SIZE // 2) for part in split(fields)
    )
    torch.manual_seed(seed)
    net = network().to(device)
    if init is not None:
        net.load_state_dict(init)

    def draw(random):
        numbers = torch.randint(len(learned), (16,), generator=random)
        return default_collate([learned[int(number)] for number in numbers])

    def loss(batch, done=0.0):
        batch = {name: values.to(device) for name, values in batch.items()}
        error = corrected(net, batch) - batch["truth"][:, DAYS // 2]
        return (100.0 * error).square().nanmean()  # cm²

    def score():
        with torch.inference_mode():
            return float(loss(validation))

    validation = default_collate(list(checked))
    schedule = TrainingSchedule(steps=steps, rate=2e-3)
    fit(net, draw, loss, score, schedule=schedule, seed=seed, begun=init is not None)
    return net.state_dict()


def estimate(inputs, target, *, device, seed, weights, first_guess="oi"):
    net = network().to(device)
    net.load_state_dict(weights)
    for name, field in target.items():
        fields = mapping_fields(
            inputs, field, days=DAYS, step_degrees=STEP, first_guess=first_guess
        )
        windows = Patches.of(fields, days=DAYS, stride_days=1)
        with torch.inference_mode():
            maps = [corrected(net, default_collate([one]))[0].numpy() for one in windows]
        middle = fields["first_guess"].isel(time=slice(DAYS // 2, -(DAYS // 2)))
        places = {axis: field[axis] for axis in ("latitude", "longitude")}
        target[name][:] = middle.copy(data=maps).interp(places, method="cubic").values
    return target


# %% language="bash"
# oceanbench train small_net.py ssh_osse_jet --set steps=600 --set checkpoint=kept
# oceanbench run small_net.py ssh_osse_jet

# %% [markdown]
# In full, the network joins the group of optimal interpolation, which it corrects: its error is a tenth smaller, which on six weeks is not
# yet sure but for the currents. What happened while it was trained stands beside the weights:

# %%
import pandas as pd

history = pd.read_csv("results/ssh_osse_jet/small_net.csv")
history.plot(x="step", y=["loss", "validation"], style="o-", figsize=(6, 3), ylabel="error (cm²)")
plt.show()

# %% [markdown]
# While a training runs, a terminal shows a bar with loss and validation, and a file a line a minute. It may be interrupted: of a network
# that is trained with `fit(…, checkpoint=…)`, and of all of the package's own with `--set checkpoint=FOLDER`, the same command goes on where it
# was.
#
# ## A recipe for a 4DVarNet
#
# The package's own networks have *configurations* with names, and a file may depart from one in any field.
# `oceanbench show fourdvarnet` lists the fields and what they mean; one that is misspelt is refused. Here is a
# training that takes a minute where the shipped one takes hours: one scene, a rough first guess, few and small windows.

# %% language="bash"
# cat > recipe.yaml << END
# preset: cpu
# first_guess: smooth
# step_degrees: 0.4
# days: 9
# crop: 16
# prior_hidden: 16
# scenes: 1
# steps: 150
# END
# oceanbench train fourdvarnet ssh_osse_jet --config recipe.yaml
# oceanbench run fourdvarnet ssh_osse_jet

# %% [markdown]
# ## Fine-tune it on another sea
#
# `--init` begins with weights that the method learned elsewhere, here on the jet without noise, and goes on where the altimeters err. The
# new weights say what both trainings learned from, and so does the board. For a method of your own it takes a parameter `init=None` of `train`, as
# in `small_net.py`.

# %% language="bash"
# oceanbench train fourdvarnet ssh_osse_jet_noisy --config recipe.yaml --init results/ssh_osse_jet/fourdvarnet.safetensors
# oceanbench run fourdvarnet ssh_osse_jet_noisy

# %% [markdown]
# How far that is from the shipped network, which learned for hours from a better first guess, says its
# [page](../baselines/fourdvarnet.md). Next: [read a board honestly](reading_a_board.md), before you put a row on it.
