"""What a 4DVarNet for windows is made of, in numbers, and the network that they make."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from oceanbench.assimilation.fourdvarnet.gauss_newton import GaussNewton
from oceanbench.assimilation.fourdvarnet.incremental import IncrementalDescent
from oceanbench.assimilation.fourdvarnet.learned_descent import LearnedDescent
from oceanbench.assimilation.fourdvarnet.priors import BilinearPrior
from oceanbench.assimilation.fourdvarnet.windows.training_windows import Scales
from oceanbench.assimilation.window_batches import Climatology
from oceanbench.dynamics.models import Model
from oceanbench.learning.layers import ConvLstm

Solver = GaussNewton | LearnedDescent | IncrementalDescent
INPUTS = ("observation_gradient", "prior_gradient", "state")


@dataclass(frozen=True)
class WindowConfiguration:
    """Sizes of a network, and how it is trained and applied.

    Attributes
    ----------
    dynamical : whether the prior is the model told, whose cost Gauss-Newton steps descend, or a
        bilinear autoencoder with an update that is learned
    solver : of a bilinear prior: ``lstm``, an update that is learned, or ``incremental``, outer
        loops of ``inner`` conjugate gradients
    begun : steps in which an incremental one's prior learns from states, where they are known,
        before it learns from estimates
    from_states : whether it learns from states alone, and from no estimate
    substeps : Runge-Kutta steps of the prior between two times; 0 as many as the model told has
    prior_hidden, prior_kernel : channels and times that a bilinear prior sees
    zero_centre : whether a bilinear prior predicts each point from the others only
    hidden, kernel : channels of a learned update's memory, and times that it sees at once; on a
        circle as many components
    coarsen : times that the update averages into one
    length : times of the windows that it is trained on, if the training runs have as many
    batch : windows drawn for a step
    iterations : differentiated through, once the training has warmed up; of a dynamical one, the
        steps of its schedule
    untracked : at most so many more come before them, from the middle of the training on, so that
        the network learns to go on from where it got
    applied : iterations of an estimate; a dynamical one has those of its schedule
    steps, rate : of the training
    prior_loss : weight of the prior term of an estimate in the loss
    slope_loss : weight of the errors of the differences between times
    first_decade, last_decade : logarithms to base 10 of the model errors that the schedule of a
        dynamical one begins with, relative to the climate's variance
    implicit, alternate : whether it is learned at the minimum and not through the iterations, and
        a bilinear prior and all else by turns (:mod:`oceanbench.assimilation.fourdvarnet.bilevel`)
    validations : of the training, the last at its end
    checked : windows that validate, at most
    """

    dynamical: bool
    length: int
    batch: int
    iterations: int
    steps: int
    rate: float
    hidden: int = 12
    kernel: int = 3
    applied: int = 16
    substeps: int = 0
    prior_hidden: int = 32
    prior_kernel: int = 5
    zero_centre: bool = False
    coarsen: int = 1
    untracked: int = 0
    prior_loss: float = 0.05
    slope_loss: float = 0.0
    first_decade: float = -1.0
    last_decade: float = -5.0
    implicit: bool = False
    alternate: bool = False
    solver: str = "lstm"
    begun: int = 0
    from_states: bool = False
    inner: int = 10
    validations: int = 10
    checked: int = 64


def network(
    configuration: WindowConfiguration, model: Model, scales: Scales, noise: Tensor
) -> Solver:
    """Untrained network for the windows of a model, with observations of a variance."""
    cyclic = model.cyclic
    channels = 1 if cyclic else len(scales.mean)
    if configuration.dynamical:
        coarse = replace(model, substeps=configuration.substeps or model.substeps)
        return GaussNewton(
            coarse,
            Climatology(scales.mean, scales.deviation**2),
            noise,
            decades=(configuration.first_decade, configuration.last_decade),
            iterations=configuration.iterations,
            implicit=configuration.implicit,
        )
    prior = BilinearPrior(
        channels,
        hidden=configuration.prior_hidden,
        kernel=_kernel(configuration.prior_kernel, cyclic=cyclic),
        cyclic=cyclic,
        zero_centre=configuration.zero_centre,
    )
    if configuration.solver == "incremental":
        relative = (noise / scales.deviation**2).float()
        return IncrementalDescent(
            prior,
            relative if cyclic else relative[:, None, None],
            iterations=configuration.applied,
            inner=configuration.inner,
            implicit=configuration.implicit,
        )
    update = ConvLstm(
        len(INPUTS) * channels,
        channels,
        hidden=configuration.hidden,
        kernel=_kernel(configuration.kernel, cyclic=cyclic),
        cyclic=cyclic,
        coarsen=(configuration.coarsen, 1),
    )
    return LearnedDescent(prior, update, inputs=INPUTS, iterations=configuration.applied)


def _kernel(size: int, *, cyclic: bool) -> tuple[int, int]:
    return (size, size if cyclic else 1)
