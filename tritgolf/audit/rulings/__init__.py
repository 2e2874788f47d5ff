"""What decides each claim of the ledger: claim id → ruling, from logs and from measurements."""
