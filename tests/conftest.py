"""Hypothesis runs the same examples every time, without deadlines: two shared cores are slow."""

from hypothesis import settings

settings.register_profile("oceanbench", derandomize=True, deadline=None, max_examples=15)
settings.load_profile("oceanbench")
