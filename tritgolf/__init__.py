"""tritgolf: the reproducibility pipeline of Parameter Golf's ternary records."""

__version__ = "0.1.0"
