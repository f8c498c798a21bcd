"""Scores of scales."""
