"""Members of maps: errors of learned estimates, by a network of noise."""
