"""Transport conserves, keeps uniform tracers uniform and has the order of its scheme."""

import numpy as np
import pytest
import torch
from rows import every

from oceanbench.dynamics.basin import north_atlantic_like
from oceanbench.dynamics.transport import divergence, open_faces

SCHEMES = ["smooth", "limited"]


@pytest.fixture(scope="module")
def sea():
    """Wet cells, open faces, spacing, and a random flow that crosses no coast, not divergent."""
    basin = north_atlantic_like(0.6)
    wet = torch.from_numpy(basin.wet).double()
    psi = torch.randn(31, 51, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    inside = wet[1:, 1:] * wet[1:, :-1] * wet[:-1, 1:] * wet[:-1, :-1]
    psi = 2e4 * psi * torch.nn.functional.pad(inside, (1, 1, 1, 1))
    dy, dx = basin.spacing
    return wet, open_faces(wet), (dy, dx), (-psi.diff(dim=0) / dy, psi.diff(dim=1) / dx)


def noise(wet: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return wet * torch.rand(4, *wet.shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_leaves_a_cell_enters_its_neighbour(sea, scheme):
    wet, faces, spacing, flow = sea
    rate = divergence(noise(wet), flow, faces, spacing, scheme)
    assert bool((rate * (1 - wet) == 0).all())
    assert float(rate.sum((-2, -1)).abs().max()) < 1e-13 * float(rate.abs().sum())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_uniform_tracer_stays_uniform(sea, scheme):
    wet, faces, spacing, flow = sea
    uniform = divergence(35.0 * wet, flow, faces, spacing, scheme)
    assert float(uniform.abs().max()) < 1e-12 * float(
        divergence(35.0 * noise(wet), flow, faces, spacing, scheme).abs().max()
    )


def test_the_limited_scheme_makes_no_new_extremes_and_the_other_does(sea):
    wet, faces, spacing, flow = sea
    step = 0.45 / float((flow[0][:, 1:].abs() / spacing[1] + flow[1][1:].abs() / spacing[0]).max())
    peaks = {}
    for scheme in SCHEMES:
        tracer = (noise(wet) > 0.5).double()
        for _ in range(20):
            tracer = tracer - step * divergence(tracer, flow, faces, spacing, scheme)
        sailed = tracer[:, wet > 0]
        peaks[scheme] = max(float(sailed.max()) - 1, -float(sailed.min()))
    assert peaks["limited"] < 1e-12
    assert peaks["smooth"] > 0.01


@every("scheme, order", [("smooth", 5), ("limited", 3)])
@every("sign", [1, -1])
@every("axis", [-1, -2])
def test_order_of_accuracy_in_a_uniform_flow(scheme, order, sign, axis):
    """Means over cells of a monotonic tracer: the divergence is the difference of face values."""
    errors = []
    for cells in (32, 64):
        step = 1.0 / cells
        edges = torch.arange(cells + 1, dtype=torch.float64) * step
        means = (torch.exp(edges[1:]) - torch.exp(edges[:-1])) / step
        exact = sign * (torch.exp(edges[1:]) - torch.exp(edges[:-1])) / step
        wet = torch.ones(cells, cells, dtype=torch.float64)
        u = torch.full((cells, cells + 1), float(sign) if axis == -1 else 0.0).double()
        v = torch.full((cells + 1, cells), float(sign) if axis == -2 else 0.0).double()
        tracer = means.expand(cells, cells) if axis == -1 else means[:, None].expand(cells, cells)
        found = divergence(tracer, (u, v), open_faces(wet), (step, step), scheme)
        line = found[5] if axis == -1 else found[:, 5]
        errors.append(float((line - exact)[8:-8].abs().max()))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.4)
