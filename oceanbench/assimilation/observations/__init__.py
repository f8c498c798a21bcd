"""Observations made ready for assimilation."""
