"""What made a file: code, versions, hardware, configuration, inputs."""

import datetime
import functools
import importlib.metadata
import os
import platform
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tritgolf import __version__
from tritgolf.files import digest_bytes, digest_json
from tritgolf.torch_devices import gpus_in_use

LIBRARIES = ("torch", "numpy", "sentencepiece", "safetensors", "snakemake", "pandas", "flash-attn", "triton")
PACKAGE = Path(__file__).parent
COMMAND = "TRITGOLF_COMMAND"
ON_CPU = "cpu: "  # before the processor, where a rank's device is told
# How a stage's metrics file is read: raised when its fields change. Files of all versions are read.
SCHEMAS = {
    "train": 2,
    "export": 2,
    "roundtrip": 3,
    "evaluate": 5,
    "laboratory": 3,
    "probes": 3,
    "causality": 1,
    "sample": 1,
}
# What computes a number: raised when the same input must give another one. Rules carry the versions that their output
# depends on as params (``version_of``), so that old results are made again, and no others.
VERSIONS = {
    "corpus": 1,
    "tokenizer": 1,
    "shards": 1,
    "hub": 1,
    "train": 2,
    "export": 2,
    "roundtrip": 2,
    "evaluate": 3,
    "laboratory": 2,
    "probes": 2,
    "sample": 1,
    "causality": 1,
    "score": 2,  # windows, nats, bytes: 2 counts raw bytes
    "brotli": 2,  # the codec: 2 makes other streams, within 0.01% of the published settings' bytes
}
USES = dict.fromkeys(("roundtrip", "evaluate", "laboratory", "probes"), ("score",))


def version_of(stage: str, components: Iterable[str] = ()) -> int | dict[str, int]:
    """The version of a stage, and of the components that it uses, for a rule's params.

    ``components``: those that a record uses there besides, such as codecs. One at version 1, or without a version, is
    left out: it computes what it did before it had a version of its own.
    """
    used = {name: VERSIONS[name] for name in (*USES.get(stage, ()), *components) if VERSIONS.get(name, 1) > 1}
    return {stage: VERSIONS[stage], **used} if used else VERSIONS[stage]


@functools.cache
def package_digest() -> str:
    """Digest of the package's source files: says whether two results come from the same code, committed or not."""
    sources = sorted(path for path in PACKAGE.rglob("*.py") if "_workflow" not in path.parts)  # a wheel has more
    return digest_json({str(path.relative_to(PACKAGE)): digest_bytes(path.read_bytes()) for path in sources})


@functools.cache
def code() -> dict[str, Any]:
    """Version, source digest and, in a git checkout, commit and whether it has uncommitted changes."""
    facts: dict[str, Any] = {"tritgolf": __version__, "package_digest": package_digest()}
    try:
        if not (PACKAGE.parent / ".git").exists():
            raise FileNotFoundError("an installed package, maybe below somebody's own repository")
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


def hardware() -> dict[str, Any]:
    """Processor, its usable cores, and the GPU, with its driver, that this process has computed on, if any.

    Not what the machine has: a process may leave its GPUs alone.
    """
    facts: dict[str, Any] = {"processor": processor(), "cores": len(os.sched_getaffinity(0)), "gpus": gpus_in_use()}
    return facts | ({"driver": _driver()} if facts["gpus"] else {})


def trained_on(made_by: dict[str, Any], stretches: list[dict[str, Any]]) -> dict[str, Any]:
    """``made_by`` of a training whose ranks tell their devices, by stretch of steps (``tritgolf.train.loop``)."""
    gpus = [device for device in stretches[-1]["devices"] if not device.startswith(ON_CPU)]
    return {**made_by, "hardware": {**made_by["hardware"], "gpus": gpus, "trained_on": stretches}}


def tell_command(arguments: list[str]) -> None:
    """Tell the jobs of this process how it was called. Among their params, another --cores would run them again."""
    os.environ[COMMAND] = shlex.join([Path(arguments[0]).name, *arguments[1:]])


def told_command() -> list[str]:
    """How the process that started this job was called; empty if it didn't say."""
    return shlex.split(os.environ.get(COMMAND, ""))


def made_here() -> dict[str, Any]:
    """Code, versions and hardware of this process, and the day (UTC)."""
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"code": code(), "versions": versions(), "hardware": hardware(), "day": day}


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
        "schema": f"tritgolf/{stage}/{SCHEMAS[stage]}",
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


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@functools.cache
def _driver() -> str | None:
    """Version of the GPUs' driver; None where nobody tells it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(told.split()), None)
