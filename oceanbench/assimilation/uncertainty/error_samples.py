r"""Members about any estimate: one interface for the ways to say how sure a mapping method is.

A *solver* maps what is observed to an estimate, by any method, linear or learned. If :math:`x_s` is
a draw of what the truth could be, :math:`y_s = H x_s + \varepsilon_s` what would be observed of it
with an error drawn as the real one, then :math:`x_s - \Psi(y_s)` is a draw of the error of the
solver :math:`\Psi`, and

.. math:: x_i = \Psi(y) + x_{s,i} - \Psi(H x_{s,i} + \varepsilon_i)

a member: four steps, estimate, sample, re-observe and re-map, add the error. Where the solver is
the best linear one and the draws are of the prior, members are draws of the posterior; otherwise
this takes the error to be independent of the field. The ways differ in where the draws come from:
a covariance (:mod:`oceanbench.assimilation.gaussian.posterior_samples`), a stochastic equation
(:mod:`oceanbench.assimilation.uncertainty.spde`), or the estimate itself, perturbed by errors that
were seen elsewhere (:mod:`oceanbench.assimilation.uncertainty.residual_draws`). A deep ensemble
needs no draws.

References
----------
Journel and Huijbregts (1978), Mining geostatistics, for conditioning by kriging;
Beauchamp et al. (2023), Ensemble-based 4DVarNet uncertainty quantification, Environmental Data
Science 2
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError

Solver = Callable[[FloatArray], FloatArray]
Sampler = Callable[[int, np.random.Generator], FloatArray]


@dataclass(frozen=True)
class Members:
    """Estimates that are equally likely.

    Attributes
    ----------
    values : (members, ...), at least two
    """

    values: FloatArray

    def __post_init__(self) -> None:
        """Refuse what has no spread."""
        if len(self.values) < 2:
            raise OceanbenchError(f"{len(self.values)} members have no spread; give at least two")
        if not np.isfinite(self.values).all():
            raise OceanbenchError("members have missing values; fill them before")

    @property
    def mean(self) -> FloatArray:
        """Mean of the members: the estimate."""
        result: FloatArray = self.values.mean(axis=0)
        return result

    @property
    def std(self) -> FloatArray:
        r"""Error that the mean should have, :math:`\sqrt{(M + 1) / M} \, s`."""
        count = len(self.values)
        result: FloatArray = np.sqrt((count + 1) / count) * self.values.std(axis=0, ddof=1)
        return result

    def scaled(self, factor: float) -> Members:
        """Members with another spread about the same mean."""
        if not 0 < factor < np.inf:
            raise OceanbenchError(f"factor {factor} of the spread must be positive and finite")
        mean = self.mean
        return Members(mean + factor * (self.values - mean))


@dataclass(frozen=True)
class MappingMethod:
    """What is mapped, and how: all that a way to uncertainty knows.

    Attributes
    ----------
    solver : observed values (k, n), k sets of them at the same places, to estimates (k, ...); the
        estimate of a set must not depend on the others
    values : (n,) what was observed
    observe : fields (k, ...) to their values (k, n) at the places of the observations, exactly
    error : draws (k, n) of the error of observation, for k and a random generator
    """

    solver: Solver
    values: FloatArray
    observe: Callable[[FloatArray], FloatArray]
    error: Sampler

    def estimate(self) -> FloatArray:
        """Estimate from what was observed."""
        result: FloatArray = self.solver(self.values[None])[0]
        return result


def white(variance: FloatArray) -> Sampler:
    """Errors of observation that are independent, of given variances (n,)."""
    deviation = np.sqrt(variance)
    return lambda count, random: deviation * random.standard_normal((count, deviation.size))


def conditional(
    mapping: MappingMethod, prior: Sampler, *, members: int, seed: int, centred: bool = True
) -> Members:
    r"""Members by conditional simulation: draws of the prior, re-observed and re-mapped.

    Independent members scatter about the estimate, and so does their mean: its squared error is
    1 + 1/M of the estimate's. ``centred`` takes the mean off the errors :math:`e_i` and keeps the
    calibration,

    .. math:: x_i = \Psi(y) + \sqrt{\tfrac{M}{M + 1}} \, (e_i - \bar e),

    so that the members' mean is the estimate. For Gaussian errors, ranks and spread against skill
    are exactly those of independent members, and all scores of the mean are better; but a member
    has the share (M - 1)/(M + 1) of the variance that the estimate lacks, where an independent one
    has all of it.

    Parameters
    ----------
    mapping : what is mapped, and how
    prior : draws (members, ...) of fields, for their number and a random generator
    members : M, at least 2
    seed : of the draws
    centred : whether the mean of the members is the estimate

    Returns
    -------
    Members, whose values have the shape of the draws
    """
    if members < 2:
        raise OceanbenchError(f"{members} members have no spread; ask for at least two")
    estimate = mapping.estimate()
    fields = prior(members, np.random.default_rng([seed, 0]))
    if fields.shape != (members, *estimate.shape):
        raise OceanbenchError(
            f"the prior draws fields of shape {fields.shape[1:]}, the solver's estimate has shape "
            f"{estimate.shape}; draw on the nodes of the estimate"
        )
    seen = mapping.observe(fields) + mapping.error(members, np.random.default_rng([seed, 1]))
    errors = fields - mapping.solver(seen)
    if centred:
        errors = np.sqrt(members / (members + 1)) * (errors - errors.mean(axis=0))
    return Members(estimate + errors)


def perturbed(
    mapping: MappingMethod, perturbation: Sampler, *, members: int, seed: int, centred: bool = True
) -> Members:
    r"""Members by random perturbation: the draws are the estimate and errors like its own.

    The perturbation is drawn as the solver's errors are. Where there are observations, solving
    again takes a part of it away, as it does of the error of a first guess, so the spread comes out
    too small: :func:`spread_factor` of validation periods restores the variance,
    :meth:`Members.scaled` applies it.

    Parameters
    ----------
    mapping, members, seed, centred : as for :func:`conditional`
    perturbation : draws (members, ...), for their number and a random generator, from
        :mod:`oceanbench.assimilation.uncertainty.residual_draws`
    """
    estimate = mapping.estimate()

    def about(count: int, random: np.random.Generator) -> FloatArray:
        return estimate + perturbation(count, random)

    return conditional(mapping, about, members=members, seed=seed, centred=centred)


def ensemble(solvers: Sequence[Solver], values: FloatArray) -> Members:
    """Members by several solvers: the same method trained anew, from another seed or another draw.

    They differ where training has left them free, and err together where it has not: the spread is
    too small, and :func:`spread_factor` of validation periods restores it.

    Parameters
    ----------
    solvers : at least two
    values : (n,) what was observed
    """
    return Members(np.stack([solver(values[None])[0] for solver in solvers]))


def spread_factor(members: Sequence[Members], truths: Sequence[FloatArray]) -> float:
    r"""Factor of the spread that makes it as large as the error, on average over validation cases.

    .. math:: \sqrt{\langle (\bar x - x)^2 \rangle \big/ \langle \tfrac{M + 1}{M} s^2 \rangle}

    Parameters
    ----------
    members : of cases that are neither trained on nor scored
    truths : fields of the same shapes, NaN where unknown
    """
    error = spread = 0.0
    for some, truth in zip(members, truths, strict=True):
        if truth.shape != some.mean.shape:
            raise OceanbenchError(
                f"a truth has shape {truth.shape}, its members {some.mean.shape}; give it on theirs"
            )
        known = np.isfinite(truth)
        error += float(((some.mean - truth)[known] ** 2).sum())
        spread += float((some.std[known] ** 2).sum())
    if not (error > 0 and spread > 0):
        raise OceanbenchError("validation cases have no error or no spread; the factor is unknown")
    return float(np.sqrt(error / spread))
