"""Worlds that a mapper learns from, from the sea that a scene sees down to the simulation.

- ``seas``: a sea level in metres at any time and place, out of one of the two below
- ``simulations``: daily sea level of simulated worlds, kept in a folder
- ``families``: the physics that are simulated, a table
- ``gaussian_fields``: fields of random spectrum, memory, drift and propagation
- ``random_numbers``: draws that all of them share
"""
