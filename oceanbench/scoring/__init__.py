"""From estimate and truth to scores."""
