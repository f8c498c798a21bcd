"""Scores of distributions."""
