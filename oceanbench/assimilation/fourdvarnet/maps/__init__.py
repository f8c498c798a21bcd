"""4DVarNets of maps: observations on the grid, training, inference."""
