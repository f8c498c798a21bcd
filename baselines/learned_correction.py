r"""Learned correction of sea level: a dynamical map, corrected by a few passes of a network.

From the map of a model that was nudged to the observations
(:mod:`oceanbench.assimilation.nudging.bfn_qg`), a U-Net takes three steps

.. math:: x \leftarrow x - u_\theta\!\left( y - x, \; x - \Phi(x), \; x \right)

(:mod:`oceanbench.assimilation.fourdvarnet.learned_descent`). Each sees where the observations
disagree, and what a learned autoencoder :math:`\Phi` does not make again: what the two terms of a
variational cost are made of. But nothing makes it descend that cost, which rises over the steps: it
is a recurrent U-Net, and the control of the baseline fourdvarnet, which does descend one. The
baseline unet is its version of one pass and without :math:`\Phi`. The preset ``gpu`` has an LSTM
that is given the gradients, as published.

It learns from the maps of the training period, observed as they were and by the same altimeters on
other days (:mod:`oceanbench.observing.reflown`), with the errors that those had.
"""

from __future__ import annotations

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.learned_mapping import LearnedMapping

KINDS = ("maps", "tracks")
REFERENCE = "Beauchamp et al. (2023) doi:10.5194/gmd-16-2119-2023"
NAME = "learned_correction"
PRESETS = {
    "cpu": MapConfiguration(scenes=2, steps=2000, along_track=True),
    "long": MapConfiguration(scenes=10, steps=12_000, along_track=True),
    "gpu": MapConfiguration(
        first_guess="mean",
        step_degrees=0.05,
        update="lstm",
        hidden=96,
        prior_hidden=64,
        coarsen=2,
        iterations=15,
        scenes=6,
        crop=240,
        batch=4,
        steps=92_000,
        rate=1e-3,
        along_track=True,
        mirrored=False,
        correction=1.0,
    ),
}
MAPPING = LearnedMapping(NAME, PRESETS)
train, estimate, PHYSICS = MAPPING.train, MAPPING.estimate, MAPPING.physics
