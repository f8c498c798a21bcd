r"""4DVarNet anywhere: increments of any first guess, learned on simulated and Gaussian seas alone.

One network, trained once, for any sea, altimeters and first guess: what it is told is scaled so
that it knows neither place nor amplitude
(:mod:`oceanbench.assimilation.fourdvarnet.anywhere.scaling`), and conjugate gradients descend

.. math:: J(v) = \tfrac12 \| w \cdot (d / s - H x) \|^2
        + \tfrac12 \alpha_p^2 \, \| v - \Phi(v; c) \|^2, \qquad x = \mu(c) + a(c) \cdot S v

with innovations d of root mean square s and a context c of first guess, innovations, samples and
coast, from which weights w, size, mean and prior of the increment x and the errors that passes
share are read. The estimate is the first guess and s x, as far as withheld passes bear it out:
where nothing is to be added, the first guess comes back.
"""

from __future__ import annotations

from dataclasses import replace

from oceanbench.assimilation.fourdvarnet.anywhere.anywhere_mapping import AnywhereMapping
from oceanbench.assimilation.fourdvarnet.anywhere.configuration import AnywhereConfiguration

KINDS = ("maps", "tracks")
PHYSICS = "quasi-geostrophic, surface quasi-geostrophic"  # of worlds that it learned from
REFERENCE = (
    "Fablet et al. (2021) doi:10.1029/2021MS002572; "
    "Febvre et al. (2024) doi:10.1029/2023MS003959 (learning from simulations)"
)
NAME = "fourdvarnet_anywhere"
CPU = AnywhereConfiguration()
PRESETS = {
    "cpu": CPU,
    "gpu": replace(
        CPU,
        hidden=96,
        prior_hidden=96,
        worlds=120,
        scenes=10_000,
        checked=200,
        batch=64,
        easy_steps=2000,
        steps=60_000,
        average=0.999,
    ),
}
MAPPING = AnywhereMapping(NAME, PRESETS)
train, estimate = MAPPING.train, MAPPING.estimate
