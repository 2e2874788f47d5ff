"""Which track a submission is of: the 600 s of the 10-minute track bind no other."""

import re

from tritgolf.audit.contest import SECONDS_LIMIT
from tritgolf.audit.submission import Submission

OTHER = re.compile(r"non[- _]?record|unlimited|notable", re.IGNORECASE)
TEN_MINUTES = re.compile(r"\b(?:track_)?10[ _-]?min", re.IGNORECASE)
FITS = re.compile(  # "total eval ~460 s (< 10 min)", "within the 10-minute evaluation budget"
    r"\beval(?:uation)?s?\b.{0,80}(?:[<≤]|\b(?:under|within|below|at most)\b)[^.;|]{0,30}?\b(?:10[ -]?min|600 ?s)"
    r"|(?:[<≤]|\b(?:under|within|below|at most)\b)[^.;|]{0,30}?\b(?:10[ -]?min|600 ?s)\w*[^.;|]{0,20}\beval",
    re.IGNORECASE,
)
NO_CLAIM = re.compile(r"\b(?:not|no|if|would|could|should|must|may|might|needs?|never)\b|n't\b|#\d{2}", re.IGNORECASE)
FOLDERS = {"track_10min_16mb": True, "track_non_record_16mb": False}


def ten_minutes(submission: Submission) -> bool | None:
    """Whether it is of the 10-minute track, by its folder, its JSON, its title or its runs; None if nothing says."""
    for part in submission.path.resolve().parts:
        if part in FOLDERS:
            return FOLDERS[part]
    facts = submission.facts or {}
    told = [str(facts.get(key, "")) for key in ("track", "name", "non_record_reason", "submission_type")]
    title = next((line for line in (submission.readme or "").splitlines() if line.strip()), "")
    if any(OTHER.search(text) for text in (*told, title)):
        return False
    if TEN_MINUTES.search(told[0]) or re.match(r"#+\s*record\b", title, re.IGNORECASE):
        return True
    caps = [cap for log in submission.readable_logs if (cap := log.setting_float("max_wallclock_seconds")) is not None]
    if caps and all(cap > SECONDS_LIMIT or cap == 0 for cap in caps):
        return False
    gpus = {log.gpus for log in submission.readable_logs if log.gpus}
    if gpus and max(gpus) < 8:
        return False
    return None


def binds_evaluation(submission: Submission) -> bool:
    """Whether evaluation may take ten minutes at most: by the track, else where a README says that it fits them."""
    if (track := ten_minutes(submission)) is not None:
        return track
    readme = submission.readme or ""
    claims = (line for line in readme.splitlines() if FITS.search(line) and not NO_CLAIM.search(line))
    return any(claims) and not OTHER.search(readme)
