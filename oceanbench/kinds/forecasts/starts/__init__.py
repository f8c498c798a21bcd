"""Starts of forecasts: what is known at one, and how a method is called for it."""
