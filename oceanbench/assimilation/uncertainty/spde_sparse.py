r"""The chain of a stochastic equation as sparse matrices, for parameters that vary in space.

With :math:`M = 1 + \delta B` and innovations of precision S, the precision of all times is block
tridiagonal,

.. math:: Q_{kk} = M^T S M + S, \quad Q_{k,k+1} = - S M,

without the first M and the last S; the first time has the precision of the stationary field. So
sampling needs no factor of Q: one of M, and each time one solve, :math:`x_k = M^{-1} (x_{k-1} +
\epsilon_k)`. All is written by roots, :math:`S = R^T R`: then :math:`S^{-1} R^T w` is a draw of
covariance :math:`S^{-1}` for white noise w, without a Cholesky factor. See
:mod:`oceanbench.assimilation.uncertainty.spde` for the equation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.uncertainty.spde import Lattice, Spde, check_times, spectrum
from oceanbench.errors import OceanbenchError


@dataclass(frozen=True)
class Chain:
    """Fields on a periodic lattice, one after the other.

    Attributes
    ----------
    lattice : nodes, in the order of rows
    deviation : (nodes,), by which the chain of unit variance is multiplied
    step : M, (nodes, nodes)
    first : root of the precision of the first field, (any, nodes)
    innovation : root R of the precision S of the innovations, (any, nodes); None without a step
    """

    lattice: Lattice
    deviation: FloatArray
    step: Any
    first: Any
    innovation: Any | None


def chain(spde: Spde, lattice: Lattice) -> Chain:
    r"""Assemble the matrices.

    Where parameters vary, the marginal standard deviation is ``std`` where they vary slowly, and
    the first field has the precision of one whose parameters do not.

    Parameters
    ----------
    spde : each of its parameters a number or an array (rows, columns)
    lattice : periodic
    """
    values = (spde.length, spde.std, spde.time, *spde.stretch, *spde.drift)
    length, std, time, a, b, along_x, along_y = (_at_nodes(v, lattice) for v in values)
    nodes = length.size
    root, centred = _differences(length, a, b, lattice)
    operator = (root.T @ root).tocsc()
    advection = sparse.diags(along_x) @ centred[0] + sparse.diags(along_y) @ centred[1]
    ratio = lattice.step / time
    whole = operator + sparse.diags(time) @ advection
    mean = Spde(
        float(length.mean()),
        1.0,
        float(time.mean()),
        (float(a.mean()), float(b.mean())),
        (float(along_x.mean()), float(along_y.mean())),
        spde.smoothness,
    )
    scale = np.sqrt(_variance_of_unit_noise(mean, lattice))
    power = _power(root, operator, spde.smoothness)
    first = [_power(root, operator, spde.smoothness + 1)]
    innovation = None
    if lattice.step > 0:
        first.append(power @ sparse.diags(np.sqrt(ratio / 2.0)) @ whole)
        innovation = scale * (power @ sparse.diags(1.0 / np.sqrt(2.0 * ratio)))
    step = sparse.eye_array(nodes) + sparse.diags(ratio) @ whole
    deviation = std * length / length.mean()  # unit noise has a variance of 1 / length²
    return Chain(lattice, deviation, step, scale * sparse.vstack(first), innovation)


def _at_nodes(value: float | FloatArray, lattice: Lattice) -> FloatArray:
    if np.ndim(value) and np.shape(value) != (lattice.rows, lattice.columns):
        raise OceanbenchError(
            f"SPDE: a parameter has shape {np.shape(value)}, the lattice "
            f"{(lattice.rows, lattice.columns)}; give it on the lattice, margins included"
        )
    return np.broadcast_to(value, (lattice.rows, lattice.columns)).astype(np.float64).ravel()


def _variance_of_unit_noise(spde: Spde, lattice: Lattice) -> float:
    """Variance of the chain of constant parameters before it is scaled."""
    vector = spde.vector()
    power, _ = spectrum(vector, spde.smoothness, lattice)
    unscaled = 1.0 / (1.0 + 0.5 * lattice.step / float(vector[2].exp()))  # of the largest wave
    return unscaled / float(power[0, 0])


def _differences(length: FloatArray, a: FloatArray, b: FloatArray, lattice: Lattice) -> Any:
    r"""Root G of :math:`1 - \nabla \cdot \Lambda \nabla = G^T G`, and centred differences."""
    size = np.hypot(a, b) / 2.0
    turned = np.divide(np.sinh(size), 2.0 * size, out=np.full_like(size, 0.5), where=size > 0)
    along_x, along_y = length * (np.cosh(size) + a * turned), length * (np.cosh(size) - a * turned)
    mixed = length * b * turned
    rows: list[Any] = [sparse.eye_array(length.size)]
    one_sided = []
    for shift in (1, -1):  # forward and backward, so that the mean has no direction
        dx: Any = sparse.kron(sparse.eye_array(lattice.rows), _difference(lattice.columns, shift))
        dy: Any = sparse.kron(_difference(lattice.rows, shift), sparse.eye_array(lattice.columns))
        dx, dy = dx / lattice.spacing_x, dy / lattice.spacing_y
        one_sided.append((dx, dy))
        rows.append(np.sqrt(0.5) * (sparse.diags(along_x) @ dx + sparse.diags(mixed) @ dy))
        rows.append(np.sqrt(0.5) * (sparse.diags(mixed) @ dx + sparse.diags(along_y) @ dy))
    centred = [0.5 * (forward + backward) for forward, backward in zip(*one_sided, strict=True)]
    return sparse.vstack(rows).tocsc(), centred


def _difference(size: int, shift: int) -> Any:
    """Difference to the next node of a circle (shift 1), or from the one before (-1)."""
    identity = sparse.eye_array(size, format="csr")
    neighbour = identity[(np.arange(size) + shift) % size]
    return shift * (neighbour - identity)


def _power(root: Any, operator: Any, exponent: int) -> Any:
    """Root of the operator to a power: G times it for an odd one."""
    result = sparse.eye_array(operator.shape[0]) if exponent % 2 == 0 else root
    for _ in range(exponent // 2):
        result = result @ operator
    return result


def _factored(matrix: Any) -> SuperLU:
    options = {"SymmetricMode": True}
    csc = sparse.csc_matrix(matrix)
    return splu(csc, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)


def sample(chain: Chain, *, times: int, members: int, random: np.random.Generator) -> FloatArray:
    """Independent draws, (members, times, rows, columns): a solve for every time.

    Parameters
    ----------
    chain : from :func:`chain`
    times, members : how many
    random : of the noise
    """
    check_times(chain.lattice, times)

    def noise(root: Any, factor: SuperLU) -> FloatArray:
        found: FloatArray = factor.solve(root.T @ random.standard_normal((root.shape[0], members)))
        return found

    state = noise(chain.first, _factored(chain.first.T @ chain.first))
    fields = [state]
    if times > 1:
        assert chain.innovation is not None  # there is a step
        innovations = _factored(chain.innovation.T @ chain.innovation)
        step = _factored(chain.step)
        for _ in range(times - 1):
            state = step.solve(state + noise(chain.innovation, innovations))
            fields.append(state)
    scaled = chain.deviation[:, None] * np.stack(fields)
    shape = (times, chain.lattice.rows, chain.lattice.columns, members)
    return np.moveaxis(scaled.reshape(shape), -1, 0)


def precision(chain: Chain, times: int) -> Any:
    """Precision of the fields of all times, sparse, (times * nodes, times * nodes)."""
    check_times(chain.lattice, times)
    blocks: list[list[Any]] = [[None] * times for _ in range(times)]
    blocks[0][0] = chain.first.T @ chain.first
    if times > 1:
        assert chain.innovation is not None  # there is a step
        inner = chain.innovation.T @ chain.innovation
        after = inner @ chain.step
        for k in range(1, times):
            blocks[k - 1][k - 1] = blocks[k - 1][k - 1] + inner
            blocks[k][k] = chain.step.T @ after
            blocks[k - 1][k], blocks[k][k - 1] = -after, -after.T
    scale = sparse.diags(np.tile(1.0 / chain.deviation, times))
    return (scale @ sparse.bmat(blocks) @ scale).tocsc()


def log_likelihood(chain: Chain, fields: FloatArray) -> float:
    """Logarithm of the density of fields (times, rows, columns) on the periodic lattice."""
    times = len(fields)
    check_times(chain.lattice, times)
    states = fields.reshape(times, -1) / chain.deviation
    square = float(np.sum((chain.first @ states[0]) ** 2))
    determinant = _log_determinant(chain.first.T @ chain.first)
    if times > 1:
        assert chain.innovation is not None  # there is a step
        steps = chain.step @ states[1:].T - states[:-1].T
        square += float(np.sum((chain.innovation @ steps) ** 2))
        each = _log_determinant(chain.innovation.T @ chain.innovation)
        determinant += (times - 1) * (each + 2.0 * _log_determinant(chain.step))
    determinant -= 2.0 * times * float(np.log(chain.deviation).sum())
    return float(0.5 * (determinant - square - states.size * np.log(2.0 * np.pi)))


def _log_determinant(matrix: Any) -> float:
    return float(np.log(np.abs(_factored(matrix).U.diagonal())).sum())
