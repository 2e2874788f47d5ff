"""Tables and plots from metrics files; nothing here imports torch."""
