"""Learned forecasts from observations, from the method file down; a module imports those after it.

- ``learned_forecast``: what a method file takes, ``train`` and ``estimate``
- ``training``: a network learns from the scenes below, and what its errors are like
- ``inference``: a trained network, applied to what was delivered by one start
- ``forecast_errors``: errors of forecasts, and members drawn with them
- ``learning_worlds``: the world of training, seen again, and simulated ones; scenes of their starts
- ``first_guess_levels``: first guesses as a frozen system would have made them
- ``surroundings``: temperatures and the coast, which a network may read beside heights
- ``normalised_scenes``: scenes as a network takes them
- ``world_parts``: simulated worlds in parts as long as a period
- ``periods``: a truth, the altimeters that saw it, and those that fly over another
- ``scenes``: what was known at a start, and what came of it
- ``trajectories``: interpolated maps of the past, model runs from them, their best combination
- ``worlds``: further worlds, simulated
- ``basin_worlds``: the same of an ocean with a coast, of which a challenge is made
- ``configuration``: numbers and words that a network is made of, and the network
- ``direct_forecast``: the network that solves no variational problem
"""
