"""Which run something is of: record, system, mode, text, seeds, steps, hardware, code and day, from its own files."""

from collections.abc import Iterable

from tritgolf.report.runs import Run
from tritgolf.report.schemas import Provenance
from tritgolf.report.statistics import NOT_KNOWN

SHOWN = 7  # characters of a commit, or of the package's digest


def identity(run: Run) -> dict[str, str]:
    """What → its words, for the head of a page; an em dash where no file says it."""
    made = [seed.made_by for seed in run.seeds]
    return {
        "Record": f"{run.facts.name} ({run.facts.source}), {run.facts.label} mode",
        "Text": run.facts.dataset,
        "Seeds": ", ".join(str(seed.seed) for seed in run.seeds),
        "Steps": steps(run),
        "Hardware": listed(("" if seed.trained else "measured on ") + seed.made_by.machine for seed in run.seeds),
        "Code": listed(map(code, made)),
        "Trained": listed(each.day for each in made),
    }


def one_line(run: Run) -> str:
    """The same in a line, for the head of a figure."""
    facts, count = run.facts, len(run.seeds)
    seeds = f"{count} seeds" if count > 1 else f"seed {run.seeds[0].seed}"
    made = [seed.made_by for seed in run.seeds]
    parts = [f"{facts.name} ({facts.source})", facts.mode, f"text {facts.dataset}", f"{steps(run)} steps, {seeds}"]
    return " · ".join([*parts, listed(each.machine.replace("NVIDIA ", "") for each in made), listed(map(code, made))])


def steps(run: Run) -> str:
    """Steps of its seeds: one number, or from fewest to most."""
    found = sorted({seed.trained.steps for seed in run.seeds if seed.trained} or set(_last_steps(run)))
    if not found:
        return NOT_KNOWN
    return f"{found[0]:,}" if found[0] == found[-1] else f"{found[0]:,} to {found[-1]:,}"


def _last_steps(run: Run) -> list[int]:
    return [max(seed.steps_of.values()) for seed in run.seeds if seed.steps_of]


def code(made_by: Provenance) -> str:
    """Commit of the code, with a mark where it was changed since; without one, the digest of the package."""
    commit, digest = made_by.code.get("commit"), str(made_by.code.get("package_digest", ""))
    if commit:
        return f"commit {commit[:SHOWN]}" + (" with changes" if made_by.code.get("dirty") else "")
    return f"package {digest.removeprefix('sha256:')[:SHOWN]}" if digest else NOT_KNOWN


def listed(words: Iterable[str]) -> str:
    """Each once, in order."""
    return ", ".join(dict.fromkeys(words)) or NOT_KNOWN
