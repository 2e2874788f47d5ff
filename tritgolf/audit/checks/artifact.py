"""The artifact file itself, if there is one: its size, and what its codes say. Nothing in it is executed."""

from typing import Any

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.claimed import claimed_seeds
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import Submission
from tritgolf.errors import InputError
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge

NO_FILE = "no .ptz or .tgolf artifact in the folder"
OF_NO_SIZE = "no log counts an artifact of this size"


@SUBMISSION_CHECKS("artifact.size", "the artifact in the folder has the logged size")
def artifact_file_has_the_logged_size(submission: Submission) -> Outcome:
    """Proves that the artifact file is one whose size some log of the folder counted."""
    sizes = {size for log in submission.logs if (size := _logged_size(log)) is not None}
    if submission.artifact is None or not sizes:
        return cant_tell(NO_FILE if submission.artifact is None else "no log says how large the artifact is")
    size = submission.artifact.stat().st_size
    evidence = f"{submission.artifact.name} has {size:,} bytes; logged {', '.join(f'{n:,}' for n in sorted(sizes))}"
    if size not in sizes and not submission.has_one_artifact:
        return cant_tell(f"{evidence}; another artifact may be the one that counts")
    if size not in sizes and not _has_every_size(submission):
        return cant_tell(f"{evidence}; a run without its size may be its own")
    return judge(size in sizes, evidence)


def _has_every_size(submission: Submission) -> bool:
    """Whether every log says how large its artifact is, and every claimed seed has a log."""
    logs = submission.readable_logs
    return all(_logged_size(log) for log in logs) and set(claimed_seeds(submission)) <= {log.seed for log in logs}


@SUBMISSION_CHECKS("artifact.readable", "the artifact is whole and in a known format")
def artifact_is_readable(submission: Submission) -> Outcome:
    """Proves that the file decodes, by a reader that executes nothing, into the tensors of a published system, or of
    one of this program's.
    """
    facts = _facts(submission)
    if isinstance(facts, Outcome):
        return facts
    if "zero_fraction" in facts:
        zeros = facts["zero_fraction"]["all"]
        return holds(f"{facts['ternary_weights']:,} ternary weights as {facts['layout']}, {zeros:.4f} of them zero")
    if "codes" in facts:
        kinds = ", ".join(f"{kind} {size:,}" for kind, size in facts["bytes_by_kind"].items())
        return holds(f"{facts['parameters']:,} parameters; bytes before compression: {kinds}")
    return holds(f"{facts['numbers']:,} numbers in {facts['stored_tensors']:,} tensors")


@SUBMISSION_CHECKS("artifact.contents", "the artifact holds what its log counted")
def contents_are_the_logs(submission: Submission) -> Outcome:
    """Proves that what the log of the file's size counts is in it: of trits the weights, other elements and bytes, else
    the model's parameters.
    """
    facts = _facts(submission)
    if isinstance(facts, Outcome):
        return cant_tell(facts.evidence)
    if "ternary_weights" not in facts:
        return _parameters_are_the_logs(facts, submission)
    sizes = {log.artifact_bytes: log.artifact for log in submission.logs if log.artifact}
    if not sizes:
        return cant_tell("no log counts trits and bytes of an artifact")
    logged = sizes.get(facts["bytes"])
    if logged is None:
        return cant_tell(OF_NO_SIZE)
    kinds = facts["bytes_by_kind"]
    file = (facts["ternary_weights"], facts["stored_fp"], kinds["trits"] + kinds["scales"])
    counted = (logged.ternary_parameters, logged.fp_parameters, logged.ternary_bytes)
    names = ("ternary weights", "other elements", "ternary bytes")
    wrong = [f"{name}: file {a:,}, log {b:,}" for name, a, b in zip(names, file, counted, strict=True) if a != b]
    return judge(
        not wrong, "; ".join(wrong) or f"{file[0]:,} trits and {file[1]:,} others in {file[2]:,} ternary bytes"
    )


def _parameters_are_the_logs(facts: dict[str, Any], submission: Submission) -> Outcome:
    if "parameters" not in facts:
        return cant_tell("its tensors are of a network that this program doesn't have")
    sizes = {_logged_size(log): log.parameters for log in submission.logs if log.parameters is not None}
    logged = sizes.get(facts["bytes"])
    if logged is None:
        return cant_tell(OF_NO_SIZE)
    return judge(logged == facts["parameters"], f"parameters: file {facts['parameters']:,}, log {logged:,}")


def _logged_size(log: RunLog) -> int | None:
    """The compressed artifact's size: total less code, else of the last line about a model after a compression."""
    if log.artifact_bytes is not None:
        return log.artifact_bytes
    return log.models[-1] if log.models else None


def _facts(submission: Submission) -> dict[str, Any] | Outcome:
    """Facts of the artifact, or the outcome that says why there are none."""
    if submission.artifact is None:
        return cant_tell(NO_FILE)
    from tritgolf.artifact.container import is_container  # noqa: PLC0415
    from tritgolf.artifact.inspect import inspect_artifact  # noqa: PLC0415  (torch: only for a file that is there)
    from tritgolf.artifact.published.formats import READERS, published_format  # noqa: PLC0415
    from tritgolf.artifact.published.labelled import Labelled  # noqa: PLC0415

    known = published_format(submission.artifact)
    with submission.artifact.open("rb") as file:
        is_ours = is_container(file.read(8))
    if known is None and not is_ours:
        return cant_tell(f"{submission.artifact.name} is in another format than those that are read here")
    whole = None
    try:
        whole = READERS[known].read(submission.artifact) if known else None
        return inspect_artifact(submission.artifact)
    except InputError as error:
        if isinstance(whole, Labelled):  # of another network than those known here
            return whole.facts()
        return contradicted(f"{submission.artifact.name}: {error.what}")
