r"""4DVarNet with a convolutional prior: learned descent without the equations.

The cost weighs the observations against an autoencoder,

.. math:: J(x) = \alpha_o^2 \| y - x \|^2_{observed} + \alpha_p^2 \| x - \Phi(x) \|^2

whose bilinear layer :math:`\Phi` can represent quadratic dynamics
(:class:`oceanbench.assimilation.fourdvarnet.priors.BilinearPrior`). It is learned together with
the update, a convolutional LSTM which gets the two terms of the gradient and the state, and
descends the cost from optimal interpolation
(:mod:`oceanbench.assimilation.fourdvarnet.learned_descent`). Of the model only the symmetry is
used: whether all components are alike. Where the training states are known, the error of the
estimate is what is made small; where only observations are, the misfit to some that are held out.

With ``solver=incremental`` the cost is solved instead, in outer loops about the prior
(:mod:`oceanbench.assimilation.fourdvarnet.incremental`).
"""

from __future__ import annotations

from dataclasses import replace

from oceanbench.assimilation.fourdvarnet.windows.configuration import WindowConfiguration
from oceanbench.assimilation.fourdvarnet.windows.learned_windows import LearnedWindows

KINDS = ("windows",)
REFERENCE = "Fablet et al. (2021) doi:10.1029/2021MS002572"
NAME = "fourdvarnet_conv"
CONFIGURATIONS = {  # by whether the components lie on a circle, all alike
    True: WindowConfiguration(
        dynamical=False,
        zero_centre=True,
        prior_hidden=12,
        prior_kernel=5,
        hidden=12,
        kernel=3,
        length=60,
        batch=16,
        iterations=8,
        untracked=8,
        applied=16,
        steps=500,
        rate=5e-3,
    ),
    False: WindowConfiguration(
        dynamical=False,
        zero_centre=True,
        prior_hidden=16,
        prior_kernel=11,
        hidden=24,
        kernel=7,
        coarsen=2,
        length=250,
        batch=32,
        iterations=8,
        untracked=8,
        applied=16,
        steps=1000,
        rate=4e-3,
        slope_loss=0.5,
    ),
}
INCREMENTAL = {
    cyclic: replace(
        CONFIGURATIONS[cyclic],
        solver="incremental",
        batch=batch,
        iterations=loops,
        untracked=0,
        applied=10,
        inner=inner,
        steps=300,
        validations=3,
        checked=checked,
    )
    for cyclic, batch, loops, inner, checked in ((True, 2, 3, 6, 4), (False, 8, 4, 12, 20))
}
WINDOWS = LearnedWindows(NAME, {"lstm": CONFIGURATIONS, "incremental": INCREMENTAL})
train, estimate = WINDOWS.train, WINDOWS.estimate
