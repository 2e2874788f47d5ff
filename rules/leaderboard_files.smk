"""Which files an audit of submissions reads."""

import sys
from pathlib import Path

from tritgolf.errors import BAD_INPUT


def submission_files(wildcards) -> list[str]:
    """The files that an audit of submissions may read; without a folder, one line says how to name it."""
    if not config.get("submissions"):
        print("error: no folder of submissions; add --config submissions=FOLDER", file=sys.stderr)
        sys.exit(BAD_INPUT)
    files = (path for path in Path(config["submissions"]).rglob("*") if path.is_file())
    return sorted(str(path) for path in files if path.suffix in (".log", ".txt", ".json", ".md", ".csv"))
