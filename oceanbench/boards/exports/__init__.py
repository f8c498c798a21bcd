"""Challenges for other platforms and catalogs."""
