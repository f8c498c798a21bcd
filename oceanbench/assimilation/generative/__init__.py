"""Generative methods: networks whose draws are members of the posterior."""
