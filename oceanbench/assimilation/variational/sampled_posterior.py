r"""Draws of the posterior of windows by long chains, whatever its shape.

The density is that of the weak-constraint cost
(:mod:`oceanbench.assimilation.variational.weak_constraint`), :math:`\pi \propto e^{-J/2}`: normal
errors of observation, normal steps about those of the model, a normal first state. It is sampled by
tempered Hamiltonian Monte Carlo (:mod:`oceanbench.assimilation.uncertainty.hamiltonian`), whose
chains begin with draws of Laplace's approximation about minima of the cost, which are searched for
from noise. So they know nothing of what another method would find, and the variance between them
tells whether they have forgotten where they began.

References
----------
Alexander et al. (2005), doi:10.1016/j.physd.2005.06.020 (Hamiltonian Monte Carlo of trajectories);
Trémolet (2006), doi:10.1256/qj.05.224
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from oceanbench.assimilation.uncertainty.hamiltonian import Chains, sample
from oceanbench.assimilation.variational.levenberg_marquardt import anneal
from oceanbench.assimilation.variational.weak_constraint import WindowProblem, linearised

LADDER = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # model errors, of the searches for starts
ITERATIONS = 40
SEARCHES = 12  # for minima, of each window


def sample_posterior(
    problem: WindowProblem,
    model_error: float,
    *,
    chains: int,
    warm_up: int,
    draws: int,
    thin: int = 1,
    powers: Sequence[float] = (1.0,),
    random: torch.Generator,
) -> Chains:
    """Draws of the posterior of every window, (draws, windows, chains, times, components).

    Parameters
    ----------
    problem : of the windows, without pushes
    model_error : variance of a step of the model, relative to the climate's
    chains : of every window
    warm_up, draws, thin, powers : as in
        :func:`oceanbench.assimilation.uncertainty.hamiltonian.sample`
    random : of everything
    """
    first, scale = starts(problem, model_error, chains, random)
    times, size = first.shape[2:]
    windows, climate = problem.windows, problem.climate
    precision = 1.0 / (model_error * climate.variance.expand(times, size).clone())
    precision[0] *= model_error
    weight = (windows.observed / windows.variance).flatten(1)[:, None, None]
    values = windows.values.flatten(1)[:, None, None]

    def prior(flat: Tensor) -> tuple[Tensor, Tensor]:
        leaf = flat.detach().requires_grad_()
        with torch.enable_grad():
            states = leaf.reshape(-1, times, size)
            forecast = problem.model.advance(states[:, :-1])
            apart = torch.cat([states[:, :1] - climate.mean, states[:, 1:] - forecast], 1)
            value = -0.5 * (precision * apart**2).sum((1, 2))
            (slope,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach().reshape(flat.shape[:-1]), slope

    def likelihood(flat: Tensor) -> tuple[Tensor, Tensor]:
        apart = values - flat
        slope = weight * apart
        return -0.5 * (slope * apart).sum(-1), slope

    found = sample(
        prior,
        likelihood,
        first.flatten(2),
        scale,
        warm_up=warm_up,
        draws=draws,
        thin=thin,
        powers=powers,
        random=random,
    )
    shape = (*found.draws.shape[:-1], times, size)
    return found._replace(draws=found.draws.view(shape))


def starts(
    problem: WindowProblem, model_error: float, chains: int, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    r"""Draws of Laplace's approximation about all minima that are found, and roots of covariances.

    Searches begin with white noise about the climate, that has nothing of a trajectory, and lower
    the model error. A minimum is drawn by its weight, :math:`e^{-J/2} \det H^{-1/2}`.

    Returns
    -------
    states : (windows, chains, times, components)
    scale : (windows, times * components, times * components), of the first chain's minimum, lower
        triangular
    """
    shape, climate = problem.windows.values.shape, problem.climate
    error = torch.full((shape[0],), model_error, dtype=torch.float64)
    ladder = [*(rung for rung in LADDER if rung > 1.1 * model_error), model_error]
    minima, roots, weights = [], [], []
    for _ in range(SEARCHES):
        noise = torch.randn(shape, generator=random, dtype=torch.float64)
        guess = climate.mean + climate.variance.sqrt() * noise
        found = anneal(problem, guess, ladder, iterations=ITERATIONS, tolerance=1e-3)
        _, diagonal, below = linearised(problem, found.states[-1], error)
        root = torch.linalg.cholesky(torch.linalg.inv(dense(diagonal, below)))
        minima.append(found.states[-1].flatten(1))
        roots.append(root)
        weights.append(root.diagonal(dim1=1, dim2=2).log().sum(1) - 0.5 * found.cost[-1])
    weight = torch.softmax(torch.stack(weights, 1), 1)
    chosen = torch.multinomial(weight, chains, replacement=True, generator=random)
    every = torch.arange(shape[0])[:, None]
    state, scale = torch.stack(minima, 1)[every, chosen], torch.stack(roots, 1)[every, chosen]
    white = torch.randn((*state.shape, 1), generator=random, dtype=state.dtype)
    drawn = state + (scale @ white)[..., 0]
    return drawn.view(shape[0], chains, *shape[1:]), scale[:, 0]


def dense(diagonal: Tensor, below: Tensor) -> Tensor:
    """Matrices (windows, times * size, times * size) of blocks of all times, time first."""
    times, windows, size = diagonal.shape[:3]
    found = diagonal.new_zeros(windows, times, size, times, size)
    for k in range(times):
        found[:, k, :, k] = diagonal[k]
        if k:
            found[:, k, :, k - 1] = below[k - 1]
            found[:, k - 1, :, k] = below[k - 1].mT
    return found.view(windows, times * size, times * size)
