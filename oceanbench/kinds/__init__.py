"""Kinds of challenge: what their truth looks like."""
