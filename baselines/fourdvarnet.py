r"""4DVarNet for sea level: a variational analysis whose covariances are learned through its solver.

About a first guess, by default a map of a model that was nudged to the observations
(:mod:`oceanbench.assimilation.nudging.bfn_qg`), conjugate gradients descend the cost

.. math:: J(v) = \tfrac12 \alpha_o^2 \, \| y - H x \|^2_{observed}
        + \tfrac12 \alpha_p^2 \, \| v - \Phi(v; x_b) \|^2, \qquad
    x = x_b + \mu(x_b) + a(x_b) \cdot S v

(:mod:`oceanbench.assimilation.fourdvarnet.solver`). What the first guess tells of its own errors –
their mean, their size, and which of them go together along the flow – is learned from the maps of
the training period, observed as they were and by the same altimeters on other days
(:mod:`oceanbench.observing.reflown`), with the errors that those had.
"""

from __future__ import annotations

from dataclasses import replace

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.learned_mapping import LearnedMapping

KINDS = ("maps", "tracks")
REFERENCE = (
    "Fablet et al. (2021) doi:10.1029/2021MS002572; "
    "Beauchamp et al. (2023) doi:10.5194/gmd-16-2119-2023"
)
NAME = "fourdvarnet"
SOLVER = MapConfiguration(
    update="conjugate",
    prior_hidden=64,
    coarsen=2,
    iterations=8,
    applied=12,
    varied=True,
    prior_loss=0.0,
    along_track=True,
)
PRESETS = {
    "cpu": replace(SOLVER, scenes=2, steps=1500),
    "long": replace(SOLVER, scenes=12, steps=4000),
    "mean": replace(
        SOLVER,
        first_guess="mean",
        loops=3,
        error_size=0.1725,  # that of maps of duacs, with whose weights it may begin
        scenes=4,
        steps=1500,
        rate=1e-3,
    ),
    "gpu": replace(
        SOLVER,
        step_degrees=0.05,
        hidden=96,
        prior_hidden=192,
        coarsen=4,
        scenes=10,
        crop=160,
        steps=40_000,
        rate=1e-3,
    ),
}
MAPPING = LearnedMapping(NAME, PRESETS)
train, estimate, PHYSICS = MAPPING.train, MAPPING.estimate, MAPPING.physics
