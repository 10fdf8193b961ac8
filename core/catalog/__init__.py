"""The product catalogue: file readers, import, the store with full-text search, and the demo catalogue."""
