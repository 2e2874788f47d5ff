"""The roundtrip laboratory: what each storage decision does to a trained model, and where each mechanism breaks."""
