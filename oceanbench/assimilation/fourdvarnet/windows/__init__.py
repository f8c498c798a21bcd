"""4DVarNets of windows of chaotic systems."""
