"""Files in, canonical arrays out."""
