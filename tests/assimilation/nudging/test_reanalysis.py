"""A model held to observations approaches what they saw, and an analysis sees no future."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from oceanbench.assimilation.gaussian.optimal_interpolation import Observations
from oceanbench.assimilation.nudging.reanalysis import Network, Scheme, cycle
from oceanbench.dynamics import layered_ocean as ocean
from oceanbench.dynamics.basin import north_atlantic_like
from oceanbench.dynamics.quasigeostrophic import DAY

DAYS = 16
STEP = 21600.0


@pytest.fixture(scope="module")
def model() -> ocean.Operators:
    return ocean.operators(ocean.Parameters(), north_atlantic_like(0.6), dtype=torch.float32)


@pytest.fixture(scope="module")
def truth(model) -> list[torch.Tensor]:
    """Daily states of an ocean of strong eddies."""
    state = ocean.initial_state(model, seed=3)
    wide = torch.nn.functional.avg_pool2d(state[:2], 5, 1, 2) * model.wet
    state = torch.cat([20 * wide, state[2:] + 0.5 * wide[:1] / wide.std()])
    state[2:] *= model.wet
    every = round(DAY / STEP)
    run = ocean.integrate(state, 0.0, model, time_step=STEP, steps=DAYS * every, every=every)
    return [state, *run]


def height(state: torch.Tensor, model: ocean.Operators) -> torch.Tensor:
    return ocean.sea_surface_height(ocean.streamfunction(state, model), model)


def observed(truth: list[torch.Tensor], model: ocean.Operators) -> Network:
    """Perfect observations in a third of the cells of each day, of all that can be observed."""
    random = np.random.default_rng(0)
    row, column = np.nonzero(model.basin.wet)
    columns: list[list[np.ndarray]] = [[], [], [], [], []]
    for day, state in enumerate(truth):
        drawn = random.choice(row.size, row.size // 12, replace=False)
        r, c = row[drawn], column[drawn]
        values = (
            np.full(r.size, float(day)),
            model.basin.longitude[c],
            model.basin.latitude[r],
            height(state, model)[r, c].double().numpy(),
            state[3:, r, c].double().numpy().T,
        )
        for found, value in zip(columns, values, strict=True):
            found.append(value)
    time, x, y, level, tracers = (np.concatenate(c) for c in columns)
    noise = np.full(time.size, 0.1)
    images = np.stack([np.where(model.basin.wet, s[2].numpy(), np.nan) for s in truth])
    return Network(
        Observations(time, x, y, level, noise), Observations(time, x, y, tracers, noise), images
    )


def held(first_guess, model, network, scheme, days=range(DAYS + 1)) -> list[torch.Tensor]:
    return list(cycle(first_guess, days, model, network, scheme, time_step=STEP))


def test_errors_shrink_in_all_that_is_observed(truth, model):
    network = observed(truth, model)
    calm = ocean.initial_state(model, seed=9, amplitude=0.0)
    every = round(DAY / STEP)
    *_, alone = ocean.integrate(
        calm, 0.0, model, time_step=STEP, steps=DAYS * every, every=DAYS * every
    )
    analysed = held(calm, model, network, Scheme(before=3, after=3))[-1]

    def errors(state):
        pairs = [(height(state, model), height(truth[-1], model))]
        pairs += [(state[k], truth[-1][k]) for k in (2, 3, 4, 5)]
        return np.array([float((a - b).pow(2).mean().sqrt()) for a, b in pairs])

    assert np.all(errors(analysed) < [0.6, 0.6, 0.9, 0.9, 0.9] * errors(alone))


@pytest.mark.parametrize(("after", "changes"), [(0, False), (3, True)])
def test_only_a_window_that_looks_ahead_knows_the_future(truth, model, after, changes):
    network = observed(truth, model)
    day = 6
    later = network.heights.time > day
    value = np.where(later, network.heights.value + 1e-2 * network.heights.x, network.heights.value)
    other = replace(
        network,
        heights=replace(network.heights, value=value),
        images=np.where(np.arange(DAYS + 1)[:, None, None] > day, 0.0, network.images),
    )
    scheme = Scheme(before=4, after=after)
    one, two = (held(truth[3], model, n, scheme, range(day + 1))[-1] for n in (network, other))
    assert torch.equal(one, two) is not changes


def test_without_observations_the_model_runs_free(truth, model):
    nothing = np.zeros(0)
    network = Network(
        Observations(nothing, nothing, nothing, nothing, nothing),
        Observations(nothing, nothing, nothing, np.zeros((0, 3)), nothing),
        np.full((DAYS + 1, *model.wet.shape), np.nan),
    )
    states = held(truth[0], model, network, Scheme(before=3, after=3))
    torch.testing.assert_close(states[-1], truth[-1], rtol=1e-4, atol=1e-4)


def test_an_image_of_a_coarser_grid_moves_the_mean_of_its_cells(truth, model):
    """Gain times the difference, cell of the image by cell; clouds and land change nothing."""
    fine = ocean.operators(ocean.Parameters(), north_atlantic_like(0.3), dtype=torch.float32)
    state = ocean.initial_state(fine, seed=0)
    image = np.full((1, 30, 50), np.nan)
    image[0, 10, 20:23] = 30.0
    network = observed(truth[:1], model)
    empty = Observations(*(np.zeros(0) for _ in range(5)))
    network = Network(empty, replace(empty, value=np.zeros((0, 3))), image)
    (found,) = cycle(
        state, range(1), fine, network, Scheme(before=1, after=0, image_gain=0.5), time_step=STEP
    )
    block = (slice(20, 22), slice(40, 46))
    before = state[2][block].reshape(2, 3, 2).mean((0, 2))
    after = found[2][block].reshape(2, 3, 2).mean((0, 2))
    torch.testing.assert_close(after, (before + 30) / 2, rtol=1e-5, atol=1e-4)
    unseen = torch.ones_like(fine.wet, dtype=torch.bool)
    unseen[block] = False
    assert torch.equal(found[2][unseen], state[2][unseen])
    assert torch.equal(found[[0, 1, 3, 4, 5]], state[[0, 1, 3, 4, 5]])
