"""Which folder of submissions is audited, which files that reads, and the page that the report then shows."""

from pathlib import Path

from tritgolf.audit import listing
from tritgolf.audit.reruns import read_notes
from tritgolf.audit.submission_folders import check_submissions
from tritgolf.errors import InputError, bad_input_in_one_line
from tritgolf.pipeline import typed

LEADERBOARD_PAGE = "results/leaderboard/leaderboard.html"
LEADERBOARD_FOLDER = "results/leaderboard/folder.txt"  # the folder that the page was made of

AUDITED_FILES = (*listing.LOGS, *listing.ARTIFACTS, ".json", ".md", ".csv", ".py")


def submissions_folder() -> str | None:
    """The folder that ``submissions`` names, else the one that the page was made of, if it is still there."""
    named = typed(config.get("submissions"))
    if named is not None:
        return str(named)
    stored = Path(LEADERBOARD_FOLDER)
    folder = stored.read_text(encoding="utf-8").strip() if stored.is_file() else ""
    return folder if folder and Path(folder).is_dir() else None


def submission_files(wildcards) -> list[str]:
    """The files that an audit of submissions may read; without a folder of some, one line, before a leaderboard goes."""
    folder = submissions_folder()
    with bad_input_in_one_line():
        if not folder:
            raise InputError("submissions", "no folder is named", "add --config submissions=FOLDER")
        check_submissions(folder)
        read_notes(Path(folder))
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return sorted(str(path) for path in files if path.suffix.lower() in AUDITED_FILES)


LEADERBOARD = [LEADERBOARD_PAGE] if submissions_folder() else []  # a page of the report, once it is asked for
