"""Practice on invented queries: the same screen and keys, nothing is recorded."""
