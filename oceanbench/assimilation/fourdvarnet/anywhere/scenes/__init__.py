"""Scenes that a mapper learns from: seas, seen by altimeters, and first guesses of them.

- ``scene``: all of it, kept in a folder, one file a scene
- ``first_guesses``: interpolations with fitted and with wrong scales, and nudged models
- ``altimeters``: random sets of them, with their errors and gaps
"""
