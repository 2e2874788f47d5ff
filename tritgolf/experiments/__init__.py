"""Experiments that are described by a grid: their records are made from one YAML, not written by hand."""
