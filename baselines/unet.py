"""U-Net for sea level: one pass from the first guess and the observations' misfits to the map.

The baseline learned_correction in one pass: the same inputs, first guess, windows, loss and time of
training, and neither a prior nor iterations. What fourdvarnet, a variational analysis whose
covariances are learned, does better than the two is what it owes to its cost.
"""

from __future__ import annotations

from dataclasses import replace

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.learned_mapping import LearnedMapping

KINDS = ("maps", "tracks")
REFERENCE = "Ronneberger et al. (2015) doi:10.48550/arXiv.1505.04597"
NAME = "unet"
DIRECT = MapConfiguration(prior_hidden=0, iterations=1, along_track=True)
PRESETS = {
    "cpu": replace(DIRECT, scenes=2, steps=6400),
    "long": replace(DIRECT, scenes=10, steps=38_000),
}
MAPPING = LearnedMapping(NAME, PRESETS)
train, estimate, PHYSICS = MAPPING.train, MAPPING.estimate, MAPPING.physics
