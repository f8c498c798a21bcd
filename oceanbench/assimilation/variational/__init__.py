"""4DVar, with weak and strong constraint."""
