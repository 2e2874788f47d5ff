"""Checkpoints: safetensors files that carry their own digest; no pickle anywhere.

The live folder of a run keeps the last two full states (weights, momenta, Adam's moments). Each is whole or absent, and
checked before use: a damaged one is passed over for the one before, with a warning.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tritgolf.errors import InputError
from tritgolf.files import atomic_path, canonical_json

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
    metadata = {"facts": json.dumps({**facts, "digest": digest}, sort_keys=True)}
    with atomic_path(path) as temporary:
        try:
            save_file(copies, temporary, metadata=metadata)
        except SafetensorError as error:
            raise _as_os_error(error, path) from None
    return digest


def load(path: str | Path) -> Checkpoint:
    """Read and verify a checkpoint. Raises ``InputError`` if it is missing, no safetensors file, or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(path, "is missing", "run training, which makes it") from None
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise InputError(path, f"is no checkpoint of ours or is damaged ({error})", "delete it and run again") from None
    if tensors_digest(tensors) != facts.get("digest"):
        raise InputError(path, "is damaged: its tensors do not have the digest it states", "delete it and run again")
    return Checkpoint(tensors, facts)


def live_path(folder: Path, step: int) -> Path:
    """Where the full state after ``step`` steps lives."""
    return folder / f"state_{step:08d}.safetensors"


def latest(folder: Path, configuration: str) -> Checkpoint | None:
    """The newest sound state in ``folder`` made by ``configuration`` (a digest), or None.

    States of another configuration are deleted, saying so: they belong to an experiment that was given up.
    """
    for path in sorted(folder.glob("state_*.safetensors"), reverse=True):
        try:
            found = load(path)
        except InputError as error:
            print(f"warning: {error}; trying the checkpoint before it", file=sys.stderr)
            continue
        if found.facts.get("configuration") == configuration:
            return found
        print(f"warning: {path}: belongs to another configuration or data; deleted", file=sys.stderr)
        path.unlink()
    return None


def prune(folder: Path) -> None:
    """Keep the newest ``KEPT`` states."""
    for path in sorted(folder.glob("state_*.safetensors"), reverse=True)[KEPT:]:
        path.unlink(missing_ok=True)


def _as_os_error(error: SafetensorError, path: Path) -> Exception:
    """Safetensors reports a full disk as its own error; give it back its number so that it is told as one."""
    for number, phrase in ((28, "os error 28"), (122, "os error 122"), (30, "os error 30")):
        if phrase in str(error):
            return OSError(number, "No space left on device" if number != 30 else "Read-only file system", str(path))
    return error
