"""From a score to what it lets one do: bands."""
