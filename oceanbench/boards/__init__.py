"""Leaderboards: ranking, rendering, regression."""
