"""Boards as a site of HTML pages, which read without scripts and without a network."""
