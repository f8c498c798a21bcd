"""Errors that a pass shares, in a cost: against dense algebra."""

from __future__ import annotations

import torch

from oceanbench.assimilation.fourdvarnet.shared_errors import SharedErrors


def test_misfits_are_white_once_what_passes_share_is_taken_away() -> None:
    random = torch.Generator().manual_seed(0)
    shape, variance = (2, 2, 3, 4), torch.tensor([0.7, 3.0], dtype=torch.float64)
    passes = torch.randint(4, shape, generator=random)  # none, and three passes
    weight = 0.2 + torch.rand(shape, generator=random, dtype=torch.float64)
    weight[0, 0, 0, 0] = 0.0  # not observed
    errors = SharedErrors.of(passes, weight, variance)
    basis = torch.eye(24, dtype=torch.float64).view(24, *shape[1:])
    for window in range(2):
        one = SharedErrors.of(
            passes[window].expand(24, -1, -1, -1),
            weight[window].expand(24, -1, -1, -1),
            variance[window].expand(24),
        )
        made = one.applied(basis).flatten(1)
        torch.testing.assert_close(made, made.T)
        number, w = passes[window].flatten(), weight[window].flatten()
        same = (number[:, None] == number) & (number > 0)
        covariance = torch.eye(24) + variance[window] * w[:, None] * same * w
        torch.testing.assert_close(made @ covariance @ made, torch.eye(24, dtype=torch.float64))
        misfits = torch.randn(shape, generator=random, dtype=torch.float64)
        found = errors.applied(misfits)[window].flatten()
        torch.testing.assert_close(found, made @ misfits[window].flatten())


def test_without_a_variance_or_a_pass_nothing_is_taken() -> None:
    misfits = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(1))
    passes, weight = torch.ones(1, 2, 3, 4, dtype=torch.long), torch.ones(1, 2, 3, 4)
    for number, variance in ((passes, 0.0), (0 * passes, 5.0)):
        found = SharedErrors.of(number, weight, torch.tensor([variance])).applied(misfits)
        torch.testing.assert_close(found, misfits)
    whole = SharedErrors.of(passes, weight, torch.tensor([1e12])).applied(misfits)
    torch.testing.assert_close(whole, misfits - misfits.mean(), atol=1e-5, rtol=0.0)
