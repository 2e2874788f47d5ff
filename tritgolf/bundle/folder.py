"""The folder of a submission, from a record's results: README.md, submission.json, a log a seed, requirements.txt, the
script and the artifact of the largest run. What can't be submitted is refused in one line, or marked.
"""

import datetime
import shutil
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from tritgolf.artifact.container import read_artifact
from tritgolf.bundle import log
from tritgolf.bundle.marked import MARK, WRITTEN
from tritgolf.bundle.record import BundledRecord
from tritgolf.bundle.script import NAME, made_script, settings_of, written_script
from tritgolf.bundle.told import Told
from tritgolf.config.record import RecordConfig, named_again
from tritgolf.errors import InputError
from tritgolf.files import atomic_directory, write_json, write_text
from tritgolf.outcome import NOT_CAUSAL, mark_of
from tritgolf.report.metrics import metrics_of, read_envelope, read_log, read_record
from tritgolf.report.schemas import Envelope
from tritgolf.train.training_log import read_curve

FILES = ("train/train.json", "final/export/export.json", "final/roundtrip.json", "final/evaluate.json")
LIMIT = 16_000_000  # bytes of code and artifact (contest README, 2026-03-18)
AGAIN = "put the log of this training there"
OURS = "to be filled in"  # who submits


class SeedRun(NamedTuple):
    """The metrics of one seed, by stage, and the folder that they are in."""

    seed: int
    folder: Path
    train: Told
    export: Told
    roundtrip: Told
    evaluate: Told
    hardware: Told
    versions: Told

    @property
    def stored(self) -> Told:
        """Facts of the artifact in the record's own storage."""
        stored: Told = self.export["storages"][self.roundtrip["own_storage"]]
        return stored

    @property
    def total(self) -> int:
        """Bytes of artifact and code."""
        return int(self.stored["bytes"] + self.export["code_bytes"])

    @property
    def score(self) -> dict[str, float]:
        """The headline."""
        return log.headline(self.evaluate)


class Author(NamedTuple):
    """Who submits."""

    name: str = OURS
    github_id: str = OURS


NOBODY = Author()


def write_bundle(results: Path, *, anyway: bool = False, author: Author = NOBODY) -> Path:
    """Write ``results/bundle`` of a record's ``results`` and return it; the last one stays until this one is whole.

    Raises ``InputError`` for a run that is not finished, a seed that is missing, an evaluation that the probe flags,
    other code than the exports counted, or too many bytes; with ``anyway``, the finished seeds are written and marked.
    """
    record = read_record(results / "record.json")
    script = results / "script" / NAME
    runs, faults = _runs(results, record)
    facts = _script(record, script, runs)
    faults += [fault for run in runs for fault in _faults(run, results, facts["bytes"])]
    if faults and not (anyway and runs):
        raise faults[0]
    largest = max(runs, key=lambda run: run.total)
    artifact = _artifact(largest)
    with atomic_directory(results / "bundle") as folder:
        shutil.copyfile(script, folder / NAME)
        shutil.copyfile(artifact, folder / f"seed{largest.seed}_{artifact.name}")
        bundled = BundledRecord.model_validate(settings_of(record))
        for run in runs:
            write_text(folder / f"train_seed{run.seed}.log", "\n".join(_log(run, bundled)) + "\n")
        write_text(folder / "requirements.txt", "".join(f"{line}\n" for line in facts["requirements"]))
        write_json(folder / "submission.json", _submission(record, runs, largest, author, faults))
        write_text(folder / "README.md", _readme(record, runs, largest, faults))
    write_text(results / WRITTEN, "The submission in the folder bundle is of these results.\n")
    return results / "bundle"


def _artifact(run: SeedRun) -> Path:
    """Where the artifact of ``run`` lies. ``InputError`` where it is damaged, or is not what its export wrote."""
    path = run.folder / "final" / "export" / Path(run.stored["file"]).name
    found = read_artifact(path)
    if (found.file_bytes, found.stored.payload_digest) != (run.stored["bytes"], run.stored["payload_digest"]):
        what = f"is not the artifact that {run.folder / FILES[1]} tells of"
        raise InputError(path, what, "delete both and run the workflow")
    return path


def _script(record: RecordConfig, path: Path, runs: list[SeedRun]) -> dict[str, Any]:
    """Facts of the script at ``path``: the one that all exports counted, if it lies there still; else a new one.

    So an older run goes out with the sources that made its artifact, and not with those of today.
    """
    kept = written_script(path)
    if kept and all(run.export["code_bytes"] == kept["bytes"] for run in runs):
        return kept
    return made_script(record, path)


def _runs(results: Path, record: RecordConfig) -> tuple[list[SeedRun], list[InputError]]:
    """The seeds whose every file is there, and what is missing of others."""
    runs, missing = [], []
    for seed in record.seeds:
        folder = results / f"seed{seed}"
        absent = [file for file in FILES if not (folder / file).is_file()]
        if absent:
            what = "was not trained" if absent[0] == FILES[0] else f"is not finished: {absent[0]} is missing"
            fix = f"run: snakemake --cores all --config {named_again(record.name)}"
            missing.append(InputError(folder, what, fix))
            continue
        read = {folder / file: _envelope(folder / file, record.name, seed) for file in FILES}
        metrics = [Told(envelope.metrics, path) for path, envelope in read.items()]
        made = read[folder / FILES[0]].provenance
        provenance = [Told(facts, folder / FILES[0]) for facts in (made.hardware, made.versions)]
        runs.append(SeedRun(seed, folder, *metrics, *provenance))
    return runs, missing


def _envelope(path: Path, record: str, seed: int) -> Envelope:
    """A metrics file with all that reports need of one; ``InputError`` where it is damaged, or of another run."""
    envelope = read_envelope(path)
    metrics_of(envelope, path)
    if (envelope.record, envelope.seed) != (record, seed):
        what = f"is of {envelope.record}, seed {envelope.seed}, not {record}, seed {seed}"
        raise InputError(path, what, "delete it and run the workflow")
    return envelope


def _faults(run: SeedRun, results: Path, code: int) -> list[InputError]:
    """Why a finished run can't be submitted."""
    faults = []
    for name, method in run.evaluate["methods"].items():
        if mark := mark_of(method):
            setting, leaks = f"evaluate.methods.{name}", NOT_CAUSAL in mark
            what = f"is {NOT_CAUSAL}" if leaks else "scores targets twice"
            fix = f"leave it out ({setting}: null)" + ("" if leaks else f", or say {setting}.rule: every_token")
            faults.append(InputError(run.folder, f"its method {name} {what} ({method['causality']['reason']})", fix))
    if run.export["code_bytes"] != code:
        what = f"its export counted {run.export['code_bytes']:,} bytes of code, the script has {code:,}"
        fix = f"export again: delete {run.folder / FILES[1]} and run the workflow"
        faults.append(InputError(results / "script" / NAME, what + f" (seed {run.seed})", fix))
    if run.total > LIMIT:
        what = f"artifact and code are {run.total:,} bytes, {run.total - LIMIT:,} too many"
        faults.append(InputError(run.folder, what, "make the model smaller"))
    return faults


def _log(run: SeedRun, record: BundledRecord) -> list[str]:
    """The run's log, from its metrics, as the script prints it."""
    curve, train = _curve(run), run.train
    settings = record.train
    model, plain = record.model.model_dump(mode="json"), settings.model_dump(mode="json")
    count = train["parameters"]["trained"]
    return [
        *log.opening(record.name, model, plain, parameters=count, world=train["world"], seed=run.seed),
        *(log.step_line(line, settings.steps) for line in curve),
        *log.trained(run.roundtrip["trained"], curve[-1], train, settings),
        *log.sizes(run.stored, code=run.export["code_bytes"], limit=LIMIT, grids=record.grids),
        *log.scored(run.evaluate, record.grids),
    ]


def _curve(run: SeedRun) -> list[dict[str, Any]]:
    """The lines of a finished training's log. ``InputError`` where it is damaged, or lacks its end."""
    path = run.folder / "train" / "metrics.jsonl"
    last = max((line.step for line in read_log(path)), default=0)
    if last != run.train["steps"]:
        raise InputError(path, f"ends at step {last}, the training at {run.train['steps']}", AGAIN)
    return read_curve(path)


def _submission(
    record: RecordConfig, runs: list[SeedRun], largest: SeedRun, author: Author, faults: list[InputError]
) -> dict[str, Any]:
    """The fields of the contest's ``submission.json``; bytes are those of the ``largest`` run."""
    bpb = [run.score["bpb_published_bytes"] for run in runs]
    return {
        "author": author.name,
        "github_id": author.github_id,
        "name": record.title,
        "blurb": f"{record.title} ({record.source}), made by tritgolf",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "track": "non_record_16mb",
        "val_bpb": round(statistics.mean(bpb), 4),
        **({"val_bpb_std": round(statistics.stdev(bpb), 4)} if len(runs) > 1 else {}),
        "bytes_total": largest.total,
        "bytes_code": largest.export["code_bytes"],
        "bytes_model": largest.stored["bytes"],
        "seeds": [run.seed for run in runs],
        "seed_results": {
            str(run.seed): {
                "val_loss": round(run.score["nats"], 4),
                "val_bpb": round(run.score["bpb_published_bytes"], 4),
                "bytes_total": run.total,
                "steps": run.train["steps"],
            }
            for run in runs
        },
        "hardware": _hardware(largest),
        "pytorch_version": largest.versions["torch"],
        **({MARK: [f"{fault.where}: {fault.what}" for fault in faults]} if faults else {}),
    }


def _hardware(run: SeedRun) -> str:
    gpus = run.hardware["gpus"]
    return f"{len(gpus)}x {gpus[0]}" if gpus else str(run.hardware["processor"])


def _readme(record: RecordConfig, runs: list[SeedRun], largest: SeedRun, faults: list[InputError]) -> str:
    """Scores a seed, and how to run the script."""
    bpb = [run.score["bpb_published_bytes"] for run in runs]
    rows = [
        f"| {run.seed} | {run.train['steps']} | {run.train['training_seconds']:.1f} | {run.score['nats']:.4f} "
        f"| {run.score['bpb_published_bytes']:.4f} | {run.stored['bytes']} | {run.total} |"
        for run in runs
    ]
    spread = f" (std {statistics.stdev(bpb):.4f})" if len(runs) > 1 else ""
    of_seeds = f"mean of {len(runs)} seeds" if len(runs) > 1 else f"seed {runs[0].seed}"
    marks = [f"**Not to be submitted: {fault.where}: {fault.what}.**" for fault in faults]
    method = list(record.evaluate.scoring)[-1]
    mark = "".join(f" ({mark})" for mark in {mark_of(run.evaluate["methods"][method]) for run in runs} if mark)
    lines = [
        f"# {record.title}",
        "",
        *(line for mark in marks for line in (mark, "")),
        f"val_bpb: {statistics.mean(bpb):.4f}{spread}, {of_seeds}, by the method {method}{mark}.",
        "",
        f"| seed | steps | train_s | val_loss{mark} | val_bpb{mark} | artifact bytes | total bytes |",
        "|--:|--:|--:|--:|--:|--:|--:|",
        *rows,
        "",
        f"The script, {NAME}, has {largest.export['code_bytes']} bytes. It trains, exports, reloads and scores:",
        "",
        "```sh",
        "pip install -r requirements.txt",
        f"torchrun --standalone --nproc-per-node=8 {NAME} --data SHARDS --tokenizer TOKENIZER.model --seed 42",
        "```",
        "",
        f"Made by the package tritgolf. Trained on {_hardware(largest)}; the text is `{record.dataset}`.",
        "",
    ]
    return "\n".join(lines)
