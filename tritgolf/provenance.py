"""What made a file: code, versions, hardware, configuration, inputs."""

import functools
import importlib.metadata
import os
import platform
import shlex
import subprocess
from pathlib import Path
from typing import Any

from tritgolf import __version__
from tritgolf.devices import visible_devices
from tritgolf.files import digest_bytes, digest_json

LIBRARIES = ("torch", "numpy", "sentencepiece", "safetensors", "snakemake", "pandas", "flash-attn", "triton")
PACKAGE = Path(__file__).parent
COMMAND = "TRITGOLF_COMMAND"
# Raised when the same input must give other output: every rule's params carry its stage's, so that old results are made
# again.
STAGE_VERSIONS = {
    "corpus": 1,
    "tokenizer": 2,
    "shards": 1,
    "hub": 1,
    "train": 2,
    "export": 2,
    "roundtrip": 3,
    "evaluate": 4,
    "laboratory": 3,
    "probes": 3,
}


@functools.cache
def package_digest() -> str:
    """Digest of the package's source files: says whether two results come from the same code, committed or not."""
    sources = sorted(PACKAGE.rglob("*.py"))
    return digest_json({str(path.relative_to(PACKAGE)): digest_bytes(path.read_bytes()) for path in sources})


@functools.cache
def code() -> dict[str, Any]:
    """Version, source digest and, in a git checkout, commit and whether it has uncommitted changes."""
    facts: dict[str, Any] = {"tritgolf": __version__, "package_digest": package_digest()}
    try:
        commit = _git("rev-parse", "HEAD")
        facts |= {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        facts |= {"commit": None, "dirty": None}
    return facts


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that can change a number."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def hardware() -> dict[str, Any]:
    """Processor, its usable cores, and this job's GPUs with their driver, found without importing torch."""
    facts: dict[str, Any] = {"processor": _processor(), "cores": len(os.sched_getaffinity(0)), "gpus": []}
    devices = visible_devices()
    if not devices:
        return facts
    try:
        what = ["--query-gpu=name,driver_version", "--format=csv,noheader", f"--id={','.join(devices)}"]
        listing = subprocess.run(["nvidia-smi", *what], capture_output=True, text=True, timeout=20, check=True).stdout
        rows = [line.split(", ") for line in listing.strip().splitlines()]
        facts |= {"gpus": [row[0] for row in rows], "driver": rows[0][-1] if rows else None}
    except (OSError, subprocess.SubprocessError):
        pass
    return facts


def tell_command(arguments: list[str]) -> None:
    """Tell the jobs of this process how it was called. Among their params, another --cores would run them again."""
    os.environ[COMMAND] = shlex.join([Path(arguments[0]).name, *arguments[1:]])


def told_command() -> list[str]:
    """How the process that started this job was called; empty if it didn't say."""
    return shlex.split(os.environ.get(COMMAND, ""))


def made_here() -> dict[str, Any]:
    """Code, versions and hardware of this process."""
    return {"code": code(), "versions": versions(), "hardware": hardware()}


def provenance(configuration: Any, inputs: dict[str, str], made_by: dict[str, Any] | None = None) -> dict[str, Any]:
    """The record that every output carries. ``inputs``: what was read → its digest.

    ``made_by``: ``made_here`` of an earlier process, where that one made what this one only writes.
    """
    return {
        **(made_by or made_here()),
        "configuration_digest": digest_json(configuration),
        "inputs": inputs,
    }


def envelope(
    stage: str,
    *,
    record: str,
    seed: int,
    checkpoint: str | None,
    step: int,
    metrics: dict[str, Any],
    payload: Any,
    configuration: Any,
    inputs: dict[str, str],
    made_by: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A stage's metrics file. ``payload``: what is equal when the same run is made again (no times, no hardware)."""
    return {
        "schema": f"tritgolf/{stage}/{STAGE_VERSIONS[stage]}",
        "record": record,
        "seed": seed,
        "checkpoint": checkpoint,
        "step": step,
        "metrics": metrics,
        "payload_digest": digest_json(payload),
        "provenance": provenance(configuration, inputs, made_by),
    }


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PACKAGE.parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
