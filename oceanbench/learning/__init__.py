"""Training of networks, whatever they are for."""
