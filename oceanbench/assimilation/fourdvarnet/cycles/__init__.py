"""4DVarNets that update a cycle, by the observations of a lag."""
