"""Scores of forecasts: summed start by start, on the grid and against observations."""
