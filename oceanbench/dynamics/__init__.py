"""Dynamical models: a state in, a tendency or the next state out (torch, batched)."""
