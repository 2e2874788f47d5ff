"""``python -m tritgolf``: the command line."""

import sys

from tritgolf.cli import main

if __name__ == "__main__":
    sys.exit(main())
