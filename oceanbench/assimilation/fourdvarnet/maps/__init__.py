"""4DVarNets of maps, from the method file down; a module imports only those after it.

- ``learned_mapping``: what a method file takes, ``train`` and ``estimate``
- ``map_errors``: errors that validation tells, and members drawn with them
- ``training``: members that learn from either of the training periods below
- ``inference``: trained members, applied to what is observed
- ``held_out_missions``: a training period without a truth, one altimeter held out at a time
- ``training_set``: a training period with one, and the days that validate
- ``simulated_missions``: it is observed again by altimeters on other days
- ``patches``: series of days, normalised, and the windows that are cut of them
- ``cache``: gridded observations kept in a folder
- ``first_guess_maps``: first guesses of every kind
- ``gridded_observations``: observations on the grid, about a first guess that is handed in
- ``auxiliary_maps``: maps among the inputs, on the grid
- ``map_grid``: days and nodes
- ``window_estimates``: estimates of many windows, blended
- ``normalisation``: mean and standard deviation of a variable
- ``configuration``: numbers and words that a network is made of, and the network

Training and inference take the same road: first guess, gridded observations, windows, estimates.
"""
