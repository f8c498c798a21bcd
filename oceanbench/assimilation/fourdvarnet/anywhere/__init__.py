"""A 4DVarNet that learned anywhere: one network for any sea, altimeters and first guess."""
