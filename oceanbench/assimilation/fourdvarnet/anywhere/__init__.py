"""A 4DVarNet that learned anywhere; a module imports only those after it.

- ``anywhere_mapping``: what a method file takes, ``train`` and ``estimate``
- ``withheld_passes``: how far an estimate may go from its first guess
- ``increments``: those of any box, patch by patch and window by window
- ``draws``: those of the error of an estimate
- ``box``: a target with some of the sea around it, and its patches
- ``first_guess``: of a mapper, of maps that are handed in, or the mean of several
- ``training``: the loss, and its stages
- ``window_sampler``: windows drawn from scenes
- ``library``: worlds and scenes in a folder
- ``network``: the solver that finds increments, and its control
- ``scaling``: units in which all seas are alike
- ``configuration``: numbers and words that a network is made of
- ``scenes``: seas, seen by altimeters, and first guesses of them
- ``innovations``: on cells, and what they tell of errors that a pass shares
- ``worlds``: simulated and Gaussian seas

Training and application take the same road: first guess, innovations, windows, increments.
"""
