"""The cell of a memory is that of the formula, and so is its derivative."""

from __future__ import annotations

import pytest
import torch

from oceanbench.assimilation.fourdvarnet.published.lstm_cell import lstm_cell


@pytest.mark.parametrize("first", [True, False])
def test_the_cell_and_its_derivative(first: bool) -> None:
    random = torch.Generator().manual_seed(0)
    gates = torch.randn(2, 12, 3, 2, generator=random, dtype=torch.float64, requires_grad=True)
    before = torch.randn(2, 3, 3, 2, generator=random, dtype=torch.float64, requires_grad=True)
    given = None if first else before
    output, cell = lstm_cell(gates, given)
    enter, keep, leave, doubled = gates.chunk(4, 1)
    expected = enter.sigmoid() * (doubled / 2).tanh()
    expected = expected if first else expected + keep.sigmoid() * before
    torch.testing.assert_close(cell, expected)
    torch.testing.assert_close(output, leave.sigmoid() * expected.tanh())
    assert torch.autograd.gradcheck(lambda g: lstm_cell(g, given), (gates,))
    if not first:
        assert torch.autograd.gradcheck(lambda c: lstm_cell(gates, c), (before,))


def test_gradients_have_the_layout_of_the_gates() -> None:
    last = torch.channels_last
    gates = torch.randn(1, 8, 3, 4).contiguous(memory_format=last).requires_grad_()
    before = torch.randn(1, 2, 3, 4).contiguous(memory_format=last).requires_grad_()
    output, _ = lstm_cell(gates, before)  # nothing follows from the cell: its gradient is new zeros
    for gradient in torch.autograd.grad(output.square().sum(), (gates, before)):
        assert gradient.is_contiguous(memory_format=last)
