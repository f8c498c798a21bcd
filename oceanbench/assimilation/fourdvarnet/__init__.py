"""4DVarNet: a learned solver of a variational problem with a learned prior."""
