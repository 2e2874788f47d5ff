"""Bytes of the script: as it lies in the folder, as logs and submission.json count it."""

import re
from collections.abc import Iterable
from pathlib import Path

from tritgolf.audit.checks.budget import stated_code
from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.claimed import counting
from tritgolf.audit.claimed_runs import presented_runs, surely_claimed
from tritgolf.audit.packed_script import unpacked_size
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.stated_text import lines_with
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, Verdict, cant_tell, contradicted, judge

FILE = re.compile(r"\b[\w-]{1,60}\.(?:py|json|model|c|cpp|cu)\b")  # that code may be counted with
OF_ANY_NAME = {"log", "logs", "train", "training", "run", "seed", "gpt", "final", "submission", "out", "output"}


@SUBMISSION_CHECKS("budget.script", "the counted code bytes are the script's")
def code_bytes_are_the_scripts(submission: Submission) -> Outcome:
    """Proves that a script in the folder is as long as the code that logs and submission.json counted, in UTF-8.

    Held to it are the runs by which the score is presented, and those that are named like one of several scripts; where
    they count no code, as evaluations of stored artifacts do, every run that a text quotes. A log that prints the
    script's size and that of it compressed is held to the first. A stated figure of whole thousands is held to them;
    one that README.md says is of several files is left open.
    """
    stated = stated_code(submission)
    if stated is None or not _is_of_several_files(stated, submission):
        return _held_to_the_script(submission, stated)
    outcome = _held_to_the_script(submission, None)
    told = f"{outcome.evidence}; submission.json {stated:,}, which README.md says is of several files"
    return contradicted(told) if outcome.verdict is Verdict.CONTRADICTED else cant_tell(told)


def _is_of_several_files(stated: int, submission: Submission) -> bool:
    """Whether a line of the README has this size and names several files: "train_gpt.py + model.py: 162,208 bytes"."""
    return any(len({*FILE.findall(line)}) > 1 for line in lines_with(submission.readme, stated))


def _held_to_the_script(submission: Submission, stated: int | None) -> Outcome:
    own = _named_scripts(submission)
    held = {log.name for log in presented_runs(submission)} | own.keys()
    of_held = _codes(log for log in submission.readable_logs if log.name in held)
    logged = of_held or _codes(counting(submission))
    packed = {file.name: size for file in submission.scripts if (size := unpacked_size(file)) is not None}
    first = {codes[0] for codes in logged.values()}
    sizes = {file.name: _size(file, packed.get(file.name), first) for file in submission.scripts}
    if not sizes or not (logged or stated):
        reason = "no script in the folder" if not sizes else "no artifact line"
        return _without_script(submission, stated, reason)
    logged_codes = ", ".join(f"{code:,}" for code in sorted(first))
    scripts = ", ".join(f"{name} has {size:,} bytes{_unpacked(size, packed.get(name))}" for name, size in sizes.items())
    evidence = f"{scripts}; logged {logged_codes or 'nowhere'}" + (f"; submission.json {stated:,}" if stated else "")
    evidence += _of_other_runs(submission, set(sizes.values()), set(logged))
    fits = all(codes[0] in [sizes[script] for script in own.get(name, sizes)] for name, codes in logged.items())
    one_script = len(first) <= 1 or len(sizes) > 1
    counted = {*sizes.values(), *(code for codes in logged.values() for code in codes[1:])}
    counted |= {file.stat().st_size for file in submission.scripts}
    stated_fits = stated is None or any(_is_stated(stated, size) for size in counted)
    if stated_fits and not fits and one_script and packed:  # the source may have been made smaller before packing
        return cant_tell(evidence)
    is_sure = bool(of_held and surely_claimed(submission))  # else some runs may be of an earlier version
    if stated_fits and not is_sure and not one_script and first & set(sizes.values()):
        return cant_tell(f"{evidence}; which of the runs the score is of, no log tells")
    return judge(fits and one_script and stated_fits, evidence)


def _codes(runs: Iterable[RunLog]) -> dict[str, tuple[int, ...]]:
    """Log → the bytes of code that it counts as they are."""
    return {log.name: log.code_bytes for log in runs if log.code_bytes and not _is_packed(log)}


def _named_scripts(submission: Submission) -> dict[str, list[str]]:
    """Log → those of several scripts that it is named like: ``log_lora.txt`` is of ``train_gpt_lora.py``."""
    if len(submission.scripts) < 2:
        return {}
    words = {script.name: _words(script.stem) for script in submission.scripts}
    named = {log.name: _words(Path(log.name.partition("#")[0]).stem) for log in submission.readable_logs}
    found = {name: [script for script in words if own and own <= words[script]] for name, own in named.items()}
    return {name: scripts for name, scripts in found.items() if scripts}


def _words(stem: str) -> set[str]:
    """The words of a file's name that tell it from others of its kind."""
    return {word for word in re.split(r"[\W_\d]+", stem.lower()) if len(word) > 1} - OF_ANY_NAME


def _unpacked(size: int, unpacked: int | None) -> str:
    """What evidence says of a script that unpacks itself; "" of a plain one."""
    if unpacked is None:
        return ""
    return " unpacked" if size == unpacked else f", unpacked {unpacked:,}"


def _size(script: Path, unpacked: int | None, counted: set[int]) -> int:
    """A script's bytes; where the logs count those that it unpacks, or it without the CR of each line's end, these."""
    size = script.stat().st_size
    if size not in counted and unpacked is not None and unpacked in counted:
        return unpacked
    if size in counted or not 0 < size - min(counted, default=size) <= size // 2:
        return size
    without = size - script.read_bytes().count(b"\r\n")
    return without if without in counted else size


def _of_other_runs(submission: Submission, scripts: set[int], counted: set[str]) -> str:
    """What runs count that the score is not of: they may be of other code, so it is told and contradicts nothing."""
    codes = {
        log.name: log.code_bytes[0] for log in submission.readable_logs if log.code_bytes and log.name not in counted
    }
    others = ", ".join(f"{code:,} ({name})" for name, code in codes.items() if code not in scripts)
    return f"; runs that the score is not of count other code: {others}" if others else ""


def _is_packed(log: RunLog) -> bool:
    """Whether a log has the size of the compressed script alone."""
    counted = [size.method for size in log.sizes if size.what == "code"]
    return bool(counted) and all(method == "compressed" for method in counted) and not log.artifact


def _is_stated(stated: int, size: int) -> bool:
    return stated == size or (stated % 1000 == 0 and round(size, -3) == stated)


def _without_script(submission: Submission, stated: int | None, reason: str) -> Outcome:
    """What logs and submission.json say of each other where the script itself is not there.

    Contradicted where each run of the folder tells its code's size and none is the one stated. One that is larger than
    all may count files that are not there either, as a README.md that isn't there might have said.
    """
    runs = [log for log in submission.logs if log.tells_of_training]
    known = {code for log in runs for code in log.code_bytes if not _is_packed(log)}
    told = bool(known) and all(log.code_bytes for log in runs)
    if stated is None or not told or any(_is_stated(stated, size) for size in known):
        return cant_tell(reason)
    sizes = ", ".join(f"{code:,}" for code in sorted(known))
    evidence = f"submission.json {stated:,}; logged {sizes}"
    if any(size + stated in log.told_bytes for log in runs for size in log.told_bytes):
        return cant_tell(f"{evidence}, and otherwise by its own names")
    if stated > max(known) and submission.readme is None:
        return cant_tell(f"{evidence}; {submission.readme_problem}, which may say of which files that is")
    return contradicted(evidence)
