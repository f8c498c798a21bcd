"""Observing systems: a truth in, synthetic observations out."""
