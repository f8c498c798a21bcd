"""Worlds that forecasts are learned from: that of the training, seen again and again, and more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, BoolArray, IntArray
from oceanbench.assimilation.fourdvarnet.forecasts.configuration import ForecastConfiguration
from oceanbench.assimilation.fourdvarnet.forecasts.first_guess_levels import (
    CLIMATOLOGY,
    Level,
    guesses_of,
    levels_of,
)
from oceanbench.assimilation.fourdvarnet.forecasts.periods import Flight, Period
from oceanbench.assimilation.fourdvarnet.forecasts.scenes import (
    Delivered,
    Place,
    Scenes,
    misfits_of,
    runs_of,
    truth_at,
)
from oceanbench.assimilation.fourdvarnet.forecasts.surroundings import Surroundings
from oceanbench.assimilation.fourdvarnet.forecasts.trajectories import combination, combined
from oceanbench.assimilation.fourdvarnet.forecasts.world_parts import parts_of_basin, parts_of_jet
from oceanbench.assimilation.observations.along_track_errors import AlongTrack, fitted
from oceanbench.errors import OceanbenchError
from oceanbench.grid import centre_longitude, fill_holes
from oceanbench.learning.kept_arrays import Arrays, digest_of, kept, named
from oceanbench.observing.noise import AltimeterError, fitted_error

SHIFTS_SEED = 0  # of the days and degrees that tracks are moved by, whatever the training's seed is
TELLING = 6  # starts from one to the next of those that tell errors along the track


@dataclass(frozen=True)
class LearningWorlds:
    """What a training is made of, before the network.

    Attributes
    ----------
    configuration : of the network
    training, validation : periods of the challenge
    climatology : (latitude, longitude)
    levels : of first guesses that a forecast may be handed
    latency : days from an observation to its delivery
    checkpoint : folder that keeps simulated worlds, or nothing
    device : of torch
    """

    configuration: ForecastConfiguration
    training: Period
    validation: Period
    climatology: xr.DataArray
    levels: tuple[Level, ...]
    latency: float
    checkpoint: str = ""
    device: str = "cpu"

    @classmethod
    def of(
        cls,
        inputs: Mapping[str, xr.Dataset],
        configuration: ForecastConfiguration,
        *,
        name: str,
        checkpoint: str = "",
        device: str = "cpu",
    ) -> LearningWorlds:
        """Worlds of a training.

        Parameters
        ----------
        inputs : of the roles ``training``, ``validation``, ``climatology`` and ``observations``
        configuration : of the network
        name : of the method, for messages
        checkpoint : folder that keeps simulated worlds, or nothing
        device : of torch
        """
        periods = [Period.of(inputs, role, name) for role in ("training", "validation")]
        usual = [d for d in inputs.values() if d.attrs.get("role") == "climatology"]
        variable = str(periods[0].truth.name)
        if not usual or "time" in usual[0].dims or variable not in usual[0]:
            raise OceanbenchError(
                f"{name}: needs one map of role 'climatology' of '{variable}', which anomalies are "
                "from; add one to challenge.yaml"
            )
        centre = float(periods[0].truth["longitude"].mean())
        mean = fill_holes(centre_longitude(usual[0][variable], centre).sortby("latitude"))
        latencies = [float(d.attrs.get("latency_days", 0.0)) for d in inputs.values()]
        levels = levels_of(inputs, tuple(periods[0].tracks))
        if levels:
            apart = periods[0].truth - mean.interp_like(periods[0].truth[0])
            levels = (*levels, Level(CLIMATOLOGY, (), float(np.sqrt((apart**2).mean()))))
        training, validation = periods
        rest = (levels, max(latencies), checkpoint, device)
        return cls(configuration, training, validation, mean.load(), *rest)

    @cached_property
    def place(self) -> Place:
        """Nodes of the maps of the training."""
        axes = []
        for name in ("longitude", "latitude"):
            nodes = self.training.truth[name].values
            count = round(float(nodes[-1] - nodes[0]) / self.configuration.step_degrees) + 1
            axes.append(np.linspace(float(nodes[0]), float(nodes[-1]), count))
        return Place.of(self.climatology, *axes)

    @property
    def checked_starts(self) -> int:
        """How many of the starts to choose by are of the challenge; they come first."""
        return self._starts(self.validation.days, self.configuration.own_stride).size

    @cached_property
    def sea(self) -> BoolArray:
        """Where the sea is, (rows, columns) of the nodes."""
        axes = {"latitude": self.place.latitude, "longitude": self.place.longitude}
        found = self.training.sea.astype(np.float64).interp(axes, method="nearest")
        sea: BoolArray = found.transpose("latitude", "longitude").values > 0.5
        return sea

    @cached_property
    def flights(self) -> tuple[list[Flight], list[Flight]]:
        """Worlds, the tracks over them and the starts: to learn from, and to choose by."""
        return self._flights()

    @cached_property
    def around(self) -> Surroundings:
        """What the network is told beside heights."""
        told = self.configuration.temperatures > 0
        seen = [f.images for f in self.flights[0] if told and f.images is not None]
        alone = [image for n, image in enumerate(seen) if all(image is not i for i in seen[:n])]
        apart = self.training.truth - self.climatology.interp_like(self.training.truth[0])
        deviation = float(apart.where(self.training.sea).std())
        return Surroundings.fitted(self.place, self.sea, deviation, alone)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Longitudes and latitudes of the nodes."""
        longitude, latitude = self.place.longitude, self.place.latitude
        return longitude[0], longitude[-1], latitude[0], latitude[-1]

    def scenes(self) -> tuple[Scenes, Scenes, AnyFloatArray, AlongTrack]:
        """Starts to learn from and to choose by, weights of the runs, errors along the track."""
        learned, checked = self.flights
        flights, count = [*learned, *checked], len(learned)
        parts = [self._begun(number, flight) for number, flight in enumerate(flights)]
        made_of = repr([self._made_of(number, flight) for number, flight in enumerate(flights)])
        told = kept(
            self.checkpoint, named("told", made_of), lambda: self._told(flights[0], parts[:count])
        )
        weights, numbers = told["weights"], told["errors"].tolist()
        errors = AlongTrack(numbers[0], numbers[1], AltimeterError(*numbers[2:]))
        made = []
        for number, (flight, part) in enumerate(zip(flights, parts, strict=True)):
            misfit, observed = self._seen_about(number, flight, part, weights, errors)
            known = {name: part[name] for name in ("runs", "guess", "told", "truth")}
            beside = self._beside(flight)
            made.append(Scenes(misfit=misfit, observed=observed, beside=beside, **known))
        return _together(made[:count]), _together(made[count:]), weights, errors

    def _beside(self, flight: Flight) -> AnyFloatArray:
        """Maps (starts, maps, rows, columns) of other things than heights."""
        c, shape = self.configuration, self.place.mean.shape
        if not c.beside:
            return np.zeros((flight.starts.size, 0, *shape), np.float32)
        images = flight.images if c.temperatures else None
        about = (images, self.place, c.past_days)
        starts = flight.truth["time"].values[flight.starts]
        return np.stack([self.around.beside(one, *about, coast=c.coast) for one in starts])

    def _made_of(self, number: int, flight: Flight) -> str:
        """All that the scenes of a flight are made of."""
        c = self.configuration
        numbers = (c.slots, c.begun, c.step_degrees, c.length_km, c.memory_days, c.coarsen)
        model = (c.wave_speed, c.step_hours, c.white, self.latency, self.levels, number)
        return repr((numbers, model, digest_of({"mean": self.place.mean}), flight.made_of))

    def _told(self, own: Flight, parts: Sequence[Mapping[str, AnyFloatArray]]) -> Arrays:
        """Weights of the runs, and errors along the track, that what is learned from tells."""
        rows, columns = self.place.inner(self.configuration.margin)
        sea = self.sea[rows, columns]
        runs, truth = (
            np.concatenate([part[name][..., rows, columns] * sea for part in parts])
            for name in ("runs", "truth")
        )
        weights = combination(runs, truth)
        errors = self._errors(own, parts[0], weights)
        altimeter = errors.altimeter
        noise = (altimeter.white, altimeter.correlated, altimeter.decorrelation_seconds)
        return {"weights": weights, "errors": np.array([errors.guess, errors.length_km, *noise])}

    def _begun(self, number: int, flight: Flight) -> dict[str, AnyFloatArray]:
        """Runs, first guesses and truth of the starts of a flight."""

        def make() -> dict[str, AnyFloatArray]:
            seen = self._seen(flight)
            begun = [self._by(seen, start) for start in flight.starts]
            runs = runs_of(begun, self.place, self.configuration, device=self.device)
            guess, told = guesses_of(
                seen,
                flight.starts,
                self.levels,
                self.place,
                self.latency,
                coarsen=self.configuration.coarsen,
                seed=number,
            )
            truth = truth_at(flight.truth, flight.starts, self.place, self.configuration.slots)
            return {"runs": runs, "guess": guess, "told": told, "truth": truth}

        made_of = self._made_of(number, flight)
        return dict(kept(self.checkpoint, named(f"flight-{number}", made_of), make))

    def _seen_about(
        self,
        number: int,
        flight: Flight,
        part: Mapping[str, AnyFloatArray],
        weights: AnyFloatArray,
        errors: AlongTrack,
    ) -> tuple[AnyFloatArray, BoolArray]:
        """Misfits of the starts of a flight, and where there are any."""

        def make() -> Arrays:
            seen = self._seen(flight)
            begun = [self._by(seen, start) for start in flight.starts]
            past = self.configuration.past_days + 1
            around = (begun, part["runs"], weights, self.place)
            misfit, observed = misfits_of(*around, past=past, along_track=errors)
            return {"misfit": misfit, "observed": observed}

        made_of = repr((self._made_of(number, flight), weights.tolist(), errors))
        found = kept(self.checkpoint, named(f"misfits-{number}", made_of), make)
        return found["misfit"], found["observed"]

    def _seen(self, flight: Flight) -> Delivered:
        variable, origin = str(flight.truth.name), flight.truth["time"].values[0]
        return Delivered.of(flight.tracks, variable, origin, self.place, self.configuration.coarsen)

    def _by(self, seen: Delivered, start: int) -> Delivered:
        return seen.by(float(start), self.latency, self.configuration.past_days + 1.0)

    def _flights(self) -> tuple[list[Flight], list[Flight]]:
        c, period = self.configuration, self.training
        draws = np.random.default_rng(SHIFTS_SEED)
        # beside a coast tracks stay where they are: elsewhere they would have its gaps
        width = self.box[1] - self.box[0] if bool(period.sea.all()) else 0.0

        def shift() -> tuple[float, float]:
            return draws.uniform(0.0, period.days - 1.0), draws.uniform(0.0, width)

        def flight(truth: xr.DataArray, every: int, images: xr.DataArray | None) -> Flight:
            return Flight(truth, period, self._starts(period.days, every), shift(), images)

        own = self._starts(period.days, c.own_stride), None, period.images
        learned = [Flight(period.truth, period, *own)]
        learned += [flight(period.truth, c.own_stride, period.images) for _ in range(c.again)]
        check = self.validation
        own = self._starts(check.days, c.own_stride), None, check.images
        checked = [Flight(check.truth, check, *own)]
        make = parts_of_jet if c.world == "jet" else parts_of_basin
        parts = make(c.simulated_days, period, self.box, draws, checkpoint=self.checkpoint)
        others = [flight(truth, c.stride, images) for truth, images in parts]
        return learned + others[:-1], checked + others[-1:]

    def _starts(self, days: int, every: int) -> IntArray:
        """Numbers of the days that have enough before and after them."""
        first, last = self.configuration.past_days + 1, days - 1 - int(self.configuration.ahead[-1])
        return np.arange(first, last + 1, every)

    def _errors(
        self, flight: Flight, part: Mapping[str, AnyFloatArray], weights: AnyFloatArray
    ) -> AlongTrack:
        """Errors of the trajectory and of altimeters along the track, in the world of training."""
        past, seen = self.configuration.past_days + 1, self._seen(flight)
        begun = [self._by(seen, start) for start in flight.starts[::TELLING]]
        runs, truth = part["runs"][::TELLING, :, :past], part["truth"][::TELLING, :past]
        sea = flight.period.sea.expand_dims(time=flight.truth["time"])
        altimeter = fitted_error(list(flight.tracks.values()), flight.truth, sea)
        _, observed = misfits_of(begun, runs, weights, self.place, past=past)
        wrong = combined(runs, weights[:, :past]) - truth
        shape = (-1, *wrong.shape[2:])
        error, where = wrong.reshape(shape).astype(np.float64), observed.reshape(shape)
        return fitted(error, where, self.place.spacing_km, altimeter)


def _together(scenes: Sequence[Scenes]) -> Scenes:
    parts = [vars(some) for some in scenes]
    return Scenes(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
