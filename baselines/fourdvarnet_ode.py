r"""4DVarNet with the model told as its prior: learned descent of a weak-constraint 4DVar.

The cost weighs the observations against the equations,

.. math:: J(x) = \alpha_o^2 \| y - x \|^2_{observed} + \alpha_p^2 \sum_t \| x_t - M(x_{t-1}) \|^2

and a convolutional LSTM, which gets the two terms of its gradient and the state, descends it from
optimal interpolation (:mod:`oceanbench.assimilation.fourdvarnet.learned_descent`). What the model
has as parameters is learned too. Where the training states are known, the error of the estimate is
what is made small; where only observations are, the misfit to some that are held out.
"""

from __future__ import annotations

from oceanbench.assimilation.fourdvarnet.windows.configuration import WindowConfiguration
from oceanbench.assimilation.fourdvarnet.windows.learned_windows import LearnedWindows

KINDS = ("windows",)
PHYSICS = "told"
REFERENCE = "Fablet et al. (2021) doi:10.1029/2021MS002572"
NAME = "fourdvarnet_ode"
CONFIGURATIONS = {  # by whether the components lie on a circle, all alike
    True: WindowConfiguration(
        dynamical=True,
        hidden=12,
        kernel=3,
        length=60,
        batch=16,
        iterations=10,
        untracked=30,
        applied=50,
        steps=900,
        rate=5e-3,
    ),
    False: WindowConfiguration(
        dynamical=True,
        substeps=2,
        hidden=32,
        kernel=7,
        coarsen=2,
        length=250,
        batch=32,
        iterations=8,
        untracked=8,
        applied=16,
        steps=1300,
        rate=4e-3,
        slope_loss=0.5,
    ),
}
WINDOWS = LearnedWindows(NAME, CONFIGURATIONS)
train, estimate = WINDOWS.train, WINDOWS.estimate
