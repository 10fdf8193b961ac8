"""Labels in and out as files: what adds up, what each person said, and the ledger itself."""
