"""Who said what about which pair: an append-only ledger in SQLite, with no ML and no UI."""
