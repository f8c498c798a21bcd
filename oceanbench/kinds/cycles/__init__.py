"""States that a method is driven through, cycle after cycle."""
