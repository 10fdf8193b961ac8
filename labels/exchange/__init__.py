"""Import and export of labels, individual decisions, and whole ledgers as files."""
