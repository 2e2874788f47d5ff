"""The subcommands of ``tritgolf``; each module has ``add_parser`` and ``run`` and imports what is slow in ``run``."""
