"""Optimizers, schedules, ranks, checkpoints and the training loop."""
