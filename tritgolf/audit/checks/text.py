"""What README.md says of the artifact, and whether a stated score and size are of one run."""

import re
from collections.abc import Iterator
from statistics import fmean

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.ternary import written_layout
from tritgolf.audit.claimed import claimed_seeds, runs_of_rows
from tritgolf.audit.claimed_runs import untold
from tritgolf.audit.completeness import is_complete
from tritgolf.audit.contest import BYTE_LIMIT
from tritgolf.audit.figures import figures_of
from tritgolf.audit.intervals import Printed, rounds_to
from tritgolf.audit.json_facts import printed_of, size_of
from tritgolf.audit.logged_sizes import has_all_totals, models_of, totals_of
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import agrees, samples, stages_of
from tritgolf.audit.seed_tables import Cell
from tritgolf.audit.stated_text import OF_OTHERS, TOP
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, Verdict, cant_tell, contradicted, holds

SIZE = re.compile(
    r"(?<![~≈\d.+−-])(?P<megabytes>\d{1,2}\.\d{1,3}) ?MB\W{0,4}(?:max )?artifact"
    r"|(?<!raw )(?<!uncompressed )\bartifact(?: size)?[*`]{0,3}[:=][\s*`]{0,5}(?P<behind>[1-9]\d?\.\d{1,3}) ?"
    r"(?P<unit>MB|MiB)\b(?![*\s]{0,4}(?:limit|cap|budget|over|under|above|below|more|less))"
    r"|(?<!raw )(?<!uncompressed )\bartifact(?: size)?[\s:*`=]{1,6}(?:(?:max(?:imum)?|is|of)[\s:*`=]{1,4}){0,2}"
    r"(?P<bytes>\d{1,2},\d{3},\d{3}|\d{7,8})[\s*`]{0,4}bytes",
    re.IGNORECASE | re.ASCII,
)
SCORE_NAME = re.compile(r"\bval_bpb\b", re.ASCII)
SIZE_ALONE = re.compile(r"[ *]*(\d{1,2}\.\d{1,3}) ?MB[ *]*(?:\([^()]*\)[ *]*)?", re.ASCII)
NO_RUN = "no run's"
OF_THE_MEAN = "the mean score"  # what evidence of a size beside it begins with
NOTHING_PAIRED = cant_tell("no log with a sliding score and a total")


@SUBMISSION_CHECKS("text.artifact", "the README's artifact size is in the logs")
def artifact_size_is_logged(submission: Submission) -> Outcome:
    """Proves that an artifact's size in the README is a run's total or model, the largest, or their mean.

    MB may mean 10⁶ bytes or 2²⁰. A size marked as approximate is not judged; of several sizes, one must be a run's.
    Contradicted is one size alone, at the top of the README, where every run has its total; never one that stands
    between the bars of the headline without saying that it is the artifact's.
    """
    readme = submission.readme or ""
    named = list(dict.fromkeys(_artifacts(readme)))
    stated = named or [Cell(Printed(size), "MB") for size in list(_beside_scores(readme))[:1]]
    totals = totals_of(submission)
    if not stated or not totals:
        return cant_tell(
            submission.not_in_readme("no artifact size in README.md") if totals else "no budget line in the logs"
        )
    sizes = [*totals, fmean(totals), *(size for log in submission.readable_logs for size in models_of(log))]
    logged = ", ".join(f"{total:,.0f}" for total in totals)
    found = [cell for cell in stated if any(cell.is_of(size) for size in sizes)]
    told = ", ".join(f"{cell.printed} {cell.unit}" if cell.unit else f"{cell.printed.value:,.0f} bytes"
                     for cell in found[:1] or stated)  # fmt: skip
    evidence = f"README {told}; logged totals {logged}"
    if found:
        return holds(evidence)
    is_its_own = len(named) == len(set(_artifacts(readme, TOP))) == 1
    return contradicted(evidence) if is_its_own and has_all_totals(submission) else cant_tell(evidence)


def _beside_scores(readme: str) -> Iterator[str]:
    """Megabytes between the bars of a line, no row of a table, behind its score: "**val_bpb: 1.08** | **15.99 MB**"."""
    for line in (line for line in readme.split("\n") if "|" in line):
        cells = line.split("|")
        sized = {at: match[1] for at, cell in enumerate(cells) if at and (match := SIZE_ALONE.fullmatch(cell))}
        last = max(sized, default=0)
        scored = [at for at, cell in enumerate(cells[:last]) if SCORE_NAME.search(cell, not at)]
        if scored and not line.startswith("|"):
            yield sized[min(at for at in sized if at > scored[-1])]


def _artifacts(readme: str, lines: int | None = None) -> Iterator[Cell]:
    """The sizes of artifacts in a README's first ``lines``, or in all; the contest's limit is none."""
    filled = [line for line in readme.splitlines() if line.strip()]
    sized = (line for line in filled[:lines] if SIZE.search(line) and not OF_OTHERS.search(line))
    for match in (match for line in sized for match in SIZE.finditer(line)):
        size = Printed((match["megabytes"] or match["behind"] or match["bytes"]).replace(",", ""))
        if size.value not in (BYTE_LIMIT, BYTE_LIMIT / 1e6):
            yield Cell(size, match["unit"] or ("MB" if match["megabytes"] else ""))


@SUBMISSION_CHECKS("text.layout", "the README's trit layout is the one written")
def layout_is_the_one_written(submission: Submission) -> Outcome:
    """Proves that a README that says base-3 is of artifacts whose ternary bytes are base-3's.

    Which of two layouts that it names is the written one, its words alone say.
    """
    readme = (submission.readme or "").lower()
    layouts = {found[0] for log in submission.readable_logs if (found := written_layout(log))}
    if not layouts or not re.search(r"base-?\s?3|bitmask", readme):
        return cant_tell(
            submission.not_in_readme("README.md names no trit layout") if layouts else "the logs don't tell the layout"
        )
    told = {
        name for name, pattern in (("base-3", r"base-?\s?3"), ("bitmask", r"bitmask")) if re.search(pattern, readme)
    }
    evidence = f"README names {' and '.join(sorted(told))}; written: {', '.join(sorted(layouts))}"
    if not layouts & told:
        return contradicted(evidence)
    silent = untold(submission, written_layout)
    return cant_tell("; ".join(filter(None, [evidence, silent]))) if silent or layouts != told else holds(evidence)


@SUBMISSION_CHECKS("text.submission_json", "submission.json's score and bytes are of one run")
def score_and_bytes_are_of_one_run(submission: Submission) -> Outcome:
    """Proves that val_bpb and bytes_total in submission.json belong together.

    Either some run has both, or the score is the mean over the seeds and the bytes their mean or maximum.
    """
    if submission.facts is None:
        return cant_tell(submission.facts_problem)
    score, size = printed_of(submission.facts.get("val_bpb")), size_of(submission.facts.get("bytes_total"))
    if score is None or size is None:
        return cant_tell("submission.json has no val_bpb or no bytes_total")
    outcome = _mean_of_a_stage(score, size, submission) or pairing(score, size, submission.readable_logs)
    if outcome == NOTHING_PAIRED:
        outcome = _of_two_runs(score, size, submission)
    silent = untold(submission, lambda log: log.total_bytes) if outcome.evidence.startswith(OF_THE_MEAN) else ""
    if silent and outcome.verdict is Verdict.HOLDS:
        return cant_tell(f"{outcome.evidence}; {silent}")
    is_of_no_run = outcome.verdict is Verdict.CONTRADICTED and NO_RUN in outcome.evidence
    return cant_tell(outcome.evidence) if is_of_no_run and not is_complete(submission) else outcome


def _mean_of_a_stage(score: Printed, size: Printed, submission: Submission) -> Outcome | None:
    """Whether they are the mean of all runs at a stage, and their largest size."""
    sizes = [log.total_bytes for log in submission.readable_logs if log.total_bytes]
    if not sizes or size.value != max(sizes):
        return None
    of_it = (each for each in samples(submission.readable_logs, []) if agrees(score, each.mean))
    return next((holds(f"{OF_THE_MEAN} at {each.stage}, and the largest size") for each in of_it), None)


def _of_two_runs(score: Printed, size: Printed, submission: Submission) -> Outcome:
    """Whether one run alone has the score and another the size; the largest size may stand beside any score."""
    logs = [log for log in submission.readable_logs if log.total_bytes]
    scored = [log.name for log in submission.readable_logs if stages_of(log, score)]
    sized = [log.name for log in logs if log.total_bytes == size.value]
    means = samples(submission.readable_logs, claimed_seeds(submission), of_rows=runs_of_rows(submission))
    if any(sample.may_have_mean(score) for sample in means) or not scored or not sized:
        return NOTHING_PAIRED
    told = f"val_bpb {score} is {_owner(scored)}; bytes_total {size.value:,.0f} is {_owner(sized)}"
    is_largest = size.value == max(log.total_bytes or 0 for log in logs)
    are_told = set(scored) <= {log.name for log in logs}
    return contradicted(told) if are_told and not is_largest else cant_tell(told)


def pairing(score: Printed, size: Printed, logs: tuple[RunLog, ...]) -> Outcome:
    """The same for a score and a size from anywhere."""
    of_both = [
        log.name for log in logs if log.total_bytes and rounds_to(log.total_bytes, size) and stages_of(log, score)
    ]
    if of_both:
        return holds(f"both are {min(of_both)}'s")
    figures = [(log, figures_of(log)) for log in logs]
    both = [(log, f) for log, f in figures if f.keys() >= {"sliding_bpb", "total_bytes"}]
    runs = [(log.name, f["sliding_bpb"], f["total_bytes"]) for log, f in both]
    if not runs:
        return NOTHING_PAIRED
    scores, sizes = [run[1] for run in runs], [run[2] for run in runs]
    scored = [log.name for log, _ in both if stages_of(log, score)]
    sized = [name for name, _, value in runs if rounds_to(value, size)]
    if shared := set(scored) & set(sized):
        return holds(f"both are {sorted(shared)[0]}'s")
    if rounds_to(fmean(scores), score) and size.value in (max(sizes), round(fmean(sizes))):
        return holds(f"{OF_THE_MEAN}, and the mean or largest size")
    owners = f"val_bpb {score} is {_owner(scored)}; bytes_total {size.value:,.0f} is {_owner(sized)}"
    logged = "; ".join(f"{name}: {value:.4f} with {total:,.0f}" for name, value, total in runs)
    return contradicted(f"{owners} ({logged})")


def _owner(names: list[str]) -> str:
    return f"{' and '.join(names)}'s" if names else NO_RUN
