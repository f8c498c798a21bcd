"""Forecasts: fields of several variables by start and lead, read one start at a time."""
