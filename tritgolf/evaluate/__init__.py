"""Scoring: byte accounting, windows, roundtrip, temperature."""
