"""Products in: file readers, the catalogue store with full-text search, the demo catalogue."""
