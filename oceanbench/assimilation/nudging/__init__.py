"""Nudging and insertion: a model drawn towards observations."""
