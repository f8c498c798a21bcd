"""Linear Gaussian estimates: optimal interpolation, direct, reduced or by windows."""
