"""Whether the members of an ensemble are as rough as the truth."""

from __future__ import annotations

from matplotlib.figure import Figure

from oceanbench.figures.style import ERROR, ESTIMATE, TRUTH, View, note, scales
from oceanbench.metrics.spectral.small_scales import member_spectra

MEAN = "#56b4e9"  # Okabe and Ito's other blue


def members(view: View) -> Figure:
    """Isotropic spectra of members, mean and truth, and of the deviations against the error."""
    m = view.matched
    spectra = member_spectra(m.distribution, m.truth, m.weights)
    if spectra is None:
        return note(view.heading, "no full box of points to make a spectrum of")
    wavelength = 1.0 / spectra["freq_r"].values
    figure = Figure(figsize=(7.0, 7.0))
    figure.suptitle(f"{view.heading}, {m.distribution.sizes['member']} members")
    density, ratio = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    lines = (
        ("truth", "truth", TRUTH, "-"),
        ("members", "members", ESTIMATE, "-"),
        ("mean", "their mean", MEAN, "-"),
        ("error", "error of the mean", ERROR, "-"),
        ("deviations", "deviations from the mean", ERROR, "--"),
    )
    for name, label, colour, line in lines:
        width = 2.5 if name == "truth" else 1.5
        density.loglog(wavelength, spectra[name], line, color=colour, label=label, lw=width)
    density.set(ylabel=f"PSD of {view.variable} ({view.units}² km²)")
    density.legend()
    parts = (
        ("members", "truth", "members / truth", ESTIMATE, "-"),
        ("mean", "truth", "mean / truth", MEAN, "-"),
        ("deviations", "error", "deviations / error", ERROR, "--"),
    )
    for above, below, label, colour, line in parts:
        ratio.plot(wavelength, spectra[above] / spectra[below], line, color=colour, label=label)
    ratio.axhline(1.0, color=TRUTH, lw=1.0)
    ratio.set(ylabel="ratio; 1 is ideal", ylim=(0.0, 2.0))
    ratio.legend(loc="upper left", ncols=3)
    scales(ratio, "x", "wavelength (km)")
    return figure
