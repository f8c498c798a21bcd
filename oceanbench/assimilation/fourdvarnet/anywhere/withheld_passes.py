r"""How far an estimate may go from its first guess: what passes say that it never saw.

Passes that begin in the same three hours go together, as those of altimeters that fly together, or
of the same one twice: of such groups every third is withheld, then every third of the others, and
the rest. From what is left come a first guess and a ladder of increments; with d the withheld
innovations and :math:`\delta_k` an increment at their places, every pass p tells

.. math:: g_{kp} = \sum_{i \in p} d_i^2 - (d_i - \delta_{ki})^2

what the step k would have gained there. The one that gains most is taken, of those whose mean gain
exceeds one and a half of its standard error; if there is none, the first guess comes back as it
was. Of several first guesses, and of a rough sea and a smooth one, that whose step leaves least
comes first. The error of the withheld samples themselves is the same for all of them.

With all passes there is less to gain than with some withheld, and where errors of the samples are
larger than what is looked for squares hardly tell a rough sea from a smooth one, of which less can
be made up. So of the sure steps from the same first guess toward the smoothest sea, that are no
longer and leave no more than 1 % more, the shortest is taken, if there is one: a gain of less than
1 % of all that is left, errors of the samples with it, may be given up for it.

Where the step is given, first guesses and seas are compared at that step.

All passes judge in turn, of all altimeters alike. A whole altimeter that is withheld has fewer of
them, which seldom bear out what there is to gain, and where there are two it takes half of what is
known away.

At the samples that maps which are handed in have seen, they are better than elsewhere: there no
increment is borne out. Where an input says what it ``uses``, altimeters are withheld, one after the
other: those that none of the maps has seen, if there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray, IntArray
from oceanbench.assimilation.fourdvarnet.anywhere.box import Box
from oceanbench.assimilation.fourdvarnet.anywhere.increments import Ladder, Trial
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import fine_samples, misfits
from oceanbench.assimilation.observations.superobservations import Samples
from oceanbench.observing.passes import begins

SURE = 1.5  # standard errors of the mean over passes that a gain must exceed
FEWEST = 8  # passes that tell a standard error
PARTS = 3  # of the passes
GROUP_HOURS = 3  # whose passes are withheld together
HARDLY = 1.01  # times what is left at the least
Ladders = Callable[[Mapping[str, xr.Dataset], str, Sequence[Trial]], Mapping[Trial, Ladder]]


@dataclass(frozen=True)
class Withheld:
    """What is given, and what is withheld from it.

    Attributes
    ----------
    inputs : of a method
    missions : comma-separated names of what is given
    judge : inputs that hold what is withheld
    withheld : comma-separated names of it
    """

    inputs: Mapping[str, xr.Dataset]
    missions: str
    judge: Mapping[str, xr.Dataset]
    withheld: str


def withheld(
    inputs: Mapping[str, xr.Dataset],
    names: Sequence[str],
    most: int,
    seen: Collection[str] = (),
) -> Iterator[Withheld]:
    """Passes or, where maps are handed in, altimeters, withheld in turn; nadir ones first.

    Parameters
    ----------
    inputs : of a method
    names : of the missions that are mapped
    most : how many thirds of the passes, or altimeters, are withheld in turn
    seen : altimeters that first guesses have seen, if they say so: others are withheld, or, where
        there are no others, these; of a single altimeter, its passes
    """
    if not seen or len(names) == 1:
        every = ",".join(names)
        groups = {name: _began(inputs[name]) // GROUP_HOURS for name in names}
        occupied = np.unique(np.concatenate(list(groups.values())))
        for part in range(min(most, PARTS)):
            given, judge = dict(inputs), dict(inputs)
            for name in names:
                left = np.searchsorted(occupied, groups[name]) % PARTS == part
                given[name] = inputs[name].isel(time=~left)
                judge[name] = inputs[name].isel(time=left)
            yield Withheld(given, every, judge, every)
        return
    ranked = sorted(names, key=lambda n: (inputs[n].attrs["layout"] != "track", -_size(inputs[n])))
    unseen = [name for name in ranked if name not in seen]
    for name in (unseen or ranked)[:most]:
        others = ",".join(other for other in names if other != name)
        yield Withheld(inputs, others, inputs, name)


def borne_out(left: Mapping[Trial, FloatArray], step: int | None = None) -> tuple[Trial, int]:
    """Trial, and step of its ladder, that withheld passes bear out.

    Parameters
    ----------
    left : from :func:`squares_left`; the last trial is taken where nothing tells
    step : the only one that is looked at; by default all are
    """
    trials = list(left)[::-1]
    if left[trials[0]].shape[1] < FEWEST:
        return trials[0], step or 0
    steps = {t: best_step(left[t][0] - left[t]) if step is None else step for t in trials}
    sums = {t: float(left[t][steps[t]].sum()) for t in trials}
    best = min(trials, key=lambda trial: sums[trial])
    same = [trial for trial in trials if trial.first_guess == best.first_guess]
    smooth = max(same, key=lambda trial: trial.smooth_km)
    if smooth.smooth_km:
        errors, numbers = left[smooth], np.arange(len(left[smooth]))
        able = sure_steps(errors[0] - errors) if step is None else numbers == step
        hardly = errors.sum(axis=1) <= HARDLY * sums[best]
        fine = np.flatnonzero(able & hardly & (numbers <= steps[best]))
        if fine.size:
            return smooth, int(fine[0])
    return best, steps[best]


def squares_left(
    cases: Iterable[Withheld],
    ladders: Ladders,
    trials: Sequence[Trial],
    box: Box,
    variable: str,
) -> dict[Trial, FloatArray]:
    """Squared differences (steps, passes) of what is withheld to the steps of ladders.

    Parameters
    ----------
    cases : what is withheld in turn
    ladders : (inputs, missions, trials) -> of each its first guess and increments
    trials : what estimates go out from
    box : of all of them
    variable : its name
    """
    squares: dict[Trial, list[FloatArray]] = {trial: [] for trial in trials}
    for case in cases:
        if not len(fine_samples(case.inputs, variable, box.grid, case.missions).time):
            continue  # nothing is left to map
        samples = _on_target(fine_samples(case.judge, variable, box.grid, case.withheld), box)
        for trial, ladder in ladders(case.inputs, case.missions, trials).items():
            squares[trial].append(_squares(samples, ladder, box))
    return {
        trial: np.concatenate(found, axis=1) if found else np.empty((1, 0))
        for trial, found in squares.items()
    }


def _squares(samples: Samples, ladder: Ladder, box: Box) -> FloatArray:
    """Squared differences (steps, passes) between samples and the steps of a ladder."""
    innovation = misfits(samples, ladder.guess, box.grid)
    left = np.stack([innovation - _at(samples, step, box) for step in ladder.increments])
    _, place = np.unique(samples.track, return_inverse=True)
    passes = place.max(initial=-1) + 1
    return np.stack([np.bincount(place, row, passes) for row in left**2])


def best_step(gains: FloatArray) -> int:
    """Step whose gain is largest, of those that are sure of one.

    Parameters
    ----------
    gains : (steps, passes), the first of no step at all
    """
    if gains.shape[1] < FEWEST:
        return 0
    return int(np.argmax(np.where(sure_steps(gains), gains.mean(axis=1), 0.0)))


def sure_steps(gains: FloatArray) -> BoolArray:
    """Steps (steps,) whose gain is sure.

    Parameters
    ----------
    gains : (steps, passes)
    """
    mean, error = gains.mean(axis=1), gains.std(axis=1, ddof=1) / np.sqrt(gains.shape[1])
    found: BoolArray = mean > SURE * error
    return found


def _began(data: xr.Dataset) -> IntArray:
    """Hour (time,) in which the pass of each sample began."""
    number = np.cumsum(begins(data))
    first = np.unique(number, return_index=True)[1]
    hours = data["time"].values[first].astype("datetime64[h]").astype(np.int64)
    found: IntArray = hours[number]
    return found


def _size(data: xr.Dataset) -> int:
    return int(data.sizes["time"])


def _on_target(samples: Samples, box: Box) -> Samples:
    """Samples in the box and the days of the target itself."""
    axes = [box.target[name].values for name in ("longitude", "latitude")]
    near = samples.within(*((float(axis[0]), float(axis[-1])) for axis in axes))
    first, last = box.days_around, box.grid.days.size - 1 - box.days_around
    return near.take((near.time >= first) & (near.time <= last))


def _at(samples: Samples, increment: FloatArray, box: Box) -> FloatArray:
    """Increment at samples."""
    return samples.value - misfits(samples, increment, box.grid)
