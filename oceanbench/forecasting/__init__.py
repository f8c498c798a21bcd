"""Learned models of the ocean's change from day to day: networks, training, forecasts."""
