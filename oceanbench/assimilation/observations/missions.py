"""Which inputs of a method are mapped, and in what unit they are."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from oceanbench.data.units import same_unit
from oceanbench.errors import OceanbenchError, did_you_mean

LAYOUTS = ("track", "swath")


def chosen_missions(
    inputs: Mapping[str, xr.Dataset], missions: str, variable: str = ""
) -> list[str]:
    """Names of the inputs to map: those listed, else all that are observed and not optional.

    Parameters
    ----------
    inputs : of a method
    missions : comma-separated names; ``all`` takes the optional ones too
    variable : that they must have; any if empty

    Raises
    ------
    OceanbenchError
        when a name is unknown, or nothing is left to map
    """
    observed = [
        n
        for n, d in inputs.items()
        if d.attrs.get("layout") in LAYOUTS and (not variable or variable in d)
    ]
    names = list(dict.fromkeys(m.strip() for m in missions.split(",") if m.strip()))
    if names == ["all"]:
        names = observed
    elif not names:
        names = [n for n in observed if not inputs[n].attrs.get("optional")]
    for name in names:
        if name not in observed:
            what = f" of '{variable}'" if variable else ""
            raise OceanbenchError(
                f"--set missions={missions}: no observations '{name}'{what}; "
                f"{did_you_mean(name, observed)}"
            )
    if not names:
        what = f" and '{variable}'" if variable else ""
        raise OceanbenchError(
            f"no input has layout 'track' or 'swath'{what}; a mapping method needs observations"
        )
    return names


def check_metres(inputs: Mapping[str, xr.Dataset], variable: str, missions: str) -> None:
    """Refuse observations of which currents cannot be told; without a unit they are in metres.

    Parameters
    ----------
    inputs, missions : as for :func:`chosen_missions`
    variable : its name
    """
    for name in chosen_missions(inputs, missions, variable):
        unit = str(inputs[name][variable].attrs.get("units", "m"))
        if not same_unit(unit, "m"):
            raise OceanbenchError(
                f"'{name}': {variable} is in {unit}: expected m, from which currents follow; "
                "declare the variable in m"
            )
