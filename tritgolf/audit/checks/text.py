"""What README.md and submission.json say, against the logs."""

import re
from statistics import fmean

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.ternary import written_layout
from tritgolf.audit.figures import figures_of
from tritgolf.audit.intervals import Printed, rounds_to
from tritgolf.audit.log_lines import RunLog
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge

HEADLINE = re.compile(r"val_bpb\W{0,4}:?\W{0,4}(\d\.\d{2,8})", re.ASCII)
MEGABYTES = re.compile(r"(\d{1,2}\.\d{1,3}) ?MB\W{0,4}(?:max )?artifact", re.IGNORECASE | re.ASCII)


@SUBMISSION_CHECKS("text.headline", "the README's headline score is in the logs")
def headline_is_logged(submission: Submission) -> Outcome:
    """Proves that the headline BPB is the sliding score of a run, or their mean."""
    match = HEADLINE.search(submission.readme or "")
    scores = _figures(submission, "sliding_bpb")
    if not match or not scores:
        return cant_tell(
            submission.not_in_readme("no headline val_bpb in README.md") if scores else "no sliding score in the logs"
        )
    printed = Printed(match[1])
    return judge(_is_one_or_mean(printed, scores), f"README {printed}; logs {_told(scores)}, mean {fmean(scores):.4f}")


@SUBMISSION_CHECKS("text.artifact", "the README's artifact size is in the logs")
def artifact_size_is_logged(submission: Submission) -> Outcome:
    """Proves that the megabytes the README gives are those of a run's total, or of the largest."""
    match = MEGABYTES.search(submission.readme or "")
    totals = _figures(submission, "total_bytes")
    if not match or not totals:
        return cant_tell(
            submission.not_in_readme("no artifact size in README.md") if totals else "no budget line in the logs"
        )
    printed = Printed(match[1])
    told = ", ".join(f"{total:,.0f}" for total in totals)
    return judge(any(rounds_to(total / 1e6, printed) for total in totals), f"README {printed} MB; logged totals {told}")


@SUBMISSION_CHECKS("text.layout", "the README's trit layout is the one written")
def layout_is_the_one_written(submission: Submission) -> Outcome:
    """Proves that a README that says base-3 is of artifacts whose ternary bytes are base-3's."""
    readme = (submission.readme or "").lower()
    layouts = {found[0] for log in submission.readable_logs if (found := written_layout(log))}
    if not layouts or not re.search(r"base-?\s?3|bitmask", readme):
        return cant_tell(
            submission.not_in_readme("README.md names no trit layout") if layouts else "the logs don't tell the layout"
        )
    told = {
        name for name, pattern in (("base-3", r"base-?\s?3"), ("bitmask", r"bitmask")) if re.search(pattern, readme)
    }
    return judge(
        bool(layouts & told), f"README names {' and '.join(sorted(told))}; written: {', '.join(sorted(layouts))}"
    )


@SUBMISSION_CHECKS("text.submission_json", "submission.json's score and bytes are of one run")
def score_and_bytes_are_of_one_run(submission: Submission) -> Outcome:
    """Proves that val_bpb and bytes_total in submission.json belong together.

    Either some run has both, or the score is the mean over the seeds and the bytes their mean or maximum.
    """
    if submission.facts is None:
        return cant_tell(submission.facts_problem)
    score, size = (_printed(submission.facts.get(key)) for key in ("val_bpb", "bytes_total"))
    if score is None or size is None:
        return cant_tell("submission.json has no val_bpb or no bytes_total")
    return pairing(score, size, submission.readable_logs)


def pairing(score: Printed, size: Printed, logs: tuple[RunLog, ...]) -> Outcome:
    """The same for a score and a size from anywhere."""
    runs = [
        (log.name, f["sliding_bpb"], f["total_bytes"])
        for log in logs
        if (f := figures_of(log)).keys() >= {"sliding_bpb", "total_bytes"}
    ]
    if not runs:
        return cant_tell("no log with a sliding score and a total")
    scores, sizes = [run[1] for run in runs], [run[2] for run in runs]
    scored = [name for name, value, _ in runs if rounds_to(value, score)]
    sized = [name for name, _, value in runs if rounds_to(value, size)]
    if both := set(scored) & set(sized):
        return holds(f"both are {sorted(both)[0]}'s")
    if rounds_to(fmean(scores), score) and size.value in (max(sizes), round(fmean(sizes))):
        return holds("the mean score, and the mean or largest size")
    owners = f"val_bpb {score} is {_owner(scored)}; bytes_total {size.value:,.0f} is {_owner(sized)}"
    logged = "; ".join(f"{name}: {value:.4f} with {total:,.0f}" for name, value, total in runs)
    return contradicted(f"{owners} ({logged})")


def _owner(names: list[str]) -> str:
    return f"{' and '.join(names)}'s" if names else "no run's"


def _printed(value: object) -> Printed | None:
    """A JSON number as it would print; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return Printed(repr(value)) if is_number and "e" not in repr(value) and repr(value) != "nan" else None


def _figures(submission: Submission, name: str) -> list[float]:
    return [found[name] for log in submission.readable_logs if name in (found := figures_of(log))]


def _is_one_or_mean(printed: Printed, values: list[float]) -> bool:
    return any(rounds_to(value, printed) for value in [*values, fmean(values)])


def _told(values: list[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)
