"""Members and random fields that say how sure an estimate is."""
