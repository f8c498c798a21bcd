"""Assimilation: observations and a prior in, estimates and their uncertainty out (torch)."""
