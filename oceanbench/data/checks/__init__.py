"""Checks of files that someone else made, before a value of them is read."""
