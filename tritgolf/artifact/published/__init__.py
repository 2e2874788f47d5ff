"""Artifacts that published code wrote: how they are told apart and read."""
