"""Windows of a chaotic system."""
