"""Checkpoints: safetensors files that carry their own digest; no pickle anywhere.

The live folder of a run keeps the last two full states (weights, momenta, Adam's moments). Each is whole or absent, and
checked before use: a damaged one is passed over for the one before, with a warning.
"""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor

from tritgolf.errors import InputError, warn
from tritgolf.files import atomic_write, canonical_json, digest_bytes

KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """``tensors`` by name on the CPU; ``facts``: step, seed, training seconds, configuration digest …"""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def tensors_digest(tensors: dict[str, Tensor]) -> str:
    """``sha256:`` of names, dtypes, shapes and little-endian bytes, in name order: independent of any file format."""
    hasher = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        hasher.update(canonical_json([name, str(tensor.dtype), list(tensor.shape)]))
        hasher.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return "sha256:" + hasher.hexdigest()


def save(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> str:
    """Write a checkpoint atomically; returns the tensors' digest, which the file also holds."""
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    digest = tensors_digest(copies)
    text = json.dumps({**facts, "digest": digest}, sort_keys=True)
    data = serialize(copies, metadata={"facts": text, "facts_digest": digest_bytes(text.encode())})
    with atomic_write(path) as file:
        file.write(data)
    return digest


def load(path: str | Path) -> Checkpoint:
    """Read and verify a checkpoint. Raises ``InputError`` if it is missing, no safetensors file, or damaged."""
    found = _read(path, with_tensors=True)
    if tensors_digest(found.tensors) != found.facts["digest"]:
        raise InputError(path, "is damaged: its tensors do not have the digest it states", "delete it and run again")
    return found


def _read(path: str | Path, with_tensors: bool) -> Checkpoint:
    """A checkpoint whose facts are verified; without tensors, little of the file is read."""
    missing = InputError(path, "is missing", "run training, which makes it")
    if not Path(path).is_file():
        raise missing
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys() if with_tensors}  # noqa: SIM118
        text, facts_digest = metadata["facts"], metadata["facts_digest"]
    except FileNotFoundError:  # deleted in between, by another rank
        raise missing from None
    except (SafetensorError, KeyError) as error:
        raise InputError(path, f"is no checkpoint of ours or is damaged ({error})", "delete it and run again") from None
    if digest_bytes(text.encode()) != facts_digest:
        raise InputError(path, "is damaged: its facts do not have the digest it states", "delete it and run again")
    return Checkpoint(tensors, json.loads(text))


def live_path(folder: Path, step: int) -> Path:
    """Where the full state after ``step`` steps lives."""
    return folder / f"state_{step:08d}.safetensors"


def states(folder: Path) -> list[Path]:
    """The full states in ``folder``, the newest first."""
    return sorted(folder.glob("state_*.safetensors"), reverse=True)


def newest_step(folder: Path) -> int | None:
    """After how many steps the newest full state in ``folder`` was made, by its name; None if there is none."""
    found = states(folder)
    return int(found[0].stem.removeprefix("state_")) if found else None


def latest(folder: Path, configuration: str) -> Checkpoint | None:
    """The newest sound state in ``folder``, or None; ``InputError`` where it is not of ``configuration`` (a digest)."""
    for path in states(folder):
        try:
            found = load(path)
        except InputError as error:
            warn(f"{error}; trying the checkpoint before it")
            continue
        if found.facts.get("configuration") == configuration:
            return found
        raise InputError(path, "is of other settings or data: delete it, or name another folder")
    return None


def delete_others(folder: Path, configuration: str) -> None:
    """Delete states of another configuration, saying so: they belong to an experiment that was given up."""
    for path in states(folder):
        with contextlib.suppress(InputError):  # a damaged one is told of when it would be used
            if _read(path, with_tensors=False).facts.get("configuration") != configuration:
                warn(f"{path}: belongs to another configuration or data; deleted")
                path.unlink()


def prune(folder: Path) -> None:
    """Keep the newest ``KEPT`` states."""
    for path in states(folder)[KEPT:]:
        path.unlink(missing_ok=True)
