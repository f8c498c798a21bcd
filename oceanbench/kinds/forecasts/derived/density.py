"""Density that a parcel of sea water has when it is brought to the surface."""

from __future__ import annotations

import numpy as np

from oceanbench.arrays import FloatArray

FRESH = (999.842594, 6.793952e-2, -9.095290e-3, 1.001685e-4, -1.120083e-6, 6.536332e-9)
LINEAR = (8.24493e-1, -4.0899e-3, 7.6438e-5, -8.2467e-7, 5.3875e-9)
THREE_HALVES = (-5.72466e-3, 1.0227e-4, -1.6546e-6)
SQUARE = 4.8314e-4


def sigma0(temperature: FloatArray, salinity: FloatArray) -> FloatArray:
    r"""Potential density less 1000 kg/m³, by the equation of state of 1980 at no pressure.

    It takes what ocean models and GLORYS12 hold, potential temperature and practical salinity, and
    no pressure: so depth cannot be taken for pressure, nor potential for in-situ temperature, as
    has happened where a general function of density was called. Temperatures are taken for those
    of the scale of 1968: of the scale of 1990 the result is 0.001 kg/m³ off at 20 °C, at all
    depths alike.

    Parameters
    ----------
    temperature : potential, degrees Celsius
    salinity : practical, >= 0, of the same shape

    Returns
    -------
    ndarray, kg/m³; NaN where one of both is

    References
    ----------
    Millero and Poisson (1981), doi:10.1016/0198-0149(81)90122-9;
    Fofonoff and Millard (1983), UNESCO technical papers in marine science 44, check values
    """
    fresh, linear, root = (
        np.polynomial.polynomial.polyval(temperature, c) for c in (FRESH, LINEAR, THREE_HALVES)
    )
    salt = np.maximum(salinity, 0.0)  # packing leaves -1e-3 in brackish water
    density: FloatArray = fresh - 1000.0 + salt * (linear + root * np.sqrt(salt) + SQUARE * salt)
    return density
