"""The published 4DVarNet, for its weights and comparisons."""
