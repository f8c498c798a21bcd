"""4DVarNet whose state is augmented by the parameters of a stochastic equation, its prior."""
