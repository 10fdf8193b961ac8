"""The label ledger: an append-only event log in SQLite of who decided what about which pair. No ML and no UI."""
