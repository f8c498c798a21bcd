"""Observations that forecasts are compared with, and the scores against them."""
