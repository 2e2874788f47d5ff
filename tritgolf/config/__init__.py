"""What may be set, typed and validated: one file a part of a record. Imports no torch."""
