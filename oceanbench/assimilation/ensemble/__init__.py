"""Ensemble Kalman filters and smoothers."""
