"""Mechanisms that networks are made of, each by itself."""
